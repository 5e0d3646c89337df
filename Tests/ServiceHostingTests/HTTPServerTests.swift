import CLinux
import Foundation
import LinuxKernel
import ServiceHosting
import Synchronization
import Testing

@Suite struct `An HTTP server` {
    @Test func `hands over requests whole and as sent`() throws {
        let server = try TestServer()
        #expect(curl(server.url + "/a%20b/c?x=%2B+y&z").output == "GET /a%20b/c ?x=%2B+y&z 0")
        #expect(curl(server.url + "/p", "-H", "Expect:", input: Array("hello".utf8)).output == "POST /p ? 5")
        #expect(
            curl(server.url + "/p?q", "-H", "Transfer-Encoding: chunked", input: [UInt8](repeating: 7, count: 300_000))
                .output == "POST /p ?q 300000")
        #expect(server.requests.map(\.body.count) == [0, 5, 300_000])
        #expect(server.requests[1].header("content-TYPE") == "application/x-www-form-urlencoded")
    }

    @Test func `answers several requests on one connection`() throws {
        let server = try TestServer()
        let connection = RawConnection(port: server.port)
        connection.send(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        let answers = connection.readAll()
        #expect(answers.components(separatedBy: "HTTP/1.1 200 OK").count == 4)
        #expect(server.requests.map(\.path) == ["/1", "/2", "/3"])
    }

    @Test func `sends what it is given`() throws {
        let server = try TestServer { _, respond in
            respond(
                HTTPResponse(
                    status: 431,
                    headers: [("X-Description", "no"), ("Content-Type", "application/json; charset=UTF-8")],
                    body: Array("{}".utf8)))
        }
        let output = curl("-i", server.url).output
        #expect(output.hasPrefix("HTTP/1.1 431 "))
        #expect(output.contains("\r\nX-Description: no\r\n"))
        #expect(output.contains("\r\nContent-Type: application/json; charset=UTF-8\r\n"))
        #expect(output.hasSuffix("\r\n\r\n{}"))
    }

    @Test func `lets answers come later and from elsewhere, in any order`() async throws {
        let waiting = Mutex<[String: @Sendable (HTTPResponse) -> Void]>([:])
        let server = try TestServer { request, respond in
            let all = waiting.withLock { waiting in
                waiting[request.path] = respond
                guard waiting.count == 20 else { return [:] as [String: @Sendable (HTTPResponse) -> Void] }
                return waiting
            }
            // The last to come sends everybody home, from another thread.
            Thread.detachNewThread {
                for (path, respond) in all.sorted(by: { $0.key > $1.key }) {
                    respond(HTTPResponse(status: 200, body: Array(path.utf8)))
                    // Only the first answer counts.
                    respond(HTTPResponse(status: 500))
                }
            }
        }
        let url = server.url
        let answers = await withTaskGroup(of: String.self) { group in
            for number in 0..<20 { group.addTask { await onThread { curl("\(url)/\(number)").output } } }
            return await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(answers == Set((0..<20).map { "/\($0)" }))
    }

    @Test func `is not disturbed by a thousand connections that say nothing, or half a word`() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let server = try TestServer()
        let idle = (0..<1_000).map { number in
            let connection = RawConnection(port: server.port)
            if number % 2 == 0 { connection.send("GET /idle HTTP/1.1\r\nHos") }
            return connection
        }
        for number in 0..<20 { #expect(curl("\(server.url)/\(number)").output == "GET /\(number) ? 0") }
        #expect(server.requests.count == 20)
        withExtendedLifetime(idle) {}
    }

    @Test func `survives clients that leave in the middle`() throws {
        let answers = Mutex<[@Sendable (HTTPResponse) -> Void]>([])
        let server = try TestServer { request, respond in
            if request.path == "/wait" {
                answers.withLock { $0.append(respond) }
            } else {
                respond(HTTPResponse(status: 200))
            }
        }
        for _ in 0..<50 {
            let connection = RawConnection(port: server.port)
            connection.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            let half = RawConnection(port: server.port)
            half.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
        }
        #expect(curl("-o", "/dev/null", "-w", "%{http_code}", server.url).output == "200")
        for answer in answers.withLock({ $0 }) { answer(HTTPResponse(status: 200, body: [1])) }
        #expect(curl("-o", "/dev/null", "-w", "%{http_code}", server.url).output == "200")
    }
}

@Suite struct `The limits of an HTTP server` {
    @Test func `allow a target of 64 KiB and no more`() throws {
        let server = try TestServer()
        for (length, status) in [(65_536, "200"), (65_537, "414"), (90_000, "414")] {
            let connection = RawConnection(port: server.port)
            connection.send(
                "GET /" + String(repeating: "x", count: length - 1)
                    + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(connection.readAll().hasPrefix("HTTP/1.1 \(status) "), "\(length)")
        }
        #expect(server.requests.count == 1)
    }

    @Test func `allow a target that is all parameters`() throws {
        let server = try TestServer()
        let query = (0..<2_000).map { "parameter\($0)=value\($0)" }.joined(separator: "&")
        #expect(query.utf8.count > 40_000)
        let connection = RawConnection(port: server.port)
        connection.send("GET /?\(query) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(connection.readAll().hasPrefix("HTTP/1.1 200 "))
        #expect(server.requests.first?.query == query)
    }

    @Test func `allow a body of 1 MiB and no more`() throws {
        let server = try TestServer()
        #expect(curl(server.url, input: [UInt8](repeating: 65, count: 1_048_576)).output == "POST / ? 1048576")
        let large = [UInt8](repeating: 65, count: 1_048_577)
        #expect(curl("-o", "/dev/null", "-w", "%{http_code}", server.url, input: large).output.contains("413"))
        // Without a length there is nobody left to tell once it is too much.
        #expect(curl(server.url, "-H", "Transfer-Encoding: chunked", input: large).status != 0)
        #expect(server.requests.count == 1)
        #expect(curl(server.url).output == "GET / ? 0")
    }
}

@Suite struct `A request that could be read in two ways` {
    /// Each carries a second request that must never be seen as one.
    private static let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"

    private static let requests: [(String, String)] = [
        (
            "both lengths",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        (
            "both lengths, other order",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        ("two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 35\r\n\r\n\(hidden)"),
        ("two equal lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n\(hidden)"),
        ("a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n\(hidden)"),
        ("a signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n\(hidden)"),
        ("a negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n\(hidden)"),
        ("a length in hexadecimal", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n\(hidden)"),
        (
            "a length beyond all numbers",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n\(hidden)"
        ),
        ("an empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n\(hidden)"),
        ("a name before a space", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n\(hidden)"),
        (
            "an encoding before a space",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        (
            "an encoding that is not chunked",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        (
            "two encodings",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        (
            "a list of encodings",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        (
            "an encoding in HTTP/1.0",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n\(hidden)"),
        ("no host", "GET / HTTP/1.1\r\n\r\n\(hidden)"),
        (
            "a chunk size that is none",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\(hidden)"
        ),
        (
            "a chunk size beyond all numbers",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\(hidden)"
        ),
        ("a name with a separator", "GET / HTTP/1.1\r\nHost: a\r\nX(y): 1\r\n\r\n\(hidden)"),
        ("a line that is no header", "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n\(hidden)"),
        ("no request at all", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n\(hidden)"),
        ("a version that is none", "GET / HTTX/9\r\nHost: a\r\n\r\n\(hidden)"),
    ]

    @Test(arguments: requests)
    func `is refused, and nothing after it is believed`(what: String, request: String) throws {
        let server = try TestServer()
        let connection = RawConnection(port: server.port)
        connection.send(request)
        connection.finishSending()
        let answer = connection.readAll()
        // Refused with words, or the connection closed without any. (The library may say its own refusals twice.)
        let codes = answer.matches(of: /HTTP\/1\.[01] ([0-9]{3})/).map { $0.output.1.first }
        #expect(codes.allSatisfy { $0 == "4" || $0 == "5" }, "\(what): \(answer)")
        #expect(server.requests.isEmpty, "\(what): \(server.requests.map(\.path))")
        #expect(curl(server.url).output == "GET / ? 0")
    }
}

@Suite struct `A server that stops` {
    @Test func `lets requests under way finish and takes no more`() async throws {
        let (arrived, arrival) = AsyncStream.makeStream(of: (@Sendable (HTTPResponse) -> Void).self)
        let server = try TestServer { request, respond in
            if request.path == "/wait" { arrival.yield(respond) } else { respond(HTTPResponse(status: 200)) }
        }
        let url = server.url
        async let answer = onThread { curl("-i", url + "/wait") }
        var iterator = arrived.makeAsyncIterator()
        let respond = try #require(await iterator.next())
        async let stopped: Void = onThread { server.server.stop(grace: 60) }
        // Refused from the moment that the socket is closed.
        while await onThread({ curl("-o", "/dev/null", url) }).status != 7 {}
        respond(HTTPResponse(status: 200, body: Array("done".utf8)))
        #expect(await answer.output.hasSuffix("done"))
        await stopped
    }

    @Test func `waits for nobody who never answers`() async throws {
        let (arrived, arrival) = AsyncStream.makeStream(of: (@Sendable (HTTPResponse) -> Void).self)
        let server = try TestServer { _, respond in arrival.yield(respond) }
        let url = server.url
        async let answer = onThread { curl("-o", "/dev/null", "-w", "%{http_code}", url) }
        var iterator = arrived.makeAsyncIterator()
        let respond = try #require(await iterator.next())
        await onThread { server.server.stop(grace: 0) }
        #expect(await answer.output == "503")
        // Late, and harmless.
        respond(HTTPResponse(status: 200))
        server.server.stop(grace: 0)
    }
}

@Suite struct `A listener` {
    @Test func `without authentication is on the loopback interface only`() throws {
        for host in ["0.0.0.0", "*", "::"] {
            #expect {
                _ = try openListener(host: host, port: 0, loopbackOnly: true)
            } throws: {
                ($0 as? KernelError)?.explanation == "without authentication only loopback addresses are allowed"
            }
        }
        for host in ["127.0.0.1", "127.9.8.7"] {
            let listener = try openListener(host: host, port: 0, loopbackOnly: true)
            let number = port(of: listener) ?? 0
            #expect(number != 0)
        }
    }

    @Test func `on every address is reached by both families`() throws {
        let listener = try openListener(host: "*", port: 0)
        let number = port(of: listener) ?? 0
        let server = try HTTPServer(listener) { _, respond in respond(HTTPResponse(status: 200, body: [33])) }
        defer { server.stop(grace: 0) }
        #expect(curl("http://127.0.0.1:\(number)/").output == "!")
        if access("/proc/net/if_inet6", F_OK) == 0, (try? openListener(host: "::1", port: 0)) != nil {
            #expect(curl("http://[::1]:\(number)/").output == "!")
        }
    }

    @Test func `says who holds its port`() throws {
        let listener = try openListener(host: "127.0.0.1", port: 0)
        let taken = port(of: listener) ?? 0
        #expect(throws: KernelError(operation: "listen on", object: "127.0.0.1:\(taken)", errno: EADDRINUSE)) {
            _ = try openListener(host: "127.0.0.1", port: taken)
        }
        #expect(throws: KernelError.self) { _ = try openListener(host: "no such host", port: 0) }
    }
}
