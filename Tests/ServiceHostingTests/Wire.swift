import CLinux
import Foundation
import LinuxKernel
import ServiceHosting
import Synchronization

/// A server on a free port of the loopback interface, and what its handler saw.
final class TestServer: Sendable {
    let port: UInt16
    let server: HTTPServer
    private let log: Log

    private final class Log: Sendable {
        let requests = Mutex<[HTTPRequest]>([])
    }

    init(limits: HTTPLimits = HTTPLimits(), handler: HTTPServer.Handler? = nil) throws {
        let listener = try openListener(host: "127.0.0.1", port: 0)
        port = ServiceHosting.port(of: listener) ?? 0
        let log = Log()
        self.log = log
        server = try HTTPServer(listener, limits: limits) { request, respond in
            log.requests.withLock { $0.append(request) }
            if let handler { return handler(request, respond) }
            let text = "\(request.method) \(request.path) ?\(request.query) \(request.body.count)"
            respond(HTTPResponse(status: 200, headers: [("Content-Type", "text/plain")], body: Array(text.utf8)))
        }
    }

    deinit { server.stop(grace: 0) }

    var requests: [HTTPRequest] { log.requests.withLock { $0 } }

    var url: String { "http://127.0.0.1:\(port)" }
}

/// A TCP connection without any idea of HTTP.
final class RawConnection {
    private let descriptor: Int32

    init(port: UInt16) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // Only so that a test that fails ends.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                CLinux.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Everything until the other side closes.
    func readAll() -> String {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            all += buffer.prefix(count)
        }
        return String(decoding: all, as: UTF8.self)
    }
}

/// Started by hand: Foundation's `Process` looks at every descriptor that the tests have open, and falls over those that
/// others close meanwhile.
func curl(_ arguments: String..., input: [UInt8]? = nil) -> (output: String, status: Int32) {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
        "sluice-curl-\(UInt64.random(in: 0 ... .max))")
    var words = ["curl", "--silent", "--show-error", "--max-time", "60", "--noproxy", "*"] + arguments
    if let input {
        try? Data(input).write(to: file)
        words += ["--data-binary", "@" + file.path]
    }
    defer { try? FileManager.default.removeItem(at: file) }
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
        return ("no pipe", -1)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for output in [STDOUT_FILENO, STDERR_FILENO] { posix_spawn_file_actions_adddup2(&actions, ends[1], output) }
    var argv = words.map { strdup($0) } + [nil]
    defer { for word in argv { free(word) } }
    var child = pid_t()
    let failure = posix_spawn(&child, "/usr/bin/curl", &actions, nil, &argv, environ)
    close(ends[1])
    let text = String(
        decoding: FileHandle(fileDescriptor: ends[0], closeOnDealloc: true).readDataToEndOfFile(), as: UTF8.self)
    guard failure == 0 else { return ("\(failure)", -1) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return (text, status & 0x7f == 0 ? status >> 8 & 0xff : -1)
}

/// Runs something that blocks on a thread of its own: the tests' own threads are few.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}
