"""The rows about NAT, port forwarding and the firewall: rules by the thousand, and what packets pay for them.

What packets cost is counted in processor time of the one process that sends and receives them (`traffic.c`), in short
turns that alternate between the sides, and compared within each turn: so other work on the machine hardly shows.
"""
import contextlib
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time

ADDRESS, INTERNET, GUEST, SERVICE = "100.64.2.2", "198.51.100.1", "10.0.0.10", 8080
FIRST = 1024
OFFERING = {
    "name": "nat", "egressDefault": "allow", "persistent": True,
    "services": {name: "VirtualRouter" for name in ["SourceNat", "Gateway", "Firewall", "PortForwarding"]},
}


def sh(line, inside=None, **more):
    words = ["ip", "netns", "exec", inside] if inside else []
    return subprocess.run([*words, "sh", "-ec", line], check=True, capture_output=True, text=True, **more).stdout


def timed(body):
    start = time.monotonic()
    result = body()
    return (time.monotonic() - start) * 1000, result


def processor(daemon):
    """Milliseconds of processor time that the daemon has used."""
    spent = 0
    for task in os.listdir(f"/proc/{daemon.process.pid}/task"):
        with open(f"/proc/{daemon.process.pid}/task/{task}/schedstat") as file:
            spent += int(file.read().split()[0])
    return spent / 1e6


# The peers' rules: as many as we have, for the same address and guest.

def linear_nft(count):
    ports = range(FIRST, FIRST + count)
    return "\n".join([
        "table ip nat {", "chain prerouting { type nat hook prerouting priority -100;",
        *(f"ip daddr {ADDRESS} tcp dport {port} dnat to {GUEST}:{SERVICE}" for port in ports), "}",
        f"chain postrouting {{ type nat hook postrouting priority 100; oifname eth1 snat to {ADDRESS}; }}", "}",
        "table ip filter { chain forward { type filter hook forward priority 0; policy drop;",
        "ct state established,related accept", "iifname eth0 oifname eth1 accept",
        *(f"meta l4proto tcp ct original ip daddr {ADDRESS} ct original proto-dst {port} accept" for port in ports), "}", "}"])


def minimal_nft():
    """What somebody would write who needs one forward and nothing else."""
    return f"""
table ip nat {{
    chain prerouting {{ type nat hook prerouting priority -100; ip daddr {ADDRESS} tcp dport {FIRST} dnat to {GUEST}:{SERVICE}; }}
    chain postrouting {{ type nat hook postrouting priority 100; oifname eth1 snat to {ADDRESS}; }}
}}
table ip filter {{
    chain forward {{
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname eth0 oifname eth1 accept
        ct status dnat accept
    }}
}}"""


def iptables(count):
    ports = range(FIRST, FIRST + count)
    return "\n".join([
        "*nat", f"-A POSTROUTING -o eth1 -j SNAT --to-source {ADDRESS}",
        *(f"-A PREROUTING -d {ADDRESS}/32 -p tcp -m tcp --dport {port} -j DNAT --to-destination {GUEST}:{SERVICE}"
          for port in ports),
        "COMMIT", "*filter", ":FORWARD DROP [0:0]",
        "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A FORWARD -i eth0 -o eth1 -j ACCEPT",
        *(f"-A FORWARD -p tcp -m conntrack --ctorigdst {ADDRESS}/32 --ctorigdstport {port} -j ACCEPT"
          for port in ports), "COMMIT", ""])


