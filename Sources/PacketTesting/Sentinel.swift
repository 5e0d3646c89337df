import LinuxKernel
import NetworkVocabulary
import Packets

/// Frames that go round by a wire of their own, in the queue of the processor that this thread stays on. When one that
/// was sent later is back, what was sent before has been taken one step further; after as many rounds as a packet takes
/// steps, all that follows from it is done.
final class Sentinel {
    /// More steps than any packet takes from port to port.
    static let calmRounds = 16

    private let socket: PacketSocket
    private let out: Int32
    private let back: Int32
    private var count: UInt64 = 0

    /// `socket` hears the namespace that the wire is put into.
    init(in namespace: NetworkNamespace, heardBy socket: PacketSocket) throws {
        self.socket = socket
        let route = try RouteSocket(in: namespace)
        let ends = ["sentinel0", "sentinel1"].compactMap { InterfaceName($0) }
        try route.addVeth(LinkSpecification(ends[0]), peer: LinkSpecification(ends[1]), in: namespace)
        out = try route.link(named: "sentinel0").index
        back = try route.link(named: "sentinel1").index
        for index in [out, back] { try route.setLink(index, LinkChange(isUp: true)) }
        try awaitFirst()
    }

    /// Returns the tag that it is known by.
    func send() throws -> [UInt8] {
        count += 1
        let tag = (0..<8).map { UInt8(truncatingIfNeeded: count >> UInt64(8 * $0)) }
        let frame = Frame(
            destination: MACAddress(255, 255, 255, 255, 255, 255), source: MACAddress(2, 0, 0, 0, 0, 9),
            etherType: 0x88b5, body: .other(tag))
        try socket.send(frame.bytes, on: out)
        return tag
    }

    /// Whether what was heard is a sentinel at all.
    func isSentinel(_ sighting: PacketSocket.Sighting) -> Bool { sighting.link == back }

    /// Whether it is the one with this tag.
    func isSentinel(_ sighting: PacketSocket.Sighting, tagged tag: [UInt8]) -> Bool {
        isSentinel(sighting) && sighting.bytes.count >= 22 && Array(sighting.bytes[14..<22]) == tag
    }

    /// A new wire swallows what is sent before the kernel has got round to it: from the first sentinel that arrives, none
    /// is lost.
    private func awaitFirst() throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            _ = try send()
            while let sighting = try socket.poll() {
                if isSentinel(sighting) { return }
            }
        }
        throw Refusal(description: "a new wire carries nothing")
    }
}

/// A place from which the end of everything can be awaited, on a thread that stays on one processor.
final class Calm {
    private let socket: PacketSocket
    private let sentinel: Sentinel

    init() throws {
        let namespace = try NetworkNamespace.unnamed()
        socket = try PacketSocket(in: namespace)
        sentinel = try Sentinel(in: namespace, heardBy: socket)
    }

    /// Waits until all that was sent before by this thread is done, with what followed from it.
    func settle() throws {
        for _ in 0..<Sentinel.calmRounds {
            let tag = try sentinel.send()
            while try !sentinel.isSentinel(socket.receive(), tagged: tag) {}
        }
    }
}
