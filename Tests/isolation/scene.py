"""The cloud that is attacked, as its API tells it, and what is counted in it, as the kernel tells it."""

import json
import subprocess

from ears import HOST, sh
from ground import HOST as OUTSIDER
from ground import INTERNET

WALL = "wall"


def ask(sluice):
    """What a running daemon says, by its command line."""
    told = {}
    for command, name in [("listPorts", "port"), ("listRouters", "router"), ("listNetworks", "network")]:
        words = [sluice, "api", command, "pagesize=-1"] + (["listall=true"] if name != "port" else [])
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{command}: {done.stderr}")
        told[command] = json.loads(done.stdout).get(name, [])
    return told


class Party:
    """A guest's port: `mallory`, or `mallory/1` for the second NIC."""

    def __init__(self, port):
        self.name = port["name"]
        self.node, self.device = port["namespace"], port["device"]
        self.port, self.bridge = port["hostdevice"], port["segment"]
        self.mac, self.address = port["macaddress"], port["ipaddress"][0]
        self.gateway_mac = port.get("gatewaymac")
        self.network = port["networkname"]

    @property
    def own(self):
        return {f"{HOST}/{self.port}", f"{self.node}/{self.device}"}


class Outsider:
    """Somebody in front of the routers."""

    def __init__(self, device, mac):
        self.name, self.node, self.device, self.mac, self.address = "outside", INTERNET, device, mac, OUTSIDER
        self.network = None

    @property
    def own(self):
        return set()


class Router:
    def __init__(self, row):
        self.node, self.network = row["name"], row["guestnetworkname"]
        self.address, self.mac = row["guestipaddress"], row["guestmacaddress"]
        self.public, self.public_mac = row["publicip"], row["publicmacaddress"]
        number = self.node.split("-")[1]
        self.leg = {f"{self.node}/eth0", f"{HOST}/slr{number}e0"}
        self.public_leg = {f"{self.node}/eth1", f"{HOST}/slr{number}e1"}


class Scene:
    def __init__(self, told):
        """`told` is what the API says: lists by command."""
        ports = told["listPorts"]
        self.guests = {port["name"]: Party(port) for port in ports if "hostdevice" in port}
        self.routers = {row["guestnetworkname"]: Router(row) for row in told["listRouters"]}
        networks = {row["name"]: row for row in told["listNetworks"]}
        self.tags = {name: int(row["broadcasturi"].split("//")[1])
                     for name, row in networks.items() if row.get("broadcasturi", "").split("//")[-1].isdigit()}
        # Where the segment of a public range is: the port outside with this range's addresses beside it.
        router = self.routers["mine"]
        outside = next(port for port in ports
                       if any(near["address"] == router.public for near in port.get("neighbour", [])))
        device = outside["device"]
        self.outside = {f"{INTERNET}/{device}", f"{HOST}/sli{device.removeprefix('eth')}"}
        self.outsider = Outsider(device, json.loads(sh(f"ip -j link show {device}", INTERNET))[0]["address"])
        self.links = {link["ifname"]: link["address"] for link in json.loads(sh("ip -j link"))}
        self.nodes = sorted({guest.node for guest in self.guests.values()} | {router.node for router in self.routers.values()}
                            | {INTERNET, WALL})

    def network(self, name, but=()):
        """Where what is said to everybody in a network is heard: by its guests and its router, and on the cable. The host,
        whose bridge it is, is not among them."""
        places = set()
        for guest in self.guests.values():
            if guest.network == name and guest not in but:
                places |= guest.own
        if name in self.routers:
            places |= self.routers[name].leg
        if name in self.tags:
            tag = self.tags[name]
            device = f"slv{tag}" if f"slv{tag}" in self.links else f"trunk0.{tag}"
            if device in self.links:
                places |= {f"{HOST}/{device}", f"{HOST}/trunk0#{tag}", f"{WALL}/wire#{tag}"}
        return places

    def counted(self):
        """Every count of something refused or dropped: at ports by reason, in tables by chain, in devices by the kernel."""
        counts = {}
        for node in [HOST] + [router.node for router in self.routers.values()]:
            for item in json.loads(sh("nft -j list ruleset", node))["nftables"]:
                if "set" in item and item["set"]["name"].startswith("refused-"):
                    for element in item["set"].get("elem", []):
                        if "counter" in element.get("elem", {}):
                            key = (element["elem"]["val"], item["set"]["name"].removeprefix("refused-"))
                            counts[key] = element["elem"]["counter"]["packets"]
                elif "rule" in item:
                    add(counts, (f"{node} {item['rule']['family']}", item["rule"]["chain"]), item["rule"]["expr"])
        # What routers ask everybody, the host's bridges hear and drop, whatever is sent here.
        counts.pop((f"{HOST} bridge", "port-input"), None)
        for router in self.routers.values():
            lines = dict(line.split() for line in sh("cat /proc/net/snmp6", router.node).splitlines())
            counts[router.node, "IPv6"] = int(lines["Ip6InDiscards"])
        for link in json.loads(sh("ip -j -s link")):
            if link["ifname"].startswith("slg"):
                counts[link["ifname"], "device"] = link["stats64"]["rx"]["dropped"]
        return counts

    def door(self, guest):
        """The MAC of the host's bridge at a port."""
        return self.links[guest.bridge]

    def misplaced(self):
        """Where bridges have learned that somebody is, and he is not."""
        places = {guest.mac: guest.port for guest in self.guests.values()}
        for router in self.routers.values():
            places[router.mac], places[router.public_mac] = sorted(
                place.split("/")[1] for place in router.leg | router.public_leg if place.startswith(HOST))
        faults = []
        for line in sh("bridge fdb show").splitlines():
            mac, _, device, *more = line.split()
            is_strange = device.startswith("slg") and places.get(mac) != device and "permanent" not in more
            if places.get(mac, device) != device or is_strange:
                faults.append(f"learned: {line}")
        return faults

    def misled(self):
        """What machines believe of each other that is not so."""
        macs = {(guest.network, guest.address): guest.mac for guest in self.guests.values()}
        macs |= {(name, router.address): router.mac for name, router in self.routers.items()}
        homes = {guest.node: guest.network for guest in self.guests.values() if guest.network in self.routers}
        homes |= {router.node: name for name, router in self.routers.items()}
        faults = []
        for node, network in homes.items():
            for line in sh("ip neigh show dev eth0", node).splitlines():
                words = line.split()
                if "lladdr" in words and words[words.index("lladdr") + 1] != macs.get((network, words[0])):
                    faults.append(f"{node} has learned: {line}")
        return faults


def add(counts, key, expressions):
    ends = [expression for expression in expressions if "drop" in expression]
    packets = [expression["counter"]["packets"] for expression in expressions
               if isinstance(expression.get("counter"), dict) and "packets" in expression["counter"]]
    if ends and packets:
        counts[key] = counts.get(key, 0) + packets[0]
