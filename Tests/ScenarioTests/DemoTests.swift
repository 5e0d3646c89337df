import CLinux
import Foundation
import NetworkVocabulary
import Testing

extension Scenarios {
    /// What a newcomer sees, and what must never be seen: who reaches whom.
    @Suite struct DemoTests {
        /// Another tenant's network with one guest, 10.1.2.10.
        static let otherTenant = """
            {"accounts": [{"name": "other"}],
             "networks": [{"name": "other", "account": "other", "zone": "demo", "cidr": "10.1.2.0/24", "gateway": "10.1.2.1"}],
             "guests": [{"name": "stranger", "account": "other", "nics": [{"network": "other", "address": "10.1.2.10"}]}]}
            """

        static func guest(_ daemon: DaemonUnderTest, _ name: String) throws -> String {
            let found = try daemon.list("listVirtualMachines", "virtualmachine").first { $0[text: "name"] == name }
            return try #require(found)[text: "instancename"]
        }

        static func router(_ daemon: DaemonUnderTest, of network: String) throws -> String {
            let found = try daemon.list("listRouters", "router").first { $0[text: "guestnetworkname"] == network }
            return try #require(found)[text: "name"]
        }

        /// Packets that the rule at the end of a router's chain has dropped.
        static func drops(_ world: World, _ router: String, _ chain: String) throws -> Int {
            let listing = try world.shell("nft list chain inet sluice \(chain)", in: router)
            let line =
                listing.split(separator: "\n").last { $0.contains("counter packets") && $0.contains("drop") } ?? ""
            return counts(in: line).first ?? 0
        }

        /// Frames that guests' ports have refused for this reason.
        static func refusals(_ world: World, _ reason: String) throws -> Int {
            counts(in: try world.shell("nft list set bridge sluice refused-\(reason)")).reduce(0, +)
        }

        private static func counts(in listing: some StringProtocol) -> [Int] {
            let words = listing.split { $0.isWhitespace }
            return zip(words, words.dropFirst()).compactMap { $0 == "packets" ? Int($1) : nil }
        }

