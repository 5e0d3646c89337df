public import CloudModel
public import NetworkVocabulary
import PacketTrace
public import Packets
public import RouterPlan
import Ruleset

/// A packet's way in words: each stage of each router, with the object that decided, and where it ends.
public struct Explanation: Sendable {
    /// One stage.
    public struct Stage: Hashable, Sendable {
        public let node: NodeName
        /// The chain; nil for what the kernel does between the chains.
        public let chain: String?
        /// Counted from 1; nil for a chain's policy, and between the chains.
        public let rule: Int?
        public let action: String
        /// Whether the last word in the chain was spoken here, and which.
        public let isDrop: Bool?
        public let origin: Origin?
    }

    /// A way through one router, or nothing but that there is one, where the reader must not know more.
    public struct Passage: Sendable {
        public let node: NodeName?
        public let stages: [Stage]
        public let outcome: String
        public let decidedBy: Origin?
        public let nearest: [String]
    }

    public let port: String
    public let sent: Frame
    public let passages: [Passage]
    public let arrivals: [Journey.Arrival]
    /// In a word: where it ended.
    public let verdict: String
    public let text: String

    /// `sees`: whether the reader may know what a router does. What becomes of the packet behind one that he may not know is
    /// withheld too.
    public init(_ journey: Journey, of sent: Frame, at port: Wiring.Port, in cloud: Cloud, sees: (NodeName) -> Bool) {
        self.port = port.name
        self.sent = sent
        var writer = Writer(cloud: cloud)
        writer.lines.append("\(port.name) sends \(sent.line(.ip))")
        for step in journey.steps {
            if writer.isWithheld { break }
            writer.add(step, sees)
        }
        passages = writer.passages
        arrivals = writer.arrivals
        verdict = writer.verdict
        writer.lines.append(writer.verdict)
        text = writer.lines.joined(separator: "\n") + "\n"
    }
}

/// Takes a journey step by step.
private struct Writer {
    let cloud: Cloud
    var lines: [String] = []
    var passages: [Explanation.Passage] = []
    var arrivals: [Journey.Arrival] = []
    var isWithheld = false
    private var last: String?

    init(cloud: Cloud) { self.cloud = cloud }

    var verdict: String {
        if isWithheld { return "goes to a router that is somebody else's" }
        if !arrivals.isEmpty { return "arrives at " + arrivals.map(\.port).joined(separator: ", ") }
        return last ?? "nobody takes it: no port and no router on the segment has its destination"
    }

    mutating func add(_ step: Journey.Step, _ sees: (NodeName) -> Bool) {
        switch step {
        case .hop(let hop):
            guard sees(hop.node) else {
                isWithheld = true
                return
            }
            add(hop)
        case .arrival(let arrival):
            arrivals.append(arrival)
            lines.append("\(arrival.port) receives \(arrival.frame.line(.ip))")
        case .said(let node, let frame): lines.append("\(node) says \(frame.line(.ip))")
        case .unheard(let address, let segment):
            last = "lost: nobody has \(address) on \(segment)"
        }
    }

    private mutating func add(_ hop: Journey.Hop) {
        let trace = hop.trace
        lines.append("\(hop.node), in by \(hop.link)")
        lines += trace.lines { cloud.words(for: $0) }.map { "    \($0)" }
        let nearest = cloud.nearest(to: trace, at: hop.node)
        for (index, text) in nearest.enumerated() {
            lines.append("    \(index == 0 ? "nearest: " : "         ")\(text)")
        }
        last = trace.outcome.words(at: hop.node)
        passages.append(
            .init(
                node: hop.node, stages: trace.steps.map { stage($0, hop.node) },
                outcome: trace.outcome.words(at: hop.node), decidedBy: trace.decidedBy, nearest: nearest))
    }

    private func stage(_ step: Trace.Step, _ node: NodeName) -> Explanation.Stage {
        let isDrop: Bool? =
            switch step.action {
            case .verdict(.accept), .translated: false
            case .verdict(.drop), .policy(.drop), .rejected: true
            default: nil
            }
        switch step.place {
        case .rule(let site):
            return .init(
                node: node, chain: site.chain.text, rule: site.rule + 1, action: "\(step.action)", isDrop: isDrop,
                origin: step.origin)
        case .policy(_, let chain):
            return .init(
                node: node, chain: chain.text, rule: nil, action: "\(step.action)", isDrop: isDrop, origin: step.origin)
        case .kernel:
            return .init(
                node: node, chain: nil, rule: nil, action: "\(step.action)", isDrop: nil, origin: step.origin)
        }
    }
}

extension Trace.Outcome {
    fileprivate func words(at node: NodeName) -> String {
        switch self {
        case .forwarded(let departure): "\(node) sends it on by \(departure.link)"
        case .local: "\(node) takes it itself"
        case .dropped(let cause): "\(node) drops it: \(cause)"
        case .rejected(_, let cause): "\(node) rejects it: \(cause)"
        }
    }
}

extension Cloud {
    /// An object as people know it: its kind and its name, else its id.
    public func words(for origin: Origin) -> String {
        var names = names(of: origin)
        let part = origin.part.map { " \($0)" } ?? ""
        if origin.part != nil, names.first == origin.part { names.removeFirst() }
        let kind = RecordKind(rawValue: origin.kind)
        let isRule =
            kind == .firewallRule || kind == .egressRule || kind == .portForwarding || kind == .loadBalancerRule
        guard let name = isRule ? names.last : names.first else { return "\(origin)" }
        return "\(origin.kind) \(name)\(part)"
    }
}
