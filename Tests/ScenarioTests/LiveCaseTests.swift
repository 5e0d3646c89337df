import Foundation
import Testing

extension Scenarios {
    /// Cases of `pcaps/` in a daemon that runs.
    @Suite struct LiveCaseTests {
        private static let pcaps = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "pcaps").path

        /// One that simulates the internet, without a cloud.
        private func daemon(_ world: World) throws -> DaemonUnderTest {
            let daemon = try DaemonUnderTest(world)
            let file = "\(world.directory)/nothing.json"
            try "{}".write(toFile: file, atomically: true, encoding: .utf8)
            let emptied = try daemon.sluice("apply", "--prune", file)
            #expect(emptied.status == 0, "\(emptied)")
            return daemon
        }

        private func test(_ daemon: DaemonUnderTest, _ words: [String]) throws -> Finished {
            try daemon.world.run(
                ["\(DaemonUnderTest.programs)/sluice", "test", "--on", "live"] + words,
                environment: daemon.environment)
        }

        private func objects(_ daemon: DaemonUnderTest) throws -> [Int] {
            let objects = try daemon.status["objects"] as? [String: Any] ?? [:]
            return ["zones", "networks", "guests", "routers", "publicaddresses"].map { objects[$0] as? Int ?? -1 }
        }

        @Test func `pass where the daemon does what they say, and leave nothing`() async throws {
            try await inOwnWorld { world in
                let daemon = try daemon(world)
                let passing = [
                    "source-nat/keeps-the-port", "source-nat/replayed-capture", "port-forwarding/single-tcp",
                    "firewall/one-host", "identity/cloudstack-8951-another-mac-address", "identity/arp-for-the-gateway",
                    "tenants/is13-the-same-five-tuple", "revoked/deleted-firewall-rule", "revoked/stopped-guest",
                    "static-nat/given-to-another-guest",
                ]
                let skipped = [
                    "time/an-echo-is-given-up", "restart/connections-go-on", "services/at-the-gateway",
                    "source-nat/replaced-address",
                ]
                let said = try test(daemon, (passing + skipped).map { "\(Self.pcaps)/\($0)" })
                #expect(said.status == 0, "\(said)")
                #expect(said.output.contains("14 cases, "), "\(said)")
                #expect(said.output.hasSuffix("on live: 10 passed, 4 skipped, 0 failed\n"), "\(said)")
                #expect(said.output.contains("skipped time/an-echo-is-given-up: line 3: time does not pass faster"))
                #expect(said.output.contains("skipped restart/connections-go-on: line 5: a running daemon is not st"))
                #expect(said.output.contains("skipped services/at-the-gateway: line 37: the services listen there"))
                #expect(said.output.contains("skipped source-nat/replaced-address: line 3: a cloud file cannot say"))
                #expect(try objects(daemon) == [0, 0, 0, 0, 0])
                // The simulated internet hears again.
                #expect(try !world.shell("nft list tables", in: "sluice-internet").contains("sluice-silence"))
            }
        }

        /// The model does what the case says; between the bridges' ports something swallows datagrams.
        @Test func `fail where the kernel does something else, and leave nothing`() async throws {
            try await inOwnWorld { world in
                let daemon = try daemon(world)
                try world.shell(
                    "nft 'table bridge spoilt { chain forward { type filter hook forward priority 0; "
                        + "ip daddr 198.51.100.1 udp dport 53 drop; }; }'")
                let said = try test(
                    daemon, ["\(Self.pcaps)/source-nat/keeps-the-port", "\(Self.pcaps)/source-nat/echo"])
                #expect(said.status == 1)
                #expect(said.errors.contains("on live: 1 passed, 0 skipped, 1 failed"), "\(said)")
                for part in [
                    "✘ source-nat/keeps-the-port: step 1 of ", " on the daemon\n", "traffic.packets:1\n",
                    "sent       at one send udp 10.1.1.10:40000 > 198.51.100.1:53",
                    "expected   at outside as the model has it: udp 203.0.113.10:40000", "got        nothing",
                    "again      sluice test --on live --step 1 ",
                ] {
                    #expect(said.output.contains(part), "\(part) in\n\(said.output)")
                }
                #expect(try objects(daemon) == [0, 0, 0, 0, 0])
            }
        }

        @Test func `are refused where they would replace a cloud`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let before = try daemon.revision
                let said = try test(daemon, ["\(Self.pcaps)/source-nat/echo"])
                #expect(said.status == 1 && said.errors.contains("the daemon has zones (1), networks (1)"), "\(said)")
                #expect(try daemon.revision == before)
            }
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world, profile: "empty")
                let said = try test(daemon, ["\(Self.pcaps)/source-nat/echo"])
                #expect(said.status == 1 && said.errors.contains("simulates no internet"), "\(said)")
            }
        }

        @Test func `end in order when they are interrupted`() async throws {
            try await inOwnWorld { world in
                let daemon = try daemon(world)
                let child = try world.start(
                    ["\(DaemonUnderTest.programs)/sluice", "test", "--on", "live", "\(Self.pcaps)/egress"],
                    environment: daemon.environment, log: "\(world.directory)/said")
                try seen("the cloud of a case") { try objects(daemon)[2] > 0 ? true : nil }
                child.signal(SIGINT)
                #expect(try child.wait() == 1)
                let said = try String(contentsOfFile: "\(world.directory)/said", encoding: .utf8)
                #expect(said.contains("sluice: interrupted: ") && said.contains(" not begun"), "\(said)")
                #expect(try objects(daemon) == [0, 0, 0, 0, 0])
            }
        }
    }
}
