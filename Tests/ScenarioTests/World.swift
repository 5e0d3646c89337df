import CLinux
import Foundation
import LinuxKernel
import TestSupport
import Testing

/// A machine for one test: network and mount namespaces of its own with an empty `/run`, a directory for files, and
/// the programs that the test starts in there. All of it ends with the test, however that ends.
final class World {
    /// Files of the test; removed with it.
    let directory: String
    private var children: [Child] = []

    fileprivate init() throws {
        var template = Array("/tmp/sluice-scenario-XXXXXX".utf8CString)
        guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap(mkdtemp) }) != nil else {
            throw Trouble("mkdtemp: \(String(cString: strerror(errno)))")
        }
        directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Starts a program that goes on beside the test.
    func start(_ words: [String], environment: [String: String] = [:], log: String? = nil) throws -> Child {
        let child = try Child(words, environment: environment, log: log)
        children.append(child)
        return child
    }

    /// Runs a program to its end, inside a node's namespace if one is named.
    @discardableResult
    func run(
        _ words: [String], in node: String? = nil, environment: [String: String] = [:]
    ) throws -> Finished {
        let entering = node.map { ["nsenter", "--net=/run/netns/\($0)"] } ?? []
        let errors = "\(directory)/errors"
        let child = try Child(entering + words, environment: environment, log: errors)
        let status = try child.wait()
        return Finished(
            status: status, output: child.output,
            errors: (try? String(contentsOfFile: errors, encoding: .utf8)) ?? "")
    }

    /// Runs a line of shell; a test's own doing, so it must succeed.
    @discardableResult
    func shell(_ line: String, in node: String? = nil) throws -> String {
        let finished = try run(["sh", "-c", line], in: node)
        guard finished.status == 0 else { throw Trouble("\(line): \(finished.status): \(finished.errors)") }
        return finished.output
    }

    /// Runs `body` inside a node's namespace, on this thread. Sockets opened there stay there.
    func inside<Result>(_ node: String, _ body: () throws -> Result) throws -> Result {
        let namespace = try NamespaceDirectory.system.open(node)
        var result: Swift.Result<Result, any Error>?
        try namespace.enter { () throws(KernelError) in result = Swift.Result { try body() } }
        guard let result else { throw Trouble("did not run in \(node)") }
        return try result.get()
    }

    fileprivate func end() {
        for child in children.reversed() { child.end() }
        // What serves guests outlives the daemon that started it, and clients of DHCP who started them, and so do proxies; they are in this
        // world's mount namespace, and end with it.
        _ = try? run(["sh", "-c", "pkill -KILL --ns $$ --nslist mnt -x 'sluice-worker|haproxy|dhclient|dhcpcd|udhcpc'"])
        _ = try? run(["sh", "-c", "umount -q \(directory)/* 2>/dev/null; rm -rf \(directory)"])
    }
}

/// Something a test needs did not happen.
struct Trouble: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Looks again and again until there is something to see. The deadline is for tests that fail, not a promise.
@discardableResult
func seen<Result>(
    _ what: String, within limit: Duration = .seconds(30), _ look: () throws -> Result?
) throws -> Result {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while true {
        if let result = try look() { return result }
        guard clock.now < end else { throw Trouble("not seen within \(limit): \(what)") }
        poll(nil, 0, 10)
    }
}

/// Runs `body` in a world of its own, on a thread of its own that has left the machine's namespaces. The body is
/// part of the test's task, so that expectations inside it are the test's own.
@discardableResult
func inOwnWorld<Result: Sendable>(_ body: @Sendable (World) throws -> Result) async throws -> Result {
    let lane = try ThreadLane { _ = try KernelThread(name: "scenario", $0) }
    defer { lane.stop() }
    return try await withoutActuallyEscaping(body) { body in
        try await withTaskExecutorPreference(lane) {
            try leaveTheMachine()
            let world = try World()
            defer { world.end() }
            return try body(world)
        }
    }
}

private func leaveTheMachine() throws {
    // The thread may have been started by the thread of an earlier test, and be in that one's world: home first, by
    // way of the main thread. A mount namespace can be joined only by who shares no working directory with others,
    // which leaving once brings about.
    guard sluice_unshare(sluice_clone_newnet | sluice_clone_newns) == 0 else { throw Trouble("unshare: \(errno)") }
    for (name, kind) in [("net", sluice_clone_newnet), ("mnt", sluice_clone_newns)] {
        let home = open("/proc/self/ns/\(name)", O_RDONLY | O_CLOEXEC)
        defer { close(home) }
        guard sluice_setns(home, kind) == 0 else { throw Trouble("home, \(name): \(errno)") }
    }
    guard sluice_unshare(sluice_clone_newnet | sluice_clone_newns) == 0,
        mount("none", "/", nil, sluice_ms_private | sluice_ms_recursive, nil) == 0,
        mount("tmpfs", "/run", "tmpfs", 0, nil) == 0
    else { throw Trouble("own namespaces: \(String(cString: strerror(errno)))") }
    try RouteSocket().setLink(1, LinkChange(isUp: true))
}

extension Trait where Self == ConditionTrait {
    /// The scenarios make namespaces, which an ordinary user may not.
    static var needsRoot: Self {
        .enabled(if: geteuid() == 0, "needs root, or a user namespace where the caller is root")
    }

    /// The kernel tier runs these on a kernel that has 802.1Q.
    static var needsVLANs: Self {
        .enabled("the kernel lacks 802.1Q (module 8021q)") {
            guard geteuid() == 0 else { return true }
            return try await inOwnWorld { world in
                try world.shell("ip link add probe0 type veth peer name probe1")
                let tagged = ["ip", "link", "add", "link", "probe0", "name", "probe2", "type", "vlan", "id", "2"]
                return try world.run(tagged).status == 0
            }
        }
    }
}

/// The long form of a scenario is for release time.
var isLong: Bool { getenv("SLUICE_LONG") != nil }
