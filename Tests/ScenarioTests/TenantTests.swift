import CLinux
import Foundation
import Testing

extension Scenarios {
    /// Promise P8 for tenants who have the same of everything but public addresses.
    @Suite struct TenantTests {
        /// The demo's network and guest once more, of another account.
        private static let twin = """
            {"accounts": [{"name": "other"}],
             "networks": [{"name": "twin", "account": "other", "zone": "demo", "cidr": "10.1.1.0/24", "gateway": "10.1.1.1"}],
             "guests": [{"name": "twin", "account": "other", "nics": [{"network": "twin", "address": "10.1.1.10"}]}]}
            """

        /// IS13 of the list of attacks: the same packet but for the public address.
        @Test func `IS13: two networks alike answer each for itself, and reach each other as outsiders do`()
            async throws
        {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/twin.json"
                try Self.twin.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                let outside = RevocationTests.outside
                let tenants = [("demo", "web", "203.0.113.50"), ("twin", "twin", "203.0.113.60")]
                var ids: [String: String] = [:]
                var services: [String: Wire] = [:]
                var doors: [Wire] = []
                for (network, guest, host) in tenants {
                    let address = try daemon.acquire(host, for: daemon.network(network))
                    ids[host] = address
                    let node = try DemoTests.guest(daemon, guest)
                    for transport in ["tcp", "udp"] {
                        _ = try daemon.forward(
                            address, transport, 80, to: daemon.machine(guest),
                            ["openfirewall": transport == "udp" ? "true" : "false"])
                    }
                    services[host] = try world.inside(node) { try Wire.bound(SOCK_DGRAM, "10.1.1.10", 80) }
                    doors.append(try world.listen(in: node, 80))
                }

                // The same source and the same port to both at once, many times over.
                for port in UInt16(20_000)..<(isLong ? 30_000 : 21_000) {
                    let client = try world.inside(outside) { try Wire.bound(SOCK_DGRAM, "198.51.100.1", port) }
                    for (_, guest, host) in tenants { client.tell(Array("for \(guest)".utf8), to: host, 80) }
                    for (_, guest, host) in tenants {
                        let service = try #require(services[host])
                        let heard = try service.hear()
                        guard heard.text == "for \(guest)", heard.from == "198.51.100.1", heard.port == port else {
                            throw Trouble("\(guest) heard \(heard)")
                        }
                        service.tell(Array("from \(guest)".utf8), to: heard.from, heard.port)
                    }
                    for _ in tenants {
                        let answer = try client.hear()
                        let tenant = tenants.first { $0.2 == answer.from }
                        guard let tenant, answer.text == "from \(tenant.1)" else { throw Trouble("\(answer)") }
                    }
                }

                // Who may come in to an address is asked of guests as of outsiders: by the address that they are seen by.
                let seenBy = try tenants.map { network, guest, _ in
                    let source = try #require(
                        try daemon.list("listPublicIpAddresses", "publicipaddress").first {
                            $0["issourcenat"] as? Bool == true && $0[text: "associatednetworkname"] == network
                        })
                    return (try DemoTests.guest(daemon, guest), source[text: "ipaddress"])
                }
                // A neighbour too is seen by its network's address.
                let callers =
                    seenBy + [
                        (try DemoTests.guest(daemon, "db"), seenBy[0].1), (outside, "198.51.100.1"),
                        (outside, "203.0.113.1"),
                    ]
                let isAdmitted = { (list: String, source: String) in
                    list == "0.0.0.0/0" || list == "\(source)/32"
                        || list == "198.51.100.0/24" && source.hasPrefix("198.51.100.")
                }
                for (_, _, host) in tenants {
                    let lists =
                        [nil, "198.51.100.0/24", "203.0.113.1/32"] + seenBy.map { "\($0.1)/32" } + ["0.0.0.0/0"]
                    for list in lists {
                        let rule = try list.map { try daemon.admit(ids[host] ?? "", "tcp", 80...80, from: $0) }
                        for (node, source) in callers {
                            let by = node == outside ? source : nil
                            let reaches = try world.reaches(from: node, by: by, host, 80)
                            #expect(
                                reaches == list.map { isAdmitted($0, source) } ?? false,
                                "\(node) as \(source) to \(host) with \(list ?? "nothing")")
                        }
                        if let rule { try daemon.perform("deleteFirewallRule", ["id": rule]) }
                    }
                }
                withExtendedLifetime(doors) {}
            }
        }
    }
}
