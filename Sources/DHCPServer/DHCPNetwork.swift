import NetworkVocabulary
import Packets
public import RouterPlan

/// A network's NICs as its DHCP server looks them up, with everything that does not depend on the request written out.
///
/// There are no leases to lose: an address belongs to a NIC as long as the plan says so, whether or not the NIC was ever
/// heard of.
public struct DHCPNetwork: Sendable {
    struct Lease: Sendable {
        let nic: ServedNIC
        let options: [DHCPExtra]
    }

    public let services: GuestServices
    private var leases: [UInt64: Lease] = [:]
    /// For NICs that are their guest's way to the world, and for others.
    private let options: (default: [DHCPExtra], other: [DHCPExtra])
    let domain: DNSName?

    public init(_ services: GuestServices, _ nics: some Sequence<ServedNIC>) {
        self.services = services
        domain = DNSName(services.domain)
        options = (Self.options(services, domain, isDefault: true), Self.options(services, domain, isDefault: false))
        for nic in nics { put(nic) }
    }

    public mutating func put(_ nic: ServedNIC) {
        leases[nic.mac.bits] = Lease(nic: nic, options: merged(nic))
    }

    public mutating func remove(_ nic: ServedNIC) {
        if leases[nic.mac.bits]?.nic.id == nic.id { leases[nic.mac.bits] = nil }
    }

    func lease(_ mac: MACAddress) -> Lease? { leases[mac.bits] }

    /// A NIC's own options come before the offering's, and those before what follows from the network.
    private func merged(_ nic: ServedNIC) -> [DHCPExtra] {
        let general = nic.isDefault ? options.default : options.other
        guard !nic.options.isEmpty else { return general }
        let own = Set(nic.options.map(\.code))
        return nic.options + general.filter { !own.contains($0.code) }
    }

    private static func options(_ services: GuestServices, _ domain: DNSName?, isDefault: Bool) -> [DHCPExtra] {
        var options: [DHCPExtra] = []
        func add(_ option: DHCPOption, _ bytes: [UInt8]) {
            if !services.options.contains(where: { $0.code == option.code }) {
                options.append(DHCPExtra(option.code, bytes))
            }
        }
        add(.subnetMask, services.subnet.netmask.octets)
        add(.broadcastAddress, services.subnet.last.octets)
        add(.interfaceMTU, [UInt8(services.mtu >> 8 & 0xff), UInt8(services.mtu & 0xff)])
        if isDefault {
            if let gateway = services.gateway {
                add(.router, gateway.octets)
                // Who understands this one ignores the other (RFC 3442), so the way out is in it too.
                add(.classlessRoutes, [0] + gateway.octets + metadataRoute(services))
            }
            if !services.nameServers.isEmpty {
                add(.domainNameServer, services.nameServers.flatMap(\.octets))
            }
            if let domain {
                add(.domainName, Array(services.domain.utf8))
                add(.domainSearch, domain.wire)
            }
        }
        return options + services.options
    }

    private static func metadataRoute(_ services: GuestServices) -> [UInt8] {
        guard services.kinds.contains(.metadata) else { return [] }
        return [32] + GuestServices.linkLocalServer.octets + services.server.octets
    }
}
