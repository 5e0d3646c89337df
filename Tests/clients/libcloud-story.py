"""A cloud by apache-libcloud: deploy, acquire, forward, release; and after each step packets that show it."""

from urllib.parse import urlsplit

from ground import HOST, INTERNET, arguments, check, echo, knock, listener, meets, nobody_came, step
from libcloud.common.cloudstack import CloudStackConnection
from libcloud.compute.providers import get_driver
from libcloud.compute.types import NodeState, Provider

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
