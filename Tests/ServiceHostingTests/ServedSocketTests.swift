import CServing
import Glibc
import Testing

@Suite struct `Sockets of what is served` {
    /// Also when nobody holds the connection any more, so it is asked of the kernel and not of a server.
    @Test func `give up what is not acknowledged`() throws {
        let listener = serving_listen(1, INADDR_LOOPBACK, 0, 0)
        try #require(listener >= 0)
        defer { close(listener) }
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(client) }
        try withUnsafeMutablePointer(to: &name) { name in
            try name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                try #require(getsockname(listener, name, &length) == 0)
                try #require(connect(client, name, length) == 0)
            }
        }
        // A connection that is there is taken at once, although the socket does not wait.
        let connection = accept(listener, nil, nil)
        try #require(connection >= 0)
        defer { close(connection) }
        var milliseconds: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        #expect(getsockopt(connection, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds, &size) == 0)
        #expect(milliseconds == 10_000)
    }
}
