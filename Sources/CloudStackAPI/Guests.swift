import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let guests: [Command] = [
        .change(
            "deployVirtualMachine", "Creates a machine with its ports on networks", isAsync: true, isCreation: true,
            [
                Parameter("zoneid", .uuid, required: true, related: "listZones", "its zone"),
                .serviceOffering(required: false),
                Parameter("templateid", .uuid, related: "listTemplates", "what it starts from"),
                Parameter("name", "its host name; the id when absent"),
                Parameter("displayname", "what people call it; the name when absent"),
                Parameter("displayvm", .boolean, "false: plain lists do not show it"),
                Parameter("hypervisor", "the template's, if it is sent at all"),
                Parameter(
                    "details", .map, maxLength: 4_096, "details[0].name=value: notes, and the size of a custom offering"
                ),
                Parameter("password", "for a template whose machines ask for one; made up when absent"),
                Parameter("networkids", .list, maxLength: 4_096, related: "listNetworks", "its networks, eth0 first"),
                Parameter("ipaddress", "its address on the first network"),
                Parameter(
                    "iptonetworklist", .map,
                    "instead of networkids: [i].networkid, [i].ip, [i].mac, [i].port and [i].hostnamespace"),
                .dhcpOptionsByNetwork,
                Parameter("macaddress", "its MAC address on the first network; a new one when absent"),
                Parameter("startvm", .boolean, "false: it is not started"),
                .port(
                    "emulated: a namespace plays the machine; tap: its monitor opens a tap for each port; namespace: its "
                        + "ports go into hostnamespace; none: only its addresses are kept"), .hostNamespace,
            ] + .owner + Parameter.keyPairs + Parameter.userData,
            unsupported: [
                "ip6address", "securitygroupids", "securitygroupnames", "diskofferingid",
                "overridediskofferingid", "rootdisksize", "size", "nicnetworklist", "properties", "bootmode",
                "boottype",
                "bootintosetup", "datadiskofferinglist", "datadisksdetails", "extraconfig",
                "leaseduration", "leaseexpiryaction", "snapshotid", "volumeid", "customid", "group", "affinitygroupids",
                "affinitygroupnames",
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            return .deployGuest(
                Request.DeployGuest(
                    zone: try arguments.requiredID("zoneid"), name: arguments.string("name"),
                    account: try call.account(),
                    port: try call.port(arguments.string("port"), "port") ?? .emulated,
                    namespace: arguments.string("hostnamespace"), nics: try call.requestedNICs(),
                    starts: arguments.boolean("startvm") ?? true,
                    facts: try call.guestFacts()))
        } reply: { _, outcome in
            outcome.answer("virtualmachine", \.guests) {
                $0.rendered(in: outcome.cloud, password: outcome.reply.secret)
            }
        },
        listGuests,
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
            "destroyVirtualMachine", "Stops a machine and marks it for removal", isAsync: true,
            [
                .id("listVirtualMachines", "the machine"),
                Parameter("expunge", .boolean, "true: it is removed for good, at once"),
            ], unsupported: ["volumeids"]
        ) { call throws(RequestError) in
            .destroyGuest(
                try call.arguments.requiredID("id"), expunges: call.arguments.boolean("expunge") ?? false)
        } reply: { call, outcome in
            guard call.arguments.boolean("expunge") == true else { return renderedGuest(call, outcome) }
            // As it was: it is gone from the model by now.
            guard let id = call.arguments.id("id"), let guest = call.cloud.guests[id] else { return .success }
            var object = guest.rendered(in: call.cloud)
            object["state"] = "Expunging"
            return ["virtualmachine": .object(object)]
        },
    ]
}

extension Call {
    /// The ports that `networkids` with `ipaddress`, or `iptonetworklist`, ask for. The first is the default.
    fileprivate func requestedNICs() throws(RequestError) -> [Request.DeployGuest.NIC] {
        var nics: [Request.DeployGuest.NIC] = []
        for (number, row) in arguments.rows("iptonetworklist") {
            let name = "iptonetworklist[\(number)]"
            let text = row["networkid"] ?? ""
            guard let network = ObjectID(text) else { throw .unknown("\(name).networkid", id: text, command) }
            let texts = row.filter { !$0.value.isEmpty }
            nics.append(
                .init(
                    network: network, address: texts["ip"], mac: texts["mac"],
                    delivery: try delivery(texts["port"], texts["hostnamespace"], "\(name).port"), row: number))
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
                    mac: isFirst ? arguments.string("macaddress") : nil, isListed: false))
        }
        if !nics.isEmpty { nics[0].isDefault = true }
        for (network, options) in try dhcpOptionsByNetwork() {
            guard let index = nics.firstIndex(where: { $0.network == network }) else {
                throw .refused(
                    "dhcpoptionsnetworklist[\(options.number)].networkid",
                    "The virtual machine is to have no NIC on network \(network)")
            }
            nics[index].dhcpOptions = options
        }
        return nics
    }

    fileprivate func guestFacts() throws(RequestError) -> GuestFacts {
        var facts = GuestFacts()
        facts.displayName = arguments.string("displayname")
        facts.isDisplayed = arguments.boolean("displayvm") ?? true
        facts.serviceOffering = arguments.id("serviceofferingid")
        let template = try object("templateid", in: cloud.templates)
        facts.template = template?.id
        if let wanted = arguments.string("hypervisor"), let template,
            wanted.lowercased() != template.hypervisor.lowercased()
        {
            throw .refused(
                "hypervisor", "Template \(template.name) is for \(template.hypervisor), not \(APIError.excerpt(wanted))"
            )
        }
        facts.details = arguments.fields("details")
        facts.userData = try userDataChoice()
        facts.keyPairs = keyPairNames
        let chosen = arguments.string("password")
        if chosen != nil || template?.isPasswordEnabled == true {
            facts.password = newPassword(
                for: keys(named: facts.keyPairs, of: try account() ?? caller.account), chosen: chosen)
        }
        return facts
    }
}

extension NIC {
    func rendered(in cloud: Cloud) -> APIObject {
        let network = cloud.networks[network]
        let publicAddress = cloud.staticNATAddress(of: self)
        var object: APIObject = [
            "id": .text(id), "virtualmachineid": .text(guest), "networkid": .text(self.network),
            "networkname": .text(network?.name), "deviceid": .string(String(index)), "ipaddress": .text(address),
            "netmask": .text(network?.cidr?.netmask), "gateway": .text(network?.gateway),
            "macaddress": .text(attachment.mac), "isdefault": .boolean(isDefault), "traffictype": "Guest",
            "type": network.map { .string($0.guestType.rawValue) }, "mtu": network.map { .number($0.mtu) },
            "publicip": .text(publicAddress?.address), "publicipid": .text(publicAddress?.id),
            "isolatedpvlantype": network?.isolationWord,
            "secondaryip": .array(
                secondaryAddresses.map { .object(["id": .text($0.id), "ipaddress": .text($0.address)]) }),
            "extradhcpoption": renderedDHCPOptions,
        ]
        addPort(to: &object, in: cloud)
        return object
    }
}

extension Cloud {
    /// The public address that is the NIC's own; one for its primary address before all others.
    func staticNATAddress(of nic: NIC) -> PublicAddress? {
        let all = publicAddressesByNIC[nic.id].compactMap { publicAddresses[$0] }
        return all.first { $0.staticNAT?.guestAddress == nic.address } ?? all.first
    }
}
