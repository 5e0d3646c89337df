import Foundation
import Testing

extension Scenarios {
    /// The packet laboratory on a running cloud.
    @Suite struct LaboratoryTests {
        /// A tenant with two networks of the same addresses.
        static func tenant(_ account: String, _ more: String = "") -> String {
            var networks: [String] = []
            var guests: [String] = []
            for network in ["front", "back"] {
                networks.append(
                    #"{"name": "\#(network)", "account": "\#(account)", "zone": "demo", "cidr": "10.1.1.0/24"}"#)
                guests.append(
                    #"{"name": "\#(account)-\#(network)", "account": "\#(account)", "nics": [{"network": "\#(network)", "#
                        + #""address": "10.1.1.10"}]}"#)
            }
            return #"{"accounts": [{"name": "\#(account)"}], "networks": [\#(networks.joined(separator: ","))], "#
                + #""guests": [\#(guests.joined(separator: ","))]\#(more)}"#
        }

        /// One of the three has a door open.
        static let door =
            #", "publicAddresses": [{"address": "203.0.113.77", "network": "front", "account": "anna", "#
            + #""forward": [{"from": "tcp/80", "to": "anna-front", "openFirewall": true}]}]"#

        /// A network where all three meet, with the addresses of their own ones.
        static let square: String = {
            let guests = ["anna", "bert", "mallory"].enumerated().map { number, account in
                #"{"name": "\#(account)-square", "account": "\#(account)", "nics": [{"network": "square", "#
                    + #""address": "10.1.1.11\#(number)"}]}"#
            }
            return
                #"{"networkOfferings": [{"name": "meeting", "guestType": "Shared", "specifiesSegment": true, "services": "#
                + #"{"Dhcp": "VirtualRouter", "Dns": "VirtualRouter", "UserData": "VirtualRouter"}}], "networks": ["#
                + #"{"name": "square", "zone": "demo", "offering": "meeting", "segment": "98", "cidr": "10.1.1.0/24", "#
                + #""gateway": "10.1.1.1", "ranges": ["10.1.1.100-10.1.1.199"]}], "guests": ["#
                + guests.joined(separator: ",") + "]}"
        }()

        private func tenants(_ world: World) throws -> DaemonUnderTest {
            let daemon = try DaemonUnderTest(world)
            let files = [("anna", Self.tenant("anna", Self.door)), ("bert", Self.tenant("bert"))]
            for (name, text) in files + [("mallory", Self.tenant("mallory")), ("square", Self.square)] {
                let file = "\(world.directory)/\(name).json"
                try text.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
            }
            try daemon.waitUntilVerified()
            return daemon
        }

        @Test func `tenants with the same addresses reach each other by rules alone, on the model and on the kernel`()
            async throws
        {
            try await inOwnWorld { world in
                let daemon = try tenants(world)
                let evidence = "\(world.directory)/evidence.pcapng"
                let before = try daemon.list("listTraffic", "traffic")
                let quiet = try daemon.sluice("isolation", "--guests", "1")
                #expect(quiet.status == 0, "\(quiet.output)\(quiet.errors)")
                // What tenants see counted is what they did themselves.
                let after = try daemon.list("listTraffic", "traffic")
                #expect(
                    after.map { "\($0["name"] ?? "") \($0["receivedpackets"] ?? 0) \($0["matchedpackets"] ?? 0)" }
                        == before.map {
                            "\($0["name"] ?? "") \($0["receivedpackets"] ?? 0) \($0["matchedpackets"] ?? 0)"
                        })

                // A million of them in the long form, a tenth at a time.
                let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG"] != nil
                let frames = isLong ? "100000" : "20000"
                var said: Finished
                for seed in 8..<(isLong ? 17 : 8) {
                    said = try daemon.sluice(
                        "isolation", "--all", "--frames", frames, "--seed", "\(seed)", "--evidence",
                        "\(evidence).\(seed)")
                    #expect(said.status == 0, "\(said.output)\(said.errors)")
                }
                said = try daemon.sluice(
                    "isolation", "--all", "--frames", frames, "--seed", "7", "--svg", "\(world.directory)/matrix.svg",
                    "--evidence", evidence)
                #expect(said.status == 0, "\(said.output)\(said.errors)")
                #expect(said.output.contains("\(frames) generated frames") && said.output.contains(": 0 crossed"))
                let named = said.output.split(separator: " packets on the kernel")[0].split(separator: "\n").last ?? ""
                #expect(Int(named) ?? 0 >= 200, "\(said.output)")
                // anna's door is open to the others, and to nobody's inner addresses.
                #expect(said.output.contains(" R "))
                let svg = try String(contentsOfFile: "\(world.directory)/matrix.svg", encoding: .utf8)
                #expect(
                    svg.contains("mallory/front to anna/front: rules")
                        && svg.contains("bert/back to anna/back: nothing")
                        // On the square they meet; from there nobody gets further.
                        && svg.contains("admin/square to admin/square: network")
                        && svg.contains("admin/square to anna/front: nothing"))
                let size = try FileManager.default.attributesOfItem(atPath: evidence)[.size] as? Int ?? 0
                #expect(size > 1000)
            }
        }