class Peer:
    """A guest, a router and the internet, in namespaces and on bridges as the daemon's are, with rules of one's own."""

    def __init__(self, tag, load=None, text=""):
        self.guest, self.router, self.internet = (f"{tag}-{end}" for end in "gro")
        lines = [f"ip netns add {name}" for name in (self.guest, self.router, self.internet)]
        for bridge, ends in [(f"{tag}bg", [(self.guest, "eth0"), (self.router, "eth0")]),
                             (f"{tag}bo", [(self.router, "eth1"), (self.internet, "eth1")])]:
            lines.append(f"ip link add {bridge} type bridge forward_delay 0 mcast_snooping 0")
            lines.append(f"ip link set {bridge} addrgenmode none up")
            for number, (name, device) in enumerate(ends):
                lines.append(f"ip link add {bridge}{number} type veth peer name {device} netns {name}")
                lines.append(f"ip link set {bridge}{number} master {bridge} addrgenmode none up")
        for name, rows in [
                (self.guest, [f"addr add {GUEST}/24 dev eth0", "link set eth0 up", "route add default via 10.0.0.1"]),
                (self.router, ["addr add 10.0.0.1/24 dev eth0", f"addr add {ADDRESS}/16 dev eth1", "link set eth0 up",
                               "link set eth1 up", "route add default via 100.64.0.1"]),
                (self.internet, ["addr add 100.64.0.1/16 dev eth1", f"addr add {INTERNET}/32 dev lo", "link set lo up",
                                 "link set eth1 up", f"route add 10.0.0.0/24 via {ADDRESS}"])]:
            lines += [f"ip -n {name} {row}" for row in rows]
        lines.append(f"ip netns exec {self.router} sysctl -q -w net.ipv4.ip_forward=1")
        self.tag = tag
        sh("\n".join(lines))
        if load:
            sh(load, inside=self.router, input=text)

    def end(self):
        sh(f"ip netns del {self.guest}; ip netns del {self.router}; ip netns del {self.internet};"
           f" ip link del {self.tag}bg; ip link del {self.tag}bo")


class Ours:
    """A network of the daemon's: its guest and its router, and the internet that all share."""

    internet = "sluice-internet"

    def __init__(self, name, address):
        self.name, self.address = name, address

    def find(self, daemon):
        network = next(n for n in daemon.call("listNetworks", listall="true")["network"] if n["name"] == self.name)
        machines = daemon.call("listVirtualMachines", listall="true")["virtualmachine"]
        routers = daemon.call("listRouters", listall="true")["router"]
        self.machine = next(m for m in machines if m["name"] == f"g-{self.name}")
        self.guest = self.machine["instancename"]
        router = next(r for r in routers if r["guestnetworkid"] == network["id"])
        self.router, self.routerid = router["name"], router["id"]
        addresses = daemon.call("listPublicIpAddresses", listall="true")["publicipaddress"]
        self.addressid = next(a["id"] for a in addresses if a["ipaddress"] == self.address)
        return self

    def contents(self, count):
        return {
            "networks": [{"name": self.name, "zone": "z", "offering": "nat", "cidr": "10.0.0.0/24"}],
            "guests": [{"name": f"g-{self.name}", "nics": [{"network": self.name, "address": GUEST}]}],
        }, {
            "publicAddresses": [{"address": self.address, "network": self.name, "forward": [
                {"from": f"tcp/{port}", "to": f"g-{self.name}", "ports": str(SERVICE), "openFirewall": True}
                for port in range(FIRST, FIRST + count)]}]}

    def create(self, daemon, port):
        return daemon.job("createPortForwardingRule", ipaddressid=self.addressid, protocol="tcp", publicport=port,
                          privateport=SERVICE, virtualmachineid=self.machine["id"], openfirewall="true")

    def rule(self, daemon, port):
        rules = daemon.call("listPortForwardingRules", ipaddressid=self.addressid, listall="true", pagesize=-1)
        return next(r["id"] for r in rules["portforwardingrule"] if r["publicport"] == str(port))


class Traffic:
    def __init__(self, program):
        self.program = program

    def words(self, kind, client, server, listen, target, port, *more):
        where = lambda name: f"/run/netns/{name}"
        return [self.program, kind, where(client), where(server), listen, target, str(port), *map(str, more)]

    def run(self, *arguments):
        done = subprocess.run(self.words(*arguments), check=True, capture_output=True, text=True)
        return [float(word) for word in done.stdout.split()]

    def inward(self, kind, side, address, port, *more):
        return self.run(kind, side.internet, side.guest, f"0.0.0.0:{SERVICE}", address, port, *more)

    def outward(self, kind, side, *more):
        return self.run(kind, side.guest, side.internet, f"{INTERNET}:7007", INTERNET, 7007, *more)


@contextlib.contextmanager
def holding(traffic, side, address, port, count):
    """Living connections; the list that is yielded has, afterwards, what the program said of them."""
    words = traffic.words("hold", side.internet, side.guest, f"0.0.0.0:{SERVICE}", address, port, count)
    said = []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout.readline() != "ready\n":
            raise SystemExit("no connections through the router")
        try:
            yield said
        finally:
            said += process.communicate("\n")[0].split()


