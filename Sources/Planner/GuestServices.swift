import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// What a router serves its guests, and by which ports: DHCP, names, and what guests are told about themselves. The tables
// are part of the plan, and who serves by them needs to know nothing else.

extension Planner {
    /// Nil for a router that serves nothing.
    func guestServices(_ router: VirtualRouter, _ network: Network, _ cloud: Cloud) -> GuestServices? {
        guard let offering = cloud.networkOfferings[network.offering], let zone = cloud.zones[network.zone],
            let cidr = network.cidr, let gateway = network.gateway
        else { return nil }
        let kinds = offering.servedKinds
        guard !kinds.isEmpty else { return nil }
        let server = router.guestAddress ?? gateway
        let zonal = [zone.dns1] + (zone.dns2.map { [$0] } ?? [])
        let resolvers = network.dns1.map { [$0] + (network.dns2.map { [$0] } ?? []) } ?? zonal
        let isAsked = kinds.contains(.dns) && !cloud.usesExternalResolvers(inZone: zone.id)
        return GuestServices(
            kinds: kinds, server: server, subnet: cidr, gateway: gateway, mtu: network.mtu,
            domain: domain(of: network, in: zone, cloud), nameServers: isAsked ? [server] : resolvers,
            resolvers: resolvers, leaseTime: cloud.leaseTime(inZone: zone.id) ?? .max, routerName: router.name,
            options: offering.dhcpOptions.compactMap(DHCPExtra.init))
    }

    /// Where its guests' names are: its own domain, its owner's, the zone's, or one that nobody else has.
    private func domain(of network: Network, in zone: Zone, _ cloud: Cloud) -> String {
        network.networkDomain ?? cloud.accounts[network.account]?.networkDomain ?? zone.networkDomain
            ?? "cs\(network.number)cloud.internal"
    }

    func addServedNIC(_ nic: NIC, _ network: Network, _ cloud: Cloud, to share: inout Contribution) {
        guard let guest = cloud.guests[nic.guest], let address = nic.address,
            let kinds = cloud.networkOfferings[network.offering]?.servedKinds, !kinds.isEmpty
        else { return }
        if kinds.contains(.dhcp) {
            share.add(
                [.interface(DeviceNames.inside(0)), .mac(nic.attachment.mac)], to: Pipeline.dhcpClients, nic.origin)
        }
        share.served.append(
            ServedNIC(
                origin: nic.origin, guest: guest.id, mac: nic.attachment.mac, address: address,
                secondaryAddresses: nic.secondaryAddresses.map(\.address), hostName: guest.name,
                isDefault: nic.isDefault, options: (nic.dhcpOptions ?? []).compactMap(DHCPExtra.init),
                metadata: kinds.contains(.metadata) ? metadata(nic, address, guest, network, cloud) : nil))
    }

    /// The leaves of CloudStack's routers. What is not known is not listed: a leaf that cannot be read costs a guest all of
    /// them.
    private func metadata(
        _ nic: NIC, _ address: IPv4Address, _ guest: Guest, _ network: Network, _ cloud: Cloud
    ) -> ServedMetadata {
        let translated = cloud.publicAddressesByNIC[nic.id].first.flatMap { cloud.publicAddresses[$0] }
        let outside = (translated ?? cloud.sourceNATAddress(ofNetwork: network.id)).map { "\($0.address)" }
        let domain = cloud.accounts[guest.account].flatMap { cloud.domains[$0.domain] }
        let keys = guest.keys.map { "\($0.key)\n" }.joined()
        let leaves: [(String, String?)] = [
            ("service-offering", guest.serviceOffering.flatMap { cloud.serviceOfferings[$0]?.name }),
            ("availability-zone", cloud.zones[network.zone]?.name), ("local-ipv4", "\(address)"),
            ("local-hostname", guest.name), ("public-ipv4", outside), ("public-hostname", outside),
            ("instance-id", guest.instanceName), ("vm-id", "\(guest.id)"), ("public-keys", keys),
            ("cloud-identifier", "CloudStack-{\(installation.id)}"), ("cloud-domain", domain?.name),
            ("cloud-domain-id", domain.map { "\($0.id)" }),
        ]
        let data = guest.userData
        let document = data?.document.flatMap { cloud.userDataDocuments[$0]?.content }
        let password = guest.password.map { password in
            password.secret.map(ServedMetadata.Password.waiting) ?? .saved
        }
        return ServedMetadata(
            leaves: leaves.compactMap { name, value in value.map { ServedMetadata.Leaf(name, $0) } },
            variables: data?.details ?? [:], userData: data?.content ?? document, password: password)
    }

