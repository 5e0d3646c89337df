public import NetworkVocabulary
import RouterPlan
import Ruleset

/// The connections that one node tracks, as a value. Nothing in it ends by itself: who wants time to pass says so.
public struct ConnectionTable: Sendable {
    private var connections: [Int: Connection] = [:]
    private var places: [FlowTuple: Place] = [:]
    private var nextID = 0
    /// How often rules that give slots in turn have been asked.
    private var turns: [Turn: UInt32] = [:]
    private var now = Duration.zero

    struct Place {
        let id: Int
        let direction: ConnectionDirection
    }

    private struct Turn: Hashable {
        let chain: ChainName
        let choice: Choice
    }

    public init() {}

    /// What a kernel tracks. Where a TCP connection stands is not in a flow: one that has been answered counts as open.
    public init(_ flows: some Sequence<Flow>) {
        for flow in flows {
            var connection = Connection(flow.original, reply: flow.reply)
            connection.mark = flow.mark
            connection.status = flow.status
            if flow.original.ipProtocol == .tcp { connection.progress = flow.hasSeenReply ? .open : .opening }
            insert(connection)
        }
    }

    public var count: Int { connections.count }

    /// In the order in which they began.
    public var flows: [Flow] {
        connections.sorted { $0.key < $1.key }.map { id, connection in
            Flow(
                connection.original, reply: connection.reply, mark: connection.mark, status: connection.status,
                id: UInt32(truncatingIfNeeded: id))
        }
    }

    /// The connection that packets of this form belong to, in either direction.
    public func flow(of tuple: FlowTuple) -> Flow? {
        guard let id = places[tuple]?.id, let connection = connections[id] else { return nil }
        return Flow(
            connection.original, reply: connection.reply, mark: connection.mark, status: connection.status,
            id: UInt32(truncatingIfNeeded: id))
    }

    /// Ends the connection that packets of this form belong to.
    public mutating func remove(_ tuple: FlowTuple) {
        guard let id = places[tuple]?.id, let connection = connections.removeValue(forKey: id) else { return }
        places[connection.original] = nil
        places[connection.reply] = nil
    }

    /// Lets connections go on that nothing admits any more, until they end by themselves.
    public mutating func drain(_ tuples: some Sequence<FlowTuple>) {
        for tuple in tuples {
            guard let id = places[tuple]?.id else { continue }
            connections[id]?.mark |= FlowMark.draining
        }
    }

    /// Which of the slots is next. A rule that is changed begins anew.
    mutating func turn(of choice: Choice, in chain: ChainName) -> UInt32 {
        let turn = Turn(chain: chain, choice: choice)
        let next = turns[turn, default: 0]
        turns[turn] = next + 1 < choice.count ? next + 1 : 0
        return next
    }

    /// Time passes, and connections that were silent for longer than the kernel's own patience end.
    public mutating func advance(by time: Duration) {
        now += time
        for (id, connection) in connections where now - connection.heard >= connection.patience {
            connections[id] = nil
            places[connection.original] = nil
            places[connection.reply] = nil
        }
    }

    /// What is known of a connection that has just carried a packet.
    mutating func hear(_ id: Int, _ connection: Connection) {
        connections[id] = connection
        connections[id]?.heard = now
    }

    func place(of tuple: FlowTuple) -> Place? { places[tuple] }
    func isTaken(_ tuple: FlowTuple) -> Bool { places[tuple] != nil }

    subscript(id: Int) -> Connection? {
        get { connections[id] }
        set { connections[id] = newValue }
    }

    /// False when a connection with one of its tuples is there already: the kernel then drops the packet.
    @discardableResult
    mutating func insert(_ connection: Connection) -> Bool {
        guard places[connection.original] == nil, places[connection.reply] == nil else { return false }
        connections[nextID] = connection
        connections[nextID]?.heard = now
        places[connection.original] = Place(id: nextID, direction: .original)
        places[connection.reply] = Place(id: nextID, direction: .reply)
        nextID += 1
        return true
    }
}

