import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let guests: [Command] = [
        .change(
            "deployVirtualMachine", "Creates a machine with its ports on networks", isAsync: true, isCreation: true,
            [
                Parameter("zoneid", .uuid, required: true, related: "listZones", "its zone"),
                Parameter("name", "its name; the id when absent"),
                Parameter("networkids", .list, maxLength: 4_096, related: "listNetworks", "its networks, eth0 first"),
                Parameter("ipaddress", "its address on the first network"),
                Parameter("iptonetworklist", .map, "instead of networkids: [i].networkid, [i].ip and [i].mac"),
                Parameter("macaddress", "its MAC address on the first network; a new one when absent"),
                Parameter("startvm", .boolean, "false: it is not started"),
                Parameter("port", "emulated: a namespace plays the machine; none: only its addresses are kept"),
            ] + .owner, unsupported: ["ip6address", "securitygroupids", "securitygroupnames"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            guard let port = Guest.Port(rawValue: arguments.string("port")?.lowercased() ?? "emulated") else {
                throw .invalid("port", arguments.string("port") ?? "", call.command, because: "it is emulated or none")
            }
            return .deployGuest(
                Request.DeployGuest(
                    zone: try arguments.requiredID("zoneid"), name: arguments.string("name"),
                    account: try call.account(),
                    port: port, nics: try call.requestedNICs(), starts: arguments.boolean("startvm") ?? true))
        } reply: { _, outcome in
            outcome.answer("virtualmachine", \.guests) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listVirtualMachines", "Lists machines",
            [
                Parameter("id", .uuid, related: "listVirtualMachines", "only this machine"),
                Parameter("ids", .list, maxLength: 65_536, "only these machines"),
                Parameter("name", "only machines with this in their name"), .zone,
                Parameter("networkid", .uuid, related: "listNetworks", "only machines on this network"),
                Parameter("state", "only Running or Stopped"),
            ] + .scope
        ) { call throws(RequestError) in
            let network = try call.object("networkid", in: call.cloud.networks)?.id
            let members = network.map { Set(call.cloud.nics(ofNetwork: $0).map(\.guest)) }
            let ids = Set(try call.arguments.ids("ids"))
            let state = call.arguments.string("state")?.lowercased()
            let zone = try call.listedZone()
            var found: [Guest] = []
            for guest in try call.owned(call.cloud.guests, by: \.account) {
                guard call.matches(guest.name, partialName: true), members.map({ $0.contains(guest.id) }) ?? true,
                    ids.isEmpty || ids.contains(guest.id), state == nil || guest.stateWord.lowercased() == state,
                    zone == nil || guest.zone == zone
                else { continue }
                found.append(guest)
            }
            return try call.page("virtualmachine", found) { $0.rendered(in: call.cloud) }
        },
        .change("startVirtualMachine", "Starts a machine", isAsync: true, [.id("listVirtualMachines", "the machine")]) {
            call throws(RequestError) in
            .startGuest(try call.arguments.requiredID("id"))
        } reply: {
            renderedGuest($0, $1)
        },
        .change("stopVirtualMachine", "Stops a machine", isAsync: true, [.id("listVirtualMachines", "the machine")]) {
            call throws(RequestError) in
            .stopGuest(try call.arguments.requiredID("id"))
        } reply: {
            renderedGuest($0, $1)
        },
        .change(
            "destroyVirtualMachine", "Removes a machine and its ports; there is no way back", isAsync: true,
            [
                .id("listVirtualMachines", "the machine"),
                Parameter("expunge", .boolean, "a machine is always removed for good"),
            ]
        ) { call throws(RequestError) in
            .destroyGuest(try call.arguments.requiredID("id"))
        } reply: { call, _ in
            // As it was: it is gone from the model by now.
            guard let id = call.arguments.id("id"), let guest = call.cloud.guests[id] else { return .success }
            var object = guest.rendered(in: call.cloud)
            object["state"] = "Expunging"
            return ["virtualmachine": .object(object)]
        },
    ]

    private static func renderedGuest(_ call: Call, _ outcome: Outcome) -> APIObject {
        guard let id = call.arguments.id("id"), let guest = outcome.cloud.guests[id] else { return .success }
        return ["virtualmachine": .object(guest.rendered(in: outcome.cloud))]
    }
}

