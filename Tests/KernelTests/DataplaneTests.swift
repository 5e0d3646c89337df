import CloudModel
import ControlPlane
import Foundation
import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import Planner
import Reconciler
import RouterPlan
import TestSupport
import Testing

private let outside = "\(Planner.internetHost)"

@Suite(.needsRoot) struct `A cloud on this kernel` {
    @Test func `forwards a guest's packets under the network's address`() async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            let adopted = try cloud.start()
            #expect(adopted.verified == cloud.planned.inOrder.count)
            #expect(adopted.failed == 0, "\(cloud.failures)")
            let guest = try #require(cloud.guests.first)
            #expect(try cloud.reaches(outside, from: guest.name))
            // The far end sees the router's address: it has no route to any other.
            let flows = try output(of: "ip -n \(Planner.internet) route get 203.0.113.10")
            #expect(!flows.contains("unreachable"), "\(flows)")
            #expect(try output(of: "ip -n \(Planner.internet) route get 10.1.1.10").contains("unreachable"))
        }
    }

    @Test func `does not take its own work for somebody else's`() async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            try cloud.start()
            let router = try cloud.router.name
            let network = try #require(cloud.planned.cloud.networks.values.map(\.id).first)
            #expect(try cloud.take(.acquirePublicAddress(.init(network: network)), ticket: 1) == 1)
            while try cloud.next().tickets != [1] {}
            // A disturbance of our own, heard before this one, would be reported before it.
            #expect(try output(of: "ip netns exec \(router) nft flush set inet sluice public-legs") == "")
            var settled: [NodeName] = []
            while true {
                let report = try cloud.next()
                if case .repaired(router, _) = report { break }
                if case .settled(let node, _, _) = report { settled.append(node) }
            }
            #expect(settled.isEmpty)
        }
    }

    @Test func `drops what a guest sends under another's address also behind a port without a guard`() async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            try cloud.start()
            cloud.stop()
            #expect(try output(of: "nft delete table bridge sluice") == "")
            let guest = try #require(cloud.guests.first)
            #expect(try output(of: "ip -n \(guest.name) addr add 10.1.1.99/24 dev eth0") == "")
            #expect(try cloud.reaches(outside, from: guest.name, options: "-I 10.1.1.10"))
            let router = try cloud.router.name
            func drops() throws -> String {
                try output(of: "ip netns exec \(router) nft list chain inet sluice raw-prerouting")
            }
            let untouched = "iifname \"eth0\" counter packets 0 bytes 0 drop"
            #expect(try drops().contains(untouched))
            #expect(try !cloud.reaches(outside, from: guest.name, options: "-I 10.1.1.99"))
            #expect(try !drops().contains(untouched))
        }
    }

    @Test func `is adopted without a write, and connections go on`() async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            try cloud.start()
            let guest = try #require(cloud.guests.first)
            let stream = try Stream(from: guest.name, to: Planner.internet, address: Planner.internetHost, port: 7)
            #expect(stream.carries("before"))
            let picture = try cloud.picture()
            cloud.stop()
            #expect(stream.carries("meanwhile"))
            #expect(try cloud.start() == (verified: cloud.planned.inOrder.count, failed: 0))
            #expect(cloud.lane?.counters().writes == 0)
            #expect(stream.carries("after"))
            let changes = try cloud.changes(from: picture)
            #expect(changes == "")
        }
    }

    @Test(arguments: ["delete table inet sluice", "flush ruleset"])
    func `forwards nothing without its ruleset, and is repaired at the next start`(command: String) async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            try cloud.start()
            let guest = try #require(cloud.guests.first)
            #expect(try cloud.reaches(outside, from: guest.name))
            let picture = try cloud.picture()
            cloud.stop()
            #expect(try output(of: "ip netns exec \(try cloud.router.name) nft \(command)") == "")
            #expect(try !cloud.reaches(outside, from: guest.name))
            #expect(try cloud.start().failed == 0)
            let changes = try cloud.changes(from: picture)
            #expect(changes == "")
            #expect(try cloud.reaches(outside, from: guest.name))
        }
    }

    @Test func `goes without a trace, and what is foreign stays`() async throws {
        try await withFreshNamespace {
            for command in ["ip netns add bystander", "ip link add br0 type bridge", "nft add table inet bystander"] {
                #expect(try output(of: command) == "")
            }
            func everything() throws -> String {
                try ["ip -o link", "ip netns list", "nft list ruleset"].map { try output(of: $0) }.joined()
                    .replacing(/\ \(id: [0-9]+\)/, with: "")
            }
            let before = try everything()
            let cloud = try LiveCloud()
            try cloud.start()
            #expect(try everything() != before)
            let host = NodePlan(.host, .host, owner: cloud.planned.planner.installation)
            #expect(try cloud.start([host]) == (verified: 1, failed: 0))
            #expect(try everything() == before)
        }
    }

    @Test(arguments: ["", "sluice:00000000-0000-4000-8000-000000000001:router/00000000-0000-4000-8000-000000000002"])
    func `leaves a namespace alone that has a router's name and is not ours`(alias: String) async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            let router = try cloud.router.name
            #expect(try output(of: "ip netns add \(router); ip -n \(router) link set lo alias '\(alias)'") == "")
            #expect(try output(of: "ip netns exec \(router) nft add table inet sluice") == "")
            let inode = try NamespaceDirectory.system.open(router.text).identity
            #expect(try cloud.start().failed == 1)
            cloud.lane?.send(.withdraw(router, 9))
            var removed: [Reconciler.Ticket] = []
            while removed.isEmpty {
                if case .removed(router, let tickets) = try cloud.next() { removed = tickets }
            }
            #expect(removed == [9])
            #expect(try NamespaceDirectory.system.open(router.text).identity == inode)
            #expect(try output(of: "ip netns exec \(router) nft list tables") == "table inet sluice\n")
        }
    }

    @Test func `says why it cannot have a namespace`() async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            let router = try cloud.router
            #expect(try output(of: "ip netns add \(router.name)") == "")
            let dataplane = try LinuxDataplane(installation: cloud.planned.installation)
            #expect {
                try dataplane.perform(steps(toReach: router, from: try dataplane.observe(router)), on: router.name)
            } throws: { error in
                let error = error as? DataplaneError
                return error?.origin == router.owner && error?.reason.contains("not ours") == true
            }
        }
    }

    @Test func `comes back although a process keeps the old router's namespace alive`() async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            try cloud.start()
            let picture = try cloud.picture()
            cloud.stop()
            let router = try cloud.router.name
            let held = try NamespaceDirectory.system.open(router.text)
            #expect(try output(of: "ip netns del \(router)") == "")
            #expect(try cloud.start().failed == 0)
            let changes = try cloud.changes(from: picture)
            #expect(changes == "")
            #expect(try NamespaceDirectory.system.open(router.text).identity != held.identity)
        }
    }

    @Test func `carries frames between the parts of a bridge`() async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            let plans = try shardedSegment(cloud.planned.planner.installation, shards: 3)
            #expect(try cloud.start(plans).failed == 0, "\(cloud.failures)")
            #expect(try cloud.reaches("10.9.0.2", from: NodeName("part-0")))
            #expect(try cloud.reaches("10.9.0.3", from: NodeName("part-1")))
            #expect(try cloud.start(plans).failed == 0)
            #expect(cloud.lane?.counters().writes == 0)
        }
    }

    /// The kernel leaves it to a worker of its own to open what has got a carrier, and that comes when it comes.
    @Test(.needsSynchronousLinks, arguments: [false, true])
    func `carries the first frame as soon as a port is raised, there and back`(isPlug: Bool) async throws {
        try await withFreshNamespace {
            let cloud = try PlannedCloud()
            let plans = try shardedSegment(cloud.planner.installation, shards: 2)
            let dataplane = try LinuxDataplane(installation: cloud.installation)
            #expect(try output(of: "ip netns add jar") == "")
            for plan in plans.dropLast() {
                try dataplane.perform(steps(toReach: plan, from: try dataplane.observe(plan)), on: plan.name)
            }
            let last = try isPlug ? plugged(plans[0], "jar") : plans[2]
            let near = try Wire("part-0")
            for round in 0..<30 {
                let all = steps(toReach: last, from: try dataplane.observe(last))
                let raising = try #require(all.firstIndex { if case .raise = $0 { true } else { false } })
                try dataplane.perform(Array(all[..<raising]), on: last.name)
                let far = try Wire(isPlug ? "jar" : "part-1")
                try dataplane.perform(Array(all[raising...]), on: last.name)
                try far.say("there", round)
                try near.say("back", round)
                #expect(
                    try near.hears("there", round, from: far) && far.hears("back", round, from: near), "round \(round)")
                if isPlug {
                    let without = steps(toReach: plans[0], from: try dataplane.observe(plans[0]))
                    try dataplane.perform(without, on: .host)
                } else {
                    try dataplane.perform([.removeNamespace], on: last.name)
                    try dataplane.finishRemovals()
                }
            }
        }
    }

    /// The kernel would make a device that carries less than it was asked to, and say nothing.
    @Test func `refuses a segment that its trunk is too narrow for, and says what is`() async throws {
        try await withFreshNamespace {
            for line in [
                "link add trunk0 mtu 1400 type veth peer name far0", "addr add 192.0.2.1/24 dev trunk0",
                "link set trunk0 up", "link set far0 up",
            ] { #expect(try output(of: "ip \(line)") == "") }
            let cloud = try LiveCloud()
            let origin = cloud.planned.planner.installation
            let trunk = try #require(InterfaceName("trunk0"))
            func host(_ mtu: Int) throws -> NodePlan {
                let bridge = try #require(InterfaceName("slb1"))
                let vxlan = Link.Kind.vxlan(try #require(VNI(7)), underlay: trunk)
                var host = NodePlan(.host, .host, owner: origin)
                var share = Contribution()
                share.add(.link(Link(bridge, .bridge, mtu: mtu)), origin)
                share.add(.link(Link(try #require(InterfaceName("slv7")), vxlan, mtu: mtu, bridge: bridge)), origin)
                try host.add(share)
                return host
            }
            #expect(try cloud.start([try host(1450)]).failed == 1)
            let words = cloud.failures.joined()
            #expect(words.contains("1500 bytes over trunk0") && words.contains("its MTU is 1400"), "\(words)")
            #expect(try output(of: "ip -o link show type vxlan") == "")
            // As much as it carries it may; more than that, later, it may not either.
            #expect(try cloud.start([try host(1350)]).failed == 0, "\(cloud.failures)")
            #expect(try output(of: "ip -o link show slv7").contains(" mtu 1350 "))
            #expect(try cloud.start([try host(1351)]).failed == 1)
        }
    }

    @Test func `carries a segment over VXLAN to a host of somebody else's making, adopts it and takes it away`()
        async throws
    {
        try await withFreshNamespace {
            for line in [
                "netns add far", "link add trunk0 type veth peer name trunk0 netns far",
                "addr add 192.0.2.1/24 dev trunk0", "link set trunk0 up",
                "-n far addr add 192.0.2.2/24 dev trunk0", "-n far link set trunk0 up",
                // The group as CloudStack's hosts compute it.
                "-n far link add x7 type vxlan id 7 group 239.0.0.7 dev trunk0 dstport 4789",
                "-n far addr add 10.9.0.9/24 dev x7", "-n far link set x7 up",
            ] { #expect(try output(of: "ip \(line)") == "") }
            let cloud = try LiveCloud()
            let origin = cloud.planned.planner.installation
            let bridge = try #require(InterfaceName("slb1"))
            let underlay = Link.Kind.vxlan(
                try #require(VNI(7)), underlay: try #require(InterfaceName("trunk0")))
            var host = NodePlan(.host, .host, owner: origin)
            var share = Contribution()
            share.add(.link(Link(bridge, .bridge, mtu: 1450)), origin)
            share.add(
                .link(Link(try #require(InterfaceName("slv7")), underlay, mtu: 1450, bridge: bridge)), origin)
            try host.add(share)
            let plans = [host, try machine(0, on: bridge, mtu: 1450, origin)]
            #expect(try cloud.start(plans).failed == 0, "\(cloud.failures)")
            #expect(try cloud.reaches("10.9.0.9", from: NodeName("part-0")))
            #expect(try cloud.start(plans).failed == 0, "\(cloud.failures)")
            #expect(cloud.lane?.counters().writes == 0)
            #expect(try cloud.start([NodePlan(.host, .host, owner: origin)]).failed == 0)
            #expect(try output(of: "ip -o link show type vxlan") == "")
        }
    }
}

/// A machine's end of its leg, before and after that is up.
private struct Wire {
    private let socket: PacketSocket
    private let index: Int32

    init(_ node: String) throws {
        let namespace = try NamespaceDirectory.system.open(node)
        socket = try PacketSocket(in: namespace)
        index = try RouteSocket(in: namespace).link(named: "eth0").index
    }

    private static func frame(_ word: String, _ round: Int) -> [UInt8] {
        RawFrame.ethernet(RawFrame.everybody, "02:00:00:00:77:77", 0x88b5, Array("\(word) \(round)".utf8))
    }

    func say(_ word: String, _ round: Int) throws { try socket.send(Self.frame(word, round), on: index) }

    /// Whether it came before what is said again and again until it comes.
    func hears(_ word: String, _ round: Int, from other: Wire) throws -> Bool {
        let (wanted, barrier) = (Self.frame(word, round), Self.frame("barrier", round))
        while true {
            try other.say("barrier", round)
            while let heard = try socket.poll()?.bytes {
                if heard == wanted { return true }
                if heard == barrier { return false }
            }
        }
    }
}

/// A host with one segment of that many bridges, and a machine on each.
private func shardedSegment(_ origin: Origin, shards: Int) throws -> [NodePlan] {
    func name(_ text: String) throws -> InterfaceName { try #require(InterfaceName(text)) }
    var host = NodePlan(.host, .host, owner: origin)
    var plans: [NodePlan] = []
    var share = Contribution()
    for shard in 0..<shards {
        let bridge = try name(shard == 0 ? "slb1" : "slb1.\(shard)")
        share.add(.link(Link(bridge, .bridge, mtu: 1500)), origin)
        if shard > 0 {
            let kind = Link.Kind.bridgeLink(peer: try name("sldb1.\(shard)"), peerBridge: bridge)
            share.add(.link(Link(try name("slub1.\(shard)"), kind, mtu: 1500, bridge: try name("slb1"))), origin)
        }
        plans.append(try machine(shard, on: bridge, mtu: 1500, origin))
    }
    try host.add(share)
    return [host] + plans
}

/// The host with one port more, in a namespace of somebody else's.
private func plugged(_ host: NodePlan, _ namespace: String) throws -> NodePlan {
    let kind = Link.Kind.plug(
        try #require(NamespaceName(namespace)), device: try #require(InterfaceName("eth0")),
        mac: MACAddress(locallyAdministered: 77))
    let (port, bridge) = (try #require(InterfaceName("slgc7e0")), try #require(InterfaceName("slb1.1")))
    var share = Contribution()
    share.add(.link(Link(port, kind, mtu: 1500, bridge: bridge)), host.owner)
    var host = host
    try host.add(share)
    return host
}

/// A machine with an address of 10.9.0.0/24 on one of the host's bridges.
private func machine(_ number: Int, on bridge: InterfaceName, mtu: Int, _ origin: Origin) throws -> NodePlan {
    let eth = try #require(InterfaceName("eth0"))
    var share = Contribution()
    let leg = Link.Kind.leg(hostEnd: try #require(InterfaceName("slg\(number)e0")), bridge: bridge)
    share.add(.link(Link(eth, leg, mac: MACAddress(locallyAdministered: UInt64(number + 1)), mtu: mtu)), origin)
    share.add(.address(Address(try #require(InterfaceAddress("10.9.0.\(number + 1)/24")), on: eth)), origin)
    share.add(.route(Route(try #require(IPPrefix("10.9.0.0/24")), on: eth, table: Route.mainTable)), origin)
    var plan = NodePlan(NodeName("part-\(number)"), .guest, owner: origin)
    try plan.add(share)
    return plan
}
