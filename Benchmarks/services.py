"""The rows about what guests are served: DHCP, names and metadata, each beside what others run for it.

Every server is asked by the same program over the same kind of wire: a namespace that is a guest, a bridge, and a namespace that
is a router. Sides alternate, and a row is the median of its turns.
"""
import ctypes
import json
import os
import re
import socket
import statistics
import subprocess
import tempfile
import time

SERVER, GUEST = "10.1.0.1", "10.1.0.10"


def sh(line, inside=None, check=True):
    words = ["ip", "netns", "exec", inside] if inside else []
    return subprocess.run([*words, "sh", "-ec", line], check=check, capture_output=True, text=True)


def awaited(what, look, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"not seen: {what}")


class Peer:
    """A server of somebody else's in a router of its own, with the same names and addresses."""

    def __init__(self):
        self.process = None
        sh("ip netns add peer; ip netns add peer-guest; ip link add eth0 netns peer type veth peer name eth0 netns peer-guest;"
           "ip -n peer link set lo up; ip -n peer-guest link set lo up;"
           f"ip -n peer address add {SERVER}/16 dev eth0; ip -n peer link set eth0 up;"
           f"ip -n peer-guest address add {GUEST}/16 dev eth0; ip -n peer-guest link set eth0 up")

    def start(self, *words):
        self.process = subprocess.Popen(["ip", "netns", "exec", "peer", *words], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def end(self):
        self.stop()
        sh("ip netns del peer; ip netns del peer-guest", check=False)


class Services:
    def __init__(self, bench, zone):
        self.bench, self.zone = bench, zone
        self.guests = 1000 if bench.quick else 10000
        self.turns = 2 if bench.quick else 5
        self.seconds = 2 if bench.quick else 5

    def with_network(self, body):
        """One network whose guests have no ports here; the first has one of ours, from which everything is asked."""
        def inside(daemon):
            guests = [{"name": f"g{n}", "port": "none", "nics": [{"network": "town", "address": f"10.1.{n // 200}.{n % 200 + 10}"}]}
                      for n in range(self.guests)]
            cloud = {"zones": [self.zone(name="bench")],
                     "networks": [{"name": "town", "zone": "bench", "cidr": "10.1.0.0/16", "gateway": SERVER}],
                     "guests": guests}
            daemon.apply(cloud)
            router = daemon.call("listRouters", listall="true")["router"][0]["name"]
            number = router.split("-")[1]
            awaited("sockets", lambda: f"{SERVER}:53" in sh("ss -Hlnu", router).stdout)
            bridge = re.search(r"master (\S+)", sh(f"ip -o link show slr{number}e0").stdout).group(1)
            mac = re.search(rf"^{GUEST} .*lladdr (\S+)", sh("ip neigh show", router).stdout, re.M).group(1)
            sh(f"ip netns add guest; ip link add port type veth peer name eth0 address {mac} netns guest;"
               f"ip link set port master {bridge} up; ip -n guest link set lo up; ip -n guest link set eth0 up;"
               f"ip -n guest address add {GUEST}/16 dev eth0; ip -n guest route add default via {SERVER}")
            try:
                body(daemon, router)
            finally:
                sh("ip netns del guest", check=False)
        self.bench.with_daemon(inside)

    # What each program of measuring says.

    def queries(self, inside, names):
        text = sh(f"dnsperf -s {SERVER} -d {names} -l {self.seconds} -c 1 -q 100", inside).stdout
        return float(re.search(r"Queries per second:\s+([\d.]+)", text).group(1))

    def requests(self, inside, path, connections):
        text = sh(f"wrk -t 1 -c {connections} -d {self.seconds} http://{SERVER}{path}", inside).stdout
        return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))

    def compare(self, ours, others):
        """Medians of turns that alternate."""
        sides = {"": ours} | others
        figures = {name: [] for name in sides}
        for _ in range(self.turns):
            for name, measure in sides.items():
                figures[name].append(measure())
        return {name: statistics.median(values) for name, values in figures.items()}

    def row(self, what, figures, target):
        ours = figures.pop("")
        best = max(figures.values())
        self.bench.row(what, f"{ours:,.0f}/s", ", ".join(f"{name} {value:,.0f}/s" for name, value in figures.items()),
                       f"{ours / best:.2f}×", f"target {target}")

    def names(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            addresses = [f"10.1.{n // 200}.{n % 200 + 10}" for n in range(self.guests)]
            with open(f"{folder}/names", "w") as file:
                file.writelines(f"g{n} A\n" for n in range(self.guests))
            with open(f"{folder}/hosts", "w") as file:
                file.writelines(f"{address} g{n}\n" for n, address in enumerate(addresses))
            with open(f"{folder}/unbound.conf", "w") as file:
                file.write(f"server:\n interface: {SERVER}\n access-control: 0.0.0.0/0 allow\n do-daemonize: no\n chroot: ''\n"
                           " username: ''\n pidfile: ''\n use-syslog: no\n num-threads: 1\n module-config: iterator\n")
                file.writelines(f" local-data: 'g{n}. A {address}'\n" for n, address in enumerate(addresses))
            peer = Peer()

            def asked(*words):
                """The peers have one address: each runs for its turn only."""
                peer.start(*words)
                awaited("names", lambda: sh(f"dig +short +tries=1 +time=1 @{SERVER} g1", "peer-guest", check=False).stdout)
                try:
                    return self.queries("peer-guest", f"{folder}/names")
                finally:
                    peer.stop()
            dnsmasq = ["dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", f"--addn-hosts={folder}/hosts",
                       "--pid-file", "--user=root", f"--listen-address={SERVER}", "--bind-interfaces", "--cache-size=20000"]

            def body(daemon, router):
                figures = self.compare(lambda: self.queries("guest", f"{folder}/names"),
                                       {"dnsmasq": lambda: asked(*dnsmasq),
                                        "unbound": lambda: asked("unbound", "-d", "-c", f"{folder}/unbound.conf")})
                self.row(f"names of the network, {self.guests} of them (dnsperf, one client)", figures, "105,000/s")
            try:
                self.with_network(body)
            finally:
                peer.end()

    def metadata(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            os.makedirs(f"{folder}/latest/meta-data")
            with open(f"{folder}/latest/meta-data/instance-id", "w") as file:
                file.write("i-2-3-VM")
            with open(f"{folder}/nginx.conf", "w") as file:
                file.write(f"user root; daemon off; pid {folder}/pid; error_log /dev/null; worker_processes 1;"
                           "events { worker_connections 4096; }"
                           "http { access_log off; open_file_cache max=1000; keepalive_requests 1000000;"
                           f"server {{ listen {SERVER}:80; root {folder}; }} }}")
            peer = Peer()
            peer.start("nginx", "-c", f"{folder}/nginx.conf")
            time.sleep(1)

            def body(daemon, router):
                for connections in (10, 100):
                    path = "/latest/meta-data/instance-id"
                    figures = self.compare(lambda: self.requests("guest", path, connections),
                                           {"nginx": lambda: self.requests("peer-guest", path, connections)})
                    self.row(f"metadata, {connections} connections (wrk)", figures, "80,000/s")
            try:
                self.with_network(body)
            finally:
                peer.end()

    def exchanges(self, inside, mac):
        """perfdhcp as one client behind its own relay, which asks again and again; so no address is given twice."""
        text = sh(f"perfdhcp -4 -l {GUEST} -R 1 -b mac={mac} -p {self.seconds} -r 150000 {SERVER}", inside, check=False).stdout
        return float(re.search(r"Rate: ([\d.]+) 4-way", text).group(1))

    def addresses(self):
        with tempfile.TemporaryDirectory() as folder:
            peer = Peer()
            mac = re.search(r"link/ether (\S+)", sh("ip -o link show eth0", "peer-guest").stdout).group(1)
            dnsmasq = ["dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--pid-file", "--user=root", "--leasefile-ro",
                       "--dhcp-range=10.1.0.0,static,255.255.0.0", f"--dhcp-host={mac},{GUEST}", "--interface=eth0"]
            subnet = {"subnet": "10.1.0.0/16", "reservations": [{"hw-address": mac, "ip-address": GUEST}]}
            with open(f"{folder}/kea.json", "w") as file:
                json.dump({"Dhcp4": {"interfaces-config": {"interfaces": ["eth0"]}, "subnet4": [subnet],
                                     "lease-database": {"type": "memfile", "persist": False}}}, file)

            def asked(*words):
                peer.start(*words)
                awaited("a server", lambda: ":67 " in sh("ss -Hlnu; ss -Hlnp0 2>/dev/null || true", "peer").stdout)
                time.sleep(1)
                try:
                    return self.exchanges("peer-guest", mac)
                finally:
                    peer.stop()

            def body(daemon, router):
                own = re.search(r"link/ether (\S+)", sh("ip -o link show eth0", "guest").stdout).group(1)
                figures = self.compare(lambda: self.exchanges("guest", own),
                                       {"dnsmasq": lambda: asked(*dnsmasq),
                                        "Kea": lambda: asked("env", f"KEA_PIDFILE_DIR={folder}", f"KEA_LOCKFILE_DIR={folder}",
                                                             "kea-dhcp4", "-c", f"{folder}/kea.json")})
                self.row("DHCP exchanges of four messages (perfdhcp)", figures, "40,000/s")
            try:
                self.with_network(body)
            finally:
                peer.end()

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
                cloud = {
                    "zones": [self.zone(name="bench")],
                    "networks": [{"name": f"n{i}", "zone": "bench", "cidr": "10.1.0.0/24", "gateway": SERVER}
                                 for i in range(count)],
                    "guests": [{"name": f"g{i}", "port": "none", "nics": [{"network": f"n{i}", "address": GUEST}]}
                               for i in range(count)]}
                daemon.apply(cloud)
                daemon.wait_verified(count)
                figures.append(resident())
            each = (figures[1] - figures[0]) / (many - few)
            self.bench.row("memory of what serves, a network more", f"{each:.0f} kB", "", "", "target 50 kB")
        self.bench.with_daemon(body)


class InNamespace:
    """Sockets opened inside stay there."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        setns(there)
        os.close(there)

    def __exit__(self, *_):
        setns(self.home)
        os.close(self.home)


def setns(descriptor):
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")