extension ConnectionDirection {
    var opposite: ConnectionDirection { self == .original ? .reply : .original }
}

/// What is known of one connection.
struct Connection: Hashable, Sendable {
    let original: FlowTuple
    var reply: FlowTuple
    var mark: UInt32 = 0
    var status: Flow.Status = []
    var progress: TCPProgress = .opening
    /// When its last packet passed.
    var heard = Duration.zero
    /// By which it left when it was given that link's address: by no other may it go on.
    var masqueradedBy: InterfaceName?
    /// The rules for either kind of translation have been asked.
    var isDestinationSettled = false
    var isSourceSettled = false

    init(_ original: FlowTuple, reply: FlowTuple) {
        self.original = original
        self.reply = reply
    }

    /// The kernel's time-outs as it has them from the start (`nf_conntrack_*_timeout*`). UDP counts as a stream only after
    /// two seconds, which no test takes; how far the closing of TCP has come is not followed to its end.
    var patience: Duration {
        switch (original.ipProtocol, progress) {
        case (.tcp, .opening): .seconds(120)
        case (.tcp, .meeting), (.tcp, .answered): .seconds(60)
        case (.tcp, .open): .seconds(432_000)
        case (.tcp, .halfClosed): .seconds(120)
        case (.tcp, .closed): .seconds(120)
        case (.udp, _), (.icmp, _), (.icmpv6, _): .seconds(30)
        default: .seconds(600)
        }
    }

    func tuple(_ direction: ConnectionDirection) -> FlowTuple { direction == .original ? original : reply }

    /// How a packet that goes this way looks once it is translated.
    func translated(_ direction: ConnectionDirection) -> FlowTuple? { tuple(direction.opposite).inverse }

    /// Whether packets that go this way have their source, or their destination, translated.
    func translates(_ end: Translation.End, _ direction: ConnectionDirection) -> Bool {
        switch (end, direction) {
        case (.source, .original), (.destination, .reply): status.contains(.sourceTranslated)
        case (.destination, .original), (.source, .reply): status.contains(.destinationTranslated)
        }
    }
}

extension FlowTuple {
    /// What answers look like; nil for ICMP that nobody answers.
    var inverse: FlowTuple? {
        switch selector {
        case .ports(let source, let target):
            return FlowTuple(
                ipProtocol, from: destination, to: self.source, .ports(source: target, destination: source))
        case .icmp(let type, let code, let id):
            guard let answer = ipProtocol.answer(toICMPType: type) else { return nil }
            return FlowTuple(ipProtocol, from: destination, to: source, .icmp(type: answer, code: code, id: id))
        case .none: return FlowTuple(ipProtocol, from: destination, to: source, .none)
        }
    }

    /// Whether a connection can begin with it: answers begin none.
    var canOpen: Bool {
        guard case .icmp(let type, _, _) = selector else { return true }
        return ipProtocol == .icmp ? [8, 13, 15, 17].contains(type) : [128, 139].contains(type)
    }

    func with(source: IPAddress? = nil, destination: IPAddress? = nil, _ selector: Selector? = nil) -> FlowTuple {
        FlowTuple(
            ipProtocol, from: source ?? self.source, to: destination ?? self.destination, selector ?? self.selector)
    }
}

extension IPProtocol {
    /// RFC 792 and RFC 4443, RFC 4620: questions and answers name each other.
    fileprivate func answer(toICMPType type: UInt8) -> UInt8? {
        let pairs: [(UInt8, UInt8)] =
            self == .icmp ? [(8, 0), (13, 14), (15, 16), (17, 18)] : [(128, 129), (139, 140)]
        return pairs.lazy.compactMap { $0.0 == type ? $0.1 : $0.1 == type ? $0.0 : nil }.first
    }
}
