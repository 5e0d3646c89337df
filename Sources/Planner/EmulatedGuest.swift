import CloudModel
import NetworkVocabulary
import RouterPlan

// An emulated guest: a namespace that has the guest's ports, addresses and routes, as a machine that configured
// itself would.

extension Planner {
    func addMachine(_ guest: Guest, to share: inout Contribution) {
        addSettings(Self.machineSettings, guest.origin, to: &share)
        share.add(.link(Link(DeviceNames.loopback, .loopback, mtu: 65536)), guest.origin)
    }

    func addMachinePort(_ nic: NIC, _ guest: Guest, _ cloud: Cloud, to share: inout Contribution) {
        guard let network = cloud.networks[nic.network], network.state == .implemented, nic.delivery == nil else {
            return
        }
        let device = DeviceNames.inside(nic.index)
        let bridge = DeviceNames.guestBridge(network, shard: nic.attachment.shard)
        let port = DeviceNames.guestPort(guest, nic.index)
        let origin = nic.origin
        share.add(
            .link(
                Link(
                    device, .leg(hostEnd: port, bridge: bridge), mac: nic.attachment.mac, mtu: network.mtu,
                    settings: ["promote_secondaries": 1])), origin)
        // An offering's rate never changes, so no change of an offering concerns a machine.
        if let rate = cloud.networkOfferings[network.offering]?.rate {
            let queue = DeviceNames.guestQueue(guest, nic.index)
            share.add(.shaper(Shaper(on: device, port: port, queue: queue, megabits: rate)), origin)
        }
        guard let cidr = network.cidr, let gateway = network.gateway else { return }
        for address in nic.addresses {
            share.add(.address(Address(InterfaceAddress(address, in: cidr), on: device)), origin)
        }
        // The kernel would speak by the oldest of several.
        let source = nic.secondaryAddresses.isEmpty ? nil : nic.address.map { IPAddress.v4($0) }
        if cloud.speaksForNetwork(nic, network) {
            share.add(.route(Route(.v4(cidr), on: device, table: Route.mainTable, source: source)), origin)
        }
        if nic.isDefault {
            share.add(
                .route(
                    Route(.defaultIPv4, via: .v4(gateway), on: device, table: Route.mainTable, source: source)),
                origin)
        }
    }
}

extension Cloud {
    /// Networks may have the same addresses, and a guest may be on two such. A machine reaches those addresses by one
    /// of its ports: by the one of its default route, which must reach its gateway, else by the first.
    fileprivate func speaksForNetwork(_ nic: NIC, _ network: Network) -> Bool {
        let alike = nics(ofGuest: nic.guest).filter {
            $0.delivery == nil && networks[$0.network]?.cidr == network.cidr
        }
        return (alike.first(where: \.isDefault) ?? alike.first)?.id == nic.id
    }
}
