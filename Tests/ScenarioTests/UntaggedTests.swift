import Foundation
import Testing

extension Scenarios {
    /// Segments without a number leave by bridges of the operator's, as CloudStack's traffic labels name them.
    @Suite struct UntaggedTests {
        /// Two bridges of the host's with a cable each, and behind the cables who is at the public gateway and at an office's.
        private static let wires = """
            set -e
            wire() {
                ip netns add $2
                ip link add $1 type bridge; ip link set $1 up
                ip link add $3 type veth peer name eth0 netns $2; ip link set $3 master $1 up
                ip link set $3 address fa:ff:ff:ff:ff:ff; ip -n $2 addr add $4/24 dev eth0; ip -n $2 link set eth0 up; ip -n $2 link set lo up
            }
            wire cloudbr0 far cable0 203.0.113.1
            wire cloudbr1 gate cable1 10.9.0.1
            ip addr add 203.0.113.250/24 dev cloudbr0; ip addr add 10.9.0.250/24 dev cloudbr1
            ip link add eth7 type veth peer name eth8; ip link set eth7 up; ip link set eth8 up
            """
        private static let cloud = """
            {"zones": [{"name": "site", "dns1": "203.0.113.1",
              "physicalNetworks": [{"name": "outside", "trunk": "cloudbr0"}, {"name": "office", "trunk": "cloudbr1"},
                                   {"name": "inside", "isolation": "VXLAN", "segments": ["5000-5009"]}],
              "publicRanges": [{"physicalNetwork": "outside", "subnet": "203.0.113.0/24", "gateway": "203.0.113.1",
                                "addresses": "203.0.113.10-203.0.113.19"}]}],
             "networkOfferings": [{"name": "meeting", "guestType": "Shared", "specifiesSegment": true, "services": {}}],
             "networks": [{"name": "web", "zone": "site", "physicalNetwork": "inside", "cidr": "10.1.1.0/24"},
                          {"name": "desks", "zone": "site", "physicalNetwork": "office", "offering": "meeting",
                           "segment": "untagged", "cidr": "10.9.0.0/24", "gateway": "10.9.0.1",
                           "ranges": ["10.9.0.10-10.9.0.19"]}],
             "guests": [{"name": "web", "nics": [{"network": "web", "address": "10.1.1.10"}]},
                        {"name": "desk", "nics": [{"network": "desks", "address": "10.9.0.10"}]}]}
            """

        private static func reaches(_ world: World, _ guest: String, _ target: String) throws -> Bool {
            try world.run(["ping", "-n", "-c", "1", "-W", "5", target], in: guest).status == 0
        }

        @Test func `of public and shared networks reach who is on the host's bridge, and the bridge stays the host's`()
            async throws
        {
            try await inOwnWorld { world in
                try world.shell(Self.wires)
                let bridge = try world.shell("ip -o link show cloudbr0")
                let data = "\(world.directory)/data"
                var daemon = try DaemonUnderTest(world, profile: "empty", data: data)
                let file = "\(world.directory)/cloud.json"
                try Self.cloud.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                try daemon.waitUntilVerified()
                let (web, desk) = (try DemoTests.guest(daemon, "web"), try DemoTests.guest(daemon, "desk"))
                #expect(try Self.reaches(world, web, "203.0.113.1"))
                #expect(try Self.reaches(world, web, "203.0.113.250"), "the host itself is on its own bridge")
                #expect(try Self.reaches(world, desk, "10.9.0.1"))
                // Who guards the guests is not their neighbour, whoever else may have the bridge for one.
                #expect(try Self.reaches(world, "gate", "10.9.0.250"))
                #expect(try world.run(["ping", "-n", "-c", "1", "-W", "1", "10.9.0.250"], in: desk).status != 0)
                // What is between the two stays between them.
                #expect(try world.run(["ping", "-n", "-c", "1", "-W", "1", "203.0.113.1"], in: desk).status != 0)
                // It takes the least MTU and the lowest hardware address of its ports.
                #expect(try world.shell("ip -o link show cloudbr0") == bridge)

                // Taken away by somebody, it comes back; a restart finds it as it is.
                let ports = try world.shell("ip -o link show master cloudbr0")
                let port = try #require(ports.firstMatch(of: /sld[^@:]+/)).output
                try world.shell("ip link set \(port) nomaster")
                try seen("the port") {
                    try world.shell("ip -o link show master cloudbr0").contains(port) ? true : nil
                }
                #expect(try daemon.stop() == 0)
                let before = try world.shell("ip -o link show type veth")
                daemon = try DaemonUnderTest(world, profile: "empty", data: data)
                try daemon.waitUntilVerified()
                #expect(try daemon.status["netlinkwrites"] as? Int == 0)
                #expect(try world.shell("ip -o link show type veth") == before)
                #expect(try Self.reaches(world, web, "203.0.113.1") && Self.reaches(world, desk, "10.9.0.1"))

                try "{}".write(toFile: file, atomically: true, encoding: .utf8)
                #expect(try daemon.sluice("apply", "--prune", file).status == 0)
                #expect(try daemon.stop() == 0)
                #expect(try world.shell("ip -o link show master cloudbr0").contains("cable0"))
                #expect(try !world.shell("ip -o link").contains(": sl"))
            }
        }

        @Test func `are refused where there is no bridge, and named`() async throws {
            try await inOwnWorld { world in
                try world.shell(Self.wires)
                let daemon = try DaemonUnderTest(world, profile: "empty")
                let file = "\(world.directory)/cloud.json"
                try Self.cloud.replacing("cloudbr0", with: "eth7").write(
                    toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status != 0)
                #expect(applied.errors.contains("eth7") && applied.errors.contains("it is not a bridge"), "\(applied)")
                try seen("all taken back") { try world.shell("ip -o link").contains(": sl") ? nil : true }
            }
        }
    }
}
