"""What a hostile guest sends, and what its neighbour hears of it. Run inside the namespaces of the two.

    rogue.py hear                                   prints a line for each canary that comes by eth0, until `end` has come
    rogue.py servers NEIGHBOUR ROUTER               speaks for servers: DHCP, routers, DHCPv6, names (IS5)
    rogue.py starve COUNT                           asks for addresses as many machines that it is not (IS6)
    rogue.py steal NEIGHBOUR ROUTER                 asks the router for names and pages as its neighbour (IS7, IS8)

Every frame carries the word `canary-` and what it is, so that what comes through has a name.
"""
import random
import socket
import sys
import threading

import scapy.all as s

s.conf.verb = 0
LINK = "eth0"
EVERYBODY = "ff:ff:ff:ff:ff:ff"
STOLEN = range(41000, 41100)
OWN = s.get_if_hwaddr(LINK)
OWN_ADDRESS = s.get_if_addr(LINK)


def wire():
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    raw.bind((LINK, 0))
    return raw


def hear():
    raw = wire()
    print("hears", flush=True)
    while True:
        frame = raw.recv(2048)
        packet = s.Ether(frame)
        if s.TCP in packet and packet[s.TCP].flags == "SA" and packet[s.TCP].dport in STOLEN:
            print("heard connection", flush=True)
        at = frame.find(b"canary-")
        if at < 0 or frame[6:12] == bytes.fromhex(OWN.replace(":", "")):
            continue
        word = frame[at + 7:].split(b";")[0].decode(errors="replace")
        print("heard", word, flush=True)
        if word == "end":
            return


def words(name):
    return s.Raw(f"canary-{name};".encode())


def end(raw, neighbour):
    """What it may send, after all else: nothing before it can still be under way."""
    raw.send(bytes(s.Ether(src=OWN, dst=neighbour.mac) / s.IP(src=OWN_ADDRESS, dst=neighbour.address)
                   / s.UDP(sport=5000, dport=5001) / words("end")))


class Neighbour:
    def __init__(self, text):
        self.mac, self.address = text.split("/")


def offer(kind, neighbour, source, mac):
    options = [("message-type", kind), ("server_id", source), ("lease_time", 3600), ("router", OWN_ADDRESS),
               ("name_server", OWN_ADDRESS), (121, bytes([0]) + socket.inet_aton(OWN_ADDRESS)),
               ("error_message", f"canary-dhcp-{kind};".encode()), "end"]
    return [s.Ether(src=mac, dst=to) / s.IP(src=source, dst=address) / s.UDP(sport=67, dport=68)
            / s.BOOTP(op=2, yiaddr="10.1.1.99", siaddr=OWN_ADDRESS, chaddr=bytes.fromhex(neighbour.mac.replace(":", "")))
            / s.DHCP(options=options)
            for to, address in [(EVERYBODY, "255.255.255.255"), (neighbour.mac, neighbour.address)]]


def servers(neighbour, router):
    raw = wire()
    own6 = "fe80::1"
    everybody6 = "33:33:00:00:00:01"
    frames = []
    for kind in ["offer", "ack", "nak"]:
        for source, mac in [(OWN_ADDRESS, OWN), (router.address, OWN), (router.address, router.mac)]:
            frames += offer(kind, neighbour, source, mac)
    frames += [
        s.Ether(src=OWN, dst=everybody6) / s.IPv6(src=own6, dst="ff02::1", hlim=255) / s.ICMPv6ND_RA()
        / s.ICMPv6NDOptPrefixInfo(prefix="2001:db8::", prefixlen=64) / words("advertisement"),
        s.Ether(src=OWN, dst=everybody6) / s.IPv6(src=own6, dst="ff02::1") / s.UDP(sport=547, dport=546) / words("dhcpv6"),
    ]
    # An answer for the router, whose names are believed.
    for mac in [OWN, router.mac]:
        frames.append(s.Ether(src=mac, dst=neighbour.mac) / s.IP(src=router.address, dst=neighbour.address)
                      / s.UDP(sport=53, dport=5353) / words("names"))
    for frame in frames:
        raw.send(bytes(frame))
    print("sent", len(frames), flush=True)
    end(raw, neighbour)


def steal(neighbour, router):
    raw, port = wire(), iter(STOLEN)
    # Nobody's question and nobody's connection but its own: the last one, which is heard here.
    names = [(neighbour.address, OWN), (neighbour.address, neighbour.mac), (OWN_ADDRESS, neighbour.mac),
             ("0.0.0.0", OWN), ("10.1.1.250", OWN), (router.address, OWN), ("127.0.0.1", OWN), (OWN_ADDRESS, OWN)]
    for address, mac in names:
        link = s.Ether(src=mac, dst=router.mac) / s.IP(src=address, dst=router.address)
        raw.send(bytes(link / s.UDP(sport=next(port), dport=53)
                       / s.DNS(rd=1, qd=s.DNSQR(qname=f"canary-{address};."))))
        for service in [80, 8080, 53]:
            raw.send(bytes(link / s.TCP(sport=next(port), dport=service, flags="S")))
    answers = 0
    while answers < 4:
        packet = s.Ether(raw.recv(2048))
        if packet.src != router.mac or s.IP not in packet:
            continue
        if s.UDP in packet and packet[s.UDP].sport == 53 or s.TCP in packet and packet[s.TCP].flags == "SA":
            print("answered", packet[s.IP].dst, flush=True)
            answers += 1
    end(raw, neighbour)


def discover(chaddr, mac):
    return bytes(s.Ether(src=mac, dst=EVERYBODY) / s.IP(src="0.0.0.0", dst="255.255.255.255") / s.UDP(sport=68, dport=67)
                 / s.BOOTP(chaddr=bytes.fromhex(chaddr.replace(":", "")), xid=random.getrandbits(32), flags=0x8000)
                 / s.DHCP(options=[("message-type", "discover"), "end"]))


def starve(count):
    """Under its own name and under others, in the frame, in the message and in both; says which addresses it was offered."""
    raw, offered = wire(), set()

    def listen():
        while True:
            frame = s.Ether(raw.recv(2048))
            if s.BOOTP in frame and frame[s.BOOTP].op == 2:
                offered.add((frame[s.BOOTP].chaddr[:6].hex(":"), frame[s.BOOTP].yiaddr))
                heard.set()

    heard = threading.Event()
    threading.Thread(target=listen, daemon=True).start()
    random.seed(1)
    strangers = ["02:00:00:%02x:%02x:%02x" % tuple(random.randbytes(3)) for _ in range(64)]
    frames = [discover(OWN, OWN)]
    for stranger in strangers:
        frames += [discover(stranger, OWN), discover(OWN, stranger), discover(stranger, stranger)]
    for index in range(count):
        raw.send(frames[index % len(frames)])
    # After a pause its own question is within its rate again.
    for _ in range(100):
        raw.send(frames[0])
        if heard.wait(0.3):
            break
    print("offered", sorted(offered), flush=True)


if sys.argv[1] == "hear":
    hear()
elif sys.argv[1] in ["servers", "steal"]:
    {"servers": servers, "steal": steal}[sys.argv[1]](*map(Neighbour, sys.argv[2:4]))
else:
    starve(int(sys.argv[2]))
