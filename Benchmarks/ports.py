"""The rows about guests' ports and segments: plugging in and out, what the guard of ports costs a frame, and networks by the
thousand on VXLANs and VLANs."""
import re
import statistics
import subprocess
import tempfile
import time

from nat import sh

L2 = {"name": "l2", "guestType": "L2", "services": {}, "persistent": True}
# What a port's rules are by hand: a set for each question, an element in each.
GUARD = """
table bridge peer {
    set ports { type ifname; }
    set identities { type ifname . ether_addr . ipv4_addr; }
    set deliveries { type ifname . ether_addr; }
    chain prerouting { type filter hook prerouting priority -350;
        iifname "g*" iifname . ether saddr . ip saddr @identities accept
        ether type arp accept
        iifname "g*" drop
    }
    chain forward { type filter hook forward priority -350;
        oifname "g*" oifname . ether daddr @deliveries accept
        oifname "g*" oifname @ports ether daddr & 01:00:00:00:00:00 != 0 accept
        oifname "g*" drop
    }
}"""

# Ports of others beside the two that are measured.
CROWD = 98


def listed(ports):
    """What libvirt's filter `clean-traffic` asks, as it asks it: chains of each port's own, found by comparing names in turn."""
    chains = [f"""
    chain I-{name}-mac {{ ether saddr {own} return; drop; }}
    chain I-{name}-ip {{ ip saddr 0.0.0.0 ip protocol udp return; ip saddr {address} return; drop; }}
    chain I-{name}-arp {{ arp saddr ether {own} arp saddr ip {address} return; drop; }}
    chain I-{name} {{
        jump I-{name}-mac; ether type ip jump I-{name}-ip; ether type arp jump I-{name}-arp
        ether type ip accept; ether type arp accept; drop
    }}
    chain O-{name} {{ ether type ip accept; ether type arp accept; drop; }}""" for name, own, address in ports]
    hooks = [f"chain {hook} {{ type filter hook {hook} priority -300; " +
             "; ".join(f"{side}ifname {name} jump {side[0].upper()}-{name}" for name, _, _ in ports) + "; }"
             for hook, side in [("prerouting", "i"), ("postrouting", "o")]]
    return "table bridge peer {" + "".join(chains) + "\n" + "\n".join(hooks) + "\n}"


def in_a_list(tag, crowd):
    """Two ports with such rules, in the middle of others'."""
    ends = plain(tag)
    ports = [(f"x{i}", f"02:00:00:00:01:{i:02x}", f"10.0.1.{i}") for i in range(crowd)]
    ports[crowd // 2:crowd // 2] = [(f"g{end}", mac("eth0", inside=end), address)
                                    for end, address in zip(ends, ["10.0.0.10", "10.0.0.20"])]
    sh("nft -f -", inside=f"{tag}host", input=listed(ports))
    return ends


def spread(times):
    ordered = sorted(times)
    return f"{statistics.median(ordered):.2f} / {ordered[len(ordered) * 99 // 100]:.2f} ms"


def milliseconds(body):
    start = time.monotonic()
    result = body()
    return (time.monotonic() - start) * 1000, result


def mac(device, inside=None):
    return sh(f"ip -o link show {device}", inside=inside).split("link/ether ")[1].split()[0]


def bridged(tag):
    """A host of its own with a bridge."""
    sh(f"ip netns add {tag}host; ip -n {tag}host link add name b0 type bridge; ip -n {tag}host link set b0 up")
    return f"{tag}host"


def plain(tag, rules=""):
    """Two ports of a bridge in a host of its own, with rules of one's own that know them."""
    host, ends = bridged(tag), (f"{tag}a", f"{tag}b")
    if rules:
        sh("nft -f -", inside=host, input=rules)
    for end, number in zip(ends, ["10.0.0.10", "10.0.0.20"]):
        sh(f"ip netns add {end}; ip -n {host} link add g{end} type veth peer name eth0 netns {end}\n"
           f"ip -n {host} link set g{end} master b0 up; ip -n {end} link set eth0 up; ip -n {end} addr add {number}/24 dev eth0")
        if "identities" in rules:
            own = mac("eth0", inside=end)
            sh(f"nft 'add element bridge peer ports {{ g{end} }}; add element bridge peer identities {{ g{end} . {own} . {number} }};"
               f" add element bridge peer deliveries {{ g{end} . {own} }}'", inside=host)
    return ends


def plain_taps(tag):
    """Two taps on a bridge in a host of its own, and the MACs of machines behind them."""
    host, ends = bridged(tag), []
    for number, name in enumerate([f"g{tag}a", f"g{tag}b"]):
        sh(f"ip tuntap add {name} mode tap; ip link set {name} master b0 up", inside=host)
        ends.append((f"/run/netns/{host}:{name}", f"02:00:00:00:0{number}:01"))
    return ends


