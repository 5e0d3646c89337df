import CLinux
import Foundation
import Testing

extension Scenarios {
    /// Promise P10 where the caller wants connections left to finish, and where the daemon dies while it ends them.
    @Suite struct DrainTests {
        @Test func `what is left to finish does, while nothing new comes in, whoever restarts the daemon`() async throws
        {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                var daemon = try DaemonUnderTest(world, data: data)
                let network = try daemon.network()
                let web = try daemon.machine("web")
                let node = try DemoTests.guest(daemon, "web")
                let address = try daemon.acquire("203.0.113.50", for: network)
                let listener = try world.listen(in: node, 80)
                let other = try world.listen(in: node, 81)
                let outside = try world.listen(in: RevocationTests.outside, 7001)
                let forward = try daemon.forward(address, "tcp", 80, to: web)
                _ = try daemon.forward(address, "tcp", 81, to: web)
                let talks = Conversations()
                let from = RevocationTests.outside
                talks.add(try Conversation(world, "kept", from: from, to: "203.0.113.50", 81, at: other))
                talks.add(try Conversation(world, "let in", from: from, to: "203.0.113.50", 80, at: listener))
                talks.add(try Conversation(world, "let out", from: node, to: "198.51.100.1", 7001, at: outside))
                #expect(talks.faults() == [])

                #expect(
                    try daemon.flowsEnded(by: "deletePortForwardingRule", ["id": forward, "cleanup": "drain"]) == 1)
                try seen("an event") {
                    try daemon.events("FLOW.END").contains {
                        $0 == "1 connection left to finish by deletePortForwardingRule"
                    } ? true : nil
                }
                #expect(talks.faults() == [])
                #expect(try !world.reaches(from: from, "203.0.113.50", 80))
                for signal in [SIGTERM, SIGKILL] {
                    _ = try daemon.stop(with: signal)
                    #expect(talks.faults() == [], "with no daemon")
                    daemon = try DaemonUnderTest(world, data: data)
                    try daemon.waitUntilVerified()
                    #expect(talks.faults() == [], "with the next daemon")
                    #expect(try !world.reaches(from: from, "203.0.113.50", 80))
                }
                // The end of others does not take it along, and the end of its address does.
                _ = try daemon.exempt(network, "tcp", 7001...7001)
                talks.end(["let out"])
                #expect(talks.faults() == [])
                #expect(try daemon.flowsEnded(by: "disassociateIpAddress", ["id": address]) == 2)
                talks.end(["kept", "let in"])
                #expect(talks.faults() == [])
            }
        }

        /// The rules change in one step and connections end in another. Whenever it is killed, the next one finishes.
        @Test(.timeLimit(.minutes(isLong ? 20 : 5)))
        func `killed while it ends connections, the next one ends them`() async throws {
            try await inOwnWorld { world in
                let rounds = isLong ? 100 : 20
                let data = "\(world.directory)/data"
                var daemon = try DaemonUnderTest(world, data: data)
                let stream = try Stream(world, from: DemoTests.guest(daemon, "db"))
                let web = try daemon.machine("web")
                let node = try DemoTests.guest(daemon, "web")
                let address = try daemon.acquire("203.0.113.50", for: daemon.network())
                let listener = try world.listen(in: node, 80)
                let always = try daemon.forward(address, "tcp", 79, to: web, ["privateport": "80"])
                let talks = Conversations()
                let from = RevocationTests.outside
                var random = SystemRandomNumberGenerator()
                var (left, gone, pending) = (0, 0, 0)
                for round in 0..<rounds {
                    talks.clear()
                    talks.add(try Conversation(world, "always", from: from, to: "203.0.113.50", 79, at: listener))
                    var rules: [String] = []
                    for port in 81...84 {
                        rules.append(try daemon.forward(address, "tcp", port, to: web, ["privateport": "80"]))
                        talks.add(
                            try Conversation(
                                world, rules[rules.count - 1], from: from, to: "203.0.113.50", UInt16(port),
                                at: listener)
                        )
                    }
                    #expect(talks.faults() == [])
                    // All of them at once, so that there is something to meet at any moment of the next while.
                    for rule in rules { _ = try daemon.call("deletePortForwardingRule", ["id": rule]) }
                    poll(nil, 0, Int32.random(in: 0...8, using: &random))
                    daemon.process.signal(SIGKILL)
                    _ = try daemon.process.wait()
                    let marked = try world.shell("nft list set inet sluice pending-revocations", in: "r-1-VM")
                    if marked.contains("elements") { pending += 1 }
                    daemon = try DaemonUnderTest(world, data: data)
                    try daemon.waitUntilVerified()
                    try seen("the end of the adoption") { try daemon.events("DAEMON.ADOPT").isEmpty ? nil : true }
                    let there = try daemon.list("listPortForwardingRules", "portforwardingrule").map { $0[text: "id"] }
                    #expect(there == [always], "acknowledged and still there, in round \(round)")
                    let removed = rules.filter { !there.contains($0) }
                    talks.end(removed)
                    #expect(talks.faults() == [], "in round \(round)")
                    gone += removed.count
                    left += rules.count - removed.count
                    for rule in rules where there.contains(rule) {
                        try daemon.perform("deletePortForwardingRule", ["id": rule])
                    }
                }
                let blocks = stream.rounds
                #expect(stream.end() == nil)
                print(
                    "\(rounds) kills while connections were ended, \(pending) of them between the rules and the connections:",
                    "\(gone) rules gone with theirs, \(left) still there; \(blocks) blocks went round meanwhile")
            }
        }
    }
}
