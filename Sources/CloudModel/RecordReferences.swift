import NetworkVocabulary

extension Record {
    /// Nil for series, which are not objects.
    public var reference: Reference? {
        switch self {
        case .account(let value): Reference(.account, value.id)
        case .zone(let value): Reference(.zone, value.id)
        case .physicalNetwork(let value): Reference(.physicalNetwork, value.id)
        case .publicRange(let value): Reference(.publicRange, value.id)
        case .networkOffering(let value): Reference(.networkOffering, value.id)
        case .network(let value): Reference(.network, value.id)
        case .publicAddress(let value): Reference(.publicAddress, value.id)
        case .router(let value): Reference(.router, value.id)
        case .guest(let value): Reference(.guest, value.id)
        case .nic(let value): Reference(.nic, value.id)
        case .firewallRule(let value): Reference(.firewallRule, value.id)
        case .egressRule(let value): Reference(.egressRule, value.id)
        case .portForwarding(let value): Reference(.portForwarding, value.id)
        case .series: nil
        }
    }

    public var kind: RecordKind { reference?.kind ?? .series }

    /// The objects it cannot be without.
    public var references: [Reference] {
        switch self {
        case .account, .zone, .networkOffering, .series: []
        case .physicalNetwork(let value): [Reference(.zone, value.zone)]
        case .publicRange(let value):
            [Reference(.zone, value.zone), Reference(.physicalNetwork, value.physicalNetwork)]
        case .network(let value):
            [
                Reference(.account, value.account), Reference(.zone, value.zone),
                Reference(.physicalNetwork, value.physicalNetwork), Reference(.networkOffering, value.offering),
            ]
        case .publicAddress(let value):
            [Reference(.account, value.account), Reference(.publicRange, value.range)]
                + (value.network.map { [Reference(.network, $0)] } ?? [])
                + (value.staticNAT.map { [Reference(.nic, $0.nic)] } ?? [])
        case .router(let value):
            [
                Reference(.account, value.account), Reference(.zone, value.zone), Reference(.network, value.network),
            ] + value.publicLegs.map { Reference(.publicRange, $0.range) }
        case .guest(let value): [Reference(.account, value.account), Reference(.zone, value.zone)]
        case .nic(let value): [Reference(.guest, value.guest), Reference(.network, value.network)]
        case .firewallRule(let value):
            [Reference(.publicAddress, value.publicAddress)]
                + (value.forwarding.map { [Reference(.portForwarding, $0)] } ?? [])
        case .egressRule(let value): [Reference(.network, value.network)]
        case .portForwarding(let value):
            [Reference(.publicAddress, value.publicAddress), Reference(.nic, value.nic)]
        }
    }
}

extension Cloud {
    /// What the object holds alone, and in whose name: a guest's name on a network is the guest's, though it is the
    /// NIC that brings it there.
    func claims(of record: Record, _ object: Reference) -> [(Claim, Reference)] {
        let claims: [Claim]
        switch record {
        case .account(let value): claims = [.accountName(value.name.lowercased()), .accountNumber(value.number)]
        case .zone(let value): claims = [.zoneName(value.name.lowercased())]
        case .physicalNetwork(let value):
            claims =
                [.physicalNetworkName(zone: value.zone, value.name.lowercased())]
                + (value.trunk.map { [.trunk($0)] } ?? [])
        case .publicRange(let value): claims = [.publicRangeNumber(value.number)]
        case .networkOffering(let value): claims = [.networkOfferingName(value.name.lowercased())]
        case .network(let value):
            claims =
                [.networkNumber(value.number)]
                + (value.segment.map { [.segment(physicalNetwork: value.physicalNetwork, $0)] } ?? [])
        case .publicAddress(let value):
            claims =
                [.publicAddress(range: value.range, value.address)]
                + (value.isSourceNAT ? value.network.map { [.sourceNAT(network: $0)] } ?? [] : [])
                + staticNATClaims(of: value)
        case .router(let value):
            claims =
                [.router(network: value.network), .machineNumber(value.number), .machineName(value.name)]
                + value.attachments.map { .mac($0.1.mac) }
        case .guest(let value):
            claims =
                [.machineNumber(value.number), .machineName(value.instanceName)]
                + nicsByGuest[value.id].compactMap { nics[$0] }.map {
                    .guestName(network: $0.network, value.name.lowercased())
                }
        case .nic(let value):
            let own: [Claim] =
                [
                    .nic(guest: value.guest, network: value.network), .nicIndex(guest: value.guest, value.index),
                    .guestAddress(network: value.network, value.address), .mac(value.attachment.mac),
                ]
                + value.secondaryAddresses.flatMap {
                    [.guestAddress(network: value.network, $0.address), .secondaryAddress($0.id)]
                }
            guard let guest = guests[value.guest] else { return own.map { ($0, object) } }
            return own.map { ($0, object) }
                + [(.guestName(network: value.network, guest.name.lowercased()), Reference(.guest, guest.id))]
        case .firewallRule(let value): claims = [.ruleNumber(value.number)]
        case .egressRule(let value): claims = [.ruleNumber(value.number)]
        case .portForwarding, .series: claims = []
        }
        return claims.map { ($0, object) }
    }
}

extension Cloud {
    private func staticNATClaims(of address: PublicAddress) -> [Claim] {
        guard let network = address.network, let target = address.staticNAT else { return [] }
        return [.staticNAT(network: network, target.guestAddress)]
    }
}

extension VirtualRouter {
    /// All its ports, with the range of public ones.
    var attachments: [(range: ObjectID?, Attachment)] {
        [(nil, guestLeg)] + publicLegs.map { ($0.range, $0.attachment) }
    }
}
