"""A cloud by apache-libcloud: deploy, acquire, forward, release; and after each step packets that show it."""

from urllib.parse import urlsplit

from ground import HOST, INTERNET, arguments, check, chosen, echo, knock, listener, meets, nobody_came, step
from libcloud.common.cloudstack import CloudStackConnection
from libcloud.compute.providers import get_driver
from libcloud.compute.types import NodeState, Provider
from libcloud.loadbalancer.base import Algorithm, Member
from libcloud.loadbalancer.providers import get_driver as get_balancing_driver
from libcloud.loadbalancer.types import Provider as BalancingProvider

address, key, secret = arguments()
place = urlsplit(address)
# It polls every second otherwise.
CloudStackConnection.poll_interval = 0.05
cloud = get_driver(Provider.CLOUDSTACK)(
    key=key, secret=secret, secure=False, host=place.hostname, port=place.port, path=place.path)

step("a key, and a machine on the network that there is")
pair = cloud.create_key_pair(name="story")
check(pair.private_key.startswith("-----BEGIN RSA PRIVATE KEY-----"), "a private key")
check(cloud.get_key_pair("story").fingerprint == pair.fingerprint, "the key is found")
size = next(size for size in cloud.list_sizes() if size.name == "Small Instance")
image = cloud.list_images()[0]
machine = cloud.create_node(
    name="reader", size=size, image=image, location=cloud.list_locations()[0], ex_keyname="story",
    ex_userdata="#!/bin/sh\n", ex_displayname="Story reader", ex_start_vm=True)
check(machine.state == NodeState.RUNNING and len(machine.private_ips) == 1, f"{machine}")
check(machine.extra["size_id"] == size.id, f"{machine.extra}")
found = cloud._sync_request("listVirtualMachines", params={"id": machine.id})["virtualmachine"][0]
# The driver itself looks for a field that CloudStack renamed in 4.17.
check(found["keypairs"] == "story", f"{found}")
node = found["instancename"]
echo(node)

step("an address, with a forward that opens its firewall")
network = next(n for n in cloud.ex_list_networks() if n.id == found["nic"][0]["networkid"])
public = cloud.ex_allocate_public_ip(network_id=network.id)
web = listener(node, 8080)
rule = cloud.ex_create_port_forwarding_rule(machine, public, 8080, 80, "TCP")
check(meets(INTERNET, public.address, 80, web) == HOST, "the machine sees who asks")
check([r.id for r in cloud.ex_list_port_forwarding_rules()] == [rule.id], "the rule is listed")

step("the forward goes, and another comes")
check(cloud.ex_delete_port_forwarding_rule(machine, rule) is True, "it goes")
other = listener(node, 9090)
pending = knock(INTERNET, public.address, 80)
rule = cloud.ex_create_port_forwarding_rule(machine, public, 9090, 90, "TCP")
meets(INTERNET, public.address, 90, other)
check(nobody_came(web), "nobody comes by a rule that went")
pending.close()
check(cloud.ex_delete_port_forwarding_rule(machine, rule) is True, "it goes")

step("a balancer with an address of its own")
balancing = get_balancing_driver(BalancingProvider.CLOUDSTACK)(
    key=key, secret=secret, secure=False, host=place.hostname, port=place.port, path=place.path)
second = cloud.create_node(
    name="listener", size=size, image=image, location=cloud.list_locations()[0], networks=[network], ex_start_vm=True)
found = cloud._sync_request("listVirtualMachines", params={"id": second.id})["virtualmachine"][0]
pair = [listener(node, 7000), listener(found["instancename"], 7000)]
balancer = balancing.create_balancer(
    name="pair", members=[Member(each.id, each.private_ips[0], 7000) for each in (machine, second)], port=70,
    algorithm=Algorithm.ROUND_ROBIN, private_port=7000, network_id=network.id)
check({member.id for member in balancer.list_members()} == {machine.id, second.id}, "both are members")
turns = [chosen(INTERNET, balancer.ip, 70, pair) for _ in range(10)]
check(turns.count(0) == turns.count(1) == 5, f"each in turn: {turns}")
check(balancer.detach_member(Member(second.id, second.private_ips[0], 7000)), "one goes")
check([chosen(INTERNET, balancer.ip, 70, pair) for _ in range(4)] == [0] * 4, "one who left is not asked")
check([each.id for each in balancing.list_balancers()] == [balancer.id], "the balancer is listed")
balancing.destroy_balancer(balancer)
check(balancing.list_balancers() == [], "the balancer is gone")
check(cloud.destroy_node(second, ex_expunge=True), "its second machine ends")

step("the machine stops, starts and ends")
cloud.ex_stop(machine)
check(cloud.ex_get_node(machine.id).state == NodeState.STOPPED, "it stands still")
cloud.ex_start(machine)
node = cloud._sync_request("listVirtualMachines", params={"id": machine.id})["virtualmachine"][0]["instancename"]
echo(node)
check(cloud.reboot_node(machine), "it starts again")
check(cloud.ex_release_public_ip(public), "the address goes")
check(cloud.destroy_node(machine, ex_expunge=True), "it ends")
check(machine.id not in [node.id for node in cloud.list_nodes()], "it is gone")
step("done")
