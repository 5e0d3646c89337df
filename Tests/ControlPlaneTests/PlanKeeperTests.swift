import CloudModel
import NetworkVocabulary
import Planner
import RouterPlan
import TestSupport
import Testing

@testable import ControlPlane

/// A model under change with its plans, and a mirror of what the kernel was told.
struct FollowedCloud {
    static let installation = ObjectID(random: 1, 1)
    static let admin = Caller(account: installation, isRootAdmin: true)

    var cloud = Cloud()
    var keeper: PlanKeeper
    var mirror = PlanMirror()
    private var ids: SeededIDs
    /// What the last request came to.
    private(set) var orders: [KernelOrder] = []

    init(simulatesInternet: Bool = true, seed: UInt64 = 1) {
        keeper = PlanKeeper(Planner(installation: Self.installation, simulatesInternet: simulatesInternet))
        ids = SeededIDs(seed: seed)
        _ = keeper.planAll(cloud)
        mirror.follow([.adopt(keeper.inOrder)])
    }

    @discardableResult
    mutating func take(_ request: Request) throws -> Reply {
        let (reply, failures) = try follow(request)
        #expect(failures == [], "not planned after \(request)")
        return reply
    }

    /// Takes the request, and says which nodes cannot be planned after it.
    mutating func takeUnplannable(_ request: Request) throws -> [NodeName] { try follow(request).failures }

    private mutating func follow(_ request: Request) throws -> (reply: Reply, failures: [NodeName]) {
        let decision = try decide(request, caller: Self.admin, in: cloud, at: 0, ids: &ids)
        let before = cloud
        try cloud.apply(decision.changes, revision: cloud.revision.next)
        let following = keeper.follow(decision.changes, from: before, to: cloud, ticket: cloud.revision.number)
        orders = following.orders
        mirror.follow(orders)
        return (decision.reply, following.failures.map(\.0))
    }
}

@Suite struct `Incremental plans` {
    @Test(arguments: 1...8)
    func `equal full plans after every request, and so does what the kernel was told`(seed: UInt64) throws {
        var followed = FollowedCloud(simulatesInternet: seed % 2 == 0, seed: seed)
        var requests = RandomRequests(seed: seed)
        try followed.take(.bootstrap)
        var taken = 0
        for step in 0..<1000 {
            let request = requests.next(in: followed.cloud)
            do {
                try followed.take(request)
                taken += 1
            } catch is RequestError {
                continue
            }
            let drift = followed.keeper.drift(from: followed.cloud)
            let astray = followed.keeper.plans.filter { name, plan in
                followed.mirror.plans[name] != plan || followed.mirror.plans[name]?.objects != plan.objects
            }
            guard drift.isEmpty, astray.isEmpty, followed.mirror.plans.count == followed.keeper.plans.count else {
                Issue.record("seed \(seed), step \(step), \(request): drift \(drift), astray \(astray.keys.sorted())")
                return
            }
        }
        #expect(taken > 140)
    }

