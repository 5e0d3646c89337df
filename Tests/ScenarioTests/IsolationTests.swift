import Foundation
import Testing

extension Scenarios {
    /// What a guest may not do, row by row of the list of attacks, with a capture of every device of every namespace and a
    /// count for every frame that was dropped. `Tests/isolation` attacks, listens and judges by itself.
    @Suite struct IsolationTests {
        private static let folder = GuestMachines.folderOfTests.appending(path: "isolation").path
        private static let rows = [
            "IS1", "IS2", "IS3", "IS4", "IS5", "IS6", "IS9", "IS10", "IS11", "IS13", "IS18", "IS19",
        ]

        private struct Siege {
            let world: World
            let daemon: DaemonUnderTest

            init(_ world: World, segments: String) throws {
                self.world = world
                try world.shell(
                    """
                    ip netns add wall
                    ip link add trunk0 type veth peer name wire netns wall
                    ip -n wall link set wire up
                    ip addr add 10.255.0.1/24 dev trunk0
                    ip link set trunk0 up
                    """)
                daemon = try DaemonUnderTest(
                    world, data: "\(world.directory)/data", options: ["--metrics", "127.0.0.1:9179"])
                let cloud = try String(contentsOfFile: "\(folder)/cloud.json", encoding: .utf8)
                let file = "\(world.directory)/cloud.json"
                try cloud.replacing("SEGMENTS", with: segments).write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                guard applied.status == 0 else { throw Trouble("apply: \(applied.errors)") }
                try daemon.waitUntilVerified()
            }

            /// What the port refused of its guest, by reason in the kernel, is what the API and the metrics tell of it together.
            func expectRefusalsTold(of guest: String) throws {
                let sum = { (port: String) in
                    try world.shell(
                        "for reason in mac address arp ipv6 dhcp tagged control protocol flood isolated host; "
                            + "do nft list set bridge sluice refused-$reason; done | "
                            + "grep -o '\"\(port)\" counter packets [0-9]*' | awk '{ sum += $4 } END { print sum }'")
                }
                let nic = try seen("the sum of refusals") { () -> String? in
                    let port = try #require(try daemon.list("listPorts", "port", ["name": guest]).first)
                    let told = port["refusedpackets"] as? Int ?? -1
                    return try sum(port[text: "hostdevice"]) == "\(told)\n" && told > 0 ? port[text: "nicid"] : nil
                }
                let metrics = try world.shell("curl -sS http://127.0.0.1:9179/metrics")
                #expect(
                    metrics.contains(try Regex("sluice_port_refused_packets_total.nic=\"\(nic)\". [1-9]")), "\(metrics)"
                )
            }

            /// Attacks, and returns what was said of it. Where the daemon is gone, by what it said before.
            func attack(_ amount: String, _ rows: [String] = [], evidence: String = "evidence", isAlone: Bool = false)
                throws -> Finished
            {
                let kept = "\(world.directory)/evidence/told.json"
                let errors = "\(world.directory)/errors-of-attacks"
                let attack = try world.start(
                    [
                        "/usr/bin/python3", "-B", "\(folder)/run",
                        isAlone ? kept : "\(DaemonUnderTest.programs)/sluice",
                        "\(world.directory)/\(evidence)", amount,
                    ] + rows, environment: daemon.environment, log: errors)
                try attack.read(within: .seconds(1200))
                return Finished(
                    status: try attack.wait(), output: attack.output,
                    errors: try String(contentsOfFile: errors, encoding: .utf8))
            }
        }

        private static func expectHeld(_ said: Finished, _ rows: [String]) {
            #expect(said.status == 0, "\(said.output)\(said.errors)")
            for row in rows {
                let lines = said.output.split(separator: "\n").filter { $0.hasPrefix("\(row) ") }
                #expect(!lines.isEmpty && lines.allSatisfy { $0.hasSuffix(" 0 faults") }, "\(row): \(lines)")
            }
            print(said.output.split(separator: "\n").last ?? "")
        }

        @Test(.timeLimit(.minutes(30)))
        func `IS1-IS19: what a guest may not send is heard at no other port, and each frame is counted`() async throws {
            try await inOwnWorld { world in
                let siege = try Siege(world, segments: "VXLAN")
                Self.expectHeld(try siege.attack(isLong ? "100000" : "3000"), Self.rows)
                let captures = try FileManager.default.contentsOfDirectory(atPath: "\(world.directory)/evidence")
                    .filter { $0.hasSuffix(".pcap") }
                #expect(captures.count >= 40)
                // Somebody else reads the captures: what the other tenant's guest heard from its network, whoever sent it.
                let bella = try DemoTests.guest(siege.daemon, "bella")
                let heard = try world.shell(
                    "tcpdump -nr \(world.directory)/evidence/\(bella).eth0.pcap udp or icmp 2>/dev/null")
                #expect(!heard.contains("10.1.1.10.5000 >"), "\(heard)")

                try siege.expectRefusalsTold(of: "mallory")

                // Each of these must be found by the same run.
                let bridges = try ["mallory", "bob"].map { name in
                    try #require(try siege.daemon.list("listPorts", "port", ["name": name]).first)[text: "segment"]
                }
                let router = try DemoTests.router(siege.daemon, of: "mine")
                #expect(try siege.daemon.stop() == 0)
                func isFound(_ damage: String, _ rows: [String], _ words: String) throws {
                    try world.shell(damage)
                    let said = try siege.attack("50", rows, evidence: "after", isAlone: true)
                    #expect(said.status == 1, "\(damage): \(said)")
                    for row in rows {
                        #expect(
                            said.output.split(separator: "\n").contains {
                                $0.hasPrefix("\(row) ") && !$0.hasSuffix(" 0 faults")
                            }, "\(damage) leaves \(row) as it was: \(said.output)")
                    }
                    #expect(said.output.contains(words), "\(damage): \(said.output)")
                }
                try isFound(
                    "nsenter --net=/run/netns/\(router) nft insert rule inet sluice filter-input tcp dport 22 drop",
                    ["IS18"], "counted")
                try isFound(
                    "ip link add leak0 type veth peer leak1; ip link set leak0 master \(bridges[0]) up; "
                        + "ip link set leak1 master \(bridges[1]) up", ["IS1", "IS10"], "heard at")
                try world.shell("ip link del leak0")
                // Not the rows in which somebody speaks for the router: nothing comes back from there any more.
                try isFound(
                    "nft flush chain bridge sluice port-prerouting", ["IS1", "IS3", "IS6", "IS9"], "heard at")
            }
        }

        /// What depends on the segment: an emulated machine takes its time.
        @Test(.needsVLANs, .timeLimit(.minutes(30)))
        func `IS1-IS13, where networks are VLANs of one cable`() async throws {
            try await inOwnWorld { world in
                let rows = Self.rows.filter { !["IS10", "IS18", "IS19"].contains($0) }
                Self.expectHeld(try Siege(world, segments: "VLAN").attack("100", rows), rows)
            }
        }
    }
}
