import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// A guest's port is a device on a bridge of the host. What it may send and be sent are elements in the host's table, which
// are there before the device is and go before it does; a device with a port's name and without elements is dead.

extension Planner {
    func addGuestPort(_ nic: NIC, _ cloud: Cloud, to share: inout Contribution) {
        guard let guest = cloud.guests[nic.guest], let network = cloud.networks[nic.network],
            guest.hasPort(nic), network.state == .implemented
        else { return }
        let origin = nic.origin
        let device = DeviceNames.guestPort(nic, of: guest)
        let port = Value.interface(device)
        if let delivery = nic.delivery { add(delivery, of: nic, as: device, guest, network, cloud, to: &share) }
        let mac = nic.attachment.mac
        let linkLocal = IPv6Address(linkLocalOf: mac)
        for set in [
            PortPipeline.guestPorts, PortPipeline.arpRates, PortPipeline.dhcpRates, PortPipeline.floodRates,
            PortPipeline.refusals,
        ] + RefusalReason.allCases.map(\.counters) {
            share.add([port], to: set, origin)
        }
        share.add([.mac(mac)], to: PortPipeline.reservedMACs, origin)
        share.add([port, .mac(mac)], to: PortPipeline.guestMACs, origin)
        share.add([port, .rawEther(mac)], to: PortPipeline.guestHardware, origin)
        share.add([port, .rawIPv6(linkLocal)], to: PortPipeline.guestTargets, origin)
        share.add([port, .mac(mac), .ipv6(linkLocal)], to: PortPipeline.guestIdentities6, origin)
        for address in nic.addresses {
            share.add([port, .mac(mac), .ipv4(address)], to: PortPipeline.guestIdentities, origin)
        }
        if network.isolatesPorts {
            share.add([port], to: PortPipeline.isolatedPorts, origin)
        } else {
            share.add([port, .mac(mac)], to: PortPipeline.guestDeliveries, origin)
        }
        if nic.addresses.isEmpty { share.add([port], to: PortPipeline.addresslessPorts, origin) }
        if nic.allowsSpoofing == true {
            share.add([port], to: PortPipeline.spoofingPorts, origin)
            if let gateway = network.gateway {
                share.add([port, .ipv4(gateway)], to: PortPipeline.spoofingGateways, origin)
            }
        }
    }

    /// The device itself, where it is the host's: an emulated guest's goes with its namespace.
    private func add(
        _ delivery: NIC.Delivery, of nic: NIC, as device: InterfaceName, _ guest: Guest, _ network: Network,
        _ cloud: Cloud, to share: inout Contribution
    ) {
        let kind: Link.Kind =
            switch delivery {
            case .tap: .tap
            case .namespace(let name):
                .plug(name, device: DeviceNames.inside(nic.index), mac: nic.attachment.mac)
            }
        let bridge = DeviceNames.guestBridge(network, shard: nic.attachment.shard)
        share.add(.link(Link(device, kind, mtu: network.mtu, bridge: bridge)), nic.origin)
        if let rate = cloud.networkOfferings[network.offering]?.rate {
            let queue = DeviceNames.guestQueue(guest, nic.index)
            share.add(.shaper(Shaper(on: device, port: device, queue: queue, megabits: rate)), nic.origin)
        }
    }
}

extension Guest {
    /// Whether there is a device behind the NIC now.
    func hasPort(_ nic: NIC) -> Bool { isRunning && (nic.delivery != nil || port == .emulated) }
}