@contextlib.contextmanager
def kernel_time(process):
    """How long the kernel worked on what a process says to it in large messages, and on what it reads, in ms."""
    spent = {"said": 0.0, "heard": 0.0}
    with tempfile.NamedTemporaryFile("r") as file:

        tracer = subprocess.Popen(["strace", "-f", "-qq", "-T", "-e", "trace=sendto,recvfrom", "-e",
                                   "raw=sendto,recvfrom", "-o", file.name, "-p", str(process)])
        tasks = lambda: [f"/proc/{process}/task/{task}/status" for task in os.listdir(f"/proc/{process}/task")]
        while not all("TracerPid:\t0\n" not in open(path).read() for path in tasks()):
            time.sleep(0.01)
        yield spent
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        for name, size, took in re.findall(r"(sendto|recvfrom)\b.*\) += (\S+) .*<([\d.]+)>", file.read()):
            if int(size, 0) > 16 << 10:
                spent["said" if name == "sendto" else "heard"] += float(took) * 1000


class NAT:
    """Rows for `bench.Bench`, whose daemon, row and peer functions they use."""

    def __init__(self, bench, zone):
        self.bench, self.quick, self.zone = bench, bench.quick, zone
        self.traffic = Traffic(bench.traffic)

    def with_cloud(self, body, **sides):
        """A daemon with a simulated internet and a network for each side, `NAME=forwards`."""
        def inside(daemon):
            ours = {}
            times = {}
            for number, (name, count) in enumerate(sides.items()):
                side = Ours(name, f"100.64.2.{2 + number}")
                network, rules = side.contents(count)
                daemon.apply(self.zone(networkOfferings=[OFFERING], **network))
                before = processor(daemon)
                times[name], _ = timed(lambda: daemon.apply(rules))
                times[name] = times[name], processor(daemon) - before
                ours[name] = side.find(daemon)
            return body(daemon, times, **ours)
        return self.bench.with_daemon(inside, "--profile", "simulator")

    def row(self, *words, **more):
        self.bench.row(*words, **more)

    # 10,000 rules

    def load(self):
        count = 1000 if self.quick else 10_000

        def body(daemon, times, many):
            daemon.job("stopRouter", id=many.routerid)
            before = processor(daemon)
            cold, _ = timed(lambda: daemon.job("startRouter", id=many.routerid))
            worked = processor(daemon) - before
            daemon.job("stopRouter", id=many.routerid)
            with kernel_time(daemon.process.pid) as spent:
                daemon.job("startRouter", id=many.routerid)
            table = daemon.call("getPlan", name=many.router)["plan"]["text"].split("\n\n", 1)[1]
            load, dump, loading, dumping = self.bench.peer_figures("forwards", str(count))
            nft, _ = timed(lambda: sh("unshare --net nft -f -", input=table))
            peer = Peer("b")
            tables, _ = timed(lambda: sh("iptables-restore", inside=peer.router, input=iptables(count)))
            saved, _ = timed(lambda: sh("iptables-save", inside=peer.router))
            peer.end()
            listed, _ = timed(lambda: sh("nft list ruleset", inside=many.router))
            self.row(f"{count} port forwards and their firewall rules: a cloud file, to read-back",
                     f"{times['many'][0]:.0f} ms",
                     note=f"{times['many'][1]:.0f} ms of processor: parsed, decided, logged, planned, in the kernel, read back")
            self.row(f"{count} port forwards: the router made anew, call to read-back", f"{cold:.0f} ms",
                     f"nft -f of the same table {nft:.0f} ms, iptables-restore {tables:.0f} ms",
                     f"{nft / cold:.1f}× and {tables / cold:.1f}× faster", f"{worked:.0f} ms of processor; target 250 ms; namespace, links and the calls' own work included")
            self.row(f"{count} port forwards: the kernel's part of loading", f"{spent['said']:.0f} ms",
                     f"the same elements in one batch from C {load / 1000:.0f} ms ({loading / 1000:.0f} ms of processor)",
                     f"{spent['said'] * 1000 / load:.2f}×", "target 2×; ours carry comments, of which one reads whose they are")
            daemon.stop(signal.SIGKILL)
            daemon.start()
            daemon.call("listZones")
            first = (time.monotonic() - daemon.began) * 1000
            daemon.wait_verified(4)
            adopted = (time.monotonic() - daemon.began) * 1000
            self.row(f"{count} port forwards: restart, read and compared", f"API {first:.0f} ms, verified {adopted:.0f} ms",
                     f"nft list ruleset {listed:.0f} ms, iptables-save {saved:.0f} ms, a dump from C {dump / 1000:.0f} ms")
        self.with_cloud(body, many=count)

    def change(self):
        few, many = 10, 1000 if self.quick else 10_000
        rounds = 30 if self.quick else 200

        def figures(daemon, sides):
            """Beside few and beside many in turn, so that what else the machine does meets both."""
            times = {name: {"more": [], "less": []} for name in sides}
            for _ in range(rounds):
                for name, (side, port) in sides.items():
                    start = time.monotonic()
                    rule = side.create(daemon, port)["portforwardingrule"]["id"]
                    middle = time.monotonic()
                    daemon.job("deletePortForwardingRule", id=rule)
                    times[name]["more"].append((middle - start) * 1000)
                    times[name]["less"].append((time.monotonic() - middle) * 1000)
            return {name: {what: (statistics.median(t), sorted(t)[len(t) * 99 // 100]) for what, t in each.items()}
                    for name, each in times.items()}

        def tools(daemon, side, count, port):
            peer = Peer("b", "iptables-restore", iptables(count))
            key = f"{side.address} . tcp . {port}"
            table = daemon.call("getPlan", name=side.router)["plan"]["text"].split("\n\n", 1)[1]
            sh("nft -f -", inside=peer.internet, input=table)
            nft = statistics.median(timed(lambda: sh(
                f"nft add element inet sluice port-forwards '{{ {key} : {GUEST} . {SERVICE} }}';"
                f" nft delete element inet sluice port-forwards '{{ {key} }}'", inside=peer.internet))[0] / 2
                for _ in range(5))
            tables = statistics.median(timed(lambda: sh(
                f"iptables -t nat -A PREROUTING -d {ADDRESS} -p tcp --dport {port} -j DNAT --to {GUEST}:{SERVICE}",
                inside=peer.router))[0] for _ in range(5))
            peer.end()
            return nft, tables

        def body(daemon, _, **sides):
            sync = self.bench.peer_figures("sync", daemon.data)[0] / 1000
            calls = [timed(lambda: daemon.call("listZones"))[0] for _ in range(200)]
            call = 2 * statistics.median(calls)
            counts = {"few": few, "many": many}
            each = {name: (sides[name], FIRST + count + 10) for name, count in counts.items()}
            ours = figures(daemon, each)
            living = 100 if self.quick else 1000
            with holding(self.traffic, sides["many"], sides["many"].address, FIRST, living):
                busy = figures(daemon, {"many": each["many"]})["many"]
            for name, count in counts.items():
                bare = self.bench.peer_figures("forward", str(count))
                nft, tables = tools(daemon, *each[name][:1], count, each[name][1])
                for place, what in enumerate(["more", "less"]):
                    middle, worst = ours[name][what]
                    self.row(f"one port forward {what} beside {count}: call to read-back, p50 / p99",
                             f"{middle:.2f} / {worst:.1f} ms",
                             f"raw netlink {bare[place]:.0f} µs, nft {'delete' if place else 'add'} element {nft:.1f} ms"
                             + ("" if place else f", iptables -A {tables:.1f} ms"),
                             note=f"of it fdatasync {sync:.2f}, two HTTP calls from Python {call:.2f} ms"
                             + (f"; with {living} living connections {busy[what][0]:.1f} / {busy[what][1]:.1f} ms"
                                if name == "many" else ""))
            self.row("the same, many beside few",
                     ", ".join(f"{what} {ours['many'][what][0] / ours['few'][what][0]:.2f}×"
                               for what in ("more", "less")), note="target 1.5×")
        self.with_cloud(body, few=few, many=many)

    # What packets pay

    def turns(self, count, **sides):
        """Every side once in each turn. Medians of the figures, and of their ratios to the first side's."""
        seen = {name: [] for name in sides}
        for _ in range(count):
            for name, body in sides.items():
                seen[name].append(body()[0])
        first = next(iter(seen.values()))
        return {name: (statistics.median(values), statistics.median(b / a for a, b in zip(first, values)))
                for name, values in seen.items()}

    def rate(self):
        counts = [1, 100, 1000] if self.quick else [1, 1000, 10_000]
        turns, length = (3, 0.15) if self.quick else (9, 0.5)

        def body(daemon, _, **ours):
            measures = {}
            for name, count in zip(ours, counts):
                side = ours[name]
                measures[f"ours, {count}"] = lambda side=side, count=count: self.traffic.inward(
                    "connect", side, side.address, FIRST + count - 1, 1, length)
            peers = {"routing": Peer("r")}
            measures["plain routing"] = lambda: self.traffic.inward(
                "connect", peers["routing"], GUEST, SERVICE, 1, length)
            for count in counts:
                for kind, load, text in [("nft", "nft -f -", linear_nft(count)),
                                         ("iptables", "iptables-restore", iptables(count))]:
                    peer = peers[f"{kind}{count}"] = Peer(f"{kind[0]}{count}", load, text)
                    measures[f"{kind}, {count}"] = lambda peer=peer, count=count: self.traffic.inward(
                        "connect", peer, ADDRESS, FIRST + count - 1, 1, length)
            seen = self.turns(turns, **measures)
            for peer in peers.values():
                peer.end()
            rates = lambda kind: ", ".join(f"{seen[f'{kind}, {count}'][0]:.0f}" for count in counts)
            last = seen[f"ours, {counts[-1]}"]
            self.row(f"new connections per processor second by the last of {', '.join(map(str, counts))} forwards", rates("ours"),
                     f"plain routing {seen['plain routing'][0]:.0f}; linear nft rules {rates('nft')}; "
                     f"iptables {rates('iptables')}", f"{last[1]:.3f} of the first", "target 0.97")
        self.with_cloud(body, **{f"f{count}": count for count in counts})

    def through(self):
        turns, length = (3, 0.2) if self.quick else (11, 0.6)

        def body(daemon, _, ours):
            peer = Peer("m", "nft -f -", minimal_nft())
            into = lambda side, address: {
                "connections in": lambda: self.traffic.inward("connect", side, address, FIRST, 1, length),
                "connections out": lambda: self.traffic.outward("connect", side, 1, length),
                "bytes in": lambda: self.traffic.inward("bulk", side, address, FIRST, 0, length),
                "bytes out": lambda: self.traffic.outward("bulk", side, 0, length)}
            theirs, own = into(peer, ADDRESS), into(ours, ours.address)
            for what in theirs:
                seen = self.turns(turns, theirs=theirs[what], ours=own[what])
                unit = "MB" if "bytes" in what else "connections"
                how = "a port forward" if what.endswith("in") else "source NAT"
                self.row(f"{unit} per processor second through {how}", f"{seen['ours'][0]:.0f}",
                         f"a minimal nft router {seen['theirs'][0]:.0f}", f"{seen['ours'][1]:.3f}×", "target 0.97")
            peer.end()
        self.with_cloud(body, ours=1)

    # Revoked means revoked

    def revoke(self):
        others, turns = (100, 3) if self.quick else (1000, 9)

        def body(daemon, _, ours):
            times, resets, ended = [], 0, set()
            for _ in range(turns):
                rule = ours.rule(daemon, FIRST)
                with holding(self.traffic, ours, ours.address, FIRST, others) as said:
                    time.sleep(0.1)
                    start = time.monotonic()
                    ended.add(daemon.job("deletePortForwardingRule", id=rule)["flowsended"])
                    time.sleep(0.3)
                times.append((float(said[0]) - start) * 1000)
                resets += int(said[2])
                ours.create(daemon, FIRST)
                # Connections that are over stay in the table for a while.
                sh("conntrack -F", inside=ours.router)
            self.row("a stream through a deleted forward: API call to its last byte, p50 / worst",
                     f"{statistics.median(times):.1f} / {max(times):.1f} ms",
                     note=f"target 50 ms; of {others} others {resets} lost in {turns} turns; connections ended each time: "
                     + ", ".join(map(str, sorted(ended))))
        self.with_cloud(body, ours=2)
