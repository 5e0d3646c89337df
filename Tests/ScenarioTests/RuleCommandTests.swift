import Foundation
import Testing

extension Scenarios {
    /// Addresses and rules by the names that a person uses.
    @Suite struct RuleCommandTests {
        @Test func `rules are added, listed and removed by the names of what they are about`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let guests = try daemon.list("listVirtualMachines", "virtualmachine")
                let network = try daemon.list("listNetworks", "network")[0][text: "name"]
                let guest = guests[0][text: "name"]
                let namespace = guests[1][text: "instancename"]
                func said(_ words: String...) throws -> String {
                    let said = try world.run(
                        ["\(DaemonUnderTest.programs)/sluice"] + words, environment: daemon.environment)
                    #expect(said.status == 0 && said.errors.isEmpty, "\(words): \(said.status) \(said.errors)")
                    return said.output.trimmingCharacters(in: .whitespacesAndNewlines)
                }
                /// The words of the one line below the titles.
                func row(_ words: String...) throws -> [String] {
                    let lines = try said(words[0], words[1]).split(separator: "\n")
                    #expect(lines.count == 2, "\(words): \(lines)")
                    return lines.dropFirst().first.map { $0.split(separator: " ").map(String.init) } ?? []
                }

                #expect(try said("address", "acquire", network, "203.0.113.50") == "203.0.113.50")
                let other = try said("address", "acquire", network)
                #expect(try said("address", "list").contains("source NAT"))

                // A forward brings its firewall rule.
                let revision = try daemon.revision
                let plan = try said("forward", "add", "203.0.113.50", "tcp/80-89", guest, "8080", "--plan")
                #expect(plan.contains("changes would be made"))
                #expect(try daemon.revision == revision)
                let made = try said(
                    "forward", "add", "203.0.113.50", "tcp/80-89", guest, "8080", "--from", "198.51.100.0/24")
                let forward = try row("forward", "list")
                #expect(forward.prefix(3) == ["203.0.113.50", "tcp/80-89", guest][...], "\(forward)")
                #expect(forward[3].hasSuffix(":8080-8089") && forward[4] == "198.51.100.0/24", "\(forward)")
                #expect(made == "rule \(forward[5])")
                #expect(try row("firewall", "list").prefix(3) == ["203.0.113.50", "tcp/80-89", "198.51.100.0/24"][...])
                #expect(try said("forward", "remove", "203.0.113.50", "tcp/80-89") == "rule \(forward[5]) is removed")
                #expect(try said("firewall", "list") == "none")

                // A guest is known by its namespace too; an address by its text or id.
                #expect(try said("static-nat", "add", other, namespace).hasPrefix(other))
                let own = try row("static-nat", "list")
                #expect(own.prefix(2) == [other, guests[1][text: "name"]][...], "\(own)")
                #expect(try said("address", "list").contains("static NAT for \(guests[1][text: "name"])"))
                _ = try said("firewall", "add", other, "icmp/8/0")
                _ = try said("firewall", "add", own.last ?? "", "TCP/22", "--from=192.0.2.0/24,198.51.100.0/24")
                #expect(try said("firewall", "list", other).contains("icmp/8/0"))
                _ = try said("firewall", "remove", other, "icmp/8/0", "--drain")
                #expect(
                    try row("firewall", "list").prefix(3) == [other, "tcp/22", "192.0.2.0/24,198.51.100.0/24"][...])
                _ = try said("static-nat", "remove", other)
                #expect(try said("static-nat", "list") == "none")

                // What an egress rule does is not in the rule.
                _ = try said("egress", "add", network, "tcp/25", "--to", "198.51.100.0/24")
                let egress = try row("egress", "list")
                #expect(egress.prefix(3) == [network, "deny", "tcp/25"][...], "\(egress)")
                #expect(egress.contains("198.51.100.0/24"))
                #expect(try said("egress", "remove", egress.last ?? "").hasSuffix("is removed"))

                #expect(try said("address", "release", other) == "\(other) is released")
                #expect(try said("address", "release", "203.0.113.50").contains("released"))
            }
        }

        @Test func `rules in JSON are the API's own, and what is wrong is told apart`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let network = try daemon.list("listNetworks", "network")[0][text: "name"]
                let guest = try daemon.list("listVirtualMachines", "virtualmachine")[0][text: "name"]
                _ = try daemon.sluice("address", "acquire", network, "203.0.113.50")
                for words in [
                    ["address", "list"], ["firewall", "list"], ["egress", "list"], ["static-nat", "list"],
                    ["forward", "add", "203.0.113.50", "udp/53", guest], ["forward", "list"],
                    ["egress", "add", network, "all", "--plan"], ["firewall", "remove", "203.0.113.50", "udp/53"],
                ] {
                    let said = try world.run(
                        ["\(DaemonUnderTest.programs)/sluice", "--json"] + words, environment: daemon.environment)
                    #expect(said.status == 0, "\(words): \(said.errors)")
                    #expect(throws: Never.self, "\(words): \(said.output)") {
                        try JSONSerialization.jsonObject(with: Data(said.output.utf8))
                    }
                }
                for (words, status) in [
                    (["firewall"], 2), (["firewall", "open"], 2), (["firewall", "add", "203.0.113.50"], 2),
                    (["firewall", "add", "203.0.113.50", "tcp/0"], 2), (["firewall", "remove", "203.0.113.50"], 2),
                    (["firewall", "add", "203.0.113.50", "tcp/80", "--to", "192.0.2.0/24"], 2),
                    (["firewall", "add", "203.0.113.50", "tcp/80", "--from"], 2),
                    (["forward", "add", "203.0.113.50", "tcp", guest], 2), (["egress", "list", "--drain"], 2),
                    (["static-nat", "add", "203.0.113.50"], 2), (["address", "acquire"], 2),
                    (["firewall", "add", "192.0.2.77", "tcp/80"], 1), (["egress", "add", "nowhere", "all"], 1),
                    (["static-nat", "add", "203.0.113.50", "nobody"], 1),
                    (["firewall", "remove", "203.0.113.50", "tcp/9"], 1),
                    (["firewall", "add", "203.0.113.50", "tcp/80", "--from", "192.0.2.1/24"], 1),
                    (["forward", "add", "203.0.113.50", "udp/53", guest], 1),
                ] as [([String], Int32)] {
                    let said = try world.run(
                        ["\(DaemonUnderTest.programs)/sluice"] + words, environment: daemon.environment)
                    #expect(said.status == status && said.errors.hasPrefix("sluice: "), "\(words): \(said.errors)")
                }
            }
        }
    }
}
