"""What a guest sends that it may not, or may but nobody else is to hear: by the rows of the list of attacks.

An attack is a generator of shots. A shot says where a frame is sent, where it may be heard, where it must be, and what is
counted for it; everything else is a fault."""

import random
import struct
from itertools import repeat

import scapy.all as s
from scapy.layers.dhcp6 import DHCP6_Advertise

from shots import BLANK, EVERYBODY, At, Shot, hex_bytes, link_local, pad, raw

NOBODY = "02:00:00:00:99:99"
# A public address where a rule opens a port.
DOOR = "192.0.2.12"
ATTACKS = []


def attack(row, title):
    def register(body):
        ATTACKS.append((row, title, body))
        return body

    return register


# IS1: to speak to another network, or to the switches

@attack("IS1", "what is for everybody, for some and for nobody stays in its network")
def floods(scene, amount):
    at = At(scene)
    yield at.home(at.datagram())
    yield at.home(at.datagram(to="01:00:5e:00:00:fb", target="224.0.0.251"))
    yield at.home(at.datagram(to="01:00:5e:7f:ff:fa", target="239.255.255.250"))
    yield at.lost(at.datagram(to=NOBODY))
    # One whom the other network knows.
    yield at.lost(at.datagram(to=scene.guests["bob"].mac, target="10.1.1.10"))
    yield at.lost(at.datagram(to=scene.routers["theirs"].mac, target="198.51.100.1"))


@attack("IS1", "nobody takes part in what switches say to each other")
def control(scene, amount):
    at = At(scene)
    for group in ["01:80:c2:00:00:00", "01:00:0c:cc:cc:cc", "01:00:0c:cc:cc:cd"]:
        yield at.refused("control", raw(s.Dot3(src=at.me.mac, dst=group) / s.LLC(dsap=0x42, ssap=0x42, ctrl=3)))
    for last in [*range(2, 14), 15, 0x20, 0x21]:
        yield at.refused("control", raw(at.link(to=f"01:80:c2:00:00:{last:02x}", kind=0x88CC)))
    # LLDP's own group the bridge takes for the host, where nobody wants it: the kernel counts it at the port.
    yield at.kept(raw(at.link(to="01:80:c2:00:00:0e", kind=0x88CC)), ((at.me.port, "device"),))
    yield at.kept(raw(at.link(to="01:80:c2:00:00:01", kind=0x8808)))


@attack("IS1", "nothing but IPv4, ARP and IPv6")
def protocols(scene, amount):
    at = At(scene)
    for kind in [0x88B5, 0x8137, 0x8863, 0x8864, 0x88E5, 0x0842, 0x88F7, 0x8906, 0x8847, 0x600]:
        yield at.refused("protocol", raw(at.link(kind=kind)))
    yield at.refused("protocol", raw(s.Dot3(src=at.me.mac, dst=EVERYBODY) / s.LLC(dsap=0xAA, ssap=0xAA, ctrl=3)))


@attack("IS1", "frames too short for what they say they are")
def lengths(scene, amount):
    at = At(scene)
    for kind, reason in [(0x0800, "address"), (0x86DD, "ipv6"), (0x0806, "arp")]:
        yield at.refused(reason, raw(at.link(kind=kind)))


@attack("IS1", "ports of a network that keeps them apart do not hear each other")
def apart(scene, amount):
    at, other = At(scene, "mallory/1"), scene.guests["bob/1"]
    there = scene.network("lobby", but=[other])
    for to in [EVERYBODY, "01:00:5e:00:00:fb"]:
        yield Shot(at.me, at.datagram(to=to, target="10.9.0.255"), there, counts=((at.me.port, "isolated"),))
    yield Shot(at.me, at.datagram(to=other.mac, target=other.address), there, counts=((at.me.port, "isolated"),))


# IS2 to IS4: to be somebody else

@attack("IS2", "nobody announces another's address")
def announcements(scene, amount):
    at, alice = At(scene), scene.guests["alice"]
    gateway, own = at.router.address, at.me.mac
    for operation in [1, 2]:
        for address in [gateway, alice.address, "10.1.1.77", "192.0.2.1", "255.255.255.255"]:
            for to in [EVERYBODY, alice.mac, at.router.mac]:
                yield at.refused("arp", at.arp(operation, ip=address, target=address, to=to))
        for hardware in [alice.mac, at.router.mac, NOBODY]:
            yield at.refused("arp", at.arp(operation, hw=hardware))
            yield at.refused("mac", at.arp(operation, mac=hardware))
            yield at.refused("mac", at.arp(operation, mac=hardware, hw=hardware, ip=gateway))
    yield at.refused("arp", at.arp(ip="0.0.0.0", target=alice.address))
    for more in [dict(hwtype=6), dict(ptype=0x86DD), dict(hwlen=8), dict(plen=16)]:
        yield at.refused("arp", at.arp(**more))
    # RARP, and words that neither ask nor answer.
    yield at.refused("protocol", pad(at.link(kind=0x8035) / s.ARP(op=3, hwsrc=own, psrc=gateway)))
    yield at.refused("arp", at.arp(9, ip=gateway))


