"""The rows about what guests are served: DHCP, names and metadata, each beside what others run for it.

Every server is asked by the same program over the same kind of wire: a namespace that is a guest, a bridge, and a namespace that
is a router. Sides alternate, and a row is the median of its turns.
"""
import os
import re
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

    def end(self):
        self.process.terminate()
        self.process.wait()
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
            with open(f"{folder}/names", "w") as file:
                file.writelines(f"g{n} A\n" for n in range(self.guests))
            with open(f"{folder}/hosts", "w") as file:
                file.writelines(f"10.1.{n // 200}.{n % 200 + 10} g{n}\n" for n in range(self.guests))
            peer = Peer()
            peer.start("dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", f"--addn-hosts={folder}/hosts",
                       "--pid-file", "--user=root", f"--listen-address={SERVER}", "--bind-interfaces", "--cache-size=20000")
            time.sleep(1)

            def body(daemon, router):
                figures = self.compare(lambda: self.queries("guest", f"{folder}/names"),
                                       {"dnsmasq": lambda: self.queries("peer-guest", f"{folder}/names")})
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
            peer.start("dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--pid-file", "--user=root", "--leasefile-ro",
                       "--dhcp-range=10.1.0.0,static,255.255.0.0", f"--dhcp-host={mac},{GUEST}", "--interface=eth0")
            time.sleep(1)

            def body(daemon, router):
                own = re.search(r"link/ether (\S+)", sh("ip -o link show eth0", "guest").stdout).group(1)
                figures = self.compare(lambda: self.exchanges("guest", own),
                                       {"dnsmasq": lambda: self.exchanges("peer-guest", mac)})
                self.row("DHCP exchanges of four messages (perfdhcp)", figures, "40,000/s")
            try:
                self.with_network(body)
            finally:
                peer.end()
