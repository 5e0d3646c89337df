import Foundation
import Testing

/// Servers in machines, each of which says its machine's name to whoever comes, echoes what it hears, and answers HTTP.
final class Members {
    private let world: World
    private var servers: [String: Child] = [:]

    private static let program = """
        import asyncio, resource, sys
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        name = sys.argv[1].encode()
        async def serve(reader, writer):
            first = await reader.read(65536)
            if first.startswith(b'GET '):
                heads = [line[17:] for line in first.split(b'\\r\\n') if line.lower().startswith(b'x-forwarded-for: ')]
                body = name + b' ' + (b'cookie ' if b'Cookie: ' in first else b'') + b''.join(heads)
                ok = b'503 No' if sys.argv[3:] == ['unwell'] else b'200 OK'
                writer.write(b'HTTP/1.1 ' + ok + b'\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)
            else:
                told = b' ' + first.split(b'\\r\\n')[0] if first.startswith(b'PROXY ') else b''
                writer.write(name + told + b'\\n')
                while first:
                    await writer.drain()
                    first = await reader.read(65536)
                    writer.write(first)
            try:
                await writer.drain()
                writer.close()
            except OSError:
                pass
        async def main():
            server = await asyncio.start_server(serve, '0.0.0.0', int(sys.argv[2]), backlog=1024)
            print('ready', flush=True)
            await server.serve_forever()
        asyncio.run(main())
        """

    init(_ world: World) { self.world = world }

    func start(_ name: String, in node: String, _ port: Int, _ more: [String] = []) throws {
        let server = try world.start(
            ["nsenter", "--net=/run/netns/\(node)", "python3", "-c", Self.program, name, "\(port)"] + more)
        try server.read { $0.contains("ready") }
        servers[name] = server
    }

    func stop(_ name: String) { servers.removeValue(forKey: name)?.end() }
}

/// A connection to whoever is at the other end, who has said who it is.
final class Visit {
    let member: String
    private let wire: Wire

    init(_ world: World, from node: String, to host: String, _ port: UInt16, by source: String? = nil) throws {
        wire = try world.inside(node) { try Wire.tcp(to: host, port, from: source, seconds: 5) }
        try wire.send(Array("hello".utf8))
        var heard = ""
        while !heard.contains("\n") {
            guard let more = try wire.receive() else { throw Trouble("closed before a name: \(heard)") }
            heard += String(decoding: more, as: UTF8.self)
        }
        member = String(heard.prefix { $0 != "\n" })
    }

    /// Something goes there and comes back.
    func echo() throws {
        try wire.send(Array("again".utf8))
        var heard = 0
        while heard < 5 {
            guard let more = try wire.receive() else { throw Trouble("closed") }
            heard += more.count
        }
    }
}

extension DaemonUnderTest {
    /// A rule for TCP port 80 of an address, to port 8080 of these machines.
    func balance(
        _ address: String, _ machines: [String], _ more: [String: String] = [:]
    ) throws -> String {
        let made = try perform(
            "createLoadBalancerRule",
            [
                "publicipid": address, "name": "shared", "algorithm": "roundrobin", "publicport": "80",
                "privateport": "8080",
            ].merging(more) { $1 })
        let rule = try #require(made["loadbalancer"] as? [String: Any])[text: "id"]
        try perform("assignToLoadBalancerRule", ["id": rule, "virtualmachineids": machines.joined(separator: ",")])
        return rule
    }

    /// Whether the members of a rule answer, by address.
    func states(of rule: String) throws -> [String: String] {
        let pairs = try list("listLoadBalancerRuleInstances", "lbrulevmidip", ["id": rule, "lbvmips": "true"])
        let members = pairs.flatMap { $0["members"] as? [[String: Any]] ?? [] }
        return Dictionary(members.map { ($0[text: "ipaddress"], $0[text: "state"]) }) { first, _ in first }
    }
}
