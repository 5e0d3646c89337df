"""The rows about load balancing: what a connection costs that is dealt out among members, beside HAProxy alone, maps of nft
written by hand and plain routing; what a change of a member costs beside many rules; what a proxy weighs.

All members are addresses of one machine, so that the one process at both ends (`traffic.c`) sees every connection. Its
processor time is the kernel's work too; where a proxy is in between, the proxy's is added.
"""
import contextlib
import os
import statistics
import subprocess
import tempfile
import time

from nat import ADDRESS, FIRST, GUEST, SERVICE, Ours, Peer, Traffic, sh, timed

OFFERING = {
    "name": "balancing", "egressDefault": "allow", "persistent": True,
    "services": {name: "VirtualRouter" for name in ["SourceNat", "Gateway", "Firewall", "Lb"]},
}
TICK = os.sysconf("SC_CLK_TCK")


def members(count):
    return [f"10.0.0.{10 + number}" for number in range(count)]


def maps(count):
    """Maps as somebody writes them who needs this one rule."""
    entries = ", ".join(f"{number} : {address}" for number, address in enumerate(members(count)))
    return f"""
table ip nat {{
    chain prerouting {{
        type nat hook prerouting priority -100;
        ip daddr {ADDRESS} tcp dport {FIRST} dnat to numgen inc mod {count} map {{ {entries} }} : {SERVICE}
    }}
}}
table ip filter {{
    chain forward {{
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        ct status dnat accept
    }}
}}"""


def haproxy(folder, rules, count):
    """The same for HAProxy: so many rules, of so many members each."""
    lines = ["global", f" stats socket {folder}/control level admin expose-fd listeners", " nbthread 1", "defaults",
             " mode tcp", " timeout connect 5s", " timeout client 1h", " timeout server 1h"]
    for rule in range(rules):
        lines += [f"listen r{rule}", f" bind {ADDRESS}:{FIRST + rule}", " balance roundrobin"]
        lines += [f" server m{number} {address}:{SERVICE}" for number, address in enumerate(members(count))]
    with open(f"{folder}/cfg", "w") as file:
        file.write("\n".join(lines) + "\n")


class Proxy:
    """A HAProxy of one's own in a peer's router."""

    def __init__(self, peer, rules, count):
        self.peer, self.folder = peer, tempfile.TemporaryDirectory(prefix="sluice-bench-")
        haproxy(self.folder.name, rules, count)
        self.process = self.start()

    def start(self, *more):
        words = ["ip", "netns", "exec", self.peer.router, "haproxy", "-db", "-f", f"{self.folder.name}/cfg", *more]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while f"Pid: {process.pid}\n" not in self.ask("show info"):
            time.sleep(0.001)
        return process

    def ask(self, question):
        import socket
        with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
            line.connect(f"{self.folder.name}/control")
            line.sendall(f"{question}\n".encode())
            return b"".join(iter(lambda: line.recv(65536), b"")).decode()
        return ""

    def reload(self):
        old = self.process
        self.process = self.start("-x", f"{self.folder.name}/control", "-sf", str(old.pid))
        old.wait()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def processes(namespace):
    return sh(f"ip netns pids {namespace}").split()


def spent(pids):
    """Seconds of processor time of processes."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def proportional(pids):
    """MB of memory, what is shared divided among those who share it."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total / 1024


