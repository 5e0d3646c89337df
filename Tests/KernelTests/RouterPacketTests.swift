import CloudModel
import ControlPlane
import Foundation
import LinuxKernel
import NetworkVocabulary
import Planner
import RouterPlan
import Ruleset
import TestSupport
import Testing

/// A network on two legs with two guests, and the outside.
private final class Town {
    let cloud: LiveCloud
    let outside = Planner.internet
    let one: NodeName
    let two: NodeName
    /// What the outside is called on the internet host.
    static let host = "\(Planner.internetHost)"

    init(_ rules: String = "", offering: String = "DefaultIsolatedNetworkOfferingWithSourceNatService") throws {
        let planned = try PlannedCloud.onTwoLegs(offering: offering, guestPort: "emulated")
        func node(_ name: String) throws -> NodeName {
            NodeName(try #require(planned.cloud.guests.values.first { $0.name == name }).instanceName)
        }
        (one, two) = (try node("one"), try node("two"))
        cloud = try LiveCloud(planned)
        try cloud.start()
        try cloud.take(rules)
        #expect(cloud.failures == [])
    }

    /// A socket to the router's ruleset.
    func netfilter() throws -> NetfilterSocket {
        var socket: Result<NetfilterSocket, NetfilterError>?
        try NamespaceDirectory.system.open(try cloud.router.name.text).enter { () throws(KernelError) in
            socket = Result { () throws(NetfilterError) in try NetfilterSocket() }
        }
        return try #require(socket).get()
    }

    /// Packets that an element of a set of the router has counted, by its key.
    func counted(_ set: SetName) throws -> [String: UInt64] {
        let table = try #require(try cloud.router.table)
        let declaration = try #require(table.sets[set])
        let socket = try netfilter()
        let counters = try socket.readElementCounters(.inet, table.name, declaration)
        return Dictionary(uniqueKeysWithValues: counters.map { ("\($0.key)", $0.value.packets) })
    }

    /// Packets sent by a link of the router.
    func sent(on link: String) throws -> Int {
        let text = try output(
            of: "ip netns exec \(try cloud.router.name) cat /sys/class/net/\(link)/statistics/tx_packets")
        return Int(text.filter(\.isNumber)) ?? -1
    }
}

@Suite(.needsRoot) struct `A router's ruleset` {
    @Test func `forwards ports, to whom the firewall lets in, and says from where`() async throws {
        try await withFreshNamespace {
            let town = try Town(
                """
                forward 203.0.113.10 udp 80 10.1.1.20 8080
                forward 203.0.113.10 udp 6000-6010 10.1.1.20 6000-6010
                forward 203.0.113.10 udp 7000-7003 10.1.1.20 8000-8003
                firewall 203.0.113.10 udp/80
                firewall 203.0.113.10 udp/6000-7003 from 198.51.100.0/24
                firewall 203.0.113.10 udp/7000-7001 from 203.0.113.0/24
                """)
            let (web, range, shifted) = (
                try Datagrams(in: town.two, "10.1.1.20", 8080), try Datagrams(in: town.two, "10.1.1.20", 6005),
                try Datagrams(in: town.two, "10.1.1.20", 8002)
            )
            let client = try Datagrams(in: town.outside, Town.host, 5000)
            for (port, server) in [(80, web), (6005, range), (7002, shifted)] {
                client.send("to \(port)", to: "203.0.113.10", UInt16(port))
                #expect(try server.echo("to \(port)") == Town.host)
                #expect(try client.hear() == .init(text: "to \(port)", from: "203.0.113.10", port: UInt16(port)))
            }
            // Not from this source, and not to this port; what comes after them is the first that is heard.
            let other = try Datagrams(in: town.outside, "203.0.113.1", 5000)
            other.send("from elsewhere", to: "203.0.113.10", 6005)
            client.send("again", to: "203.0.113.10", 6005)
            #expect(try range.hear().text == "again")
            client.send("directly", to: "203.0.113.10", 8080)
            other.send("welcome", to: "203.0.113.10", 80)
            #expect(try web.hear().text == "welcome")
            let ports = try town.counted("firewall-ports")
            #expect(ports == ["203.0.113.10 . udp . 80": 2])
            #expect(try town.counted("forward-received")["203.0.113.10 . udp . 80"] == 2)
            #expect(try town.counted("forward-sent")["203.0.113.10 . udp . 80"] == 1)
            #expect(try town.counted("forward-ranges-received") == ["203.0.113.10 . udp . 6000-6010": 2])
            #expect(try town.counted("address-received")["203.0.113.10"] == 5)
            #expect(try town.counted("address-sent")["203.0.113.10"] == 3)
        }
    }