        /// A wire between two tenants' segments that nobody planned.
        @Test func `a wire that should not be is found, with the packet that crossed`() async throws {
            try await inOwnWorld { world in
                let daemon = try tenants(world)
                let ports = try daemon.list("listPorts", "port")
                let segments = ["anna-front", "mallory-front"].map { name in
                    ports.first { $0["name"] as? String == name }?[text: "segment"] ?? ""
                }
                try world.shell(
                    "ip link add leak0 type veth peer leak1; ip link set leak0 master \(segments[0]) up; "
                        + "ip link set leak1 master \(segments[1]) up; sleep 0.5")
                let said = try daemon.sluice("isolation")
                #expect(said.status == 1)
                #expect(said.errors.contains("the isolation does not hold"), "\(said)")
                #expect(said.errors.contains("arrives at") && said.errors.contains("the first of them, by the model"))
            }
        }

        @Test func `a capture is replayed into a guest's port and compared with what was wanted`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let guests = try daemon.list("listVirtualMachines", "virtualmachine")
                let name = guests[0][text: "name"]
                let capture = "\(world.directory)/sent.pcap"
                try world.shell(
                    """
                    /usr/bin/python3 -c 'from scapy.all import *
                    wrpcap("\(capture)", [Ether(src="02:00:00:00:aa:01", dst="02:00:00:00:aa:02")/IP(src="192.168.7.7", dst="198.51.100.1")/UDP(sport=5000+i%5, dport=9)/("packet %d" % i) for i in range(500)])'
                    """)
                let heard = "\(world.directory)/heard.pcapng"
                func replay(_ words: String...) throws -> Finished {
                    try world.run(
                        [
                            "\(DaemonUnderTest.programs)/sluice", "replay", capture, "--at", "\(name)=192.168.7.7",
                            "--full",
                            "--listen", "outside=\(heard)",
                        ] + words, environment: daemon.environment)
                }
                let first = try replay()
                #expect(first.status == 0, "\(first)")
                #expect(first.output.contains("500 frames") && first.output.contains("outside received 50"))
                let wanted = "\(world.directory)/wanted.pcapng"
                try FileManager.default.moveItem(atPath: heard, toPath: wanted)
                let second = try replay("--expect", "outside=\(wanted)")
                #expect(second.status == 0 && second.output.contains("5 flows as expected, 0 not"), "\(second)")
                // The addresses in the capture are the router's, seen from outside.
                let read = try world.shell("tcpdump -nr \(wanted) udp 2>/dev/null | head -1")
                #expect(read.contains("IP 203.0.113.10.5000 > 198.51.100.1.9"), "\(read)")
                let network = try daemon.list("listNetworks", "network")[0][text: "name"]
                #expect(try daemon.sluice("egress", "add", network, "udp/9").status == 0)
                let third = try replay("--expect", "outside=\(wanted)")
                #expect(third.status == 1 && third.errors.contains("missing, 100 packets expected"), "\(third)")
            }
        }

        @Test func `a complaint becomes a case that fails until it is cured`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let guests = try daemon.list("listVirtualMachines", "virtualmachine")
                let guest = guests[0][text: "name"]
                let address = (guests[0]["nic"] as? [[String: Any]])?.first?["ipaddress"] as? String ?? ""
                #expect(try daemon.sluice("forward", "add", "203.0.113.10", "tcp/80", guest, "--closed").status == 0)
                let capture = "\(world.directory)/complaint.pcap"
                try world.shell(
                    """
                    /usr/bin/python3 -c 'from scapy.all import *
                    wrpcap("\(capture)", [Ether()/IP(src="198.51.100.9", dst="203.0.113.10")/TCP(sport=5000+i, dport=80, flags="S") for i in range(9)])'
                    """)
                let folder = "\(world.directory)/pcaps/complaints/dark"
                let made = try daemon.sluice(
                    "record", capture, "--at", "outside", "--expect", guest, "tcp * > \(address):80 S", "--to", folder)
                #expect(made.status == 0 && made.output.contains("1 of 9 packets, 1 of 2 guests"), "\(made)")
                let failing = try daemon.sluice("test", "--on", "both", folder)
                #expect(failing.status == 1 && failing.output.contains("got        nothing"), "\(failing)")
                #expect(try daemon.sluice("firewall", "add", "203.0.113.10", "tcp/80").status == 0)
                // The same case over a cloud that has the cure passes.
                try world.shell(
                    """
                    /usr/bin/python3 -c 'import json
                    cloud = json.load(open("\(folder)/cloud.json"))
                    address = next(a for a in cloud["publicAddresses"] if a["address"] == "203.0.113.10")
                    address["firewall"] = [{"traffic": "tcp/80"}]
                    json.dump(cloud, open("\(folder)/cloud.json", "w"))'
                    """)
                let passing = try daemon.sluice("test", "--on", "both", folder)
                #expect(passing.status == 0, "\(passing)")
                try world.shell("rm -rf \(folder)")
                let cured = try daemon.sluice(
                    "record", capture, "--at", "outside", "--expect", guest, "tcp * > \(address):80 S", "--to", folder)
                #expect(cured.status == 1 && cured.errors.contains("or is cured"), "\(cured)")
            }
        }

        @Test func `the cloud is drawn as text and as a picture`() async throws {
            try await inOwnWorld { world in
                let daemon = try tenants(world)
                let said = try daemon.sluice("topology", "--interval", "0")
                for part in [
                    "zone demo", "outside 203.0.113.10-", "anna/front 10.1.1.0/24 vlan://", "203.0.113.77",
                    "tcp/80 to anna-front:80", "mallory-back 10.1.1.10 at i-", "square, shared, 10.1.1.0/24 vlan://98",
                ] {
                    #expect(said.output.contains(part), "\(part) in\n\(said.output)\(said.errors)")
                }
                // Addresses of a shared network are no outside.
                #expect(!said.output.contains("outside 10.1.1."))
                let file = "\(world.directory)/cloud.svg"
                #expect(try daemon.sluice("topology", "--interval", "0", "--svg", file).status == 0)
                // Well-formed, by somebody else's reading.
                try world.shell("/usr/bin/python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse(\"\(file)\")'")
                let exported = try daemon.sluice("export")
                let copy = "\(world.directory)/copy.json"
                try exported.output.write(toFile: copy, atomically: true, encoding: .utf8)
                #expect(try daemon.sluice("apply", copy).output.contains("nothing to change"))
            }
        }
    }
}
