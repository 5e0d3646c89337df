public import NetworkVocabulary

/// What a link of the node may carry, each way apart from the other. Both ways are held in the host's namespace, out of
/// the reach of whoever is inside the node.
///
/// It is a row of its own, so that a link without limits costs nothing and a limit can come and go without the link.
public struct Shaper: Hashable, Sendable {
    public let link: InterfaceName
    /// The link's end in the host's namespace: what is sent by it is what the node receives.
    public let port: InterfaceName
    /// A device of the host's namespace, where what came in by the port waits: what the node sends.
    public let queue: InterfaceName
    /// Megabits a second. 0 is never planned: something holds frames up that is not ours, or not as we would.
    public let megabits: Int

    public init(on link: InterfaceName, port: InterfaceName, queue: InterfaceName, megabits: Int) {
        self.link = link
        self.port = port
        self.queue = queue
        self.megabits = megabits
    }

    public var bytesPerSecond: Int { megabits * 125_000 }

    /// How many bytes may go at once after a pause: what passes in 2 ms, so that a timer that is late loses nothing; and
    /// at least 16 KiB, room for any frame (a larger bundle of segments is taken apart).
    public var burst: Int { max(16_384, bytesPerSecond / 500) }

    /// How many bytes may wait: a burst, and what passes in 50 ms, so that one TCP connection fills the rate and nobody
    /// waits much longer than that; and at least 32 KiB, a score of frames, below which TCP starves.
    public var backlog: Int { burst + max(32_768, bytesPerSecond / 20) }
}

extension Shaper: CustomStringConvertible {
    public var description: String {
        "shaper dev \(link) port \(port) queue \(queue) rate \(megabits)mbit burst \(burst) backlog \(backlog)"
    }
}
