import CLinux
import Foundation
import LinuxKernel
import Synchronization

/// Datagrams as fast as they go, several ways at once, and counted at both ends: on some ways all must arrive, on the
/// others none. As in `Flood`, what may arrive is received before more is sent, so that no queue can overflow.
///
/// Nobody answers, so that every packet is the first of its connection to the filter and is judged by rules.
final class Crossfire: Sendable {
    /// From where to where, and who listens where it leads to.
    struct Way: Sendable {
        let name: String
        let isAllowed: Bool
        let source: String
        let target: String
        let port: UInt16
        fileprivate let sender: Wire
        fileprivate let listener: Wire

        init(
            _ world: World, _ name: String, isAllowed: Bool, from node: String, _ source: String, to target: String,
            _ port: UInt16, in end: String
        ) throws {
            (self.name, self.isAllowed, self.source, self.target, self.port) = (name, isAllowed, source, target, port)
            sender = try world.inside(node) { try Wire(AF_INET, SOCK_RAW, Int32(IPPROTO_RAW)) }
            listener = try world.inside(end) { try Wire.bound(SOCK_DGRAM, "0.0.0.0", port) }
            listener.set(SO_RCVTIMEO, timeval(tv_sec: 0, tv_usec: 50_000))
            listener.set(SO_RCVBUFFORCE, Int32(8 << 20))
        }

        fileprivate func receive(_ flags: Int32 = 0) -> Bool {
            var byte: UInt8 = 0
            return recv(listener.descriptor, &byte, 1, flags) > 0
        }
    }

    struct Count: CustomStringConvertible {
        let name: String
        let isAllowed: Bool
        var sent = 0
        var received = 0

        /// Packets that were judged otherwise than they should be.
        var wrong: Int { isAllowed ? sent - received : received }
        var description: String { "\(name): \(received) of \(sent)" }
    }

    private final class Shared: Sendable {
        let counts = Mutex<[Count]>([])
        let isEnding = Mutex(false)
    }

    private let shared = Shared()
    private let thread: KernelThread

    init(_ ways: [Way]) throws {
        let shared = shared
        thread = try KernelThread(name: "crossfire") {
            var counts = ways.map { Count(name: $0.name, isAllowed: $0.isAllowed) }
            var fresh: UInt16 = 0
            while !shared.isEnding.withLock({ $0 }) {
                fresh = (fresh + 1) % 32_000
                for (index, way) in ways.enumerated() {
                    // Most are of a few connections; now and then one that nobody knew, so that translation is asked too.
                    for port in [20_000 + fresh / 16] + Array(4_000..<4_007) {
                        let packet = Wire.datagram(from: way.source, port, to: way.target, way.port, "block")
                        if way.sender.tell(packet, to: way.target, way.port) { counts[index].sent += 1 }
                    }
                }
                for (index, way) in ways.enumerated() {
                    while counts[index].isAllowed, counts[index].received < counts[index].sent, way.receive() {
                        counts[index].received += 1
                    }
                    while !counts[index].isAllowed, way.receive(Int32(MSG_DONTWAIT)) { counts[index].received += 1 }
                }
                let now = counts
                shared.counts.withLock { $0 = now }
            }
            // What is late is not lost.
            for (index, way) in ways.enumerated() {
                way.listener.set(SO_RCVTIMEO, timeval(tv_sec: 1, tv_usec: 0))
                while counts[index].isAllowed, counts[index].received < counts[index].sent, way.receive() {
                    counts[index].received += 1
                }
                while way.receive(Int32(MSG_DONTWAIT)) { counts[index].received += 1 }
            }
            let final = counts
            shared.counts.withLock { $0 = final }
        }
    }

    var counts: [Count] { shared.counts.withLock { $0 } }

    /// Whether enough has arrived on all ways that are open.
    var isUp: Bool { !counts.isEmpty && counts.allSatisfy { !$0.isAllowed || $0.received > 100 } }

    func end() -> [Count] {
        shared.isEnding.withLock { $0 = true }
        thread.join()
        return counts
    }
}
