import MetadataServer
import Testing

/// What is a request and what is refused.
@Suite struct HTTPRequestTests {
    /// What a reader makes of the bytes: `GET /path keep`, a status, or nothing yet.
    static func read(_ bytes: [UInt8]) -> String {
        let span = bytes.span.bytes
        switch HTTPRequest.read(span) {
        case .incomplete: return "incomplete"
        case .bad(let status): return "\(status)"
        case .request(let request, let length):
            let path = String(decoding: bytes[request.path], as: UTF8.self)
            let password = request.passwordRequest.map { " password " + String(decoding: bytes[$0], as: UTF8.self) }
            return "\(request.method) \(path)\(request.keepsAlive ? " keep" : "")\(password ?? "") of \(length)"
        }
    }

    private func read(_ text: String) -> String { Self.read(Array(text.utf8)) }
    private let host = "Host: 10.1.1.1\r\n"

    @Test func `requests of the clients that guests have are understood`() {
        #expect(read("GET /latest/user-data HTTP/1.1\r\n\(host)\r\n") == "get /latest/user-data keep of 50")
        #expect(read("HEAD / HTTP/1.0\r\n\r\n") == "head / of 19")
        #expect(read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").contains("keep"))
        #expect(!read("GET / HTTP/1.1\r\n\(host)Connection: close\r\n\r\n").contains("keep"))
        #expect(
            read("GET / HTTP/1.1\r\n\(host)DomU_Request: send_my_password\r\n\r\n").contains(
                "password send_my_password"))
        #expect(
            read("GET / HTTP/1.1\r\n\(host)domu_request:saved_password \r\n\r\n").contains("password saved_password"))
        #expect(read("GET /a?b=c#d HTTP/1.1\r\n\(host)\r\n").hasPrefix("get /a keep"))
        #expect(read("POST / HTTP/1.1\r\n\(host)Content-Length: 0\r\n\r\n").hasPrefix("other /"))
        #expect(read("\r\nGET / HTTP/1.1\r\n\(host)\r\n").hasPrefix("get /"))
    }

    @Test func `a whole URI is a path: whom it names changes nothing`() {
        #expect(read("GET http://10.9.9.9/latest/x HTTP/1.1\r\n\(host)\r\n").hasPrefix("get /latest/x "))
        #expect(read("GET http://other HTTP/1.1\r\n\(host)\r\n").hasPrefix("get  keep"))
        #expect(read("GET ftp://x/ HTTP/1.1\r\n\(host)\r\n") == "400")
        #expect(read("GET * HTTP/1.1\r\n\(host)\r\n") == "400")
    }

    /// Things that two readers may understand differently (AP10).
    static let smuggled: [(String, String)] = [
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n", "413"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "400"),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", "505"),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400"),
        ("GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        (": x\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "417"),
        ("GET / HTTP/1.1\r\nHost: a\r\nDomU_Request: a\r\nDomU_Request: b\r\n\r\n", "400"),
    ]

    @Test(arguments: smuggled) func `what could be read in two ways is refused`(_ text: String, _ status: String) {
        #expect(read(text) == status)
    }

    @Test func `the verdict does not depend on how the bytes were cut`() {
        let good = ["GET /x HTTP/1.1\r\n\(host)A: b\r\n\r\n", "\r\n\r\nHEAD / HTTP/1.0\r\n\r\n"]
        for text in good + Self.smuggled.map(\.0) {
            let whole = read(text)
            let bytes = Array(text.utf8)
            for length in 0..<bytes.count { #expect(Self.read(Array(bytes[..<length])) == "incomplete", "\(text)") }
            #expect(Self.read(bytes + Array("GET /next".utf8)) == whole)
        }
    }

    @Test func `a head has an end`() {
        let long = "GET / HTTP/1.1\r\n\(host)X: " + String(repeating: "y", count: 9000)
        #expect(read(long) == "431")
        #expect(read(long + "\r\n\r\n") == "431")
    }

    @Test func `nothing that arrives ends the process`() {
        var state: UInt64 = 3
        let seeds = Self.smuggled.map { Array($0.0.utf8) }
        for round in 0..<30_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20)
            }
            _ = Self.read(bytes)
        }
    }
}
