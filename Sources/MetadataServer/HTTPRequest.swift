/// A request of HTTP/1.x (RFC 9112) as far as guests' services need it: it has no content, and its meaning does not
/// depend on who passes it on, so whatever two readers could understand differently is refused.
public struct HTTPRequest: Sendable {
    public enum Method: Sendable { case get, head, other }

    public enum Reading: Sendable {
        /// The head is not complete yet.
        case incomplete
        /// A request and how many bytes it took.
        case request(HTTPRequest, length: Int)
        /// To be answered with this status; then the connection ends.
        case bad(status: Int)
    }

    public let method: Method
    /// The path in the bytes, without authority, query and fragment; still encoded.
    public let path: Range<Int>
    public var keepsAlive: Bool
    /// The value of the header by which a guest asks for its password.
    public let passwordRequest: Range<Int>?

    public static let longestHead = 8192

    /// What the bytes so far say. The verdict is about the head as a whole, so it does not depend on how the bytes were cut
    /// on their way.
    public static func read(_ bytes: RawSpan) -> Reading {
        // Empty lines before a request are nothing (RFC 9112 section 2.2).
        var start = 0
        while start + 1 < bytes.byteCount, bytes.isLineEnd(start), start < 8 { start += 2 }
        guard let end = headEnd(bytes, from: start) else {
            return bytes.byteCount - start > longestHead ? .bad(status: 431) : .incomplete
        }
        if end - start > longestHead { return .bad(status: 431) }
        guard let line = bytes.lineEnd(from: start, before: end) else { return .bad(status: 400) }
        var headers = Headers()
        if let status = headers.read(bytes, line + 2..<end - 2) { return .bad(status: status) }
        return requestLine(bytes, start..<line, headers, end)
    }

    /// Behind the empty line that ends the head.
    private static func headEnd(_ bytes: RawSpan, from start: Int) -> Int? {
        var at = start
        let last = min(bytes.byteCount, start + longestHead + 4)
        while at + 3 < last {
            // Seldom: three bytes of four need not be looked at.
            switch bytes.octet(at + 3) {
            case 10:
                if bytes.isLineEnd(at + 2), bytes.isLineEnd(at) { return at + 4 }
                at += 1
            case 13: at += 1
            default: at += 4
            }
        }
        return nil
    }

    private static func requestLine(
        _ bytes: RawSpan, _ line: Range<Int>, _ headers: Headers, _ end: Int
    ) -> Reading {
        guard let first = bytes.index(of: 32, in: line), first > line.lowerBound,
            let second = bytes.index(of: 32, in: first + 1..<line.upperBound), second > first + 1,
            bytes.isText(line.lowerBound..<first, where: isToken), line.upperBound - second == 9,
            bytes.equals(second + 1..<line.upperBound - 1, "HTTP/1.")
        else { return .bad(status: 400) }
        let minor = bytes.octet(line.upperBound - 1)
        guard minor == 0x30 || minor == 0x31 else { return .bad(status: 505) }
        // Who speaks 1.1 says whom to, once; it makes no difference here.
        guard headers.hosts == 1 || headers.hosts == 0 && minor == 0x30 else { return .bad(status: 400) }
        guard let path = path(bytes, first + 1..<second) else { return .bad(status: 400) }
        let method: Method =
            bytes.equals(line.lowerBound..<first, "GET")
            ? .get : bytes.equals(line.lowerBound..<first, "HEAD") ? .head : .other
        let keepsAlive = headers.closes ? false : minor == 0x31 || headers.keepsAlive
        return .request(
            HTTPRequest(
                method: method, path: path, keepsAlive: keepsAlive, passwordRequest: headers.passwordRequest),
            length: end)
    }

    /// Of a target that is a path or a whole URI; whom the URI names makes no difference.
    private static func path(_ bytes: RawSpan, _ target: Range<Int>) -> Range<Int>? {
        guard bytes.isText(target, where: { $0 > 0x20 && $0 < 0x7f }) else { return nil }
        var start = target.lowerBound
        if bytes.octet(start) != 0x2f {
            let scheme = target.prefix(7)
            guard scheme.count == 7, bytes.equals(scheme.lowerBound..<scheme.upperBound, "http://") else { return nil }
            start = bytes.index(of: 0x2f, in: start + 7..<target.upperBound) ?? target.upperBound
        }
        var end = start
        while end < target.upperBound, bytes.octet(end) != 0x3f, bytes.octet(end) != 0x23 { end += 1 }
        return start..<end
    }

    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x5e...0x7a: true
        case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x7c, 0x7e: true
        default: false
        }
    }
}

/// What the header fields say that matters here.
private struct Headers {
    var hosts = 0
    var closes = false
    var keepsAlive = false
    var lengths = 0
    var passwordRequest: Range<Int>?

    /// The status to refuse with, or nil.
    mutating func read(_ bytes: RawSpan, _ range: Range<Int>) -> Int? {
        var at = range.lowerBound
        while at < range.upperBound {
            guard let end = bytes.lineEnd(from: at, before: range.upperBound + 2),
                let colon = bytes.index(of: 0x3a, in: at..<end), colon > at,
                bytes.isText(at..<colon, where: HTTPRequest.isToken)
            else { return 400 }
            let value = bytes.trimmed(colon + 1..<end)
            guard bytes.isText(value, where: { $0 >= 0x20 && $0 != 0x7f || $0 == 9 }) else { return 400 }
            if let status = take(bytes, at..<colon, value) { return status }
            at = end + 2
        }
        return nil
    }

    private mutating func take(_ bytes: RawSpan, _ name: Range<Int>, _ value: Range<Int>) -> Int? {
        switch name.count {
        case 4 where bytes.matches(name, "host"): hosts += 1
        case 6 where bytes.matches(name, "expect"): return 417
        case 10 where bytes.matches(name, "connection"):
            for option in bytes.list(value) {
                if bytes.matches(option, "close") { closes = true }
                if bytes.matches(option, "keep-alive") { keepsAlive = true }
            }
        case 12 where bytes.matches(name, "domu_request"):
            if passwordRequest != nil { return 400 }
            passwordRequest = value
        case 14 where bytes.matches(name, "content-length"):
            lengths += 1
            // Nothing here takes content; none is a length too.
            guard lengths == 1, !value.isEmpty, bytes.isText(value, where: { (0x30...0x39).contains($0) }) else {
                return 400
            }
            if !bytes.isText(value, where: { $0 == 0x30 }) { return 413 }
        case 17 where bytes.matches(name, "transfer-encoding"): return 400
        default: break
        }
        return nil
    }
}
