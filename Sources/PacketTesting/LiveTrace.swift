import LinuxKernel
import NetworkVocabulary
import Packets
import Ruleset

/// What the rules of running routers say to one packet, told by their kernel.
///
/// The packet is sent for real, and the elements that it meets count it. Only packets like it are listened to, so that
/// what passes beside it costs nothing; the listener's table goes with the process.
public enum LiveTrace {
    /// A rule, or the policy of a chain, that spoke the last word there.
    public struct Ruling: Hashable, Sendable, CustomStringConvertible {
        public let chain: String
        /// Counted from 1.
        public let rule: Int?
        public let isDrop: Bool

        public init(chain: String, rule: Int?, isDrop: Bool) {
            self.chain = chain
            self.rule = rule
            self.isDrop = isDrop
        }

        public var description: String {
            "\(isDrop ? "drop" : "accept") by \(rule.map { "\(chain) \($0)" } ?? "the policy of \(chain)")"
        }
    }

    private struct Ear {
        let router: String
        let trace: NetfilterTrace
        let places: [ChainName: [UInt64: Int]]
    }

    private static let tableName = "sluice"

    /// Sends the frame by a link of a namespace, and returns what the routers said to it, in the order of the routers.
    /// Runs on a thread of its own, which stays on one processor.
    public static func send(
        _ frame: [UInt8], from namespace: String, by link: String, through routers: [String]
    ) throws -> [String: [Ruling]] {
        let parsed = try Frame(parsing: frame)
        return try PinnedThread.run {
            let meant = Rule(Origin("installation", ObjectID(random: 0, 0)), statements(meaning: parsed))
            let ears = try routers.map { try ear($0, meant) }
            let sender = try NamespaceDirectory.system.open(namespace)
            let socket = try PacketSocket(in: sender)
            let index = try RouteSocket(in: sender).link(named: link).index
            try socket.send(frame, on: index)
            // All that a packet leads to is done in the processor's queue, and with it what follows from it.
            try Calm().settle()
            var heard: [String: [Ruling]] = [:]
            for ear in ears { heard[ear.router] = try rulings(ear) }
            return heard
        }
    }

    private static func ear(_ router: String, _ meant: Rule) throws -> Ear {
        let namespace = try NamespaceDirectory.system.open(router)
        var opened: Result<Ear, NetfilterError>?
        try namespace.enter { () throws(KernelError) in
            opened = Result { () throws(NetfilterError) in
                Ear(
                    router: router, trace: try NetfilterTrace(of: meant),
                    places: try NetfilterSocket().readRulePlaces(.inet, tableName))
            }
        }
        guard let opened else { throw Refusal(description: "\(router) cannot be listened to") }
        return try opened.get()
    }

    /// What such packets have in common on the whole way, whatever is translated: the protocol, and the port of whoever
    /// began it, as long as that is free.
    private static func statements(meaning frame: Frame) -> [Statement] {
        guard let ip = frame.ip else { return [] }
        var statements: [Statement] = [.match(.transportProtocol, .equal, .ipProtocol(ip.protocol))]
        if let ports = ip.ports {
            statements.append(.match(.sourcePort, .equal, .port(ports.source)))
        }
        return statements
    }

    private static func rulings(_ ear: Ear) throws -> [Ruling] {
        var rulings: [Ruling] = []
        let events = try ear.trace.read()
        // What is like it may follow: a machine that never asked answers the answer.
        for event in events where event.table == tableName && event.packet == events.first?.packet {
            switch event.action {
            case .rule(let handle, .verdict(let verdict)) where verdict == .accept || verdict == .drop:
                let rule = ear.places[event.chain]?[handle]
                rulings.append(.init(chain: event.chain.text, rule: rule.map { $0 + 1 }, isDrop: verdict == .drop))
            case .policy(.drop): rulings.append(.init(chain: event.chain.text, rule: nil, isDrop: true))
            default: break
            }
        }
        return rulings
    }
}
