public import CloudModel
public import NetworkVocabulary
import PacketTrace
public import Packets
public import Planner
public import RouterPlan

/// A packet at a port of a cloud, whose way is to be told. What is planned for that is what the packet can meet.
public struct Question: Sendable {
    /// Where a packet is sent.
    public enum Place: Hashable, Sendable {
        case nic(ObjectID)
        /// The segment of the oldest public range, those of further ones.
        case outside(Int)
    }

    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The port is not plugged in: its guest is stopped, or its network not implemented.
        case noPort(Place)
        case line(PacketLineError)
        case incomplete(PacketFillError)
        case unplanned(String)

        public var description: String {
            switch self {
            case .noPort(.nic): "the NIC has no port: its guest does not run, or its network is not implemented"
            case .noPort(.outside(let number)): "there is no public segment \(number)"
            case .line(let error): "\(error)"
            case .incomplete(let error): "\(error)"
            case .unplanned(let reason): reason
            }
        }
    }

    private let cloud: Cloud
    private let wiring: Wiring
    private var traced: TracedCloud

    /// Plans what packets from these places can meet: the routers of their networks, and those that have an address that
    /// one of the lines names.
    public init(
        _ cloud: Cloud, _ planner: Planner, from places: [Place], about lines: [PacketPattern]
    ) throws(Failure) {
        self.cloud = cloud
        var networks: Set<ObjectID> = []
        for case .nic(let id) in places {
            guard let nic = cloud.nics[id] else { continue }
            networks.formUnion(cloud.nics(ofGuest: nic.guest).map(\.network))
        }
        let named = Set(lines.flatMap(\.addresses))
        for address in cloud.publicAddresses.values where named.contains(.v4(address.address)) {
            if let network = address.network { networks.insert(network) }
        }
        var plans: [NodePlan] = []
        do throws(PlanError) {
            let routers = Set(networks.compactMap { cloud.router(ofNetwork: $0)?.name }).sorted()
            for name in routers {
                if let plan = try planner.plan(NodeName(name), in: cloud) { plans.append(plan) }
            }
        } catch {
            throw .unplanned("\(error)")
        }
        wiring = Wiring(cloud, routers: plans, networks: networks)
        traced = TracedCloud(wiring, routers: plans)
    }

    public func port(_ place: Place) throws(Failure) -> Wiring.Port {
        let found =
            switch place {
            case .nic(let id): wiring.ports.first { $0.nic == id }
            case .outside(let number): wiring.port(number == 0 ? "outside" : "outside/\(number)")
            }
        guard let found else { throw .noPort(place) }
        return found
    }

    /// The packet that a line means at a port.
    public func frame(_ line: PacketPattern, at place: Place) throws(Failure) -> Frame {
        let port = try port(place)
        var destination: IPAddress?
        if case .ip(let ip) = line.packet, case .exactly(let address) = ip.destination { destination = address }
        do throws(PacketFillError) {
            return try line.frame(wiring.defaults(at: port, to: destination), bindings: [:])
        } catch {
            throw .incomplete(error)
        }
    }

    /// Sends it. Connections that earlier packets opened are there.
    public mutating func send(_ frame: Frame, at place: Place) throws(Failure) -> Journey {
        traced.send([frame], at: try port(place))
    }

    public func plan(_ node: NodeName) -> NodePlan? { traced.plan(node) }
}

extension PacketPattern {
    /// The addresses that the line names, also those of a packet that is quoted.
    fileprivate var addresses: [IPAddress] {
        guard case .ip(let ip) = packet else { return [] }
        var addresses: [IPAddress] = []
        for case .exactly(let address) in [ip.source, ip.destination] { addresses.append(address) }
        if case .icmp(let icmp) = ip.transport, let quoted = icmp.quoted { addresses += quoted.addresses }
        return addresses
    }
}
