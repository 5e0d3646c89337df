public import CloudModel
import NetworkVocabulary
public import PacketTrace
import Packets
public import RouterPlan
import Ruleset

// What would have had to be otherwise: rules of the kind that was asked, the one that came closest first, each with what
// keeps it from the packet.

extension Cloud {
    /// At most three lines; none where no rule of users could have decided otherwise.
    public func nearest(to trace: Trace, at node: NodeName) -> [String] {
        guard let chain = trace.stoppedIn, let packet = trace.judged else { return [] }
        let found: [Candidate]
        switch chain {
        case "public-firewall", "hairpin-postrouting", "filter-forward", "filter-input":
            guard let address = publicAddresses.values.first(where: { .v4($0.address) == packet.publicDestination })
            else { return [] }
            found =
                chain == "filter-input"
                ? portForwardings.values.filter { $0.publicAddress == address.id }.map {
                    Candidate($0.id, "portForwarding", packet.misfits($0.traffic, port: packet.publicPort))
                }
                    + loadBalancerRules.values.filter { $0.publicAddress == address.id }.map {
                        Candidate($0.id, "loadBalancerRule", packet.misfits($0.traffic, port: packet.publicPort))
                    }
                : firewallRules.values.filter { $0.publicAddress == address.id }.map {
                    Candidate(
                        $0.id, "firewallRule",
                        packet.misfits($0.traffic, port: packet.publicPort) + packet.misfits(sources: $0.sources))
                }
        case "network-egress":
            guard let router = router(named: node.text) else { return [] }
            found = egressRules.values.filter { $0.network == router.network }.map {
                Candidate(
                    $0.id, "egressRule",
                    packet.misfits($0.traffic, port: packet.port) + packet.misfits(sources: $0.sources)
                        + packet.misfits(destinations: $0.destinations))
            }
        default: return []
        }
        return found.filter { !$0.misfits.isEmpty }.sorted { ($0.misfits.count, $0.id) < ($1.misfits.count, $1.id) }
            .prefix(3).map { candidate in
                let rule = Origin(candidate.kind, candidate.id)
                let sources = sources(of: rule)
                return words(for: rule) + (sources.isEmpty ? "" : " from \(sources)") + ": "
                    + candidate.misfits.joined(separator: ", ")
            }
    }
}

private struct Candidate {
    let id: ObjectID
    let kind: String
    let misfits: [String]

    init(_ id: ObjectID, _ kind: String, _ misfits: [String]) {
        self.id = id
        self.kind = kind
        self.misfits = misfits
    }
}

/// What of a packet rules of users speak of.
private struct JudgedTuple {
    let tuple: FlowTuple
    /// As the outsider sent it.
    let original: FlowTuple

    var publicDestination: IPAddress { original.destination }
    var publicPort: UInt16? { original.destinationPort }
    var port: UInt16? { tuple.destinationPort }

    func misfits(_ traffic: Traffic, port: UInt16?) -> [String] {
        switch (traffic, tuple.ipProtocol) {
        case (.all, _), (.tcp(nil), .tcp), (.udp(nil), .udp): return []
        case (.tcp(let ports?), .tcp), (.udp(let ports?), .udp):
            guard let port, !ports.contains(port) else { return [] }
            return ["the packet is for port \(port)"]
        case (.icmp(let type, let code), .icmp):
            guard case .icmp(let found, let foundCode, _)? = Optional(tuple.selector) else { return [] }
            if let type, type != found { return ["the packet is of type \(found)"] }
            if type != nil, let code, code != foundCode { return ["the packet is of code \(foundCode)"] }
            return []
        case (.other(let number), let found) where number == found: return []
        default: return ["the packet is \(tuple.ipProtocol)"]
        }
    }

    func misfits(sources: [IPPrefix]) -> [String] {
        sources.contains { $0.contains(tuple.source) } ? [] : ["the packet comes from \(tuple.source)"]
    }

    func misfits(destinations: [IPPrefix]) -> [String] {
        destinations.contains { $0.contains(tuple.destination) } ? [] : ["the packet goes to \(tuple.destination)"]
    }
}

extension Trace {
    /// The chain that refused it.
    fileprivate var stoppedIn: String? {
        switch outcome {
        case .dropped(.rule(let site)), .rejected(_, .rule(let site)): site.chain.text
        case .dropped(.policy(_, let chain)), .rejected(_, .policy(_, let chain)): chain.text
        default: nil
        }
    }

    /// The packet as it was before any translation, and as it was when it was refused.
    fileprivate var judged: JudgedTuple? {
        var original: FlowTuple?
        for case .tracked(_, let tuple?) in steps.map(\.action) { original = tuple }
        guard let original else { return nil }
        return JudgedTuple(tuple: translations.last?.after ?? original, original: original)
    }
}
