import CLinux
import Foundation
import LinuxKernel
import Synchronization
import TestSupport
import Testing

/// Runs `body` on a thread of its own in a new network and mount namespace, with an empty `/run`: nothing a test does
/// reaches the machine, and nothing stays when the thread ends.
///
/// The body runs as part of the test's task, so that expectations inside it are the test's own.
func withFreshNamespace<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws -> Result {
    await Turnstile.namespaces.enter()
    defer { Turnstile.namespaces.leave() }
    let lane = try ThreadLane { _ = try KernelThread(name: "test namespace", $0) }
    defer { lane.stop() }
    return try await withoutActuallyEscaping(body) { body in
        try await withTaskExecutorPreference(lane) {
            try isolateThisThread()
            return try body()
        }
    }
}

/// Lets so many in at a time. Without it all tests of the kernel would have their threads, watches and namespaces at once:
/// a user may have 128 inotify instances, and everybody waits for the one lock of the kernel's links.
final class Turnstile: Sendable {
    static let namespaces = Turnstile(16)

    private let state: Mutex<(free: Int, waiting: [CheckedContinuation<Void, Never>])>

    init(_ width: Int) { state = Mutex((width, [])) }

    func enter() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func leave() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}

/// Leaves the thread in a new network and mount namespace with an empty `/run`.
func isolateThisThread() throws {
    let failure = { (what: String) in KernelError(operation: what, object: "for a test", errno: errno) }
    guard sluice_unshare(sluice_clone_newnet | sluice_clone_newns) == 0 else { throw failure("unshare") }
    guard mount("none", "/", nil, sluice_ms_private | sluice_ms_recursive, nil) == 0 else { throw failure("private") }
    guard mount("tmpfs", "/run", "tmpfs", 0, nil) == 0 else { throw failure("tmpfs") }
}

extension Trait where Self == ConditionTrait {
    /// Kernel tests make namespaces of their own, which an ordinary user may not.
    static var needsRoot: Self {
        .enabled(if: geteuid() == 0, "needs root, or a user namespace where the caller is root")
    }

    static var needsQueues: Self {
        .enabled(if: missingForQueues.isEmpty, "the kernel lacks \(missingForQueues)")
    }

    /// The kernel tier runs these on a kernel that has 802.1Q.
    static var needsVLANs: Self {
        .enabled("the kernel lacks 802.1Q (module 8021q)") { geteuid() == 0 ? try await canTag() : true }
    }

    static var needsSynchronousLinks: Self {
        .enabled(if: opensLinksWhenAsked, "the kernel lacks answers that wait for a link's opening (Linux 6.8)")
    }
}

private let opensLinksWhenAsked: Bool = {
    let release = (try? output(of: "uname -r")) ?? ""
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    return !numbers.lexicographicallyPrecedes([6, 8])
}()

/// Asked with `ip` and not with our own probe: a fault in that would switch off the tests that show it.
private func canTag() async throws -> Bool {
    try await withFreshNamespace {
        _ = try output(of: "ip link add probe0 type veth peer name probe1")
        return try output(of: "ip link add link probe0 name probe2 type vlan id 2") == ""
    }
}

/// The modules for limits that this kernel has not; none where nothing can be tried out.
private let missingForQueues: String = {
    let features = try? KernelFeatures.probe()
    let needed: [KernelFeatures.Feature] = [.ifb, .tokenBucket, .redirection]
    return needed.filter { features?.has($0) == false }.map(\.module).joined(separator: ", ")
}()

/// What a program prints, run in the calling thread's namespaces. An oracle for tests; the product runs no programs.
func output(of command: String) throws -> String {
    guard let pipe = popen("exec 2>&1; \(command)", "r") else { throw CocoaError(.executableNotLoadable) }
    var bytes: [UInt8] = []
    var byte = fgetc(pipe)
    while byte != EOF {
        bytes.append(UInt8(byte))
        byte = fgetc(pipe)
    }
    pclose(pipe)
    return String(decoding: bytes, as: UTF8.self)
}

/// The objects that `ip -j …` (or another tool with JSON output) lists.
func objects(from command: String) throws -> [[String: Any]] {
    let text = try output(of: command)
    guard !text.isEmpty else { return [] }
    return try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]], "\(text)")
}
