import Foundation
import Testing

extension Scenarios {
    /// What the running cloud says of a packet, beside what its kernel says.
    @Suite struct ExplanationTests {
        @Test func `the kernel's own trace of a packet says what the explanation says`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let guests = try daemon.list("listVirtualMachines", "virtualmachine")
                let name = guests[0][text: "name"]
                let nic = (guests[0]["nic"] as? [[String: Any]])?.first ?? [:]
                let address = nic["ipaddress"] as? String ?? ""
                for packet in [
                    "tcp \(address):40000 > 198.51.100.1:7 S", "icmp \(address) > 198.51.100.1 echo request",
                    "tcp \(address):40001 > 203.0.113.10:7 S", "udp \(address):40002 > 203.0.113.10:99",
                ] {
                    let said = try daemon.sluice("explain", "--live", "--from", name, packet)
                    #expect(said.status == 0, "\(packet): \(said.errors)")
                    #expect(said.output.contains("by its kernel: the same ("), "\(packet): \(said.output)")
                }
                // Somebody else's table is not in the plan, and not ours to touch: the two differ as long as it is there.
                let router = try daemon.list("listRouters", "router")[0][text: "name"]
                let table = "table inet other { chain in { type filter hook prerouting priority -350; drop; }; }"
                try world.shell("echo '\(table)' | nft -f -", in: router)
                let packet = "tcp \(address):40009 > 198.51.100.1:7 S"
                let said = try daemon.sluice("explain", "--live", "--from", name, packet)
                #expect(said.status == 1 && said.errors.contains("the kernel decides otherwise"), "\(said)")
                try world.shell("nft delete table inet other", in: router)
                #expect(try daemon.sluice("explain", "--live", "--from", name, packet).status == 0)
            }
        }
    }
}