    @Test func `judges a guest that goes round by its public address, as an outsider`() async throws {
        try await withFreshNamespace {
            let town = try Town(
                """
                static-nat 203.0.113.11 10.1.1.20
                forward 203.0.113.10 udp 80 10.1.1.20 80
                forward 203.0.113.10 udp 81 10.1.1.20 80
                forward 203.0.113.10 udp 82 10.1.1.10 82
                firewall 203.0.113.10 udp/80 from 203.0.113.10/32
                firewall 203.0.113.10 udp/81 from 10.1.1.0/24,198.51.100.0/24
                firewall 203.0.113.10 udp/82 from 203.0.113.11/32
                firewall 203.0.113.11 udp/80 from 203.0.113.10/32
                """)
            let server = try Datagrams(in: town.two, "10.1.1.20", 80)
            let guest = try Datagrams(in: town.one, "10.1.1.10", 5000)
            let outsider = try Datagrams(in: town.outside, Town.host, 5000)
            // A rule for private sources says nothing about who comes from a public address.
            guest.send("as who I am", to: "203.0.113.10", 81)
            outsider.send("not for me", to: "203.0.113.10", 80)
            guest.send("round", to: "203.0.113.10", 80)
            #expect(try server.echo("round") == "203.0.113.10")
            #expect(try guest.hear() == .init(text: "round", from: "203.0.113.10", port: 80))
            outsider.send("out", to: "203.0.113.10", 81)
            #expect(try server.echo("out") == Town.host)
            // To a neighbour's static NAT address, and to one's own.
            guest.send("to the neighbour", to: "203.0.113.11", 80)
            #expect(try server.echo("to the neighbour") == "203.0.113.10")
            #expect(try guest.hear().from == "203.0.113.11")
            // A guest with static NAT comes from its own public address.
            let own = try Datagrams(in: town.one, "10.1.1.10", 82)
            let neighbour = try Datagrams(in: town.two, "10.1.1.20", 5000)
            guest.send("not from this one", to: "203.0.113.10", 82)
            neighbour.send("back", to: "203.0.113.10", 82)
            #expect(try own.echo("back") == "203.0.113.11")
            #expect(try neighbour.hear().from == "203.0.113.10")
            // Inside traffic is nobody's public traffic, but a rule's use is a rule's use.
            #expect(try town.counted("address-sent")["203.0.113.11"] == 0)
            #expect(try town.counted("forward-received")["203.0.113.10 . udp . 82"] == 1)
        }
    }