    /// Random requests never fill a bridge.
    @Test func `equal full plans where a network outgrows its bridge, and back`() throws {
        let (wide, network) = try FollowedCloud.wideNetwork(guests: 897)
        var followed = wide
        let bridges = { (followed: FollowedCloud) in
            followed.mirror.plans[.host]?.rows.keys.filter { "\($0)".contains("slb") }.count
        }
        let alone = bridges(followed)
        var guests: [ObjectID] = []
        for index in 0..<5 {
            guests.append(try #require(try followed.take(network.oneMore("more\(index)")).object).id)
            #expect(followed.keeper.drift(from: followed.cloud) == [])
        }
        #expect(try #require(bridges(followed)) > (try #require(alone)))
        for guest in guests {
            try followed.take(.destroyGuest(guest))
            #expect(followed.keeper.drift(from: followed.cloud) == [])
        }
        #expect(bridges(followed) == alone)
        #expect(followed.mirror.plans == followed.keeper.plans)
    }

    @Test func `follow settings of a zone and of all`() throws {
        var followed = FollowedCloud()
        try followed.take(.bootstrap)
        try followed.take(.applyCloud(.init(file: .demo)))
        let zone = Reference(.zone, try #require(followed.cloud.zones.first?.key))
        func served(_ followed: FollowedCloud) -> Set<String> {
            Set(followed.keeper.plans.values.compactMap(\.services).map { "\($0.leaseTime) \($0.nameServers)" })
        }
        let before = served(followed)
        #expect(before.allSatisfy { $0.hasPrefix("\(UInt32.max) ") } && !before.isEmpty)
        func set(_ name: String, _ scope: Reference?, _ value: String?) throws -> Set<String> {
            try followed.take(.infrastructure(.configure(name: name, scope: scope, value: value)))
            #expect(followed.keeper.drift(from: followed.cloud) == [])
            #expect(followed.mirror.plans == followed.keeper.plans)
            return served(followed)
        }
        #expect(try set("dhcp.lease.timeout", nil, "3600").allSatisfy { $0.hasPrefix("3600 ") })
        // The zone's own value counts before that of all.
        #expect(try set("dhcp.lease.timeout", zone, "60").allSatisfy { $0.hasPrefix("60 ") })
        #expect(try set("dhcp.lease.timeout", zone, nil).allSatisfy { $0.hasPrefix("3600 ") })
        #expect(try set("dhcp.lease.timeout", nil, "0") == before)
        let external = followed.cloud.zones.values.map { ["\(UInt32.max) [\($0.dns1)]"] }
        #expect(try set("use.external.dns", zone, "true") == Set(external.joined()))
        #expect(try set("use.external.dns", zone, "false") == before)
    }
}

@Suite struct `The cost of a change` {
    @Test func `does not grow with the network that it is made to`() throws {
        let small = try costs(besides: 10)
        let large = try costs(besides: 10_000)
        #expect(small == large)
        // A guest's place in its router: a neighbour, an identity and the right to ask for its address. Its own node comes and goes whole.
        #expect(small.filter { $0.hasPrefix("r-") } == ["r-1-VM 3", "r-1-VM 3"])
    }

    /// Node and size of each order for one more guest, and for its removal.
    private func costs(besides count: Int) throws -> [String] {
        let (wide, network) = try FollowedCloud.wideNetwork(guests: count)
        var followed = wide
        let guest = try followed.take(network.oneMore("one-more"))
        let coming = followed.orders
        try followed.take(.destroyGuest(try #require(guest.object).id))
        return (coming + followed.orders).map { "\($0.node) \($0.count)" }
    }
}

extension FollowedCloud {
    /// A network with room for many guests, and so many of them without a port on this host.
    fileprivate static func wideNetwork(guests: Int) throws -> (FollowedCloud, Network) {
        var followed = FollowedCloud()
        var file = CloudFile()
        var zone = CloudFile.Zone(name: "west", dns1: "198.51.100.1")
        zone.physicalNetworks = [CloudFile.PhysicalNetwork(name: "wire")]
        zone.physicalNetworks[0].segments = ["100-199"]
        zone.publicRanges = [
            CloudFile.PublicRange(
                subnet: "203.0.113.0/24", gateway: "203.0.113.1", addresses: "203.0.113.10-203.0.113.19")
        ]
        var network = CloudFile.Network(name: "wide", zone: "west")
        network.cidr = "10.0.0.0/16"
        file.zones = [zone]
        file.networks = [network]
        file.guests = (0..<guests).map { index in
            var guest = CloudFile.Guest(name: "guest\(index)", nics: [CloudFile.NIC(network: "wide")])
            guest.port = "none"
            return guest
        }
        try followed.take(.bootstrap)
        try followed.take(.applyCloud(.init(file: file)))
        let made = try #require(followed.cloud.networks.values.min { $0.number < $1.number })
        #expect(followed.cloud.nics(ofNetwork: made.id).count == guests)
        return (followed, made)
    }
}

extension Network {
    fileprivate func oneMore(_ name: String) -> Request {
        .deployGuest(.init(zone: zone, name: name, account: account, port: .none, nics: [.init(network: id)]))
    }
}

@Suite struct `A node that cannot be planned` {
    /// Names of these trunks are too long for a device name with a VLAN, and shortened they are alike: one device of the
    /// host cannot be two.
    private func fixture() throws -> (FollowedCloud, [Request], ObjectID) {
        var followed = FollowedCloud()
        try followed.take(.bootstrap)
        var file = CloudFile()
        var zone = CloudFile.Zone(name: "west", dns1: "198.51.100.1")
        zone.physicalNetworks = ["trunk-0614246", "trunk-1555780"].map { trunk in
            var wire = CloudFile.PhysicalNetwork(name: "over-\(trunk)")
            (wire.isolation, wire.segments, wire.trunk) = ("VLAN", ["100-101"], trunk)
            return wire
        }
        var range = CloudFile.PublicRange(
            subnet: "203.0.113.0/24", gateway: "203.0.113.1", addresses: "203.0.113.10-203.0.113.19")
        range.physicalNetwork = "over-trunk-0614246"
        zone.publicRanges = [range]
        file.zones = [zone]
        file.networks = ["trunk-0614246", "trunk-1555780"].map { trunk in
            var network = CloudFile.Network(name: "on-\(trunk)", zone: "west")
            network.physicalNetwork = "over-\(trunk)"
            return network
        }
        try followed.take(.applyCloud(.init(file: file)))
        let networks = followed.cloud.networks.values.sorted { $0.number < $1.number }
        let requests = networks.map { network in
            Request.deployGuest(
                .init(
                    zone: network.zone, name: "on-\(network.name)", account: network.account,
                    nics: [.init(network: network.id)]))
        }
        return (followed, requests, networks[0].id)
    }

    @Test func `keeps no other from following, and is planned again when it can be`() throws {
        var (followed, requests, first) = try fixture()
        let guest = try #require(try followed.take(requests[0]).object)
        let (before, failures) = (followed.cloud, try followed.takeUnplannable(requests[1]))
        #expect(failures == [.host])
        #expect(followed.keeper.unplanned == [.host])
        #expect(Set(followed.orders.map(\.node.text)) == ["r-3-VM", "i-2-4-VM"])
        #expect(followed.keeper.drift(from: followed.cloud) == [])
        #expect(followed.cloud != before)
        #expect(followed.mirror.plans[.host] != nil, "the kernel keeps what it has")

        _ = try followed.takeUnplannable(.destroyGuest(guest.id))
        try followed.take(.deleteNetwork(first))
        #expect(followed.keeper.unplanned == [])
        #expect(followed.keeper.drift(from: followed.cloud) == [])
        #expect(followed.mirror.plans == followed.keeper.plans)
    }
}
