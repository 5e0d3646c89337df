internal import CLinux
internal import Glibc

/// A line to a service behind a socket in the file system, for one question and its answer up to the end. Whoever is
/// connected is answered even when the service takes nobody new.
public final class LocalSocket: Sendable {
    private let line: FileDescriptor
    private let path: String

    /// Throws where nobody answers in time.
    public static func ask(
        _ path: String, _ question: String, within timeout: Duration = .seconds(2), limit: Int = 8 << 20
    ) throws(KernelError) -> String {
        try LocalSocket(path, within: timeout).ask(question, limit: limit)
    }

    public init(_ path: String, within timeout: Duration = .seconds(2)) throws(KernelError) {
        let line = try FileDescriptor.opened(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0), path)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else {
            throw KernelError(operation: "connect", object: path, errno: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let (seconds, fraction) = timeout.components
        var limitOfTime = timeval(tv_sec: Int(seconds), tv_usec: Int(fraction / 1_000_000_000_000))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(line.rawValue, SOL_SOCKET, option, &limitOfTime, socklen_t(MemoryLayout<timeval>.size))
        }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(line.rawValue, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { throw .last("connect", path) }
        self.line = line
        self.path = path
    }

    /// Once.
    public func ask(_ question: String, limit: Int = 8 << 20) throws(KernelError) -> String {
        var rest = Array("\(question)\n".utf8)[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { send(line.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { throw .last("ask", path) }
            rest = rest.dropFirst(sent)
        }
        var answer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while answer.count < limit {
            let count = recv(line.rawValue, &part, part.count, 0)
            guard count >= 0 else { throw .last("hear", path) }
            if count == 0 { break }
            answer += part[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }
}

extension FileDescriptor {
    fileprivate static func opened(_ number: Int32, _ what: String) throws(KernelError) -> FileDescriptor {
        guard number >= 0 else { throw .last("open socket", what) }
        return FileDescriptor(owning: number)
    }
}
