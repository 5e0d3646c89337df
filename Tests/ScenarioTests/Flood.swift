import CLinux
import Foundation
import LinuxKernel
import Synchronization

/// Packets as fast as they go from a guest through its router: some that must arrive and some that must not, counted
/// at both ends.
///
/// A burst is sent, then its allowed half is received, so that no queue on the way can overflow: what is missing at
/// the end was dropped by a rule.
final class Flood: Sendable {
    struct Count: CustomStringConvertible {
        var allowedSent = 0
        var allowedReceived = 0
        var forbiddenSent = 0
        var forbiddenReceived = 0

        /// Packets that were judged otherwise than they should be.
        var wrong: Int { allowedSent - allowedReceived + forbiddenReceived }
        var description: String {
            "\(allowedReceived) of \(allowedSent) allowed and \(forbiddenReceived) of \(forbiddenSent) forbidden arrived"
        }
    }

    private final class Shared: Sendable {
        let count = Mutex(Count())
        let isEnding = Mutex(false)
    }

    private let shared = Shared()
    private let thread: KernelThread

    /// `spoofed` is an address that the guest does not have.
    init(_ world: World, from guest: String, at address: String, spoofed: String) throws {
        let (allowed, forbidden) = try world.inside("sluice-internet") {
            (try Wire.bound(SOCK_DGRAM, "198.51.100.1", 9001), try Wire.bound(SOCK_DGRAM, "198.51.100.1", 9002))
        }
        let raw = try world.inside(guest) { try Wire(AF_INET, SOCK_RAW, Int32(IPPROTO_RAW)) }
        for wire in [allowed, forbidden, raw] {
            wire.set(SO_RCVTIMEO, timeval(tv_sec: 0, tv_usec: 50_000))
            wire.set(SO_RCVBUFFORCE, Int32(8 << 20))
        }
        let good = Wire.datagram(from: address, to: "198.51.100.1", 9001, "allowed")
        let bad = Wire.datagram(from: spoofed, to: "198.51.100.1", 9002, "forbidden")
        let shared = shared
        thread = try KernelThread(name: "flood") {
            var count = Count()
            let receive = { (wire: Wire, flags: Int32) -> Bool in
                var byte: UInt8 = 0
                return recv(wire.descriptor, &byte, 1, flags) > 0
            }
            let nonblocking = Int32(MSG_DONTWAIT)
            while !shared.isEnding.withLock({ $0 }) {
                var expected = 0
                for _ in 0..<16 {
                    if raw.tell(good, to: "198.51.100.1", 9001) { expected += 1 }
                    if raw.tell(bad, to: "198.51.100.1", 9002) { count.forbiddenSent += 1 }
                }
                count.allowedSent += expected
                while expected > 0, receive(allowed, 0) {
                    expected -= 1
                    count.allowedReceived += 1
                }
                while receive(forbidden, nonblocking) { count.forbiddenReceived += 1 }
                let now = count
                shared.count.withLock { $0 = now }
            }
            // What is late is not lost.
            for wire in [allowed, forbidden] { wire.set(SO_RCVTIMEO, timeval(tv_sec: 1, tv_usec: 0)) }
            while count.allowedReceived < count.allowedSent, receive(allowed, 0) { count.allowedReceived += 1 }
            while receive(forbidden, nonblocking) { count.forbiddenReceived += 1 }
            let final = count
            shared.count.withLock { $0 = final }
        }
    }

    var count: Count { shared.count.withLock { $0 } }

    func end() -> Count {
        shared.isEnding.withLock { $0 = true }
        thread.join()
        return count
    }
}
