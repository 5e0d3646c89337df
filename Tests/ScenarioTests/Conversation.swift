import CLinux
import Foundation
import Testing

/// One TCP connection with both its ends in the test's hands, so that what arrives is known without a thread.
final class Conversation {
    let name: String
    private let near: Wire
    private let far: Wire
    private var number: UInt64 = 0

    /// Connects from a namespace, by one of its addresses if named, and takes the connection at the listener.
    init(
        _ world: World, _ name: String, from node: String, by source: String? = nil, to host: String, _ port: UInt16,
        at listener: Wire
    ) throws {
        self.name = name
        near = try world.inside(node) { try Wire.tcp(to: host, port, from: source) }
        far = try listener.accepted()
        for wire in [near, far] { setsockopt(wire.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, [Int32(1)], 4) }
    }

    /// A numbered block goes there and back.
    func echo() throws {
        number += 1
        let block = withUnsafeBytes(of: number) { Array($0) }
        for (from, to) in [(near, far), (far, near)] {
            do {
                try from.send(block)
                var heard: [UInt8] = []
                while heard.count < block.count {
                    guard let more = try to.receive() else { throw Trouble("closed") }
                    heard += more
                }
                guard heard == block else { throw Trouble("\(heard) for \(block)") }
            } catch {
                throw Trouble("\(name), block \(number): \(error)")
            }
        }
    }

    /// Both ends say something that must not arrive.
    func speak() {
        for wire in [near, far] { _ = Foundation.send(wire.descriptor, "after", 5, Int32(MSG_NOSIGNAL)) }
    }

    /// What has arrived at one of the ends although nothing should. A reset is no more than the end.
    var breach: String? {
        [near, far].compactMap { $0.arrived() }.first.map { "\(name): \($0.count) bytes arrived" }
    }
}

/// Connections of which each either goes on or is over, and no third.
final class Conversations {
    private(set) var living: [Conversation] = []
    private(set) var ended: [Conversation] = []

    func add(_ conversation: Conversation) { living.append(conversation) }

    /// Takes those named for ended from now on.
    func end(_ names: [String]) {
        ended += living.filter { names.contains($0.name) }
        living.removeAll { names.contains($0.name) }
    }

    /// What ended says something first; what lives, by the same way, carries blocks after it. So when these are through,
    /// and nothing of the first is, it does not come.
    func faults() -> [String] {
        var faults: [String] = []
        ended.forEach { $0.speak() }
        for conversation in living {
            do { try conversation.echo() } catch { faults.append("\(error)") }
        }
        return faults + ended.compactMap(\.breach)
    }

    func clear() {
        living = []
        ended = []
    }
}
