import Foundation
import Testing

extension Scenarios {
    /// Hostile guests and what is served (IS5–IS8), where guests may send under their own names only and where the offering
    /// lets them spoof.
    @Suite struct GuestServiceIsolationTests {
        /// Two tenants' networks with the same addresses. `mallory` attacks: `alice` beside it, `bob` in the other network.
        private struct Town {
            let world: World
            let daemon: DaemonUnderTest
            let mallory: String
            let alice: String
            let bob: String
            let malloryMAC: String
            let aliceMAC: String
            let routerMAC: String

            init(_ world: World, spoofs: Bool) throws {
                self.world = world
                daemon = try DaemonUnderTest(world)
                let offering = try #require(
                    try daemon.perform(
                        "createNetworkOffering",
                        [
                            "name": "open", "displaytext": "open", "guestiptype": "Isolated", "traffictype": "Guest",
                            "supportedservices": "Dhcp,Dns,UserData,SourceNat,Firewall", "enable": "true",
                            "details[0].ForgedTransmits": "\(spoofs)",
                        ])["networkoffering"] as? [String: Any])[text: "id"]
                let zone = try #require(try daemon.list("listZones", "zone").first)[text: "id"]
                var networks: [String: String] = [:]
                for name in ["mine", "theirs"] {
                    let made = try daemon.perform(
                        "createNetwork",
                        [
                            "name": name, "displaytext": name, "zoneid": zone, "networkofferingid": offering,
                            "gateway": "10.1.1.1", "netmask": "255.255.255.0", "networkdomain": "\(name).example",
                        ])
                    networks[name] = try #require(made["network"] as? [String: Any])[text: "id"]
                }
                var (nodes, macs): ([String: String], [String: String]) = ([:], [:])
                for (name, network, address) in [
                    ("mallory", "mine", "10.1.1.10"), ("alice", "mine", "10.1.1.20"), ("bob", "theirs", "10.1.1.20"),
                    ("eve", "theirs", "10.1.1.30"),
                ] {
                    let made = try daemon.perform(
                        "deployVirtualMachine",
                        [
                            "zoneid": zone, "name": name, "networkids": networks[network] ?? "",
                            "ipaddress": address, "userdata": Data("secret of \(name)".utf8).base64EncodedString(),
                        ])
                    let machine = try #require(made["virtualmachine"] as? [String: Any])
                    nodes[name] = machine[text: "instancename"]
                    macs[name] = (machine["nic"] as? [[String: Any]])?.first?[text: "macaddress"]
                }
                (mallory, alice) = (try #require(nodes["mallory"]), try #require(nodes["alice"]))
                bob = try #require(nodes["bob"])
                (malloryMAC, aliceMAC) = (try #require(macs["mallory"]), try #require(macs["alice"]))
                let neighbour = try seen("the router's MAC") {
                    let line = try world.run(
                        ["sh", "-c", "ping -q -c1 -W5 10.1.1.1 >/dev/null; ip neigh show 10.1.1.1"], in: nodes["alice"])
                    return line.output.split(separator: " ").first { $0.split(separator: ":").count == 6 }
                }
                routerMAC = String(neighbour)
            }

            func rogue(_ words: String...) -> [String] {
                ["/usr/bin/python3", "-u", GuestMachines.folderOfTests.appending(path: "guests/rogue.py").path] + words
            }

            /// What mallory does to alice and the router, and what alice hears of it.
            func attack(_ word: String) throws -> (attacker: Finished, heard: String) {
                let listener = try world.start(["nsenter", "--net=/run/netns/\(alice)"] + rogue("hear"))
                try listener.read { $0.contains("hears") }
                let attacker = try world.run(
                    rogue(word, "\(aliceMAC)/10.1.1.20", "\(routerMAC)/10.1.1.1"), in: mallory)
                try listener.read { $0.contains("heard end\n") }
                return (attacker, listener.output)
            }

            func dig(_ words: String...) throws -> String {
                try world.run(
                    ["dig", "+tries=1", "+time=5", "+noall", "+comments", "+answer", "+authority", "@10.1.1.1"] + words,
                    in: mallory
                ).output
            }

            func curl(_ words: String..., in node: String? = nil) throws -> Finished {
                try world.run(["curl", "-sS", "--path-as-is", "--max-time", "5"] + words, in: node ?? mallory)
            }
        }

        @Test(arguments: [false, true])
        func `IS5: nobody else gives addresses, advertises routes or answers for the router`(spoofs: Bool) async throws
        {
            try await inOwnWorld { world in
                let town = try Town(world, spoofs: spoofs)
                let (sent, heard) = try town.attack("servers")
                #expect(sent.output == "sent 22\n", "\(sent.errors)")
                #expect(heard == "hears\nheard end\n")
                #expect(try DemoTests.refusals(world, "dhcp") > 0)
                // And the only server that there is answers.
                let script = "\(world.directory)/script"
                try "#!/bin/sh\necho \"$1 $ip $serverid $router\"\n".write(
                    toFile: script, atomically: true, encoding: .utf8)
                let lease = try world.run(
                    ["sh", "-c", "chmod +x \(script); busybox udhcpc -f -n -q -i eth0 -s \(script) 2>/dev/null"],
                    in: town.alice)
                #expect(lease.output.contains("bound 10.1.1.20 10.1.1.1 10.1.1.1"), "\(lease)")
            }
        }

