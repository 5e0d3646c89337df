public import Packets
public import RouterPlan

/// The steps of a case, as `traffic.packets` has them (`docs/packet-cases.md`).
public struct CaseScript: Hashable, Sendable {
    public var steps: [CaseStep]
}

public struct CaseStep: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        case send(at: String, PacketPattern, Pieces?)
        case replay(file: String, at: String)
        case expect(at: String, PacketPattern)
        /// At one port, or at all.
        case expectNothing(at: String?)
        /// What the last packet's fate is due to.
        case decided(by: String, detail: String?)
        /// Another cloud file of the folder.
        case apply(file: String)
        case change([String])
        /// A request that is not granted; nothing changes.
        case refused([String])
        /// Time passes for connections.
        case advance(seconds: Int)
        /// The daemon ends and starts again; the kernel keeps what it has, and nothing is written.
        case restart
        /// The daemon is killed when a request is durable and the kernel has nothing of it yet, and starts again.
        case kill([String])
        case counters(kind: String, name: String, [Meter: UInt64])
        /// What it shows is otherwise in a running daemon, for this reason.
        case notLive(String)
    }

    /// How a packet is cut before it is sent.
    public struct Pieces: Hashable, Sendable {
        /// Bytes of what IP carries.
        public var size: Int
        /// The last one first.
        public var isReversed: Bool

        public init(size: Int, isReversed: Bool = false) {
            self.size = size
            self.isReversed = isReversed
        }
    }

    public let action: Action
    /// Counted from 1.
    public let line: Int
    /// As it stands in the file.
    public let text: String
}

/// What is wrong with a case itself, and where.
public struct CaseError: Error, Hashable, Sendable, CustomStringConvertible {
    public let file: String
    public let line: Int
    public let column: Int
    public let message: String

    public init(file: String, line: Int = 1, column: Int = 1, _ message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    public var description: String { "\(file):\(line):\(column): \(message)" }
}
