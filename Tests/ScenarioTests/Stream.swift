import CLinux
import Foundation
import LinuxKernel
import Synchronization

/// A TCP connection from a guest through its router to a peer in the internet that depends on nobody: numbered blocks
/// go out and come back for as long as it lasts.
final class Stream: Sendable {
    private struct State {
        var rounds = 0
        var trouble: String?
        var isEnding = false
    }

    private let state: Shared
    private let threads: [KernelThread]

    /// The state that the threads share.
    private final class Shared: Sendable {
        let state = Mutex(State())

        var isEnding: Bool { state.withLock { $0.isEnding } }
        func fail(_ text: String) { state.withLock { $0.trouble = $0.trouble ?? text } }
    }

    init(_ world: World, from guest: String, port: UInt16 = 7007) throws {
        let listener = try world.inside("sluice-internet") { try Wire.bound(SOCK_STREAM, "198.51.100.1", port) }
        let near = try world.inside(guest) { try Wire.tcp(to: "198.51.100.1", port) }
        let far = try listener.accepted()
        let shared = Shared()
        state = shared
        threads = [
            try KernelThread(name: "echo") {
                while let bytes = try? far.receive() { try? far.send(bytes) }
            },
            try KernelThread(name: "stream") {
                var number: UInt64 = 0
                while !shared.isEnding {
                    number += 1
                    let block = withUnsafeBytes(of: number) { Array($0) }
                    do {
                        try near.send(block)
                        var answer: [UInt8] = []
                        while answer.count < block.count {
                            guard let more = try near.receive() else { throw Trouble("closed") }
                            answer += more
                        }
                        guard answer == block else { throw Trouble("\(answer) came back for \(block)") }
                    } catch {
                        shared.fail("after \(number) blocks: \(error)")
                        break
                    }
                    shared.state.withLock { $0.rounds += 1 }
                    poll(nil, 0, 2)
                }
                shutdown(near.descriptor, Int32(SHUT_RDWR))
            },
        ]
    }

    var rounds: Int { state.state.withLock { $0.rounds } }

    /// Ends it; nil when nothing was ever lost, late by more than ten seconds, or changed.
    func end() -> String? {
        state.state.withLock { $0.isEnding = true }
        threads.reversed().forEach { $0.join() }
        return state.state.withLock { $0.trouble }
    }
}