@attack("IS2", "a flood of questions is cut, each of them counted")
def questions(scene, amount):
    at = At(scene)
    # For whom there is nobody to answer.
    for frame in repeat(at.arp(target="10.1.1.77"), amount):
        yield at.flood(frame)


@attack("IS3", "nobody sends as another address")
def sources(scene, amount):
    at, alice = At(scene), scene.guests["alice"]
    addresses = [alice.address, at.router.address, at.router.public, scene.routers["theirs"].public, DOOR, "10.9.9.9",
                 "198.51.100.1", "0.0.0.0", "255.255.255.255", "127.0.0.1", "169.254.169.254", "224.0.0.1"]
    for address in addresses:
        for to, target in [(EVERYBODY, "10.1.1.255"), (alice.mac, alice.address), (at.router.mac, "198.51.100.1"),
                           (at.router.mac, at.router.address)]:
            yield at.refused("address", at.datagram(address, to=to, target=target))
    for address in [link_local(alice.mac), link_local(at.router.mac), "2001:db8::1", "::1", "ff02::1", "::ffff:10.1.1.20"]:
        yield at.refused("ipv6", raw(at.ip6(address) / s.UDP(sport=5, dport=6)))


@attack("IS4", "nobody sends by another MAC, or by many")
def hardware(scene, amount):
    at, alice, bob = At(scene), scene.guests["alice"], scene.guests["bob"]
    for mac in [alice.mac, at.router.mac, bob.mac, NOBODY]:
        yield at.refused("mac", at.datagram(mac=mac))
        yield at.refused("mac", at.datagram(alice.address, mac=mac, to=at.router.mac, target="198.51.100.1"))
    # To and fro: whoever is asked must not learn.
    for _ in range(20):
        yield at.refused("mac", at.datagram(mac=alice.mac, to=at.router.mac, target="198.51.100.1"))
        yield at.home(at.datagram())
    template = at.datagram(mac=NOBODY)
    for number, frame in enumerate(repeat(template, amount)):
        yield at.refused("mac", frame[:6] + struct.pack("!HI", 0x0200, 0x80000000 + number) + frame[12:])


# IS5, IS6: to be a server, or many clients

@attack("IS5", "nobody but the router gives addresses, routes and names")
def servers(scene, amount):
    at, alice = At(scene), scene.guests["alice"]
    own, router = at.me.address, at.router
    for kind in ["offer", "ack", "nak"]:
        for source, mac, reason in [(own, at.me.mac, "dhcp"), (router.address, at.me.mac, "address"),
                                    (router.address, router.mac, "mac")]:
            for to, target in [(EVERYBODY, "255.255.255.255"), (alice.mac, alice.address)]:
                options = [("message-type", kind), ("server_id", source), ("lease_time", 3600), ("router", own),
                           ("name_server", own), (121, bytes([0]) + s.inet_aton(own)), ("error_message", BLANK), "end"]
                yield at.refused(reason, raw(
                    at.link(mac, to) / s.IP(src=source, dst=target) / s.UDP(sport=67, dport=68)
                    / s.BOOTP(op=2, yiaddr="10.1.1.99", siaddr=own, chaddr=hex_bytes(alice.mac)) / s.DHCP(options=options),
                    canary=False))
    for source in [at.link_local, "fe80::1", link_local(router.mac)]:
        yield at.refused("ipv6", raw(at.ip6(source) / s.ICMPv6ND_RA() / s.ICMPv6NDOptPrefixInfo(
            prefix="2001:db8::", prefixlen=64) / s.ICMPv6NDOptRDNSS(dns=["2001:db8::53"])))
        yield at.refused("ipv6", raw(at.ip6(source) / s.UDP(sport=547, dport=546) / DHCP6_Advertise()))
    for source, mac, reason in [(router.address, at.me.mac, "address"), (router.address, router.mac, "mac")]:
        answer = s.DNS(id=7, qr=1, qd=s.DNSQR(qname="www.example.com"), an=s.DNSRR(rrname="www.example.com", rdata=own))
        yield at.refused(reason, raw(at.link(mac, alice.mac) / s.IP(src=source, dst=alice.address)
                                     / s.UDP(sport=53, dport=5353) / answer))


