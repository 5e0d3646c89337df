public import CloudModel
public import NetworkVocabulary
public import Packets
import Planner
public import RouterPlan

/// Who hangs on which segment: the legs of routers as planned, and a port for every guest's NIC and for the outside.
public struct Wiring: Sendable {
    /// A port as others on its segment see it: a network card that answers address resolution.
    public struct Port: Hashable, Sendable {
        /// The guest's name, with `/1` and on for further NICs; `outside`, `outside/1` and on.
        public let name: String
        public let mac: MACAddress
        /// The bridge on the host that the segment is known by.
        public let segment: InterfaceName
        public let addresses: Set<IPAddress>
        /// The NIC that it is; the outside has none. It plays the gateway and everybody behind it.
        public let nic: ObjectID?

        public var isOutside: Bool { nic == nil }
    }

    public struct Leg: Hashable, Sendable {
        public let node: NodeName
        public let link: InterfaceName
        public let mac: MACAddress
        public let segment: InterfaceName
        public let addresses: Set<IPAddress>
    }

    public private(set) var ports: [Port] = []
    public private(set) var legs: [Leg] = []
    /// Names of guests that several have; they are called by their instances' names.
    public private(set) var ambiguous: Set<String> = []

    /// With the ports of all networks, or of some.
    public init(_ cloud: Cloud, routers: some Sequence<NodePlan>, networks: Set<ObjectID>? = nil) {
        for plan in routers {
            let rows = plan.rows.values.map(\.content)
            for case .link(let link) in rows {
                guard case .leg(_, let bridge) = link.kind, let mac = link.mac else { continue }
                var addresses: Set<IPAddress> = []
                for case .address(let address) in rows where address.link == link.name {
                    addresses.insert(address.address.address)
                }
                legs.append(
                    Leg(
                        node: plan.name, link: link.name, mac: mac, segment: Planner.segment(ofBridge: bridge),
                        addresses: addresses))
            }
        }
        legs.sort { ($0.node, $0.link) < ($1.node, $1.link) }
        addOutside(cloud)
        addGuests(cloud, networks.map { $0.sorted().flatMap(cloud.nics(ofNetwork:)) } ?? Array(cloud.nics.values))
    }

    /// One port on each public segment, in the order of their oldest ranges.
    private mutating func addOutside(_ cloud: Cloud) {
        let first = cloud.publicRanges.values.filter { cloud.firstRange(onSegmentOf: $0)?.id == $0.id }
        for (index, range) in first.sorted(by: { $0.number < $1.number }).enumerated() {
            ports.append(
                Port(
                    name: index == 0 ? "outside" : "outside/\(index)",
                    mac: MACAddress(2, 0xee, 0, 0, 0, UInt8(truncatingIfNeeded: index)),
                    segment: Planner.segment(of: range), addresses: [], nic: nil))
        }
    }

    private mutating func addGuests(_ cloud: Cloud, _ nics: [NIC]) {
        var owners: [String: ObjectID] = [:]
        for nic in nics {
            guard let guest = cloud.guests[nic.guest] else { continue }
            if let other = owners.updateValue(guest.id, forKey: guest.name), other != guest.id {
                ambiguous.insert(guest.name)
            }
        }
        for nic in nics {
            guard let guest = cloud.guests[nic.guest], guest.isRunning, let network = cloud.networks[nic.network],
                network.state == .implemented
            else { continue }
            let name = ambiguous.contains(guest.name) ? guest.instanceName : guest.name
            ports.append(
                Port(
                    name: nic.index == 0 ? name : "\(name)/\(nic.index)", mac: nic.attachment.mac,
                    segment: Planner.segment(of: network), addresses: Set(nic.addresses.map(IPAddress.v4)),
                    nic: nic.id))
        }
        ports.sort { $0.name < $1.name }
    }

    public func port(_ name: String) -> Port? { ports.first { $0.name == name } }

    public func isOwnedByRouter(_ address: IPAddress, on segment: InterfaceName) -> Bool {
        legs.contains { $0.segment == segment && $0.addresses.contains(address) }
    }

    /// Whose an address is on a segment. Outside there is somebody at every address that is nobody else's.
    public func mac(of address: IPAddress, on segment: InterfaceName) -> MACAddress? {
        if let leg = legs.first(where: { $0.segment == segment && $0.addresses.contains(address) }) { return leg.mac }
        if let port = ports.first(where: { $0.segment == segment && $0.addresses.contains(address) }) {
            return port.mac
        }
        return ports.first { $0.segment == segment && $0.isOutside }?.mac
    }

    /// What a line leaves out when it is sent at a port: whoever has the destination gets it, else the router.
    public func defaults(at port: Port, to destination: IPAddress?) -> PacketDefaults {
        let here = legs.filter { $0.segment == port.segment }
        var mac = here.first?.mac
        if let destination {
            if let leg = here.first(where: { $0.addresses.contains(destination) }) {
                mac = leg.mac
            } else if let neighbour = ports.first(where: {
                $0.segment == port.segment && $0 != port && $0.addresses.contains(destination)
            }) {
                mac = neighbour.mac
            }
        }
        return PacketDefaults(
            source: port.mac, destination: mac ?? port.mac, sourceAddresses: port.addresses.sorted())
    }
}
