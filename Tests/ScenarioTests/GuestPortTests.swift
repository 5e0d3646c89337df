import Foundation
import Testing

extension Scenarios {
    /// Ports that are handed to others than emulated guests: a tap for a virtual machine monitor, a link in a container's
    /// namespace.
    @Suite struct GuestPortTests {
        /// A network with an emulated neighbour, 10.1.1.20.
        private struct Town {
            let world: World
            let data: String
            var daemon: DaemonUnderTest
            let zone: String
            let network: String
            let neighbour: String
            let neighbourMAC: String

            private static let cloud = """
                {"networks": [{"name": "town", "zone": "demo", "cidr": "10.1.1.0/24"},
                              {"name": "other", "zone": "demo", "cidr": "10.2.2.0/24"}],
                 "guests": [{"name": "neighbour", "nics": [{"network": "town", "address": "10.1.1.20"}]}]}
                """

            init(_ world: World) throws {
                self.world = world
                data = "\(world.directory)/data"
                daemon = try DaemonUnderTest(world, data: data)
                let file = "\(world.directory)/town.json"
                try Self.cloud.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                guard applied.status == 0 else { throw Trouble("apply: \(applied.errors)") }
                zone = try #require(try daemon.list("listZones", "zone").first)[text: "id"]
                network = try daemon.network("town")
                neighbour = try DemoTests.guest(daemon, "neighbour")
                let nic = try #require(
                    try daemon.list("listNics", "nic", ["virtualmachineid": try daemon.machine("neighbour")]).first)
                neighbourMAC = nic[text: "macaddress"]
            }

            /// What the API says of the machine's first port.
            func deploy(_ name: String, _ parameters: [String: String]) throws -> [String: Any] {
                let all = ["zoneid": zone, "name": name, "networkids": network].merging(parameters) { $1 }
                let made = try daemon.perform("deployVirtualMachine", all)
                let machine = try #require(made["virtualmachine"] as? [String: Any])
                return try #require((machine["nic"] as? [[String: Any]])?.first)
            }

            /// Kills the daemon and starts it again.
            mutating func restart() throws {
                daemon.process.signal(SIGKILL)
                #expect(try daemon.process.wait() == 128 + SIGKILL)
                daemon = try DaemonUnderTest(world, data: data)
                try daemon.waitUntilVerified()
            }

            /// What the neighbour hears until the barrier comes.
            func hears(_ act: () throws -> Void) throws -> [String] {
                let script = GuestMachines.folderOfTests.appending(path: "guests/rogue.py").path
                let listener = try world.start(
                    ["nsenter", "--net=/run/netns/\(neighbour)", "/usr/bin/python3", "-u", script, "hear"])
                try listener.read { $0.contains("hears") }
                try act()
                try listener.read { $0.contains("heard end\n") }
                return listener.output.split(separator: "\n").filter { $0.hasPrefix("heard ") }.map(String.init)
            }

            func refused(at port: String, _ reasons: [String]) throws -> [String: Int] {
                try reasons.reduce(into: [:]) { counts, reason in
                    let listing = try world.shell("nft list set bridge sluice refused-\(reason)")
                    let pattern = try Regex("\"\(port)\" counter packets ([0-9]+)")
                    guard let found = try pattern.firstMatch(in: listing) else { return }
                    counts[reason] = found.output[1].substring.flatMap { Int($0) }
                }
            }

            func index(of device: String) throws -> String {
                String(try world.shell("ip -o link show \(device)").prefix { $0 != ":" })
            }
        }

        @Test
        func `a machine behind a tap gets its address, is answered, and cannot lie, whatever becomes of the daemon`()
            async throws
        {
            try await inOwnWorld { world in
                var town = try Town(world)
                let nic = try town.deploy("vm", ["port": "tap"])
                let tap = nic[text: "hostdevice"]
                #expect(nic[text: "port"] == "tap" && nic[text: "path"] == "/dev/net/tun")
                #expect(nic["mtu"] as? Int == 1500 && tap.hasPrefix("slg"), "\(nic)")
                let listing = try town.daemon.sluice("port", "list").output
                let row = try #require(listing.split(separator: "\n").first { $0.contains(tap) })
                #expect(row.contains(" tap ") && row.contains("1500"), "\(listing)")
                let shown = try town.daemon.sluice("guest", "show", "vm").output
                #expect(
                    shown.contains(tap) && shown.contains("/dev/net/tun") && shown.contains("1500")
                        && !shown.contains("namespace"), "\(shown)")
                let link = try world.shell("ip -d -o link show \(tap)")
                #expect(
                    link.contains("type tap") && link.contains("persist on") && link.contains("user root"), "\(link)")

