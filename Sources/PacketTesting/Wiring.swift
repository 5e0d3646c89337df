import CloudModel
import NetworkVocabulary
import Packets
import RouterPlan

/// Who hangs on which segment: the legs of routers as planned, and a bare port for everybody else.
struct Wiring {
    /// A port of a case: a network card without a machine behind it, that answers address resolution and no more.
    struct Port: Hashable {
        let name: String
        let mac: MACAddress
        let segment: InterfaceName
        let addresses: Set<IPAddress>
        /// Plays the gateway and everybody behind it.
        let isOutside: Bool
    }

    struct Leg: Hashable {
        let node: NodeName
        let link: InterfaceName
        let mac: MACAddress
        let segment: InterfaceName
        let addresses: Set<IPAddress>
    }

    private(set) var ports: [Port] = []
    private(set) var legs: [Leg] = []
    /// Names of guests that several have.
    private(set) var ambiguous: Set<String> = []

    init(_ cloud: CaseCloud) {
        for plan in cloud.routers {
            let rows = plan.rows.values.map(\.content)
            for case .link(let link) in rows {
                guard case .leg(_, let bridge) = link.kind, let mac = link.mac else { continue }
                var addresses: Set<IPAddress> = []
                for case .address(let address) in rows where address.link == link.name {
                    addresses.insert(address.address.address)
                }
                legs.append(
                    Leg(node: plan.name, link: link.name, mac: mac, segment: bridge, addresses: addresses))
            }
        }
        legs.sort { ($0.node, $0.link) < ($1.node, $1.link) }
        addOutside(cloud)
        addGuests(cloud)
    }

    /// One port on each public segment, in the order of their oldest ranges.
    private mutating func addOutside(_ cloud: CaseCloud) {
        var segments: [(number: UInt64, bridge: InterfaceName)] = []
        for row in cloud.plans[.host]?.rows.values.map(\.self) ?? [] {
            guard case .link(let link) = row.content, case .bridge = link.kind,
                RecordKind(rawValue: row.origin.kind) == .publicRange,
                let range = cloud.cloud.publicRanges[row.origin.id]
            else { continue }
            segments.append((range.number, link.name))
        }
        for (index, segment) in segments.sorted(by: { $0.number < $1.number }).enumerated() {
            ports.append(
                Port(
                    name: index == 0 ? "outside" : "outside/\(index)",
                    mac: MACAddress(2, 0xee, 0, 0, 0, UInt8(truncatingIfNeeded: index)), segment: segment.bridge,
                    addresses: [], isOutside: true))
        }
    }

    private mutating func addGuests(_ cloud: CaseCloud) {
        var names: Set<String> = []
        for nic in cloud.cloud.nics.values {
            guard let guest = cloud.cloud.guests[nic.guest], guest.isRunning,
                let router = cloud.cloud.router(ofNetwork: nic.network),
                let leg = legs.first(where: { $0.node.text == router.name && $0.link.rawValue == "eth0" })
            else { continue }
            let name = nic.index == 0 ? guest.name : "\(guest.name)/\(nic.index)"
            if !names.insert(name).inserted { ambiguous.insert(name) }
            ports.append(
                Port(
                    name: name, mac: nic.attachment.mac, segment: leg.segment,
                    addresses: Set(nic.addresses.map(IPAddress.v4)), isOutside: false))
        }
        ports.sort { $0.name < $1.name }
    }

    func port(_ name: String) -> Port? { ports.first { $0.name == name } }

    func isOwnedByRouter(_ address: IPAddress, on segment: InterfaceName) -> Bool {
        legs.contains { $0.segment == segment && $0.addresses.contains(address) }
    }

    /// Whose an address is on a segment. Outside there is somebody at every address that is nobody else's.
    func mac(of address: IPAddress, on segment: InterfaceName) -> MACAddress? {
        if let leg = legs.first(where: { $0.segment == segment && $0.addresses.contains(address) }) { return leg.mac }
        if let port = ports.first(where: { $0.segment == segment && $0.addresses.contains(address) }) {
            return port.mac
        }
        return ports.first { $0.segment == segment && $0.isOutside }?.mac
    }

    /// What a line leaves out when it is sent at a port: whoever has the destination gets it, else the router.
    func defaults(at port: Port, to destination: IPAddress?) -> PacketDefaults {
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
