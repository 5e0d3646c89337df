import Foundation
import Testing

extension Scenarios {
    /// Passwords on their way to guests, and what operators see of what guests do.
    @Suite struct GuestPasswordTests {
        private static func ask(_ town: ServiceTown, _ word: String) throws -> String {
            try town.world.run(
                ["curl", "-sS", "--max-time", "10", "-H", "DomU_Request: \(word)", "http://10.1.1.1:8080/"],
                in: "client-locked"
            ).output
        }

        @Test func `a password is told until it is saved, whichever daemon runs, and a new one is told again`()
            async throws
        {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                var town = try ServiceTown(world, data: data)
                let made = try town.deploy("locked", "10.1.1.77", ["templateid": try town.passwordTemplate()])
                let (id, first) = (made[text: "id"], made[text: "password"])
                try town.plug("locked", configured: true)
                // As often as it asks: its disk may not have kept it.
                #expect(try Self.ask(town, "send_my_password") == first)
                #expect(try Self.ask(town, "send_my_password") == first)
                #expect(try Self.ask(town, "saved_password") == "saved_password")
                #expect(try Self.ask(town, "send_my_password") == "saved_password")
                #expect(try Self.ask(town, "something") == "bad_request")
                // A neighbour has none to give.
                let beta = try town.plug("beta", configured: true)
                let other = try world.run(
                    ["curl", "-sS", "-H", "DomU_Request: send_my_password", "http://10.1.1.1:8080/"], in: beta.node)
                #expect(other.output == "saved_password")

                // While the machine stands still it gets another, which is its own when it starts.
                #expect(try town.daemon.finish("resetPasswordForVirtualMachine", ["id": id]).status != 200)
                try town.daemon.perform("stopVirtualMachine", ["id": id])
                let reset = try town.daemon.perform("resetPasswordForVirtualMachine", ["id": id])
                let second = try #require(reset["virtualmachine"] as? [String: Any])[text: "password"]
                try town.daemon.perform("startVirtualMachine", ["id": id])
                #expect(second != first && second.count >= 6)
                try seen("the new password") { try Self.ask(town, "send_my_password") == second ? true : nil }

                // Told, and not yet saved: the next daemon, after a kill, tells it still. Saved: it never does again.
                for isSaved in [false, true] {
                    if isSaved { #expect(try Self.ask(town, "saved_password") == "saved_password") }
                    if isSaved {
                        // Nobody can be asked for it once the daemon has written that down.
                        try seen("that it is saved") {
                            try town.daemon.call("getVMPassword", ["id": id]).status != 200 ? true : nil
                        }
                    }
                    let worker = try town.worker()
                    town.daemon.process.signal(SIGKILL)
                    _ = try town.daemon.process.wait()
                    kill(worker, SIGKILL)
                    town = try ServiceTown(world, data: data)
                    #expect(try Self.ask(town, "send_my_password") == (isSaved ? "saved_password" : second))
                }
                kill(try town.worker(), SIGKILL)
            }
        }

        @Test func `operators see when a guest last asked for what, and Prometheus what all of them did`() async throws
        {
            try await inOwnWorld { world in
                let town = try ServiceTown(world, options: ["--metrics", "127.0.0.1:9179"])
                let guest = try town.plug("alpha")
                _ = try town.lease(guest, "eth0")
                try world.shell("ip address add 10.1.1.10/24 dev eth0", in: guest.node)
                for _ in 0..<5 {
                    try world.shell("dig +short @10.1.1.1 beta; curl -sS http://10.1.1.1/latest/vm-id", in: guest.node)
                }
                let id = try town.machine("alpha")[text: "id"]
                let shown = try seen("the guest's doings") {
                    let all = try town.daemon.list("listServiceActivity", "serviceactivity", ["virtualmachineid": id])
                    return all.first.flatMap {
                        ($0["dnsqueries"] as? Int ?? 0) >= 5 && !$0[text: "metadatatime"].isEmpty ? $0 : nil
                    }
                }
                #expect(shown[text: "dhcpanswer"] == "ACK" && !shown[text: "dhcptime"].isEmpty, "\(shown)")
                let table = try town.daemon.sluice("guest", "show", "alpha").output
                #expect(table.contains("10.1.1.10") && table.contains("ACK"), "\(table)")
                let page = try world.shell("curl -sS http://127.0.0.1:9179/metrics")
                for counter in ["dhcp_acknowledgements", "dns_local_answers", "http_requests"] {
                    let line = page.split(separator: "\n").first { !$0.hasPrefix("#") && $0.contains(counter) }
                    #expect(
                        (line?.split(separator: " ").last.flatMap { Double($0) } ?? 0) >= 1, "\(counter) in \(page)")
                }
            }
        }
    }
}
