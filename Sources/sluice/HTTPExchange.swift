import Glibc

/// One HTTP request and its reply over a connection of its own.
struct HTTPExchange {
    private let host: String
    private let port: String
    private let path: String

    init(url: String) throws(Failure) {
        guard url.hasPrefix("http://") else {
            throw .usage("the API's address must begin with http://, not \(url.prefix(32))")
        }
        let rest = url.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" }
        path = rest.count == authority.count ? "/client/api" : String(rest.dropFirst(authority.count))
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            host = authority[..<colon].filter { $0 != "[" && $0 != "]" }
            port = String(authority[authority.index(after: colon)...])
        } else {
            host = authority.filter { $0 != "[" && $0 != "]" }
            port = "80"
        }
    }

    func post(_ body: String) throws(Failure) -> (status: Int, body: [UInt8]) {
        let connection = try connect()
        defer { close(connection) }
        let head = """
            POST \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nContent-Type: application/x-www-form-urlencoded\r\n\
            Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n
            """
        try send(Array((head + body).utf8), connection)
        return try Self.split(try receive(connection))
    }

    private func connect() throws(Failure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let failure = getaddrinfo(host, port, &hints, &found)
        guard failure == 0 else {
            throw Failure("\(host):\(port): \(String(cString: gai_strerror(failure)))", status: 3)
        }
        defer { freeaddrinfo(found) }
        var reason: Int32 = 0
        var next = found
        while let address = next?.pointee {
            let descriptor = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            if descriptor >= 0, Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 {
                return descriptor
            }
            reason = errno
            if descriptor >= 0 { close(descriptor) }
            next = address.ai_next
        }
        throw Failure(
            "no daemon answers at \(host):\(port): \(String(cString: strerror(reason))). Is sluiced running?", status: 3
        )
    }

    private func send(_ bytes: [UInt8], _ connection: Int32) throws(Failure) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure("the daemon hung up: \(String(cString: strerror(errno)))", status: 3) }
            sent += count
        }
    }

    private func receive(_ connection: Int32) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(connection, &chunk, chunk.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure("the daemon hung up: \(String(cString: strerror(errno)))", status: 3)
            }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    private static func split(_ reply: [UInt8]) throws(Failure) -> (Int, [UInt8]) {
        let mark = Array("\r\n\r\n".utf8)
        let words = reply.prefix { $0 != 13 }.split(separator: 32)
        guard let end = reply.indices.first(where: { reply[$0...].starts(with: mark) }), words.count > 1,
            let status = Int(String(decoding: words[1], as: UTF8.self))
        else { throw Failure("the daemon's reply is not HTTP", status: 3) }
        return (status, Array(reply[(end + mark.count)...]))
    }
}