extension Call {
    /// The ports that `networkids` with `ipaddress`, or `iptonetworklist`, ask for. The first is the default.
    fileprivate func requestedNICs() throws(RequestError) -> [Request.DeployGuest.NIC] {
        var nics: [Request.DeployGuest.NIC] = []
        for row in arguments.map("iptonetworklist") {
            let text = row["networkid"] ?? ""
            guard let network = ObjectID(text) else { throw .unknown("networkid", id: text, command) }
            let texts = row.filter { !$0.value.isEmpty }
            nics.append(.init(network: network, address: texts["ip"], mac: texts["mac"]))
        }
        let networks = try arguments.ids("networkids")
        guard nics.isEmpty || networks.isEmpty else {
            throw .refused("networkids", "networkids and iptonetworklist cannot be used together")
        }
        for (index, network) in networks.enumerated() {
            let isFirst = index == 0
            nics.append(
                .init(
                    network: network, address: isFirst ? arguments.string("ipaddress") : nil,
                    mac: isFirst ? arguments.string("macaddress") : nil))
        }
        guard !nics.isEmpty else { throw .missing("networkids", command) }
        nics[0].isDefault = true
        return nics
    }
}

extension Guest {
    fileprivate var stateWord: String { isRunning ? "Running" : "Stopped" }

    func rendered(in cloud: Cloud) -> APIObject {
        let nics = cloud.nics(ofGuest: id)
        let publicAddress = nics.lazy.compactMap { cloud.staticNATAddress(of: $0) }.first
        let object: APIObject = [
            "id": .text(id), "name": .string(name), "displayname": .string(name), "instancename": .string(instanceName),
            "zoneid": .text(zone),
            "zonename": .text(cloud.zones[zone]?.name), "state": .string(stateWord), "haenable": false,
            "passwordenabled": false, "displayvm": true, "port": .string(port.rawValue),
            "publicip": .text(publicAddress?.address), "publicipid": .text(publicAddress?.id),
            "nic": .array(nics.map { .object($0.rendered(in: cloud)) }),
            "securitygroup": .array([]), "affinitygroup": .array([]), "tags": .array([]),
        ]
        return object.owned(by: account, in: cloud)
    }
}

extension NIC {
    func rendered(in cloud: Cloud) -> APIObject {
        let network = cloud.networks[network]
        let publicAddress = cloud.staticNATAddress(of: self)
        return [
            "id": .text(id), "virtualmachineid": .text(guest), "networkid": .text(self.network),
            "networkname": .text(network?.name), "deviceid": .string(String(index)), "ipaddress": .text(address),
            "netmask": .text(network?.cidr?.netmask), "gateway": .text(network?.gateway),
            "macaddress": .text(attachment.mac), "isdefault": .boolean(isDefault), "traffictype": "Guest",
            "type": network.map { .string($0.guestType.rawValue) },
            "publicip": .text(publicAddress?.address), "publicipid": .text(publicAddress?.id),
            "secondaryip": .array(
                secondaryAddresses.map { .object(["id": .text($0.id), "ipaddress": .text($0.address)]) }),
        ]
    }
}

extension Cloud {
    /// The public address that is the NIC's own; one for its primary address before all others.
    fileprivate func staticNATAddress(of nic: NIC) -> PublicAddress? {
        let all = publicAddressesByNIC[nic.id].compactMap { publicAddresses[$0] }
        return all.first { $0.staticNAT?.guestAddress == nic.address } ?? all.first
    }
}