    @Test func `gives a guest a public address both ways, also a further address of it`() async throws {
        try await withFreshNamespace {
            let town = try Town(
                """
                secondary 10.1.1.20 10.1.1.200
                static-nat 203.0.113.11 10.1.1.20
                static-nat 192.0.2.10 10.1.1.200
                firewall 203.0.113.11 icmp/8
                firewall 192.0.2.10 all from 198.51.100.0/24
                """)
            let far = try Datagrams(in: town.outside, Town.host, 53)
            let near = try Datagrams(in: town.two, "10.1.1.20", 5000)
            let further = try Datagrams(in: town.two, "10.1.1.200", 5000)
            near.send("out", to: Town.host, 53)
            #expect(try far.echo("out") == "203.0.113.11")
            #expect(try near.hear().text == "out")
            further.send("by the other leg", to: Town.host, 53)
            #expect(try far.echo("by the other leg") == "192.0.2.10")
            #expect(try further.hear().text == "by the other leg")
            let before = try town.sent(on: "eth2")
            for number in 1...20 {
                further.send("\(number)", to: Town.host, 53)
                try far.echo("\(number)")
                #expect(try further.hear().text == "\(number)")
            }
            #expect(try town.sent(on: "eth2") - before >= 20)
            #expect(try town.cloud.reaches("203.0.113.11", from: town.outside))
            let client = try Datagrams(in: town.outside, Town.host, 6000)
            client.send("all but this", to: "203.0.113.11", 5000)
            client.send("in", to: "192.0.2.10", 5000)
            #expect(try further.echo("in") == Town.host)
            #expect(try client.hear().from == "192.0.2.10")
            #expect(try town.counted("firewall-icmp").values.map(\.self) == [1])
            near.send("marker", to: Town.host, 53)
            #expect(try far.hear().text == "marker")
        }
    }

    @Test func `sends answers out by the leg that the question came in by`() async throws {
        try await withFreshNamespace {
            let town = try Town(
                """
                forward 192.0.2.10 udp 80 10.1.1.10 80
                firewall 192.0.2.10 udp/80
                """)
            let server = try Datagrams(in: town.one, "10.1.1.10", 80)
            let client = try Datagrams(in: town.outside, Town.host, 5000)
            client.send("0", to: "192.0.2.10", 80)
            try server.echo("0")
            #expect(try client.hear().from == "192.0.2.10")
            let before = (try town.sent(on: "eth1"), try town.sent(on: "eth2"))
            for number in 1...50 {
                client.send("\(number)", to: "192.0.2.10", 80)
                try server.echo("\(number)")
                #expect(try client.hear().text == "\(number)")
            }
            // And what the router answers itself.
            #expect(try town.cloud.reaches("192.0.2.10", from: town.outside, options: "-I \(Town.host)"))
            #expect(try town.sent(on: "eth2") - before.1 >= 53)
            #expect(try town.sent(on: "eth1") - before.0 < 20)
        }
    }

    @Test func `translates errors about what it translated, and takes packets in pieces`() async throws {
        try await withFreshNamespace {
            let town = try Town(
                """
                forward 203.0.113.10 udp 80 10.1.1.20 8080
                firewall 203.0.113.10 udp/80
                """, offering: "IsolatedNetworkOfferingWithEgressDeny")
            let client = try Datagrams(in: town.outside, Town.host, 5000)
            client.connect(to: "203.0.113.10", 80)
            client.send("nobody there", to: "203.0.113.10", 80)
            // Only an error about the very packet that was sent is one of this socket.
            #expect { try client.hear() } throws: { ($0 as? POSIXError)?.code == .ECONNREFUSED }
            let server = try Datagrams(in: town.two, "10.1.1.20", 8080)
            let large = String(repeating: "large ", count: 1000)
            client.send(large, to: "203.0.113.10", 80)
            try server.echo(large)
            #expect(try client.hear().text == large)
        }
    }

    @Test func `lets only those use a forwarded port whom it is for`() async throws {
        try await withFreshNamespace {
            let town = try Town(
                """
                forward 203.0.113.10 udp 80 10.1.1.20 80 from 198.51.100.0/24,198.51.0.0/16
                forward 203.0.113.10 udp 81 10.1.1.20 80
                firewall 203.0.113.10 udp/80-81
                """)
            let server = try Datagrams(in: town.two, "10.1.1.20", 80)
            let (host, gateway) = (
                try Datagrams(in: town.outside, Town.host, 5000), try Datagrams(in: town.outside, "203.0.113.1", 5000)
            )
            gateway.send("not for me", to: "203.0.113.10", 80)
            gateway.send("for all", to: "203.0.113.10", 81)
            #expect(try server.hear().text == "for all")
            host.send("for me", to: "203.0.113.10", 80)
            #expect(try server.hear().text == "for me")
        }
    }

