"""What the rows about guests' services share: a network of the daemon's with one guest that asks, and a peer's router with the
same addresses.

Every server is asked by the same program over the same kind of wire: a namespace that is a guest, a bridge, and a namespace that
is a router.
"""
import ctypes
import os
import re
import subprocess
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


# What a router has to ask of packets to its own services, and no more.
ROUTER = """
table inet peer {
    chain input { type filter hook input priority 0; policy drop;
        ct state established,related accept
        iifname "lo" accept
        iifname "eth0" udp dport { 53, 67 } accept
        iifname "eth0" tcp dport { 53, 80, 8080 } accept
        iifname "eth0" meta l4proto icmp accept
        iifname "eth1" meta l4proto icmp accept
    }
    chain output { type filter hook output priority 0; }
}
"""


class Peer:
    """A server of somebody else's in a router of its own, with the same names and addresses, on a bridge with the guest that
    asks it."""

    def __init__(self):
        self.process = None
        sh("ip netns add peer; ip netns add peer-guest; ip link add peer type bridge forward_delay 0 mcast_snooping 0;"
           "ip link set peer addrgenmode none up;"
           "for end in peer peer-guest; do ip link add $end-port type veth peer name eth0 netns $end;"
           " ip link set $end-port master peer addrgenmode none up; ip -n $end link set lo up; ip -n $end link set eth0 up; done;"
           f"ip -n peer address add {SERVER}/16 dev eth0; ip -n peer-guest address add {GUEST}/16 dev eth0")
        subprocess.run(["ip", "netns", "exec", "peer", "nft", "-f", "-"], input=ROUTER, check=True, text=True)

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
        # The daemon's own clean-up may have had the namespaces already.
        for line in ("ip netns del peer", "ip netns del peer-guest", "ip link del peer"):
            sh(line, check=False)


class Serving:
    def __init__(self, bench, zone):
        self.bench, self.zone = bench, zone
        self.guests = 1000 if bench.quick else 10000
        self.addresses = [f"10.1.{n // 200}.{n % 200 + 10}" for n in range(self.guests)]

    def with_network(self, body):
        """One network whose guests have no ports here; the first has one of ours, from which everything is asked. Its
        router's resolver is the internet of the simulator's profile."""
        def inside(daemon):
            daemon.apply(self.zone(
                networks=[{"name": "town", "zone": "z", "cidr": "10.1.0.0/16", "gateway": SERVER}],
                guests=[{"name": f"g{n}", "port": "none", "nics": [{"network": "town", "address": address}]}
                        for n, address in enumerate(self.addresses)]))
            routers = daemon.call("listRouters", listall="true")["router"]
            router = next(router["name"] for router in routers if router["guestnetworkname"] == "town")
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
        self.bench.with_daemon(inside, "--profile", "simulator")


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