        @Test(arguments: [false, true])
        func `IS6: who asks under other names is offered its own address only, and starves nobody`(
            spoofs: Bool
        ) async throws {
            try await inOwnWorld { world in
                let town = try Town(world, spoofs: spoofs)
                let count = isLong ? 100_000 : 5_000
                let starved = try world.run(town.rogue("starve", "\(count)"), in: town.mallory)
                #expect(starved.output == "offered [('\(town.malloryMAC)', '10.1.1.10')]\n", "\(starved)")
                let refused = try DemoTests.refusals(world, "dhcp") + DemoTests.refusals(world, "mac")
                #expect(refused > count / 2)
                #expect(try DemoTests.refusals(world, "flood") > 0)
                let lease = try world.run(
                    ["busybox", "udhcpc", "-f", "-n", "-q", "-i", "eth0", "-s", "/bin/true"], in: town.alice)
                #expect(lease.status == 0 && lease.errors.contains("lease of 10.1.1.20 obtained"), "\(lease)")
                // None of it got as far as the server.
                let services = try town.daemon.perform("getServiceCounters")["services"] as? [String: Any]
                let counters = services?["counters"] as? [String: Any] ?? [:]
                #expect((counters["dhcp_silent_unknownClient"] as? Int ?? 0) == 0, "\(counters)")
            }
        }

        @Test func `IS7: names of another network are as if there were none`() async throws {
            try await inOwnWorld { world in
                let town = try Town(world, spoofs: false)
                #expect(try town.dig("alice.mine.example").contains("10.1.1.20"))
                #expect(try town.dig("-x", "10.1.1.20").contains("alice.mine.example."))
                // Whatever there is of theirs, it is answered like what there is nowhere.
                func status(_ words: String...) throws -> String {
                    let text = try world.run(
                        ["dig", "+tries=1", "+time=5", "+noall", "+comments", "+answer", "@10.1.1.1"] + words,
                        in: town.mallory
                    ).output
                    #expect(!text.contains("10.1.1.30") && !text.contains("eve"), "\(words) \(text)")
                    return text.split(separator: ",").first { $0.contains("status:") }.map(String.init) ?? text
                }
                #expect(try status("eve") == status("nobody"))
                #expect(try status("eve.mine.example") == status("nobody.mine.example"))
                #expect(try status("-x", "10.1.1.30") == status("-x", "10.1.1.31"))
                #expect(try status("+tcp", "eve") == status("+tcp", "nobody"))
                // Theirs is a domain of the outside here, which has no resolver: all of it fails alike.
                #expect(try status("bob.theirs.example") == status("nobody.theirs.example"))
                #expect(try status("data-server.theirs.example") == status("nobody.theirs.example"))
                #expect(try !town.dig("+tcp", "mine.example", "AXFR").contains("10.1.1.20"))
                let version = try town.dig("version.bind", "CH", "TXT")
                #expect(!version.lowercased().contains("sluice") && !version.contains("IN\tTXT"), "\(version)")
                #expect(try town.dig("data-server").contains("10.1.1.1"))
            }
        }

        @Test(arguments: [false, true])
        func `IS8: a guest reads what is its own, by whatever name and way it asks`(spoofs: Bool) async throws {
            try await inOwnWorld { world in
                let town = try Town(world, spoofs: spoofs)
                let (root, own) = ("http://10.1.1.1", "secret of mallory")
                #expect(try town.curl("\(root)/latest/user-data").output == own)
                // The same address in another network is another guest.
                #expect(try town.curl("\(root)/latest/user-data", in: town.alice).output == "secret of alice")
                #expect(try town.curl("\(root)/latest/user-data", in: town.bob).output == "secret of bob")
                for path in [
                    "/latest/../10.1.1.20/user-data", "/../metadata/10.1.1.20/user-data", "/10.1.1.20/latest/user-data",
                    "/latest/%2e%2e/10.1.1.20/user-data", "/latest%2fuser-data", "//latest/user-data",
                    "/latest//user-data", "/latest/user-data/../../10.1.1.20/user-data", "/latest/user-data%00",
                    "/metadata/10.1.1.20/user-data", "/latest/user-data?ip=10.1.1.20",
                ] {
                    let read = try town.curl("-w", " %{http_code}", "\(root)\(path)").output
                    #expect(read.hasSuffix(" 404") || read == "\(own) 200", "\(path): \(read)")
                    #expect(!read.contains("alice") && !read.contains("bob"), "\(path): \(read)")
                }
                for name in ["X-Forwarded-For", "X-Real-IP", "Client-IP", "Forwarded", "Host", "Via"] {
                    let read = try town.curl("-H", "\(name): 10.1.1.20", "\(root)/latest/user-data").output
                    #expect(read == own, "\(name): \(read)")
                }
                for (port, header) in [("80", "x: y"), ("8080", "DomU_Request: send_my_password")] {
                    let read = try town.curl(
                        "-H", header, "--request-target", "http://10.1.1.20:\(port)/latest/user-data",
                        "\(root):\(port)/latest/user-data"
                    ).output
                    #expect(!read.contains("alice") && !read.contains("bob"), "\(port): \(read)")
                }
                // Under its neighbour's address or MAC, or the router's, nobody is answered: neither it nor the neighbour.
                let (thief, heard) = try town.attack("steal")
                #expect(thief.output == String(repeating: "answered 10.1.1.10\n", count: 4), "\(thief)")
                #expect(heard == "hears\nheard end\n")
            }
        }
    }
}