                let fifo = "\(world.directory)/words"
                try world.shell("mkfifo \(fifo)")
                let script = GuestMachines.folderOfTests.appending(path: "guests/tap.py").path
                let machine = try world.start(
                    [
                        "sh", "-c",
                        "exec /usr/bin/python3 -u \(script) \(tap) \(nic[text: "macaddress"]) \(town.neighbourMAC) 10.1.1.20 <> \(fifo)",
                    ], log: "\(world.directory)/machine")
                func say(_ word: String, until answer: String) throws {
                    try world.shell("echo \(word) > \(fifo)")
                    guard try machine.read(until: { $0.contains(answer) }) else {
                        let errors = try? String(contentsOfFile: "\(world.directory)/machine", encoding: .utf8)
                        throw Trouble("the machine ended: \(machine.output) \(errors ?? "")")
                    }
                }
                guard try machine.read(until: { $0.contains("answered 1\n") }) else {
                    let errors = try? String(contentsOfFile: "\(world.directory)/machine", encoding: .utf8)
                    throw Trouble("the machine ended: \(machine.output) \(errors ?? "")")
                }
                #expect(
                    machine.output.hasPrefix("lease \(nic[text: "ipaddress"]) 10.1.1.1 1500\n"), "\(machine.output)")
                #expect(try town.hears { try say("forge", until: "forged\n") } == ["heard end"])
                let refused = try town.refused(at: tap, ["mac", "address", "arp", "dhcp", "tagged", "control"])
                #expect(
                    refused == ["mac": 1, "address": 2, "arp": 1, "dhcp": 1, "tagged": 1, "control": 1], "\(refused)")

                // The tap is the daemon's, and stays when it is killed: the same one, to the machine that has it open.
                let index = try town.index(of: tap)
                town.daemon.process.signal(SIGKILL)
                _ = try town.daemon.process.wait()
                try say("ping", until: "answered 2\n")
                town.daemon = try DaemonUnderTest(world, data: town.data)
                try town.daemon.waitUntilVerified()
                #expect(try town.index(of: tap) == index)
                try say("ping", until: "answered 3\n")

                // Another port comes and goes, and this one does not notice.
                let id = try town.daemon.machine("vm")
                try town.daemon.perform(
                    "addNicToVirtualMachine",
                    ["virtualmachineid": id, "networkid": try town.daemon.network("other")])
                let second = try #require(
                    try town.daemon.list("listNics", "nic", ["virtualmachineid": id]).first {
                        $0[text: "deviceid"] == "1"
                    })
                #expect(second[text: "port"] == "tap")
                try world.shell("ip link show \(second[text: "hostdevice"])")
                try town.daemon.perform(
                    "removeNicFromVirtualMachine", ["virtualmachineid": id, "nicid": second[text: "id"]])
                #expect(try world.run(["ip", "link", "show", second[text: "hostdevice"]]).status != 0)
                try say("ping", until: "answered 4\n")

                // A stopped machine has no tap, and a started one has it again.
                try say("quit", until: "answered 4\n")
                try town.daemon.perform("stopVirtualMachine", ["id": id])
                #expect(try world.run(["ip", "link", "show", tap]).status != 0)
                try town.daemon.perform("startVirtualMachine", ["id": id])
                try world.shell("ip link show \(tap)")
                // Taken away by somebody, it comes back.
                try world.shell("ip link delete \(tap)")
                try seen("the tap again") { try world.run(["ip", "link", "show", tap]).status == 0 ? true : nil }
                try town.daemon.perform("destroyVirtualMachine", ["id": id, "expunge": "true"])
                #expect(try world.run(["ip", "link", "show", tap]).status != 0)
                #expect(try world.shell("nft list set bridge sluice guest-ports").contains(tap) == false)
            }
        }

        @Test func `a container gets its link in its own namespace, and the namespace stays its own`() async throws {
            try await inOwnWorld { world in
                var town = try Town(world)
                try world.shell(
                    "ip netns add jar; ip -n jar link set lo up; ip -n jar link add own0 type veth peer name own1; ip -n jar link set own0 up"
                )
                let nic = try town.deploy("box", ["port": "namespace", "hostnamespace": "jar"])
                #expect(nic[text: "hostnamespace"] == "jar" && nic[text: "device"] == "eth0", "\(nic)")
                let box = ServiceTown.Plugged(world: world, node: "jar")
                let lease = try ServiceTown.lease(world, box, "eth0")
                #expect(lease["ip"] == nic[text: "ipaddress"] && lease["router"] == "10.1.1.1", "\(lease)")
                let address = nic[text: "ipaddress"]
                try world.shell("ip address add \(address)/24 dev eth0; ip route add default via 10.1.1.1", in: "jar")
                try world.shell("ping -q -c 1 -W 5 10.1.1.1; ping -q -c 1 -W 5 10.1.1.20", in: "jar")

                let script = GuestMachines.folderOfTests.appending(path: "guests/rogue.py").path
                let router = try world.shell("ip neigh show 10.1.1.1", in: "jar")
                let door = try #require(router.split(separator: " ").first { $0.split(separator: ":").count == 6 })
                let heard = try town.hears {
                    try world.run(
                        [
                            "/usr/bin/python3", "-u", script, "servers", "\(town.neighbourMAC)/10.1.1.20",
                            "\(door)/10.1.1.1",
                        ], in: "jar")
                }
                #expect(heard == ["heard end"])

                // What the container makes of its end is its own business, before and after a restart of ours.
                try world.shell("ip link set eth0 down; ip link set eth0 name net0; ip link set net0 up", in: "jar")
                try world.shell("ip route replace default via 10.1.1.1", in: "jar")
                let before = try world.shell("ip -o link show net0", in: "jar")
                try town.restart()
                #expect(try world.shell("ip -o link show net0", in: "jar") == before)
                try world.shell("ping -q -c 1 -W 5 10.1.1.1", in: "jar")

                // A container that ends takes its link along, and gets it again when it is back.
                try world.shell(
                    "ip netns delete jar; ip netns add jar; ip -n jar link add own0 type veth peer name own1")
                try seen("the link in the new namespace", within: .seconds(60)) {
                    try world.run(["ip", "link", "show", "eth0"], in: "jar").status == 0 ? true : nil
                }
                try town.daemon.waitUntilVerified()

                let id = try town.daemon.machine("box")
                try town.daemon.perform("destroyVirtualMachine", ["id": id, "expunge": "true"])
                #expect(try world.run(["ip", "link", "show", "eth0"], in: "jar").status != 0)
                try world.shell("ip link show own0", in: "jar")
            }
        }

        @Test func `namespaces that are not somebody else's, or not there, get nothing`() async throws {
            try await inOwnWorld { world in
                let town = try Town(world)
                // One of the names stands for the host's own.
                try world.shell("ip netns attach home $$")
                try world.shell("ip netns add full; ip -n full link add eth0 type veth peer name own1")
                for (namespace, status, word) in [
                    ("../etc", 431, "hostnamespace"), ("", 431, "hostnamespace"), (town.neighbour, 431, town.neighbour),
                    ("nowhere", 530, "nowhere"), ("sluice-internet", 530, "sluice-internet"), ("home", 530, "home"),
                    ("full", 530, "network namespace full: File exists (EEXIST): it has another device called eth0"),
                ] {
                    let all = [
                        "zoneid": town.zone, "name": "box", "networkids": town.network, "port": "namespace",
                        "hostnamespace": namespace,
                    ]
                    let answer = try town.daemon.finish("deployVirtualMachine", all)
                    #expect(answer.status == status, "\(namespace): \(answer)")
                    #expect(answer.error?.contains(word) == true, "\(namespace): \(answer)")
                }
                #expect(
                    try town.daemon.list("listVirtualMachines", "virtualmachine").count { $0[text: "name"] == "box" }
                        == 0)
                #expect(try !world.shell("ip -o link").contains(": slgc"))
                try town.daemon.waitUntilVerified()
            }
        }
    }
}