def plain_host(tag, tunnel):
    """A host whose end of a cable leads by a tunnel to one machine."""
    host, guest = bridged(tag), f"{tag}guest"
    sh(f"ip netns add {guest}; ip -n {host} link add trunk0 type veth peer name wire; ip -n {host} link add v0 type vxlan id {tunnel} dstport 4789 dev trunk0"
       f" remote 192.0.2.2; ip -n {host} link add g0 type veth peer name eth0 netns {guest};"
       f" for port in v0 g0; do ip -n {host} link set $port master b0 up; done;"
       f" ip -n {guest} link set eth0 up; ip -n {guest} addr add 10.0.0.20/24 dev eth0")
    return host


def wall(tag, tunnel, host=None):
    """Another host, at the other end of a host's cable or of this one's, with a machine right at its tunnel."""
    wall, on_host = f"{tag}wall", f"ip -n {host}" if host else "ip"
    if not host:
        sh("ip link add trunk0 type veth peer name wire")
    sh(f"ip netns add {wall}; {on_host} link set wire netns {wall}; {on_host} addr add 192.0.2.1/24 dev trunk0; {on_host} link set trunk0 up;"
       f" ip -n {wall} addr add 192.0.2.2/24 dev wire; ip -n {wall} link set wire up;"
       f" ip -n {wall} link add eth0 type vxlan id {tunnel} dstport 4789 dev wire remote 192.0.2.1; ip -n {wall} link set eth0 up")
    return wall