@attack("IS6", "who asks under other names is not heard, and who asks without end is cut")
def starvation(scene, amount):
    at, alice = At(scene), scene.guests["alice"]

    def request(chaddr, source="0.0.0.0", sport=68, length=6):
        return raw(at.link() / s.IP(src=source, dst="255.255.255.255") / s.UDP(sport=sport, dport=67, chksum=0)
                   / s.BOOTP(chaddr=hex_bytes(chaddr), hlen=length) / s.DHCP(
                       options=[("message-type", "discover"), ("hostname", BLANK), "end"]), canary=False)

    for frame in [request(alice.mac), request(NOBODY), request(NOBODY, at.me.address), request(NOBODY, at.me.address, 5000),
                  request(at.me.mac, length=16)]:
        yield at.refused("dhcp", frame)
    place = 14 + 20 + 8 + 28
    for number, frame in enumerate(repeat(request(NOBODY), amount)):
        yield at.refused("dhcp", frame[:place] + struct.pack("!HI", 0x0200, 0x80000000 + number) + frame[place + 6:])
    for frame in repeat(request(at.me.mac), amount // 10):
        yield at.flood(frame)


# IS9, IS10: to be on another segment

@attack("IS9", "no tag leads anywhere")
def tags(scene, amount):
    at = At(scene)
    plain = at.datagram()
    own, theirs = scene.tags["mine"], scene.tags["theirs"]

    def tagged(*pairs):
        return plain[:12] + b"".join(struct.pack("!HH", *pair) for pair in pairs) + plain[12:]

    for kind in [0x8100, 0x88A8, 0x9100]:
        for tag in [own, theirs, 0, 1, 4095, 0xA000, 0xE000 | theirs]:
            yield at.refused("tagged", tagged((kind, tag)))
            for inner in [0x8100, 0x88A8]:
                yield at.refused("tagged", tagged((kind, tag), (inner, theirs)))
    # To the other's port and router by name.
    for mac in [scene.guests["bob"].mac, scene.routers["theirs"].mac]:
        frame = tagged((0x8100, theirs))
        yield at.refused("tagged", hex_bytes(mac) + frame[6:])


@attack("IS10", "what a guest encapsulates itself is opened by nobody")
def tunnels(scene, amount):
    at, bob = At(scene), scene.guests["bob"]
    host_mac = scene.door(at.me)
    for tag in [scene.tags["theirs"], scene.tags["mine"]]:
        inner = s.Ether(src=scene.routers["theirs"].mac, dst=bob.mac) / s.IP(
            src="10.1.1.1", dst=bob.address) / s.UDP(sport=1, dport=7)
        for port in [4789, 8472]:
            tunnel = s.UDP(sport=50000, dport=port) / s.VXLAN(vni=tag, flags=8) / inner
            yield at.home(raw(at.link() / s.IP(src=at.me.address, dst="255.255.255.255") / tunnel))
            yield at.refused("host", raw(at.link(to=host_mac) / s.IP(src=at.me.address, dst="10.255.0.1") / tunnel))
            # The host's address on the underlay leads outside, like everybody's, and there it belongs to nobody.
            yield at.outside(raw(at.link(to=at.router.mac) / s.IP(src=at.me.address, dst="10.255.0.1") / tunnel))
            yield at.refused("address", raw(at.link(to=at.router.mac) / s.IP(src="10.255.0.2", dst="10.255.0.1") / tunnel))


# IS11: IPv6

@attack("IS11", "IPv6 is for neighbours, under the own name")
def version6(scene, amount):
    at, alice = At(scene), scene.guests["alice"]
    other = link_local(alice.mac)
    yield at.home(raw(at.ip6() / s.UDP(sport=5, dport=6)))
    yield at.home(raw(at.ip6() / s.ICMPv6EchoRequest()))
    for target in [alice.mac, at.router.mac]:
        option = s.ICMPv6NDOptDstLLAddr(lladdr=target)
        yield at.refused("ipv6", raw(at.ip6() / s.ICMPv6ND_NA(tgt=link_local(target), S=0, O=1) / option))
        yield at.refused("ipv6", raw(at.ip6() / s.ICMPv6ND_NA(tgt=at.link_local, S=0, O=1) / option))
        yield at.refused("ipv6", raw(at.ip6() / s.ICMPv6ND_NS(tgt="fe80::9") / s.ICMPv6NDOptSrcLLAddr(lladdr=target)))
        yield at.refused("mac", raw(at.ip6(mac=target) / s.ICMPv6EchoRequest()))
        yield at.refused("ipv6", raw(at.ip6() / s.ICMPv6ND_Redirect(tgt=at.link_local, dst=link_local(target))))
    yield at.refused("ipv6", raw(at.ip6("::") / s.ICMPv6ND_NS(tgt=other)))
    yield at.refused("ipv6", raw(at.ip6(other) / s.ICMPv6EchoRequest()))
    advertisement = s.ICMPv6ND_RA() / s.ICMPv6NDOptMTU()
    for header in [s.IPv6ExtHdrHopByHop(), s.IPv6ExtHdrDestOpt(), s.IPv6ExtHdrFragment(m=0, offset=0),
                   s.IPv6ExtHdrFragment(m=1, offset=0), s.IPv6ExtHdrRouting(), s.IPv6ExtHdrHopByHop() / s.IPv6ExtHdrDestOpt()]:
        yield at.refused("ipv6", raw(at.ip6() / header / advertisement))
    host = scene.door(at.me)
    for to in [s.UDP(sport=5, dport=22), s.ICMPv6EchoRequest(), s.TCP(sport=5, dport=22)]:
        yield at.refused("host", raw(at.ip6(target=link_local(host), to=host) / to))
        # At the router there is no IPv6 that would hear it.
        yield at.at_router("raw-prerouting", raw(at.ip6(target=link_local(at.router.mac), to=at.router.mac) / to))
    bob = scene.guests["bob"]
    yield at.lost(raw(at.ip6(target=link_local(bob.mac), to=bob.mac) / s.ICMPv6EchoRequest()))


# IS13: to be like somebody else

@attack("IS13", "two tenants have the same connections, each their own")
def tuples(scene, amount):
    for number in range(max(200, amount // 10)):
        for name in ["mallory", "bob"]:
            at = At(scene, name)
            yield at.outside(at.datagram(to=at.router.mac, target="198.51.100.1", sport=1024 + number, dport=9007),
                             is_answered=True)


# IS18, IS19: the router and the host

@attack("IS18", "a router has no port for its guests but those of its services")
def ports_inside(scene, amount):
    at = At(scene)
    served = {("udp", 53), ("tcp", 53), ("tcp", 80), ("tcp", 8080)}
    for transport in ["udp", "tcp"]:
        for address in [at.router.address, at.router.public, "169.254.119.1"]:
            for port, frame in knocks(at, at.router.mac, address, transport, amount):
                if (transport, port) == ("udp", 67):
                    yield at.refused("dhcp", frame)
                elif address != at.router.address or (transport, port) not in served:
                    yield at.at_router("filter-input", frame)


@attack("IS18", "a router has no port for the outside but what rules open")
def ports_outside(scene, amount):
    at = At(scene, "outside")
    mine, theirs = scene.routers["mine"], scene.routers["theirs"]
    for transport in ["udp", "tcp"]:
        for router, address in [(mine, mine.public), (theirs, theirs.public), (theirs, DOOR)]:
            there = scene.outside | router.public_leg
            for port, frame in knocks(at, router.public_mac, address, transport, amount):
                if (address, transport, port) == (DOOR, "tcp", 80):
                    inside = there | router.leg | scene.guests["bob"].own
                    yield Shot(at.me, frame, inside, inside)
                else:
                    yield Shot(at.me, frame, there, there, ((f"{router.node} inet", "filter-input"),))


def knocks(at, mac, target, transport, amount):
    """A frame for each port, or for those that somebody might have open and some others."""
    numbers = range(1, 65536) if amount >= 100_000 else sorted({
        *range(1, 150), 443, 500, 514, 546, 547, 853, 1701, 1723, 3128, 3306, 3784, 3922, 4500, 4789, 5000, 5353, 5432, 6081,
        8080, 8081, 8443, 9100, 51820, *random.Random(18).sample(range(1, 65536), 300)})
    layer = s.UDP(sport=6000, dport=0) if transport == "udp" else s.TCP(sport=6000, dport=0, flags="S")
    frame = raw(at.link(to=mac) / s.IP(src=at.me.address, dst=target) / layer)
    place = 14 + 20 + 2
    return ((number, frame[:place] + struct.pack("!H", number) + frame[place + 2:]) for number in numbers)


@attack("IS19", "nothing of the host's, of other routers' or for hosts' own use is there")
def host(scene, amount):
    at = At(scene)
    door = scene.door(at.me)
    for target in ["10.255.0.1", "127.0.0.1", "10.1.1.250", "192.0.2.1", "169.254.169.254"]:
        yield at.refused("host", at.datagram(to=door, target=target, dport=22))
        yield at.refused("host", raw(at.link(to=door) / s.IP(src=at.me.address, dst=target) / s.TCP(
            sport=6000, dport=22, flags="S")))
    for target in ["169.254.119.1", "169.254.169.254"]:
        yield at.at_router("filter-input", at.datagram(to=at.router.mac, target=target, dport=3922))
    for mac in [scene.routers["theirs"].mac, scene.routers["theirs"].public_mac, scene.routers["mine"].public_mac]:
        yield at.lost(at.datagram(to=mac, target="169.254.119.1", dport=3922))
