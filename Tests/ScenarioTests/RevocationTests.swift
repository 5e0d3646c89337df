import CLinux
import Foundation
import Testing

extension Scenarios {
    /// Promise P10: what a rule allowed ends with it, in the same operation, and nothing else does.
    @Suite struct RevocationTests {
        static let outside = "sluice-internet"
        /// Two who are not guests: the host in the internet, and the gateway of the public range.
        static let (host, gateway) = ("198.51.100.1", "203.0.113.1")

        /// A call, and the connections that it must end.
        private struct Deed {
            let name: String
            let ends: [String]
            let command: String
            let parameters: [String: String]

            init(_ name: String, ends: [String], _ command: String, _ parameters: [String: String]) {
                self.name = name
                self.ends = ends
                self.command = command
                self.parameters = parameters
            }
        }

        /// Makes the calls one after the other and looks at every connection after each.
        private static func work(through deeds: [Deed], _ talks: Conversations, _ daemon: DaemonUnderTest) throws {
            for deed in deeds {
                let events = try daemon.events("FLOW.END").count
                let ended = try daemon.flowsEnded(by: deed.command, deed.parameters)
                // At once: the job's end is the promise.
                talks.end(deed.ends)
                #expect(talks.faults() == [], "\(deed.name)")
                #expect(ended == deed.ends.count, "\(deed.name)")
                guard ended > 0 else { continue }
                let text = "\(ended) connection\(ended == 1 ? "" : "s") ended by \(deed.command)"
                try seen("an event: \(text), after: \(deed.name)") {
                    let now = try daemon.events("FLOW.END")
                    return now.count > events && now.contains { $0.hasPrefix(text) } ? true : nil
                }
            }
        }

        @Test func `what comes in ends with the rule, the address or the guest that let it in, and with nothing else`()
            async throws
        {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let network = try daemon.network()
                let (web, db) = (try daemon.machine("web"), try daemon.machine("db"))
                try daemon.perform(
                    "deployVirtualMachine", ["zoneid": daemon.zone(), "networkids": network, "name": "third"])
                let third = try daemon.machine("third")
                let address = try daemon.acquire("203.0.113.50", for: network)
                let released = try daemon.acquire("203.0.113.51", for: network)
                let talks = Conversations()
                var forwards: [Int: String] = [:]
                let closed = ["openfirewall": "false"]
                for (port, machine, options) in [
                    (80, web, [:]), (81, web, [:]), (82, web, closed), (83, web, closed), (84, web, [:]),
                    (85, web, [:]), (86, third, [:]),
                ] {
                    forwards[port] = try daemon.forward(address, "tcp", port, to: machine, options)
                }
                _ = try daemon.forward(released, "tcp", 80, to: web)
                // What the guest says after the end would leave with the address and the port that were ended.
                let common = try #require(
                    try daemon.list("listPublicIpAddresses", "publicipaddress").first {
                        $0[text: "ipaddress"] == "203.0.113.10"
                    })
                forwards[87] = try daemon.forward(common[text: "id"], "tcp", 80, to: web)
                let both = "198.51.100.0/24,203.0.113.0/24"
                let narrowed = try daemon.admit(address, "tcp", 82...82, from: both)
                let first = try daemon.admit(address, "tcp", 83...83)
                // Rules with a network in common may not have a port in common; with networks that overlap they may.
                let second = try daemon.admit(address, "tcp", 80...90, from: "198.51.0.0/16,203.0.0.0/16")

                var listeners: [String: Wire] = [:]
                for (name, port) in [(web, 80), (web, 81), (web, 82), (web, 83), (web, 84), (web, 85), (third, 86)] {
                    let node = try DemoTests.guest(daemon, name == web ? "web" : "third")
                    listeners["\(port)"] = try world.listen(in: node, UInt16(port))
                }
                func talk(_ name: String, _ port: UInt16, by source: String, at host: String = "203.0.113.50") throws {
                    talks.add(
                        try Conversation(
                            world, name, from: Self.outside, by: source, to: host, port,
                            at: #require(listeners["\(port)"])))
                }
                try talk("by a rule that stays", 80, by: Self.host)
                try talk("from elsewhere by a rule that stays", 80, by: Self.gateway)
                try talk("by the other address", 80, by: Self.host, at: "203.0.113.51")
                try talk("forwarded", 81, by: Self.host)
                try talk("by the network's address", 80, by: Self.host, at: "203.0.113.10")
                try talk("from what stays in the list", 82, by: Self.host)
                try talk("from what goes from the list", 82, by: Self.gateway)
                try talk("admitted twice", 83, by: Self.host)
                try talk("retargeted", 84, by: Self.host)
                try talk("by who may use the forward", 85, by: Self.host)
                try talk("by who may no longer use the forward", 85, by: Self.gateway)
                try talk("to a guest that goes", 86, by: Self.host)
                #expect(talks.faults() == [])

                let id = { (port: Int) in ["id": forwards[port] ?? ""] }
                try Self.work(
                    through: [
                        Deed("a forward goes", ends: ["forwarded"], "deletePortForwardingRule", id(81)),
                        Deed(
                            "so does one of the network's address", ends: ["by the network's address"],
                            "deletePortForwardingRule", id(87)),
                        Deed("a rule that another stands in for goes", ends: [], "deleteFirewallRule", ["id": first]),
                        Deed(
                            "a rule is narrowed while another admits the rest", ends: [], "updateFirewallRule",
                            ["id": narrowed, "cidrlist": "198.51.100.0/24"]),
                        Deed(
                            "so is the other", ends: ["from what goes from the list"], "updateFirewallRule",
                            ["id": second, "cidrlist": "198.51.0.0/16"]),
                        Deed(
                            "a rule gets fewer ports", ends: ["admitted twice"], "updateFirewallRule",
                            ["id": second, "startport": "84", "endport": "90"]),
                        Deed(
                            "a forward leads to another guest", ends: ["retargeted"], "updatePortForwardingRule",
                            id(84).merging(["virtualmachineid": db]) { $1 }),
                        Deed(
                            "a forward is for fewer", ends: ["by who may no longer use the forward"],
                            "updatePortForwardingRule", id(85).merging(["cidrlist": "198.51.100.0/24"]) { $1 }),
                        Deed(
                            "an address is released", ends: ["by the other address"], "disassociateIpAddress",
                            ["id": released]),
                        Deed(
                            "a guest is destroyed", ends: ["to a guest that goes"], "destroyVirtualMachine",
                            ["id": third, "expunge": "true"]),
                    ], talks, daemon)
                #expect(talks.living.count == 4)
            }
        }

