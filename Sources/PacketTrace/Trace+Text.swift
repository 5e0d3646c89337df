public import NetworkVocabulary
import Packets
import RouterPlan
import Ruleset

/// For people: a line for every step, and at the end what became of the packet. No line is longer than 100 characters.
extension Trace: CustomStringConvertible {
    public var description: String { lines { "\($0)" }.joined(separator: "\n") + "\n" }

    /// The same, with the objects called as the caller likes.
    public func lines(naming name: (Origin) -> String) -> [String] {
        let lines = steps.flatMap { $0.lines(name) } + outcome.lines + ["decided by \(name(decidedBy))"]
        return lines.map(\.shortened)
    }
}

extension String {
    fileprivate var shortened: String { count <= 100 ? self : String(prefix(99)) + "…" }
}

extension Trace.Site: CustomStringConvertible {
    public var description: String { "\(chain) \(rule + 1)" }
}

extension Trace.Step {
    /// What it was due to goes behind it where there is room, else below.
    fileprivate func lines(_ name: (Origin) -> String) -> [String] {
        let line =
            switch place {
            case .rule(let site): "\(site): \(action)"
            case .policy(_, let chain): "\(chain): \(action)"
            case .kernel: "\(action)"
            }
        guard let origin else { return [line] }
        let reason = "(\(name(origin)))"
        return line.count + reason.count < 100 ? ["\(line) \(reason)"] : [line, "    \(reason)"]
    }
}

extension Trace.Step.Action: CustomStringConvertible {
    public var description: String {
        switch self {
        case .verdict(let verdict): return "\(verdict)"
        case .rejected(let rejection): return "reject, \(rejection.words)"
        case .policy(let policy): return "policy \(policy.rawValue)"
        case .packetMark(let mark): return "mark 0x\(String(mark, radix: 16))"
        case .connectionMark(let mark): return "connection mark 0x\(String(mark, radix: 16))"
        case .translated(let translation): return "\(translation)"
        case .passed: return "counted"
        case .limited: return "over the limit"
        case .tracked(let states, let tuple):
            return "connection \(states.words)" + (tuple.map { ": \($0)" } ?? "")
        case .routed(let table, let route):
            let way = route.gateway.map { "via \($0) " } ?? ""
            return "route \(route.destination) \(way)dev \(route.link) table \(table)"
        case .isLocal: return "for the node itself"
        case .resolved(let address, let mac): return "\(address) is at \(mac)"
        }
    }
}

extension Translation: CustomStringConvertible {
    public var description: String {
        "\(end.rawValue) \(before.text(of: end)) becomes \(after.text(of: end))"
            + (isPortArbitrary ? ", or another port" : "")
    }
}

extension FlowTuple {
    fileprivate func text(of end: Translation.End) -> String {
        let address = end == .source ? source : destination
        guard let port = end == .source ? sourcePort : destinationPort else { return "\(address)" }
        return address.family == .ipv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
}

extension Rejection {
    fileprivate var words: String {
        switch self {
        case .adminProhibited: "administratively prohibited"
        case .portUnreachable: "port unreachable"
        case .tcpReset: "TCP reset"
        }
    }
}

extension ConnectionStates {
    fileprivate var words: String {
        switch self {
        case .new: "new"
        case .established: "established"
        case .related: "related"
        case .untracked: "untracked"
        default: "invalid"
        }
    }
}

extension Trace.Cause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .rule(let site): "\(site)"
        case .policy(_, let chain): "the policy of \(chain)"
        case .kernel(let reason): reason.rawValue
        }
    }
}

extension Trace.Outcome {
    fileprivate var lines: [String] {
        switch self {
        case .forwarded(let departure):
            let way = departure.isResolved ? "\(departure.frame.destination)" : "nobody known"
            let ends = departure.frame.ip.map { ": \($0.source) > \($0.destination) ttl \($0.ttl)" } ?? ""
            return ["leaves by \(departure.link) to \(way)\(ends)" + (departure.isCut ? ", in pieces" : "")]
        case .local: return ["taken by the node itself"]
        case .dropped(let cause): return ["dropped: \(cause)"]
        case .rejected(let rejection, let cause): return ["rejected, \(rejection.words): \(cause)"]
        }
    }
}
