"""Frames that a guest may send or not, each with what must become of it."""

import struct
from dataclasses import dataclass, field

import scapy.all as s

EVERYBODY, EVERYBODY6 = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"
CANARY = "canary-{:08d};"
BLANK = CANARY.format(0).encode()


@dataclass
class Shot:
    sender: object
    frame: bytes
    may: set = field(default_factory=set)
    must: set = field(default_factory=set)
    # What counts it, each once; or, for one of a flood, what counts it unless it is heard where it must be.
    counts: tuple = ()
    is_flood: bool = False
    # Whether somebody outside answers it, to this sender and nobody else.
    is_answered: bool = False


def raw(packet, canary=True):
    return bytes(packet / s.Raw(BLANK) if canary else packet)


def pad(packet):
    """A canary where there is no place for one inside."""
    return bytes(packet) + BLANK


class At:
    """Shots from a guest's port."""

    def __init__(self, scene, name="mallory"):
        self.scene, self.me = scene, scene.guests.get(name, scene.outsider)
        self.router = scene.routers.get(self.me.network)
        # Where what is said to everybody in its network is heard.
        self.there = scene.network(self.me.network)

    def refused(self, reason, frame):
        """Stopped where it comes in."""
        return Shot(self.me, frame, self.me.own, counts=((self.me.port, reason),))

    def home(self, frame):
        """For everybody in its own network."""
        return Shot(self.me, frame, self.there, self.there, self.unheard(frame))

    def flood(self, frame):
        """The same, unless there was too much of it."""
        return Shot(self.me, frame, self.there, self.there, ((self.me.port, "flood"),), is_flood=True)

    def unheard(self, frame):
        """What counts that a frame is not for the router whom it reaches. It has no IPv6, which its kernel drops before any
        rule; of what is for everybody it takes requests for addresses."""
        if self.router and frame[12:14] == b"\x86\xdd":
            return ((self.router.node, "IPv6"),)
        is_broadcast = frame[12:14] == b"\x08\x00" and frame[33] == 255
        if self.router and is_broadcast and frame[36:38] != struct.pack("!H", 67):
            return ((f"{self.router.node} inet", "filter-input"),)
        return ()

    def lost(self, frame):
        """For nobody whom the bridge knows: everywhere in its own network, but not to guests."""
        others = [guest for guest in self.scene.guests.values() if guest.network == self.me.network and guest is not self.me]
        there = self.scene.network(self.me.network, but=others)
        return Shot(self.me, frame, there, there, tuple((guest.port, "unaddressed") for guest in others))

    def outside(self, frame, **more):
        """By its own router to the outside."""
        there = self.me.own | self.router.leg | self.router.public_leg | self.scene.outside
        return Shot(self.me, frame, there, there, **more)

    def at_router(self, chain, frame):
        """As far as its own router, which drops it."""
        counts = self.unheard(frame) or ((f"{self.router.node} inet", chain),)
        return Shot(self.me, frame, self.me.own | self.router.leg, self.router.leg, counts)

    def kept(self, frame, counts=()):
        """The bridge or the wire itself keeps it."""
        return Shot(self.me, frame, self.me.own, counts=counts)

    # Frames

    def link(self, source=None, to=EVERYBODY, kind=None):
        layer = s.Ether(src=source or self.me.mac, dst=to)
        if kind is not None:
            layer.type = kind
        return layer

    def datagram(self, source=None, mac=None, to=EVERYBODY, target="10.1.1.255", sport=5000, dport=5001):
        return raw(self.link(mac, to) / s.IP(src=source or self.me.address, dst=target) / s.UDP(sport=sport, dport=dport))

    def arp(self, operation=1, hw=None, ip=None, target="10.1.1.20", to=EVERYBODY, mac=None, **more):
        return pad(self.link(mac, to) / s.ARP(op=operation, hwsrc=hw or self.me.mac, psrc=ip or self.me.address,
                                              hwdst="00:00:00:00:00:00", pdst=target, **more))

    @property
    def link_local(self):
        return link_local(self.me.mac)

    def ip6(self, source=None, mac=None, target="ff02::1", to=EVERYBODY6, hlim=255):
        return self.link(mac, to) / s.IPv6(src=source or self.link_local, dst=target, hlim=hlim)


def link_local(mac):
    part = [int(byte, 16) for byte in mac.split(":")]
    return "fe80::%02x%02x:%02xff:fe%02x:%02x%02x" % (part[0] ^ 2, *part[1:])


def with_canary(frame, number):
    """The frame with its number, and with the checksum that this takes."""
    frame = frame.replace(BLANK, CANARY.format(number).encode())
    if frame[12:14] != b"\x08\x00" or len(frame) < 42 or frame[14] != 0x45 or frame[23] not in (6, 17):
        return frame
    place = 34 + (16 if frame[23] == 6 else 6)
    if frame[23] == 17 and frame[place:place + 2] == b"\0\0":
        return frame
    end = 14 + struct.unpack("!H", frame[16:18])[0]
    segment = frame[34:place] + b"\0\0" + frame[place + 2:end]
    pseudo = frame[26:34] + struct.pack("!HH", frame[23], len(segment))
    return frame[:place] + struct.pack("!H", s.checksum(pseudo + segment) or 0xFFFF) + frame[place + 2:]


def hex_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))