class Ports:
    def __init__(self, bench, zone, frames):
        self.bench, self.zone, self.frames = bench, zone, frames
        self.row = bench.row

    # A port by itself

    def plug(self):
        rounds = 50 if self.bench.quick else 300

        def body(daemon):
            networks = [{"name": name, "zone": "z", "offering": "bench", "cidr": f"10.{number}.0.0/16"}
                        for number, name in enumerate(["first", "second"])]
            daemon.apply(self.zone(networks=networks, guests=[{"name": "g", "nics": [{"network": "first"}]}]))
            machine = daemon.call("listVirtualMachines", listall="true")["virtualmachine"][0]["id"]
            network = daemon.call("listNetworks", listall="true", name="second")["network"][0]["id"]
            plugged, unplugged, calls = [], [], []
            for _ in range(rounds):
                took, result = milliseconds(
                    lambda: daemon.job("addNicToVirtualMachine", virtualmachineid=machine, networkid=network))
                plugged.append(took)
                nic = next(nic["id"] for nic in result["virtualmachine"]["nic"] if nic["networkid"] == network)
                unplugged.append(milliseconds(
                    lambda: daemon.job("removeNicFromVirtualMachine", virtualmachineid=machine, nicid=nic))[0])
                calls.append(milliseconds(lambda: daemon.call("listZones"))[0])
            # By hand, as somebody would who has the names already.
            sh("ip netns add hand; ip link add name h0 type bridge; ip link set h0 up; nft -f -", input=GUARD)
            by_hand, away = [], []
            for _ in range(rounds):
                by_hand.append(milliseconds(lambda: sh(
                    "ip link add g1 type veth peer name eth0 address 02:00:00:00:00:01 netns hand\n"
                    "nft 'add element bridge peer ports { g1 };"
                    " add element bridge peer identities { g1 . 02:00:00:00:00:01 . 10.0.0.1 };"
                    " add element bridge peer deliveries { g1 . 02:00:00:00:00:01 }'\n"
                    "ip link set g1 master h0 up\n"
                    "ip -n hand link set eth0 up"))[0])
                away.append(milliseconds(lambda: sh(
                    "ip link del g1\n"
                    "nft 'delete element bridge peer ports { g1 };"
                    " delete element bridge peer identities { g1 . 02:00:00:00:00:01 . 10.0.0.1 };"
                    " delete element bridge peer deliveries { g1 . 02:00:00:00:00:01 }'"))[0])
            sh("nft delete table bridge peer; ip link del h0; ip netns del hand")
            note = f"two HTTP calls from Python {2 * statistics.median(calls):.2f} ms"
            for what, ours, theirs in [("plugging in", plugged, by_hand), ("unplugging", unplugged, away)]:
                self.row(f"{what} a guest's port: call to read-back, p50 / p99", spread(ours),
                         f"`ip link` and `nft` with three elements {spread(theirs)}",
                         f"{statistics.median(theirs) / statistics.median(ours):.1f}× faster", note)
        self.bench.with_daemon(body)

    # What the guard costs a frame

    def guarded(self):
        turns, length = (5, 0.2) if self.bench.quick else (21, 0.5)

        def body(daemon):
            daemon.apply(self.zone(
                networks=[{"name": "n", "zone": "z", "offering": "bench", "cidr": "10.0.0.0/24"}],
                guests=[{"name": name, "nics": [{"network": "n", "address": address}]}
                        for name, address in [("a", "10.0.0.10"), ("b", "10.0.0.20")]]
                + [{"name": f"o{i}", "nics": [{"network": "n", "address": f"10.0.0.{100 + i}"}]} for i in range(CROWD)]))
            machines = {machine["name"]: machine["instancename"]
                        for machine in daemon.call("listVirtualMachines", listall="true")["virtualmachine"]}
            # In namespaces of their own, as hosts without us: no rule of ours is asked there at all.
            empty = "table bridge peer {\n" + "".join(
                f"chain {hook} {{ type filter hook {hook} priority -350; }}\n" for hook in ["prerouting", "forward"]) + "}"
            sides = {"plain": plain("p"), "empty": plain("e", empty), "hand": plain("h", GUARD),
                     "alone": in_a_list("l", 0), "crowd": in_a_list("c", CROWD),
                     "guarded": (machines["a"], machines["b"])}
            others = {"hand": "two lookups by hand", "alone": "as libvirt's clean-traffic with 2 ports",
                      "crowd": f"with {CROWD + 2}"}
            where = f"from a guarded port to another, of {CROWD + 2}"
            self.compare(f"frames of {{}} bytes per processor second {where}", turns, length,
                         {name: [(f"/run/netns/{end}", mac("eth0", inside=end)) for end in ends]
                          for name, ends in sides.items()},
                         prepare=lambda name: sh("ping -c 1 -W 2 10.0.0.20", inside=sides[name][0]),
                         notes={"empty": "target 0.95; two chains without a rule"} | others)
            self.streams(f"one TCP stream per processor second {where}", turns, length, sides, others)
        self.bench.with_daemon(body)

    def taps(self):
        """The same from one virtual machine monitor to another: every frame is written to a tap and read from one."""
        turns, length = (5, 0.2) if self.bench.quick else (21, 0.5)

        def body(daemon):
            daemon.apply(self.zone(
                networks=[{"name": "n", "zone": "z", "offering": "bench", "cidr": "10.0.0.0/24"}],
                guests=[{"name": name, "port": "tap", "nics": [{"network": "n", "address": address}]}
                        for name, address in [("a", "10.0.0.10"), ("b", "10.0.0.20")]]))
            ports = {port["name"]: port for port in daemon.call("listPorts")["port"]}
            self.compare("frames of {} bytes per processor second from a guarded tap to another", turns, length,
                         {"plain": plain_taps("t"),
                          "guarded": [(f"/proc/self/ns/net:{ports[name]['hostdevice']}", ports[name]["macaddress"])
                                      for name in ["a", "b"]]})
        self.bench.with_daemon(body)

    def underlay(self):
        """Frames from another host: the host's own table asks for each by which interface and whose segment it comes."""
        turns, length = (5, 0.2) if self.bench.quick else (21, 0.5)
        tunnel = 5000

        def body(daemon):
            theirs, ours = wall("v", tunnel, plain_host("v", tunnel)), wall("o", tunnel)
            cloud = self.zone(
                networks=[{"name": "n", "zone": "z", "offering": "bench", "cidr": "10.0.0.0/24"}],
                guests=[{"name": "b", "nics": [{"network": "n", "address": "10.0.0.20"}]}])
            cloud["zones"][0]["physicalNetworks"] = [
                {"name": "p", "isolation": "VXLAN", "segments": [str(tunnel)], "trunk": "trunk0"}]
            daemon.apply(cloud)
            guest = daemon.call("listVirtualMachines", listall="true")["virtualmachine"][0]["instancename"]
            sides = {"plain": (theirs, "vguest"), "guarded": (ours, guest)}
            # Who is asked for and is not there: the bridges learn where the asker is.
            self.compare("frames of {} bytes per processor second from another host by VXLAN", turns, length,
                         {name: [(f"/run/netns/{end}", mac("eth0", inside=end)) for end in ends]
                          for name, ends in sides.items()}, sizes=(64, 1464),
                         prepare=lambda name: sh("ping -c 1 -W 1 10.0.0.10 || true", inside=sides[name][1]))
        self.bench.with_daemon(body)

    def compare(self, what, turns, length, sides, sizes=(64, 1514), prepare=None, notes={}):
        for size in sizes:
            lost = 0

            def frames(name):
                nonlocal lost
                (sender, own), (receiver, other) = sides[name]
                if prepare:
                    prepare(name)
                words = subprocess.run(
                    [self.frames, sender, receiver, own, other, "10.0.0.10", "10.0.0.20", str(size), str(length)],
                    check=True, capture_output=True, text=True).stdout.split()
                lost += int(words[2])
                return float(words[0])
            ours, plain, ratio, beside = self.in_turns(turns, sides, frames, notes)
            self.row(what.format(size), f"{ours / 1e3:.0f} thousand", f"unguarded {plain / 1e3:.0f} thousand",
                     ratio, f"{beside}{lost} frames lost")

    def streams(self, what, turns, length, sides, notes={}):
        """One TCP connection from one end to the other, as fast as it goes."""
        def stream(name):
            client, server = (f"/run/netns/{end}" for end in sides[name])
            words = subprocess.run(
                [self.bench.traffic, "bulk", client, server, "0.0.0.0:7", "10.0.0.20", "7", "0", str(length)],
                check=True, capture_output=True, text=True).stdout.split()
            return float(words[0])
        ours, plain, ratio, beside = self.in_turns(turns, sides, stream, notes)
        self.row(what, f"{ours:,.0f} MB", f"unguarded {plain:,.0f} MB", ratio, beside.removesuffix(", "))

    def in_turns(self, turns, sides, measure, notes):
        """What is measured of ours and of the plain side, their ratio and those of others, all in the same turns."""
        seen = {name: [] for name in sides}
        for _ in range(turns):
            for name in sides:
                seen[name].append(measure(name))
        ratio = {name: statistics.median(b / a for a, b in zip(seen["plain"], seen[name])) for name in sides}
        return (statistics.median(seen["guarded"]), statistics.median(seen["plain"]), f"{ratio['guarded']:.3f}×",
                "".join(f"{text} {ratio[name]:.3f}, " for name, text in notes.items()))

    # Segments by the thousand

    def segments(self, isolation, first, count, device):
        def body(daemon):
            # The kernel's own limit is 20 groups.
            sh("ip link add trunk0 type veth peer name wall; ip link set wall up; ip addr add 192.0.2.1/24 dev trunk0;"
               " ip link set trunk0 up; sysctl -qw net.ipv4.igmp_max_memberships=10000")
            zone = {"zones": [{"name": "z", "dns1": "192.0.2.53", "physicalNetworks": [
                {"name": "p", "isolation": isolation, "segments": [f"{first}-{first + count - 1}"], "trunk": "trunk0"}]}],
                "networkOfferings": [L2]}
            daemon.apply(zone)
            networks = [{"name": f"n{i}", "zone": "z", "offering": "l2"} for i in range(count)]
            took, _ = milliseconds(lambda: daemon.apply(zone | {"networks": networks}))
            there = len(re.findall(device, sh("ip -o link")))
            assert there == count, f"{there} of {count}"
            mtu = 1450 if isolation == "VXLAN" else 1500
            lines = []
            for number in range(count):
                own = (f"link add v{number} mtu {mtu} type vxlan id {first + number} dstport 4789 dev trunk0 "
                       f"group 239.0.{(first + number) // 256}.{(first + number) % 256}") if isolation == "VXLAN" else (
                       f"link add link trunk0 name v{number} mtu {mtu} type vlan id {first + number}")
                lines += [f"link add name b{number} mtu {mtu} type bridge", own,
                          f"link set b{number} addrgenmode none up", f"link set v{number} master b{number} addrgenmode none up"]
            with tempfile.NamedTemporaryFile("w", suffix=".batch") as file:
                file.write("\n".join(lines) + "\n")
                file.flush()
                theirs, _ = milliseconds(lambda: subprocess.run(
                    ["unshare", "--net", "sh", "-ec",
                     "ip link set lo up; ip link add trunk0 type veth peer name wall; ip link set wall up;"
                     " ip addr add 192.0.2.1/24 dev trunk0; ip link set trunk0 up;"
                     " sysctl -qw net.ipv4.igmp_max_memberships=10000; ip -batch " + file.name], check=True))
            self.row(f"{count} networks on {isolation}s, cold: a cloud file, to read-back", f"{took / 1000:.2f} s",
                     f"`ip -batch` {theirs / 1000:.2f} s", f"{theirs / took:.1f}×", "a bridge and a trunk's device each")
            sh("ip link del trunk0")
        self.bench.with_daemon(body)

    def vxlans(self):
        self.segments("VXLAN", 5000, 100 if self.bench.quick else 1000, r": slv[0-9]+")

    def vlans(self):
        if subprocess.run("ip link add t0 type veth peer name t1 && ip link add link t0 name t2 type vlan id 2; s=$?;"
                          " ip link del t0; exit $s", shell=True, capture_output=True).returncode:
            print("  networks on VLANs: not measured: this kernel has no 802.1Q", flush=True)
            return
        self.segments("VLAN", 2, 100 if self.bench.quick else 1000, r": trunk0\.[0-9]+")