    // MARK: The router's ports

    /// What a guest without an address may send: a question for one, with its own MAC.
    func dhcpIdentityRules(_ services: GuestServices?, _ origin: Origin) -> [Rule] {
        guard services?.kinds.contains(.dhcp) == true else { return [] }
        return [
            Rule(
                origin,
                [
                    Self.fromGuests, .match(.networkProtocol, .equal, .family(.ipv4)),
                    .match(.transportProtocol, .equal, .ipProtocol(.udp)),
                    .match(.destinationPort, .equal, .port(67)),
                    .match(.ipv4Source, .equal, .ipv4(IPv4Address(bits: 0))),
                    .lookup([.inputInterface, .etherSource], in: Pipeline.dhcpClients, .equal), .verdict(.accept),
                ])
        ]
    }

    /// Exactly what the offering has, from guests, at the address that they were given for it.
    func servicePortRules(_ services: GuestServices?, _ origin: Origin) -> [Rule] {
        guard let services else { return [] }
        func rule(_ number: IPProtocol, _ ports: [UInt16], at addresses: IPv4Address...) -> Rule {
            var statements = [
                Self.fromGuests, .match(.networkProtocol, .equal, .family(.ipv4)),
                .match(.transportProtocol, .equal, .ipProtocol(number)),
            ]
            if addresses.count == 1 {
                statements.append(.match(.ipv4Destination, .equal, .ipv4(addresses[0])))
            } else {
                statements.append(.oneOf(.ipv4Destination, .equal, addresses.map { .ipv4($0) }))
            }
            if ports.count == 1 {
                statements.append(.match(.destinationPort, .equal, .port(ports[0])))
            } else {
                statements.append(.oneOf(.destinationPort, .equal, ports.map { .port($0) }))
            }
            return Rule(origin, statements + [.verdict(.accept)])
        }
        var rules: [Rule] = []
        if services.kinds.contains(.dhcp) {
            rules.append(rule(.udp, [67], at: services.server, IPv4Address(255, 255, 255, 255)))
        }
        if services.kinds.contains(.dns) {
            rules.append(rule(.udp, [53], at: services.server))
            rules.append(rule(.tcp, [53], at: services.server))
        }
        if services.kinds.contains(.metadata) {
            rules.append(rule(.tcp, [80, 8080], at: services.server))
            rules.append(rule(.tcp, [80], at: GuestServices.linkLocalServer))
        }
        return rules
    }

    func addServiceAddress(_ services: GuestServices?, _ origin: Origin, to share: inout Contribution) {
        guard services?.kinds.contains(.metadata) == true,
            let address = InterfaceAddress(.v4(GuestServices.linkLocalServer), prefixLength: 32)
        else { return }
        share.add(.address(Address(address, on: DeviceNames.inside(0))), origin)
    }
}

extension DHCPExtra {
    fileprivate init?(_ option: ExtraDHCPOption) {
        guard let bytes = option.bytes else { return nil }
        self.init(option.code, bytes)
    }
}

extension NetworkOffering {
    /// By the names that CloudStack's services have.
    fileprivate var servedKinds: GuestServices.Kinds {
        var kinds: GuestServices.Kinds = []
        if services["Dhcp"] != nil { kinds.insert(.dhcp) }
        if services["Dns"] != nil { kinds.insert(.dns) }
        if services["UserData"] != nil { kinds.insert(.metadata) }
        return kinds
    }
}