class Balancing:
    """Rows for `bench.Bench`, whose daemon and row functions they use."""

    def __init__(self, bench, zone):
        self.bench, self.quick, self.zone = bench, bench.quick, zone
        self.traffic = Traffic(bench.traffic)

    def side(self, daemon, name, address, count, rules, algorithm="roundrobin"):
        """A network with a machine of so many addresses, and rules that share ports among all of them."""
        daemon.apply(self.zone(
            networkOfferings=[OFFERING],
            networks=[{"name": name, "zone": "z", "offering": "balancing", "cidr": "10.0.0.0/24"}],
            guests=[{"name": f"g-{name}", "nics": [
                {"network": name, "address": GUEST, "secondaryAddresses": members(count)[1:]}]}]))
        daemon.apply({"publicAddresses": [{"address": address, "network": name, "balance": [
            {"name": f"b{rule}", "from": f"tcp/{FIRST + rule}", "port": SERVICE, "algorithm": algorithm,
             "openFirewall": True, "to": [{"guest": f"g-{name}", "address": member} for member in members(count)]}
            for rule in range(rules)]}]})
        side = Ours(name, address).find(daemon)
        # Nobody serves between two turns, and none is to be found out for it.
        listed = daemon.call("listLoadBalancerRules", publicipid=side.addressid, listall="true", pagesize=-1)
        side.rules = [rule["id"] for rule in listed["loadbalancerrule"]]
        for rule in side.rules:
            daemon.job("createLBHealthCheckPolicy", lbruleid=rule, intervaltime=20940, unhealthythreshold=100)
        return side

    def figures(self, turns, kind, length, sides):
        """Medians of each side's figures: (per processor second, proxies counted in; per second; p99 in µs)."""
        seen = {name: [] for name in sides}
        for _ in range(turns):
            for name, (side, address, port, pids) in sides.items():
                before = spent(pids())
                own, wall, p99 = self.traffic.inward(kind, side, address, port, 1 if kind == "connect" else 0, length)
                besides = (spent(pids()) - before) / length
                # What the proxy worked in each second, beside what this process did.
                seen[name].append((wall / (wall / own + besides), wall, p99))
        return {name: tuple(statistics.median(column) for column in zip(*values)) for name, values in seen.items()}

    # What connections pay

    def shared(self):
        turns, length = (3, 0.3) if self.quick else (9, 1.0)
        for count in (4, 100):
            def body(daemon):
                kernel = self.side(daemon, "kernel", "100.64.2.2", count, 1)
                proxied = self.side(daemon, "proxied", "100.64.2.3", count, 1, "leastconn")
                routed, nft, alone = Peer("r"), Peer("n", "nft -f -", maps(count)), Peer("h")
                for peer in (nft, alone):
                    sh("\n".join(f"ip addr add {address}/24 dev eth0" for address in members(count)[1:]), inside=peer.guest)
                proxy = Proxy(alone, 1, count)
                none = lambda: []
                sides = {
                    "nft": (nft, ADDRESS, FIRST, none), "ours": (kernel, kernel.address, FIRST, none),
                    "routed": (routed, GUEST, SERVICE, none),
                    "haproxy": (alone, ADDRESS, FIRST, lambda: [proxy.process.pid]),
                    "proxied": (proxied, proxied.address, FIRST, lambda: processes(proxied.router))}
                for kind, unit, words in [("connect", "connections", f"new connections among {count} members"),
                                          ("bulk", "MB", f"bytes to one of {count} members")]:
                    seen = self.figures(turns, kind, length, sides)
                    def said(name):
                        rate, wall, p99 = seen[name]
                        each = f", {1e6 / rate:.0f} µs each, p99 {p99:.0f} µs" if kind == "connect" else ""
                        return f"{rate:.0f} ({wall:.0f} a second{each})"
                    self.bench.row(f"{unit} per processor second: {words}, in the kernel", said("ours"),
                                   f"maps of nft by hand {said('nft')}; plain routing {said('routed')}",
                                   f"{seen['ours'][0] / seen['nft'][0]:.3f}× nft", "target 0.97")
                    self.bench.row(f"{unit} per processor second: {words}, by the router's proxy", said("proxied"),
                                   f"HAProxy alone {said('haproxy')}",
                                   f"{seen['proxied'][0] / seen['haproxy'][0]:.3f}× HAProxy",
                                   "the proxy's own time counted in, in hundredths of a second")
                proxy.end()
                for peer in (routed, nft, alone):
                    peer.end()
            self.bench.with_daemon(body, "--profile", "simulator")

    # What a change costs

    def member(self):
        rounds = 20 if self.quick else 100
        medians = []
        for count in (10, 100 if self.quick else 1000):
            def body(daemon):
                side = self.side(daemon, "many", "100.64.2.2", 4, count)
                sync = self.bench.peer_figures("sync", daemon.data)[0] / 1000
                call = 2 * statistics.median(timed(lambda: daemon.call("listZones"))[0] for _ in range(100))
                one = {"id": side.rules[-1], "vmidipmap[0].vmid": side.machine["id"], "vmidipmap[0].vmip": members(4)[-1]}
                less, more = [], []
                for _ in range(rounds):
                    less.append(timed(lambda: daemon.job("removeFromLoadBalancerRule", **one))[0])
                    more.append(timed(lambda: daemon.job("assignToLoadBalancerRule", **one))[0])
                table = daemon.call("getPlan", name=side.router)["plan"]["text"].split("\n\n", 1)[1]
                peer = Peer("b")
                sh("nft -f -", inside=peer.internet, input=table)
                tool = statistics.median(timed(lambda: sh(
                    f"nft add element inet sluice balancer-slots '{{ 4000 : {GUEST} }}';"
                    f" nft delete element inet sluice balancer-slots '{{ 4000 }}'", inside=peer.internet))[0] / 2
                    for _ in range(5))
                proxy = Proxy(peer, count, 4)
                reload = statistics.median(timed(proxy.reload)[0] for _ in range(5))
                proxy.end()
                peer.end()
                both = sorted(less + more)
                medians.append(statistics.median(both))
                self.bench.row(f"one member changed beside {count} rules: call to read-back, p50 / p99",
                               f"{statistics.median(both):.2f} / {both[len(both) * 99 // 100]:.1f} ms",
                               f"HAProxy reload {reload:.0f} ms, nft element {tool:.1f} ms",
                               f"{reload / statistics.median(both):.0f}× faster than a reload",
                               f"target 3 ms; of it fdatasync {sync:.2f}, two HTTP calls from Python {call:.2f} ms")
            self.bench.with_daemon(body, "--profile", "simulator")
        self.bench.row("the same, many beside few", f"{medians[1] / medians[0]:.2f}×", note="flat is 1")

    # What proxies weigh

    def proxies(self):
        many = 10 if self.quick else 100

        def body(daemon):
            seen = []
            made = 0
            for count in (0, 1, many):
                while made < count:
                    made += 1
                    self.side(daemon, f"p{made}", f"100.64.3.{made}", 2, 1, "leastconn")
                pids = [pid for router in daemon.call("listRouters", listall="true", pagesize=-1).get("router", [])
                        for pid in processes(router["name"])]
                seen.append((count, len(pids), proportional(pids), daemon.resident()))
            (_, _, _, before), _, (_, running, weight, after) = seen
            self.bench.row(
                f"routers that need HAProxy, 0, 1 and {many}: processes", ", ".join(str(row[1]) for row in seen),
                note="one each, and none where no rule needs it")
            self.bench.row(
                f"their memory, 0, 1 and {many}", ", ".join(f"{row[2]:.1f}" for row in seen) + " MB",
                note=f"{weight / max(1, running):.1f} MB a process, shared pages divided; the daemon grew by "
                     f"{(after - before) * 1024 / many:.0f} KiB a router with its network and machine")
        self.bench.with_daemon(body, "--profile", "simulator")