    @Test(arguments: [true, false])
    func `makes exceptions from the egress policy`(allows: Bool) async throws {
        try await withFreshNamespace {
            let offering =
                allows
                ? "DefaultIsolatedNetworkOfferingWithSourceNatService" : "IsolatedNetworkOfferingWithEgressDeny"
            let town = try Town(
                """
                egress web udp/50-60 from 10.1.1.10/32 to 198.51.100.0/24
                egress web udp/53 from 10.1.1.0/24 to 203.0.113.1/32
                egress web icmp/8 to 203.0.113.1/32
                """, offering: offering)
            let (host, gateway) = (
                try Datagrams(in: town.outside, Town.host, 53), try Datagrams(in: town.outside, "203.0.113.1", 53)
            )
            let other = try Datagrams(in: town.outside, Town.host, 70)
            let (one, two) = (
                try Datagrams(in: town.one, "10.1.1.10", 5000), try Datagrams(in: town.two, "10.1.1.20", 5000)
            )
            // Each of these is heard first by its server, or the one after it is.
            if allows {
                one.send("no", to: Town.host, 53)
                two.send("yes", to: Town.host, 53)
                #expect(try host.echo("yes") == "203.0.113.10")
                one.send("other port", to: Town.host, 70)
                #expect(try other.hear().text == "other port")
                #expect(try two.hear().text == "yes")
            } else {
                two.send("no", to: Town.host, 53)
                one.send("yes", to: Town.host, 53)
                #expect(try host.echo("yes") == "203.0.113.10")
                #expect(try one.hear().text == "yes")
                two.send("gateway", to: "203.0.113.1", 53)
                #expect(try gateway.hear().text == "gateway")
            }
            #expect(try town.cloud.reaches("203.0.113.1", from: town.one) != allows)
            #expect(try town.cloud.reaches(Town.host, from: town.one) == allows)
        }
    }

    @Test func `takes another source NAT address on another leg, and old connections keep the old one`() async throws {
        try await withFreshNamespace {
            let town = try Town()
            let far = try Datagrams(in: town.outside, Town.host, 53)
            let old = try Datagrams(in: town.one, "10.1.1.10", 5000)
            old.send("1", to: Town.host, 53)
            #expect(try far.echo("1") == "203.0.113.10")
            #expect(try old.hear().text == "1")
            try town.cloud.take("source-nat 192.0.2.10")
            let new = try Datagrams(in: town.one, "10.1.1.10", 5001)
            new.send("2", to: Town.host, 53)
            #expect(try far.echo("2") == "192.0.2.10")
            #expect(try new.hear().text == "2")
            old.send("3", to: Town.host, 53)
            #expect(try far.echo("3") == "203.0.113.10")
            #expect(try output(of: "ip -n \(try town.cloud.router.name) route show default").contains("192.0.2.1"))
            #expect(town.cloud.failures == [])
        }
    }

    @Test func `follows rules that overlap as they come, change and go`() async throws {
        try await withFreshNamespace {
            let town = try Town("forward 203.0.113.10 udp 80-99 10.1.1.20 80-99")
            let cloud = town.cloud
            try cloud.take(
                """
                firewall 203.0.113.10 udp/80-90 from 198.0.0.0/8
                firewall 203.0.113.10 udp/85-95 from 0.0.0.0/0
                firewall 203.0.113.10 udp/80-99 from 198.51.0.0/16
                """)
            var oldest = try #require(cloud.planned.cloud.firewallRules.values.min { $0.number < $1.number })
            oldest.traffic = .udp(PortRange(88, 97))
            try cloud.put([.put(.firewallRule(oldest))])
            try cloud.put([.remove(.firewallRule, oldest.id)])
            #expect(cloud.failures == [])
            let held = try town.netfilter().readTable(.inet, "sluice").table
            let table = try #require(try cloud.router.table)
            // What was taken away may be followed up still.
            let findings = try #require(held).drift(from: table).findings
            #expect(findings.filter { !$0.contains("pending-revocations") } == [])
            #expect(try cloud.planned.whole()[cloud.router.name] == cloud.router)
        }
    }
}
