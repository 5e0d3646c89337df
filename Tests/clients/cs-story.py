"""A cloud by `cs`, the client that Ansible's modules stand on: deploy, acquire, forward, firewall, release; and after each
step packets that show it."""

import base64

from cs import CloudStack, CloudStackApiException
from ground import HOST, INTERNET, arguments, came_through, check, chosen, echo, knock, listener, meets, nobody_came, step

address, key, secret = arguments()
api = CloudStack(endpoint=address, key=key, secret=secret, poll_interval=0.05)


def finish(command, **parameters):
    """The result of a job: `cs` polls until there is one."""
    return getattr(api, command)(fetch_result=True, **parameters)


def refused(command, **parameters):
    try:
        getattr(api, command)(fetch_result=True, **parameters)
    except CloudStackApiException as error:
        return error.error["errorcode"]
    return None


zone = api.listZones()["zone"][0]
offering = api.listServiceOfferings(name="Small Instance")["serviceoffering"][0]
template = api.listTemplates(templatefilter="executable", zoneid=zone["id"])["template"][0]
made_of = {"zoneid": zone["id"], "serviceofferingid": offering["id"], "templateid": template["id"]}

step("a key, a network and a machine")
pair = api.createSSHKeyPair(name="story")["keypair"]
check(pair["privatekey"].startswith("-----BEGIN RSA PRIVATE KEY-----"), "a private key")
isolated = api.listNetworkOfferings(name="DefaultIsolatedNetworkOfferingWithSourceNatService")["networkoffering"][0]
network = api.createNetwork(
    name="story", displaytext="A story", zoneid=zone["id"], networkofferingid=isolated["id"], gateway="10.7.7.1",
    netmask="255.255.255.0")["network"]
check(network["state"] == "Allocated", "a network that nobody is on")
userdata = base64.b64encode(b"#!/bin/sh\n").decode()
machine = finish(
    "deployVirtualMachine", name="teller", displayname="Story teller", networkids=network["id"], keypair="story",
    userdata=userdata, **made_of)["virtualmachine"]
check(machine["state"] == "Running" and machine["keypairs"] == "story", f"{machine}")
check(machine["serviceofferingname"] == "Small Instance" and machine["memory"] == 512, f"{machine}")
node, nic = machine["instancename"], machine["nic"][0]
check(api.listVirtualMachines(keyword="story t")["count"] == 1, "found by its display name")
shown = api.getVirtualMachineUserData(virtualmachineid=machine["id"])["virtualmachineuserdata"]
check(shown["userdata"] == userdata, "its user data")
echo(node)

step("an address, with a forward that its own firewall rule lets in")
public = finish("associateIpAddress", networkid=network["id"])["ipaddress"]
web = listener(node, 8080)
closed = listener(node, 9090)
forward = finish(
    "createPortForwardingRule", ipaddressid=public["id"], protocol="tcp", publicport=80, privateport=8080,
    virtualmachineid=machine["id"], openfirewall=False)["portforwardingrule"]
finish(
    "createPortForwardingRule", ipaddressid=public["id"], protocol="tcp", publicport=90, privateport=9090,
    virtualmachineid=machine["id"], openfirewall=False)
rule = finish(
    "createFirewallRule", ipaddressid=public["id"], protocol="tcp", startport=80, endport=80, cidrlist=f"{HOST}/32")[
        "firewallrule"]
# What is let in after it has come through: what came before is not on its way any more.
pending = knock(INTERNET, public["ipaddress"], 90)
check(meets(INTERNET, public["ipaddress"], 80, web) == HOST, "the machine sees who asks")
check(nobody_came(closed), "the port that no firewall rule opens stays closed")
pending.close()

step("the firewall closes it again")
finish("deleteFirewallRule", id=rule["id"])
pending = knock(INTERNET, public["ipaddress"], 80)
opened = finish(
    "createFirewallRule", ipaddressid=public["id"], protocol="tcp", startport=90, endport=90)["firewallrule"]
meets(INTERNET, public["ipaddress"], 90, closed)
check(nobody_came(web), "nobody comes in by a rule that went")
pending.close()
finish("deleteFirewallRule", id=opened["id"])

step("what goes out is a matter of rules too")
egress = finish(
    "createEgressFirewallRule", networkid=network["id"], protocol="tcp", startport=7, endport=7,
    cidrlist="10.7.7.0/24")["firewallrule"]
outside = listener(INTERNET, 6000)
pending = knock(node, HOST, 7)
meets(node, HOST, 6000, outside)
check(not came_through(pending), "what the rule denies does not come out")
pending.close()
finish("deleteEgressFirewallRule", id=egress["id"])
echo(node)

step("connections are balanced between two machines")
second = finish(
    "deployVirtualMachine", name="chorus", networkids=network["id"], userdata=userdata, **made_of)["virtualmachine"]
singers = [listener(node, 7000), listener(second["instancename"], 7000)]
balancer = finish(
    "createLoadBalancerRule", publicipid=public["id"], name="choir", algorithm="roundrobin", publicport=700,
    privateport=7000, openfirewall=False)["loadbalancer"]
finish("assignToLoadBalancerRule", id=balancer["id"], virtualmachineids=f"{machine['id']},{second['id']}")
finish("createFirewallRule", ipaddressid=public["id"], protocol="tcp", startport=700, endport=700, cidrlist=f"{HOST}/32")
members = api.listLoadBalancerRuleInstances(id=balancer["id"])["loadbalancerruleinstance"]
check({member["id"] for member in members} == {machine["id"], second["id"]}, f"{members}")
turns = [chosen(INTERNET, public["ipaddress"], 700, singers) for _ in range(10)]
check(turns.count(0) == turns.count(1) == 5, f"each in turn: {turns}")
finish("removeFromLoadBalancerRule", id=balancer["id"], virtualmachineids=machine["id"])
check([chosen(INTERNET, public["ipaddress"], 700, singers) for _ in range(4)] == [1] * 4, "one who left is not asked")
finish("destroyVirtualMachine", id=second["id"], expunge=True)
check(finish("deleteLoadBalancerRule", id=balancer["id"])["success"] is True, "the rule goes")
check("loadbalancerrule" not in api.listLoadBalancerRules(publicipid=public["id"]), "and is listed no more")

step("everything is given back")
check(refused("disassociateIpAddress", id=public["id"]) is None, "an address goes with its rules")
check(refused("deleteNetwork", id=network["id"]) == 536, "a network with a machine stays")
gone = finish("destroyVirtualMachine", id=machine["id"])["virtualmachine"]
check(gone["state"] == "Destroyed", f"{gone}")
check(api.recoverVirtualMachine(id=machine["id"])["virtualmachine"]["state"] == "Stopped", "it comes back")
finish("startVirtualMachine", id=machine["id"])
echo(node)
finish("destroyVirtualMachine", id=machine["id"], expunge=True)
check("virtualmachine" not in api.listVirtualMachines(keyword="story"), "it is gone for good")
finish("deleteNetwork", id=network["id"])
check(api.deleteSSHKeyPair(name="story")["success"] is True, "the key goes")
step("done")
