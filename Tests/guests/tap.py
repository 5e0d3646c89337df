"""Plays a virtual machine behind a tap, as its monitor would: opens the tap by its name and speaks through it.

    tap.py NAME MAC NEIGHBOUR-MAC NEIGHBOUR-ADDRESS

Asks DHCP for its address, pings its gateway, and says what the lease was and that the answer came. Then it waits for lines:
`ping` pings once more, `forge` sends what no guest may send and then a truthful frame with the canary `end`, `quit` ends it.
Shares nothing with the product: the kernel's own interface for taps, and scapy.
"""
import fcntl
import os
import select
import struct
import sys
import time

import scapy.all as s

s.conf.verb = 0
NAME, MAC, NEIGHBOUR, NEIGHBOUR_ADDRESS = sys.argv[1:]
EVERYBODY = "ff:ff:ff:ff:ff:ff"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000

tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", NAME.encode(), IFF_TAP | IFF_NO_PI))


def send(frame):
    os.write(tap, bytes(frame))


def hear(wanted, again=None, limit=20):
    """The first frame that is wanted; what was asked is asked again, as clients do."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if again is not None:
            send(again)
        pause = time.monotonic() + 1
        while select.select([tap], [], [], max(0, pause - time.monotonic()))[0]:
            packet = s.Ether(os.read(tap, 65536))
            if packet.src != MAC and wanted(packet):
                return packet
    sys.exit(f"nothing heard for {again.summary() if again else 'that'}")


def options(packet):
    return {o[0]: o[1] for o in packet[s.DHCP].options if isinstance(o, tuple)}


def dhcp(kind, *more):
    return (s.Ether(src=MAC, dst=EVERYBODY) / s.IP(src="0.0.0.0", dst="255.255.255.255") / s.UDP(sport=68, dport=67)
            / s.BOOTP(chaddr=bytes.fromhex(MAC.replace(":", "")), xid=0x5151, flags=0x8000)
            / s.DHCP(options=[("message-type", kind), ("param_req_list", [1, 3, 6, 26, 51]), *more, "end"]))


def is_answer(kind):
    return lambda p: s.DHCP in p and p[s.BOOTP].xid == 0x5151 and options(p).get("message-type") == kind


offer = hear(is_answer(2), dhcp("discover"))
given = offer[s.BOOTP].yiaddr
server = options(offer)["server_id"]
lease = options(hear(is_answer(5), dhcp("request", ("requested_addr", given), ("server_id", server))))
router = lease["router"]
print("lease", given, router, lease["interface-mtu"], flush=True)

question = s.Ether(src=MAC, dst=EVERYBODY) / s.ARP(op=1, hwsrc=MAC, psrc=given, pdst=router)
door = hear(lambda p: s.ARP in p and p[s.ARP].op == 2 and p[s.ARP].psrc == router, question)[s.ARP].hwsrc
pings = 0


def ping():
    global pings
    pings += 1
    number = pings
    hear(lambda p: s.ICMP in p and p[s.ICMP].type == 0 and p[s.ICMP].seq == number,
         s.Ether(src=MAC, dst=door) / s.IP(src=given, dst=router) / s.ICMP(id=7, seq=number))
    print("answered", number, flush=True)


def words(name):
    return s.Raw(f"canary-{name};".encode())


def datagram(mac, address, name):
    return s.Ether(src=mac, dst=NEIGHBOUR) / s.IP(src=address, dst=NEIGHBOUR_ADDRESS) / s.UDP(dport=5001) / words(name)


def forge():
    other = "02:00:00:00:99:99"
    send(datagram(other, given, "mac"))
    send(datagram(MAC, "10.1.1.77", "address"))
    send(datagram(MAC, router, "router"))
    send(s.Ether(src=MAC, dst=NEIGHBOUR) / s.ARP(op=2, hwsrc=MAC, psrc=router, hwdst=NEIGHBOUR, pdst=NEIGHBOUR_ADDRESS)
         / words("arp"))
    send(s.Ether(src=MAC, dst=NEIGHBOUR) / s.IP(src=given, dst=NEIGHBOUR_ADDRESS) / s.UDP(sport=67, dport=68)
         / words("dhcp"))
    send(s.Ether(src=MAC, dst=NEIGHBOUR) / s.Dot1Q(vlan=100) / s.IP(src=given, dst=NEIGHBOUR_ADDRESS) / s.UDP(dport=5001)
         / words("tagged"))
    send(s.Ether(src=MAC, dst="01:80:c2:00:00:00", type=38) / words("control"))
    send(datagram(MAC, given, "end"))
    print("forged", flush=True)


ping()
for line in sys.stdin:
    if line.strip() == "quit":
        break
    {"ping": ping, "forge": forge}[line.strip()]()
