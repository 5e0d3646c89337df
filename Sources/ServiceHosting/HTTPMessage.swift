/// A request whose head and body have arrived whole.
public struct HTTPRequest: Sendable {
    public let method: String
    /// As sent: percent-encoded, without the query.
    public let path: String
    /// As sent, without the question mark.
    public let query: String
    /// Names as sent, in the order sent.
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]
    /// The client's address without its port.
    public let peer: String

    /// The first header of that name, whatever its case.
    public func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }
}

public struct HTTPResponse: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    public var closesConnection: Bool

    public init(
        status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [], closesConnection: Bool = false
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.closesConnection = closesConnection
    }

    static func plain(_ status: Int, _ text: String, closesConnection: Bool = true) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "text/plain; charset=UTF-8")], body: Array((text + "\n").utf8),
            closesConnection: closesConnection)
    }
}

/// What a server takes before it refuses.
public struct HTTPLimits: Sendable, Hashable {
    /// Bytes of the request's target.
    public var target: Int
    /// Bytes of a body.
    public var body: Int
    /// Connections at one time; more wait in the listening socket's queue.
    public var connections: Int
    /// Seconds without a byte after which a connection is closed.
    public var idle: Int

    public init(target: Int = 65_536, body: Int = 1_048_576, connections: Int = 12_000, idle: Int = 60) {
        self.target = target
        self.body = body
        self.connections = connections
        self.idle = idle
    }
}

/// The head of a request before its body is read.
struct RequestHead {
    let method: String
    let version: String
    let headers: [(name: String, value: String)]

    /// What is wrong with how the request is framed, if anything. Two readers must never disagree on where a request
    /// ends, so whatever could be read in two ways is refused.
    func framingFault(bodyLimit: Int) -> HTTPResponse? {
        func values(_ name: String) -> [String] {
            headers.filter { $0.name.lowercased() == name }.map { $0.value.trimmingBlanks }
        }
        guard headers.allSatisfy({ $0.name.utf8.allSatisfy(Self.isTokenByte) && !$0.name.isEmpty }) else {
            return .plain(400, "A header's name is malformed")
        }
        guard headers.allSatisfy({ !$0.value.utf8.contains { $0 == 0x0d || $0 == 0x0a || $0 == 0 } }) else {
            return .plain(400, "A header's value is malformed")
        }
        guard values("host").count <= 1 else { return .plain(400, "More than one Host") }
        let lengths = values("content-length")
        let encodings = values("transfer-encoding")
        if !encodings.isEmpty {
            guard encodings.count == 1, encodings[0].lowercased() == "chunked", lengths.isEmpty, version == "HTTP/1.1"
            else { return .plain(400, "The body's length is ambiguous") }
        }
        guard lengths.count <= 1 else { return .plain(400, "The body's length is ambiguous") }
        if let length = lengths.first {
            guard !length.isEmpty, length.utf8.allSatisfy({ (48...57).contains($0) }), let count = Int(length) else {
                return .plain(400, "Content-Length is malformed")
            }
            if count > bodyLimit { return .plain(413, "The body is larger than \(bodyLimit) bytes") }
        }
        return nil
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension String {
    fileprivate var trimmingBlanks: String {
        var text = Substring(self)
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
