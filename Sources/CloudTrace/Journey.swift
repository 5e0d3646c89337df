public import NetworkVocabulary
public import PacketTrace
public import Packets
public import RouterPlan

/// What became of a packet that was sent at a port, from the first router to the last port.
public struct Journey: Sendable {
    /// A packet's way through one router.
    public struct Hop: Sendable {
        public let node: NodeName
        /// The leg that it came in by.
        public let link: InterfaceName
        public let trace: Trace
    }

    public struct Arrival: Sendable {
        public let port: String
        public let frame: Frame

        public init(port: String, frame: Frame) {
            self.port = port
            self.frame = frame
        }
    }

    public enum Step: Sendable {
        case hop(Hop)
        case arrival(Arrival)
        /// A router's own word: an answer, or news of an error.
        case said(NodeName, Frame)
        /// Nobody on the segment has the address that it was to go to next.
        case unheard(IPAddress, on: InterfaceName)
    }

    public internal(set) var steps: [Step] = []

    public var hops: [Hop] { steps.compactMap { if case .hop(let hop) = $0 { hop } else { nil } } }
    public var arrivals: [Arrival] { steps.compactMap { if case .arrival(let arrival) = $0 { arrival } else { nil } } }

    /// A translation took a source port of which others would have done.
    public var isPortArbitrary: Bool {
        hops.contains { $0.trace.translations.contains(where: \.isPortArbitrary) }
    }
}