        @Test func `what goes out ends with the rule or the address that it went by, and so does static NAT both ways`()
            async throws
        {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let network = try daemon.network()
                let (web, db) = (try DemoTests.guest(daemon, "web"), try DemoTests.guest(daemon, "db"))
                let own = try daemon.acquire("203.0.113.51", for: network)
                let forwarded = try daemon.acquire("203.0.113.52", for: network)
                let talks = Conversations()
                var listeners: [UInt16: Wire] = [:]
                for port in 7001...7003 as ClosedRange<UInt16> {
                    listeners[port] = try world.listen(in: Self.outside, port)
                }
                let listener = try world.listen(in: db, 22)
                let neighbour = try world.listen(in: web, 80)
                func out(_ name: String, _ node: String, _ port: UInt16, to host: String = Self.host) throws {
                    let listener = try #require(listeners[port])
                    talks.add(try Conversation(world, name, from: node, to: host, port, at: listener))
                }
                // Begun before the guest has an address of its own, it goes on by the network's.
                try out("by the network's address, before", db, 7001)
                try daemon.perform(
                    "enableStaticNat", ["ipaddressid": own, "virtualmachineid": daemon.machine("db")])
                let ssh = try daemon.admit(own, "tcp", 22...22)
                _ = try daemon.forward(forwarded, "tcp", 80, to: daemon.machine("web"))
                try out("by its own address", db, 7001)
                try out("by the network's address", web, 7001)
                try out("to what becomes forbidden", web, 7002)
                try out("to elsewhere on that port", web, 7002, to: Self.gateway)
                talks.add(
                    try Conversation(
                        world, "to its own address", from: Self.outside, to: "203.0.113.51", 22, at: listener))
                talks.add(
                    try Conversation(
                        world, "forwarded", from: Self.outside, to: "203.0.113.52", 80, at: neighbour))
                talks.add(
                    try Conversation(world, "from a neighbour", from: db, to: "203.0.113.52", 80, at: neighbour))
                #expect(talks.faults() == [])

                let offering = try #require(
                    try daemon.perform(
                        "createNetworkOffering",
                        [
                            "name": "closed", "displaytext": "closed", "guestiptype": "Isolated",
                            "traffictype": "Guest", "supportedservices": "SourceNat,Firewall,PortForwarding,Gateway",
                            "egressdefaultpolicy": "false", "enable": "true",
                        ])["networkoffering"] as? [String: Any])
                let closed = try #require(
                    try daemon.perform(
                        "createNetwork",
                        [
                            "zoneid": daemon.zone(), "networkofferingid": offering[text: "id"], "name": "closed",
                            "gateway": "10.3.0.1", "netmask": "255.255.255.0",
                        ])["network"] as? [String: Any])[text: "id"]
                try daemon.perform(
                    "deployVirtualMachine", ["zoneid": daemon.zone(), "networkids": closed, "name": "kept"])
                let kept = try DemoTests.guest(daemon, "kept")
                #expect(try !world.reaches(from: kept, Self.host, 7003))
                let wide = try daemon.exempt(closed, "tcp", 7001...7003, to: "198.51.100.0/24")
                let narrow = try daemon.exempt(closed, "tcp", 7003...7003)
                try out("allowed", kept, 7001)
                try out("allowed twice", kept, 7003)

                try Self.work(
                    through: [
                        Deed(
                            "guests may not go there any more", ends: ["to what becomes forbidden"],
                            "createEgressFirewallRule",
                            [
                                "networkid": network, "protocol": "tcp", "startport": "7002", "endport": "7002",
                                "destcidrlist": "198.51.100.0/24",
                            ]),
                        Deed("an exception goes", ends: ["allowed"], "deleteEgressFirewallRule", ["id": wide]),
                        Deed("and the other", ends: ["allowed twice"], "deleteEgressFirewallRule", ["id": narrow]),
                        Deed(
                            "the address of a guest lets in nobody", ends: ["to its own address"],
                            "deleteFirewallRule", ["id": ssh]),
                        Deed(
                            // A neighbour sees it by that address too.
                            "the guest's address is nobody's", ends: ["by its own address", "from a neighbour"],
                            "disableStaticNat", ["ipaddressid": own]),
                        Deed(
                            "guests are seen by another address",
                            ends: [
                                "by the network's address, before", "by the network's address",
                                "to elsewhere on that port",
                            ], "updateNetwork", ["id": network, "sourcenatipaddress": "203.0.113.51"]),
                    ], talks, daemon)
                #expect(talks.living.map(\.name) == ["forwarded"])
                try out("by the new address", web, 7001)
                #expect(talks.faults() == [])
            }
        }
    }
}
