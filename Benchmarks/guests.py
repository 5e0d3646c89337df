"""The rows about what guests wait for: all of them at once, and one more beside many."""
import json
import re
import socket
import statistics
import subprocess
import tempfile
import time

from serving import GUEST, SERVER, InNamespace, Peer, Serving, awaited, sh


class Guests(Serving):
    def __init__(self, bench, zone, boot):
        super().__init__(bench, zone)
        self.boot = boot

    def asked(self, hosts, window, limit):
        """Seconds until the last host was bound, and how many were."""
        said = subprocess.run([self.boot, str(window), str(limit)], input="".join(f"{space} {mac}\n" for space, mac in hosts),
                              check=True, capture_output=True, text=True).stdout.split()
        return float(said[0]), int(said[1]), int(said[2])

    def told(self, hosts, times, limit):
        """What a row says of turns, of which one that was not done is as bad as all."""
        if any(bound < hosts for _, bound, _ in times):
            return f"{min(bound for _, bound, _ in times):,} of them in {limit} s"
        return f"{statistics.median(time for time, _, _ in times):.2f} s"

    def bound(self):
        """All hosts of a network, through one wire, with a hundred under way at any time."""
        turns, limit = (2, 10) if self.bench.quick else (5, 20)
        with tempfile.TemporaryDirectory() as folder:
            peer = Peer()
            macs = [f"02:99:00:00:{n >> 8:02x}:{n & 255:02x}" for n in range(self.guests)]
            with open(f"{folder}/hosts", "w") as file:
                file.writelines(f"{mac},{address},g{n},infinite\n"
                                for n, (mac, address) in enumerate(zip(macs, self.addresses)))
            with open(f"{folder}/kea.json", "w") as file:
                json.dump({"Dhcp4": {"interfaces-config": {"interfaces": ["eth0"]},
                                     "subnet4": [{"subnet": "10.1.0.0/16", "pools": [{"pool": "10.1.0.10 - 10.1.200.255"}]}],
                                     "lease-database": {"type": "memfile", "persist": False}}}, file)
            dnsmasq = ["dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--pid-file", "--user=root", "--interface=eth0",
                       "--dhcp-range=10.1.0.0,static,255.255.0.0", f"--dhcp-hostsfile={folder}/hosts",
                       f"--dhcp-leasefile={folder}/leases", f"--dhcp-lease-max={self.guests}"]
            kea = ["env", f"KEA_PIDFILE_DIR={folder}", f"KEA_LOCKFILE_DIR={folder}", "kea-dhcp4", "-c", f"{folder}/kea.json"]

            def theirs(words):
                peer.start(*words)
                awaited("a server", lambda: ":67 " in sh("ss -Hlnu; ss -Hlnp0 2>/dev/null || true", "peer").stdout)
                time.sleep(1)
                try:
                    return self.asked([("/run/netns/peer-guest", mac) for mac in macs], 100, limit)
                finally:
                    peer.stop()
                    sh(f"rm -f {folder}/leases")

            def body(daemon, router):
                own = re.findall(r"^10\.1\.\S+ .*lladdr (\S+)", sh("ip neigh show", router).stdout, re.M)
                hosts = [("/run/netns/guest", mac) for mac in own]
                assert len(hosts) == self.guests
                ours, others = [], {"dnsmasq": [], "Kea": []}
                for _ in range(turns):
                    ours.append(self.asked(hosts, 100, limit))
                    others["Kea"].append(theirs(kea))
                others["dnsmasq"].append(theirs(dnsmasq))
                faster = statistics.median(t[0] for t in others["Kea"]) / statistics.median(t[0] for t in ours)
                self.bench.row(
                    f"all of {self.guests:,} hosts bound at once", self.told(self.guests, ours, limit),
                    ", ".join(f"{name} {self.told(self.guests, times, limit)}" for name, times in others.items()),
                    f"{faster:.1f}× faster than Kea", f"target 0.5 s; asked again {sum(t[2] for t in ours)} times")
            try:
                self.with_network(body)
            finally:
                peer.end()

    def booting(self):
        """Guests of the daemon's, each from its own port, in ten networks."""
        networks, each = (5, 20) if self.bench.quick else (10, 100)

        def body(daemon):
            daemon.apply(self.zone(
                networks=[{"name": f"n{i}", "zone": "z", "cidr": "10.1.0.0/24", "gateway": SERVER} for i in range(networks)],
                guests=[{"name": f"g{i}x{n}", "nics": [{"network": f"n{i}"}]} for i in range(networks) for n in range(each)]))
            machines = [machine for page in range(1, networks * each // 500 + 2)
                        for machine in daemon.call("listVirtualMachines", listall="true", page=page, pagesize=500)
                        .get("virtualmachine", [])]
            hosts = [(f"/run/netns/{m['instancename']}", m["nic"][0]["macaddress"]) for m in machines]
            assert len(hosts) == networks * each, len(hosts)
            times = [self.asked(hosts, len(hosts), 20) for _ in range(2 if self.bench.quick else 5)]
            self.bench.row(f"{len(hosts):,} guests in {networks} networks boot at once, each at its own port: all bound",
                           self.told(len(hosts), times, 20), "", "",
                           f"target 3 s; asked again {sum(t[2] for t in times)} times")
        self.bench.with_daemon(body)

    def visible(self):
        """From the API's reply to the answer, for one guest more beside all the others. The question is asked at once, and
        again until it is answered with an address."""
        def body(daemon, router):
            network = daemon.call("listNetworks", listall="true")["network"][0]
            times, served = [], []
            for turn in range(20 if self.bench.quick else 100):
                name = f"late{turn}"
                began = time.monotonic()
                daemon.call("deployVirtualMachine", zoneid=network["zoneid"], networkids=network["id"], name=name, port="none")
                replied = time.monotonic()
                with InNamespace("guest"):
                    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                wire.settimeout(1)
                question = b"\1\2\1\0\0\1\0\0\0\0\0\0" + bytes([len(name)]) + name.encode() + b"\0\0\1\0\1"
                while True:
                    wire.sendto(question, (SERVER, 53))
                    if wire.recv(512)[7]:
                        break
                times.append(time.monotonic() - replied)
                served.append(time.monotonic() - began)
                wire.close()
            self.bench.row(f"one guest more beside {self.guests:,}: reply to its name's answer, p50 / worst",
                           f"{statistics.median(times) * 1000:.2f} / {max(times) * 1000:.2f} ms", "", "",
                           f"target 5 ms; call to answer {statistics.median(served) * 1000:.2f} ms")
        self.with_network(body)

    def memory(self):
        """Networks of one guest each: what the process that serves them all takes for one more."""
        def body(daemon):
            def resident():
                ids = sh(f"pgrep -P {daemon.process.pid} -x sluice-worker").stdout.split()
                with open(f"/proc/{ids[0]}/status") as file:
                    return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
            few, many = (10, 110) if self.bench.quick else (20, 520)
            figures = []
            for count in (few, many):
                daemon.apply(self.zone(
                    networks=[{"name": f"n{i}", "zone": "z", "cidr": "10.1.0.0/24", "gateway": SERVER} for i in range(count)],
                    guests=[{"name": f"g{i}", "port": "none", "nics": [{"network": f"n{i}", "address": GUEST}]}
                            for i in range(count)]))
                daemon.wait_verified(count)
                figures.append(resident())
            each = (figures[1] - figures[0]) / (many - few)
            self.bench.row("memory of what serves, a network more", f"{each:.0f} kB", "", "", "target 50 kB")
        self.bench.with_daemon(body)