        @Test func `a guest reaches the internet by echo, TCP and UDP`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let guest = try Self.guest(daemon, "web")
                let ping = try daemon.sluice("exec", guest, "--", "ping", "-c", "1", "-W", "5", "198.51.100.1")
                #expect(ping.status == 0, "\(ping.output) \(ping.errors)")
                let tcp = try world.inside(guest) { try Wire.tcp(to: "198.51.100.1", 7) }
                try tcp.send(Array("over TCP".utf8))
                #expect(try tcp.receive() == Array("over TCP".utf8))
                let udp = try world.inside(guest) { try Wire(AF_INET, SOCK_DGRAM) }
                udp.tell(Array("over UDP".utf8), to: "198.51.100.1", 7)
                let answer = try udp.hear()
                #expect(answer.text == "over UDP" && answer.from == "198.51.100.1")
            }
        }

        @Test func `the outside sees a guest by its network's public address only`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let guest = try Self.guest(daemon, "web")
                let host = try world.inside("sluice-internet") { try Wire.bound(SOCK_DGRAM, "198.51.100.1", 9999) }
                let raw = try world.inside(guest) { try Wire(AF_INET, SOCK_RAW, Int32(IPPROTO_RAW)) }
                // Addresses of a neighbour, of nobody, of the router, of the outside: none of them is this guest's.
                for source in ["10.1.1.20", "10.1.1.77", "10.1.1.1", "203.0.113.10", "198.51.100.7", "127.0.0.1"] {
                    let sent = raw.tell(
                        Wire.datagram(from: source, to: "198.51.100.1", 9999, "false"), to: "198.51.100.1", 9999)
                    #expect(sent, "\(source)")
                }
                // What is sent last arrives last: what has not come before it does not come.
                raw.tell(Wire.datagram(from: "10.1.1.10", to: "198.51.100.1", 9999, "true"), to: "198.51.100.1", 9999)
                let heard = try host.hear()
                #expect(heard.text == "true" && heard.from == "203.0.113.10")
                #expect(try Self.refusals(world, "address") == 6)
            }
        }

        @Test func `tenants, the host and the router's ports are out of a guest's reach`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/other.json"
                try Self.otherTenant.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                let guest = try Self.guest(daemon, "web")
                let stranger = try Self.guest(daemon, "stranger")
                let router = try Self.router(daemon, of: "demo")
                try world.shell("ip address add 10.9.9.9/32 dev lo")

                // Listeners everywhere, so that only the way can be what is missing.
                let listeners = try [
                    world.inside(stranger) { try Wire.bound(SOCK_STREAM, "10.1.2.10", 80) },
                    world.inside(router) { try Wire.bound(SOCK_STREAM, "0.0.0.0", 22) },
                    Wire.bound(SOCK_STREAM, "0.0.0.0", 80),
                ]
                for (host, port) in [("10.1.2.10", 80), ("10.1.1.1", 22), ("203.0.113.10", 22), ("10.9.9.9", 80)] {
                    let result = Result { try world.inside(guest) { try Wire.tcp(to: host, UInt16(port), seconds: 1) } }
                    #expect(throws: Trouble.self, "\(host):\(port) is within reach") { try result.get() }
                }
                withExtendedLifetime(listeners) {}
                #expect(try world.run(["ping", "-c", "1", "-W", "5", "10.1.1.1"], in: guest).status == 0)
                let tcp = try world.inside(guest) { try Wire.tcp(to: "198.51.100.1", 7) }
                withExtendedLifetime(tcp) {}
            }
        }

        /// A bridge is also a port of the host: a frame to its own address goes up into the host's stack, which takes
        /// packets for any of its addresses from any link.
        @Test(arguments: ["0", "1", "2"])
        func `a frame to the bridge itself does not enter the host`(_ reversePathFilter: String) async throws {
            try await inOwnWorld { world in
                try world.shell(
                    """
                    echo \(reversePathFilter) > /proc/sys/net/ipv4/conf/all/rp_filter
                    ip link add up0 type veth peer name up1; ip address add 192.0.2.1/24 dev up0; ip link set up0 up
                    ip link set up1 up; ip route add default via 192.0.2.254
                    """)
                let daemon = try DaemonUnderTest(world)
                let guest = try Self.guest(daemon, "web")
                try world.shell("ip address add 10.9.9.9/32 dev lo")
                let listener = try Wire.bound(SOCK_DGRAM, "10.9.9.9", 9999)
                let bridges = try world.shell("ip -o link show type bridge").split(separator: "\n").map(String.init)
                let bridge = try #require(bridges.first { $0.contains("network/") })
                let words = bridge.split(separator: " ").map(String.init)
                let mac = try #require(words.firstIndex(of: "link/ether").map { words[$0 + 1] })
                let frame =
                    mac.split(separator: ":").compactMap { UInt8($0, radix: 16) }
                    + [2, 0, 0, 0, 0, 3, 8, 0] + Wire.datagram(from: "10.1.1.10", to: "10.9.9.9", 9999, "breach")
                try world.inside(guest) { try Wire.sendFrame(frame, on: "eth0") }
                // On the same path, a question that the router answers: when its answer is here, the frame has been dealt with.
                #expect(try world.run(["ping", "-c", "1", "-W", "5", "10.1.1.1"], in: guest).status == 0)
                let own = try Wire(AF_INET, SOCK_DGRAM)
                own.tell(Array("own".utf8), to: "10.9.9.9", 9999)
                let heard = try listener.hear().text
                #expect(heard == "own")
                let name = words[1].prefix { $0 != ":" }
                #expect(try world.shell("cat /proc/sys/net/ipv6/conf/\(name)/disable_ipv6") == "1\n")
            }
        }

        @Test func `the outside does not reach a guest by its own address`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let guest = try Self.guest(daemon, "web")
                let router = try Self.router(daemon, of: "demo")
                let listener = try world.inside(guest) { try Wire.bound(SOCK_DGRAM, "0.0.0.0", 9999) }
                // As a router with a route to 10.1.1.0/24 by way of ours would send it.
                let mac = try world.shell("ip -o link show eth1", in: router).split(separator: " ").map(String.init)
                let target = try #require(mac.firstIndex(of: "link/ether").map { mac[$0 + 1] })
                let head =
                    target.split(separator: ":").compactMap { UInt8($0, radix: 16) } + [2, 0xff, 0, 0, 0, 1, 8, 0]
                let before = try Self.drops(world, router, "filter-forward")
                let frame = head + Wire.datagram(from: "198.51.100.1", to: "10.1.1.10", 9999, "unasked")
                try world.inside("sluice-internet") { try Wire.sendFrame(frame, on: "eth1") }
                try seen("the drop in the router's counter") {
                    try Self.drops(world, router, "filter-forward") > before ? true : nil
                }
                // The neighbour may: it shares the wire.
                let db = try Self.guest(daemon, "db")
                let neighbour = try world.inside(db) { try Wire(AF_INET, SOCK_DGRAM) }
                neighbour.tell(Array("hello".utf8), to: "10.1.1.10", 9999)
                #expect(try listener.hear().text == "hello")
            }
        }

        @Test(arguments: [SIGINT, SIGTERM])
        func `the end of an ephemeral daemon leaves nothing`(_ signal: Int32) async throws {
            try await inOwnWorld { world in
                // The directory of names is everybody's, and stays as `ip netns` would leave it.
                try world.shell("ip netns add x && ip netns delete x")
                let everything = "ip -o link; ip rule; nft list ruleset; find /run; grep -c /run /proc/self/mounts"
                let before = try world.shell(everything)
                let daemon = try DaemonUnderTest(world)
                #expect(try world.shell("ls /run/netns").split(separator: "\n").count == 4)
                #expect(try daemon.stop(with: signal) == 0, "\(daemon.logText)")
                #expect(try world.shell("ls -A /run/netns") == "")
                #expect(try world.shell(everything) == before)
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: world.directory).filter {
                        $0.hasPrefix("sluice")
                    } == [])
            }
        }
    }
}
