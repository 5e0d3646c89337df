#!/usr/bin/env python3
"""Measures the daemon beside its peers, in one run, and prints a table.

Usage: bench.py [--quick] [--only=ROW,…] SLUICED PEER TRAFFIC FRAMES BOOT

Everything happens in a network and mount namespace of its own (it starts itself again in one). Figures are medians where
a row says p50; ratios are what counts, since both sides ran on the same machine in the same minutes.
"""
import base64
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True
from balancing import Balancing  # beside this file
from guests import Guests
from machines import Machines
from nat import NAT
from ports import Ports
from replay import Replays
from services import Services

PUBLIC = {"subnet": "100.64.0.0/16", "gateway": "100.64.0.1", "addresses": "100.64.1.0-100.64.250.250"}
OFFERING = {
    "name": "bench",
    "services": {"SourceNat": "VirtualRouter", "Gateway": "VirtualRouter", "Firewall": "VirtualRouter"},
    "egressDefault": "allow",
    "persistent": True,
}


def isolated():
    """Starts this program again in namespaces of its own."""
    if os.environ.get("SLUICE_BENCH") == "inside":
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    os.environ["SLUICE_BENCH"] = "inside"
    flags = ["--net", "--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net", "--mount"]
    os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])


class Daemon:
    """A sluiced of its own, and signed calls to it."""

    def __init__(self, program, data, *flags):
        self.program, self.data, self.flags = program, data, flags
        self.process = None

    def start(self):
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [self.program, "--data", self.data, "--api", "127.0.0.1:8080", "--log-level", "error", *self.flags],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("sluiced ready"):
            raise SystemExit(f"the daemon did not start: {line!r}")
        with open(f"{self.data}/admin.json") as file:
            self.keys = json.load(file)
        self.connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=600)
        return self

    def stop(self, how=signal.SIGTERM):
        self.connection.close()
        self.process.send_signal(how)
        self.process.wait()

    def call(self, command, **parameters):
        parameters |= {"command": command, "response": "json", "apiKey": self.keys["apikey"]}
        quote = lambda text: urllib.parse.quote(str(text), safe="*")
        text = "&".join(f"{key}={quote(parameters[key])}" for key in sorted(parameters)).lower()
        digest = hmac.new(self.keys["secretkey"].encode(), text.encode(), hashlib.sha1).digest()
        parameters["signature"] = base64.b64encode(digest).decode()
        self.connection.request(
            "POST", "/client/api", urllib.parse.urlencode(parameters, safe='"{}[]:,/'),
            {"Content-Type": "application/x-www-form-urlencoded"})
        reply = self.connection.getresponse()
        body = next(iter(json.loads(reply.read()).values()))
        if reply.status != 200:
            raise SystemExit(f"{command}: {body['errortext']}")
        return body

    def job(self, command, **parameters):
        """An asynchronous call, up to the moment when the kernel has been read back."""
        body = self.call(command, **parameters)
        while True:
            result = self.call("queryAsyncJobResult", jobid=body["jobid"])
            if result["jobstatus"] == 1:
                return result["jobresult"]
            if result["jobstatus"] == 2:
                raise SystemExit(f"{command}: {result['jobresult']}")

    def apply(self, cloud, **parameters):
        return self.call("applyCloud", cloud=json.dumps(cloud, separators=(",", ":")), **parameters)

    def status(self):
        return self.call("getStatus")["status"]

    def wait_verified(self, count):
        while True:
            nodes = self.status()["nodes"]
            if nodes["failed"]:
                raise SystemExit(f"nodes failed: {nodes}")
            if nodes["verified"] >= count:
                return
            time.sleep(0.02)

    def resident(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def zone(**more):
    return {
        "zones": [{"name": "z", "dns1": "100.64.0.1", "publicRanges": [PUBLIC],
                   "physicalNetworks": [{"name": "p", "segments": ["2-4000"]}]}],
        **({"networkOfferings": [OFFERING]} | more)}


def networks(first, count):
    return [{"name": f"n{i}", "zone": "z", "offering": "bench", "cidr": "10.0.0.0/24"}
            for i in range(first, first + count)]


def kernel_memory():
    with open("/proc/meminfo") as file:
        values = {line.split(":")[0]: int(line.split()[1]) for line in file}
    return (values["Slab"] + values["Percpu"] + values["PageTables"] + values["KernelStack"]) / 1024


def percentiles(times):
    ordered = sorted(times)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def peer_script(daemon, routers, folder):
    """The same routers as `ip -batch` and `nft -f` would make them: the rows of the daemon's own plans."""
    public, host, nodes = set(), [], []
    for number, name in enumerate(routers):
        text = daemon.call("getPlan", name=name)["plan"]["text"]
        rows, table = text.split("\n\n", 1)
        inner, sysctls = [], []
        for row in rows.splitlines()[2:]:
            words = row.split("  # ")[0].split()
            if words[0] == "link" and words[2] == "leg":
                device, host_end, bridge = words[1], words[4], words[6]
                mac, mtu = words[8], words[10]
                host.append(f"link add {host_end} mtu {mtu} type veth peer name {device} address {mac} mtu {mtu} netns p{number}")
                host.append(f"link set {host_end} master {bridge} addrgenmode none up")
                inner.append(f"link set {device} up")
                if bridge.startswith("slp"):
                    public.add(bridge)
                else:
                    host.insert(0, f"link add {bridge} type bridge forward_delay 0 mcast_snooping 0")
                    host.append(f"link set {bridge} addrgenmode none up")
            elif words[0] == "address":
                inner.append(f"addr add {words[1]} dev {words[3]} noprefixroute")
            elif words[0] == "route":
                inner.append("route add " + " ".join(words[1:]))
            elif words[0] == "rule":
                what = " ".join(words[3:]).replace("blackhole", "type blackhole")
                inner.append(f"rule add pref {words[1]} {what}")
            elif words[0] == "neighbour":
                inner.append(f"neigh add {words[1]} lladdr {words[3]} dev {words[5]} nud permanent")
            elif words[0] == "sysctl":
                sysctls.append(words[1].replace("/", ".") + "=" + words[3])
        inner += ["rule del pref 32766", "rule del pref 32767", "link set lo up"]
        order = ["rule", "link set lo", "addr", "link", "neigh", "route"]
        inner.sort(key=lambda line: next(i for i, word in enumerate(order) if line.startswith(word)))
        inner.sort(key=lambda line: "via" in line)
        with open(f"{folder}/p{number}.ip", "w") as file:
            file.write("\n".join(inner) + "\n")
        with open(f"{folder}/p{number}.nft", "w") as file:
            file.write(table)
        nodes.append((number, sysctls))
    for number, bridge in enumerate(sorted(public)):
        host.insert(0, f"link add {bridge} type bridge forward_delay 0 mcast_snooping 0")
        if "." in bridge:
            host.append(f"link add su{number} type veth peer name sd{number}")
            host.append(f"link set su{number} master {bridge.split('.')[0]} addrgenmode none up")
            host.append(f"link set sd{number} master {bridge} addrgenmode none up")
        host.append(f"link set {bridge} addrgenmode none up")
    host.sort(key=lambda line: "type bridge" not in line)
    with open(f"{folder}/host.ip", "w") as file:
        file.write("\n".join(host) + "\n")
    with open(f"{folder}/run.sh", "w") as file:
        file.write("set -e\n")
        for number, sysctls in nodes:
            file.write(f"ip netns add p{number}\n")
            file.write(f"ip netns exec p{number} nft -f {folder}/p{number}.nft\n")
            file.write(f"ip netns exec p{number} sysctl -q -w {' '.join(sysctls)}\n")
        file.write(f"ip -batch {folder}/host.ip\n")
        for number, _ in nodes:
            file.write(f"ip -n p{number} -batch {folder}/p{number}.ip\n")
    return f"{folder}/run.sh"


class Bench:
    def __init__(self, program, peer, traffic, quick):
        self.program, self.peer, self.traffic, self.quick = program, peer, traffic, quick
        self.rows = []
        self.counts = [1, 100] if quick else [1, 100, 1000]

    def row(self, what, ours, theirs="", ratio="", note=""):
        self.rows.append((what, ours, theirs, ratio, note))
        print(f"  {what}: {ours}" + (f"  |  {theirs}" if theirs else "") + (f"  |  {ratio}" if ratio else "")
              + (f"  |  {note}" if note else ""), flush=True)

    def peer_figures(self, *arguments):
        command = ["unshare", "--net", self.peer, *arguments] if arguments[0] != "sync" else [self.peer, *arguments]
        return [float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]

    def with_daemon(self, body, *flags):
        with tempfile.TemporaryDirectory(prefix="sluice-bench-", dir=os.environ.get("SLUICE_BENCH_DIR")) as data:
            daemon = Daemon(self.program, data, *flags).start()
            try:
                return body(daemon)
            finally:
                daemon.stop()
                # What serves guests outlives the daemon, and so do proxies; they are in our mount namespace.
                subprocess.run(["pkill", "-KILL", "--ns", str(os.getpid()), "--nslist", "mnt", "-x",
                                "sluice-worker|haproxy"])
                subprocess.run("ip -all netns del; nft delete table bridge sluice;"
                               " nft delete table inet sluice 2>/dev/null;"
                               " for l in $(ip -br link | awk '/^sl/{print $1}' | cut -d@ -f1);"
                               " do ip link del $l 2>/dev/null || true; done", shell=True)

    # rows

    def startup(self):
        times, sizes = [], []
        for _ in range(3 if self.quick else 10):
            def body(daemon):
                daemon.call("listZones")
                times.append((time.monotonic() - daemon.began) * 1000)
                sizes.append(daemon.resident())
            self.with_daemon(body)
        self.row("start, empty: first API answer, p50", f"{statistics.median(times):.0f} ms", note="target 300 ms")
        self.row("start, empty: resident memory", f"{statistics.median(sizes):.1f} MB", note="target 50 MB")

    def ledger(self):
        def body(daemon):
            times = []
            for number in range(100 if self.quick else 1000):
                start = time.monotonic()
                daemon.call("createZone", name=f"zone{number}", dns1="192.0.2.1", internaldns1="192.0.2.1",
                            networktype="Advanced")
                times.append((time.monotonic() - start) * 1e6)
            ours = percentiles(times)
            bare = self.peer_figures("sync", daemon.data)
            call = []
            for _ in range(len(times)):
                start = time.monotonic()
                daemon.call("listNetworks")
                call.append((time.monotonic() - start) * 1e6)
            empty = percentiles(call)
            self.row("durable call without kernel work, p50 / p99",
                     f"{ours[0]:.0f} / {ours[1]:.0f} µs", f"fdatasync {bare[0]:.0f} / {bare[1]:.0f} µs, a read-only call "
                     f"{empty[0]:.0f} / {empty[1]:.0f} µs", f"{ours[0] / (bare[0] + empty[0]):.2f}× their sum")
        self.with_daemon(body)

    def cold(self):
        for count in self.counts:
            def body(daemon):
                daemon.apply(zone())
                before, writes, memory = kernel_memory(), daemon.status().get("netlinkwrites", 0), daemon.resident()
                start = time.monotonic()
                daemon.apply(zone(networks=networks(0, count)))
                ours = time.monotonic() - start
                print(f"  … {count} routers in {ours:.2f} s", flush=True)
                grown = kernel_memory() - before
                messages = daemon.status().get("netlinkwrites", 0) - writes
                user = daemon.resident() - memory
                routers = [router["name"] for router in daemon.call("listRouters", listall="true", pagesize=-1)["router"]]
                with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
                    script = peer_script(daemon, routers, folder)
                    start = time.monotonic()
                    subprocess.run(["unshare", "--net", "--mount", "sh", "-c",
                                    f"mount -t tmpfs tmpfs /run; exec bash {script}"], check=True)
                    theirs = time.monotonic() - start
                self.row(f"{count} routers, cold", f"{ours * 1000:.0f} ms", f"ip -batch + nft -f {theirs * 1000:.0f} ms",
                         f"{theirs / ours:.1f}× faster",
                         f"{messages / count:.0f} netlink writes, {grown / count * 1024:.0f} KiB kernel and "
                         f"{user / count * 1024:.0f} KiB daemon memory each")
            self.with_daemon(body)

    def adopt(self):
        count = 100 if self.quick else 1000
        def body(daemon):
            daemon.apply(zone(networks=networks(0, count)))
            daemon.stop(signal.SIGKILL)
            daemon.start()
            daemon.call("listZones")
            first = time.monotonic() - daemon.began
            daemon.wait_verified(count + 1)
            verified = time.monotonic() - daemon.began
            writes = daemon.status().get("netlinkwrites")
            self.row(f"adoption of {count} after kill -9", f"API {first * 1000:.0f} ms, verified {verified * 1000:.0f} ms",
                     note=f"{writes} netlink writes; targets 1 s and 5 s")
        self.with_daemon(body)

    def element(self):
        medians = []
        for existing in [10, 1000 if self.quick else 10_000]:
            def body(daemon):
                daemon.apply(zone(networks=[{"name": "n", "zone": "z", "offering": "bench", "cidr": "10.0.0.0/16"}]))
                for first in range(0, existing, 2000):
                    start = time.monotonic()
                    daemon.apply({"guests": [
                        {"name": f"g{i}", "port": "none", "nics": [{"network": "n"}]}
                        for i in range(first, min(existing, first + 2000))]})
                    loaded = time.monotonic() - start
                ids = dict(zoneid=daemon.call("listZones")["zone"][0]["id"],
                           networkids=daemon.call("listNetworks", listall="true")["network"][0]["id"])
                times, calls = [], []
                for number in range(200):
                    start = time.monotonic()
                    daemon.job("deployVirtualMachine", name=f"x{number}", port="none", **ids)
                    times.append((time.monotonic() - start) * 1e6)
                    start = time.monotonic()
                    daemon.call("listZones")
                    calls.append((time.monotonic() - start) * 1e6)
                ours, call = percentiles(times), percentiles(calls)
                bare = self.peer_figures("add", str(existing))
                sync = self.peer_figures("sync", daemon.data)
                nft = []
                router = daemon.call("listRouters", listall="true")["router"][0]["name"]
                for number in range(20):
                    start = time.monotonic()
                    subprocess.run(["ip", "netns", "exec", router, "nft", "add element inet sluice guest-identities "
                                    f"{{ \"eth9\" . 02:00:00:00:00:01 . 10.0.0.{number + 1} }}"], check=True)
                    nft.append((time.monotonic() - start) * 1e6)
                medians.append(ours[0])
                self.row(f"one more guest beside {existing}: call to read-back, p50 / p99",
                         f"{ours[0]:.0f} / {ours[1]:.0f} µs",
                         f"raw netlink {bare[0]:.1f} µs, nft add element {statistics.median(nft):.0f} µs",
                         f"{statistics.median(nft) / ours[0]:.1f}× faster than nft alone",
                         f"of it fdatasync {sync[0]:.0f} µs, two HTTP calls from Python {2 * call[0]:.0f} µs; the last "
                         f"{min(existing, 2000)} at once took {loaded * 1000:.0f} ms")
                if existing > 10:
                    identity = daemon.call("listRouters", listall="true")["router"][0]["id"]
                    daemon.job("stopRouter", id=identity)
                    start = time.monotonic()
                    daemon.job("startRouter", id=identity)
                    built = time.monotonic() - start
                    bare = self.peer_figures("load", str(existing))
                    self.row(f"a router with {existing} guests, cold: call to read-back", f"{built * 1000:.0f} ms",
                             f"its {existing} elements alone, in one batch from C, {bare[0] / 1000:.0f} ms",
                             note=f"as many neighbour entries besides; the whole compared after")
            self.with_daemon(body)
        self.row("the same, many beside few", f"{medians[1] / medians[0]:.2f}×", note="target 1.5×")


def main():
    arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
    quick = "--quick" in sys.argv
    only = next((word.split("=", 1)[1].split(",") for word in sys.argv if word.startswith("--only=")), None)
    if len(arguments) != 5 or not all(shutil.which(path) for path in arguments):
        raise SystemExit(__doc__)
    isolated()
    programs = [os.path.abspath(path) for path in arguments]
    bench = Bench(*programs[:3], quick)
    print(f"load before: {' '.join(map(str, os.getloadavg()))}", flush=True)
    nat = NAT(bench, zone)
    machines = Machines(bench, zone)
    ports = Ports(bench, zone, programs[3])
    for part, names in [(bench, ["startup", "ledger", "cold", "adopt", "element"]),
                        (machines, ["listing", "deploying", "simulator"]),
                        (nat, ["load", "change", "rate", "through", "revoke"]),
                        (Balancing(bench, zone), ["shared", "member", "proxies"]),
                        (ports, ["plug", "guarded", "taps", "underlay", "vxlans", "vlans"]),
                        (Services(bench, zone), ["names", "forwarded", "metadata", "exchanges"]),
                        (Guests(bench, zone, programs[4]), ["bound", "booting", "visible", "memory"]),
                        (Replays(bench, os.path.join(os.path.dirname(programs[0]), "sluice")), ["explain", "replay", "pace", "large"])]:
        for name in names:
            if only is None or name in only:
                getattr(part, name)()
    print(f"load after: {' '.join(map(str, os.getloadavg()))}")
    print("\n| what | Sluice | beside it | ratio | notes |\n|---|---|---|---|---|")
    for row in bench.rows:
        print("| " + " | ".join(row) + " |")


main()
