public import NetworkVocabulary
public import Packets
public import RouterPlan
public import Ruleset

/// What a node did to a packet, and why.
public struct Trace: Hashable, Sendable {
    /// In the order in which it happened: what had an effect, not what was merely asked.
    public var steps: [Step] = []
    public var outcome: Outcome
    /// The object that the outcome is due to: that of the element that decided, else that of the rule.
    public var decidedBy: Origin
    /// Counters that move.
    public var counted: [Counted] = []

    public var translations: [Translation] {
        steps.compactMap { if case .translated(let translation) = $0.action { translation } else { nil } }
    }
}

extension Trace {
    public enum Outcome: Hashable, Sendable {
        /// Sent on by another link, or by the same.
        case forwarded(Departure)
        /// For the node itself.
        case local(Frame)
        case dropped(Cause)
        /// Dropped, and the sender is told.
        case rejected(Rejection, Cause)
    }

    /// What stopped a packet.
    public enum Cause: Hashable, Sendable {
        case rule(Site)
        /// The chain's policy, where no rule had decided.
        case policy(Hook.Point, ChainName)
        case kernel(KernelReason)
    }

    /// What the kernel does of its own accord, whatever the rules.
    public enum KernelReason: String, Hashable, Sendable, CaseIterable {
        case unknownLink = "the node has no such link"
        case otherHost = "the frame is for another machine"
        case notIP = "nothing here takes such frames"
        case noIPv6 = "IPv6 is off"
        case malformed = "the packet's header is wrong"
        case sourceRoute = "source routes are not taken"
        case fragment = "held back until the other fragments are there"
        case martian = "the source can be nobody's on this side"
        case blackhole = "no route is meant for it"
        case noRoute = "no route leads to it"
        case notForwarding = "the node forwards nothing"
        case notUnicast = "frames for many are not forwarded"
        case timeToLive = "its time to live ran out"
        case tooBig = "it is too big for the way and must not be cut"
        case redirect = "a redirect about a translated connection would lead past the translation"
        case noFreePort = "no port is free to translate it to"
        case noAddress = "the link has no address to translate it to"
        case otherLink = "its connection is masqueraded for another link"
        case taken = "another connection has its place"
        case tooDeep = "chains call each other without end"
    }

    /// A packet that leaves.
    public struct Departure: Hashable, Sendable {
        public let link: InterfaceName
        /// As it travels; the destination is all zeros while nobody knows it.
        public let frame: Frame
        public let nextHop: IPAddress
        /// Whether the plan or the circumstances say who has the address of the next hop.
        public let isResolved: Bool
        /// Longer than the link takes: it leaves in pieces.
        public let isCut: Bool
    }

    /// Where in a table something happened.
    public struct Site: Hashable, Sendable {
        public let point: Hook.Point
        public let chain: ChainName
        /// Counted from 0.
        public let rule: Int

        public init(point: Hook.Point, chain: ChainName, rule: Int) {
            self.point = point
            self.chain = chain
            self.rule = rule
        }
    }

    public struct Step: Hashable, Sendable {
        public enum Place: Hashable, Sendable {
            case rule(Site)
            case policy(Hook.Point, ChainName)
            /// Between the chains.
            case kernel
        }

        public enum Action: Hashable, Sendable {
            case verdict(Verdict)
            case rejected(Rejection)
            case policy(Hook.Policy)
            case packetMark(UInt32)
            case connectionMark(UInt32)
            case translated(Translation)
            /// A rule that only counted, or wrote a log.
            case passed
            /// A limit that was exceeded ended the rule.
            case limited
            case tracked(ConnectionStates, FlowTuple?)
            case routed(table: UInt32, Route)
            case isLocal
            case resolved(IPAddress, MACAddress)
        }

        public let place: Place
        public let action: Action
        /// Of the element, else the rule, the route, the neighbour; nil where nothing planned was involved.
        public let origin: Origin?
        /// The statement that did it.
        public let statement: Statement?
        /// What the rule's lookups found.
        public let found: [Found]
    }

    /// An element that a lookup found.
    public struct Found: Hashable, Sendable {
        public let set: SetName
        public let key: ElementKey
        public let origin: Origin
    }

    public enum Counted: Hashable, Sendable {
        case rule(Site, Origin)
        case element(SetName, ElementKey, Origin)
    }
}

/// What a trace cannot know from the plan.
public struct Circumstances: Hashable, Sendable {
    /// Whether the rates that rules allow are used up.
    public var limitsAreExceeded = false
    /// Who has an address, where the plan names no neighbour.
    public var neighbours: [InterfaceName: [IPAddress: MACAddress]] = [:]

    public init() {}
}
