import CloudModel
import ControlPlane
import NetworkVocabulary
import Testing

/// Ports that guests share, as decisions.
struct DecideBalancingTests {
    private func create(
        _ world: RuleWorld, _ change: (inout BalancingRequest.CreateRule) -> Void = { _ in }
    ) -> Request {
        var request = BalancingRequest.CreateRule(
            publicAddress: world.plain, name: "shared", algorithm: "roundrobin", publicPort: 80, privatePort: 8080)
        change(&request)
        return .balancing(.createRule(request))
    }

    private func assign(_ rule: ObjectID, _ members: [(ObjectID, String?)]) -> Request {
        .balancing(.assign(.init(rule: rule, members: members.map { .init(guest: $0.0, address: $0.1) })))
    }

    private func addresses(_ rule: ObjectID, in world: RuleWorld) -> [String] {
        world.cloud.members(ofBalancer: rule).map(\.guestAddress.description).sorted()
    }

    @Test func `rules share an address with each other and with rules of other kinds, by ports`() throws {
        var world = try RuleWorld()
        let first = try world.small.fixture.make(create(world))
        let second = try world.small.fixture.make(create(world) { $0.publicPort = 81 })
        try world.small.fixture.take(
            create(world) {
                $0.transport = "udp"
                $0.opensFirewall = false
            })
        try world.small.fixture.take(world.forwarding())
        // Their slots in the kernel are theirs alone, and free again when they go.
        let slots = world.cloud.loadBalancerRules.values.map(\.slot)
        #expect(Set(slots).count == 3)
        let free = try #require(world.cloud.loadBalancerRules[first]).slot
        for (port, kind) in [(80, "a shared"), (81, "a shared"), (8080, "a forwarded")] {
            let error = world.small.fixture.refusal(create(world) { $0.publicPort = port })
            #expect(error?.code == .conflict && error?.parameter == "publicport", "\(kind) port \(port)")
        }
        #expect(world.small.fixture.refusal(world.forwarding { $0.publicPort = 81 })?.code == .conflict)
        try world.small.fixture.take(.balancing(.deleteRule(.init(id: first))))
        let third = try world.small.fixture.make(create(world))
        #expect(world.cloud.loadBalancerRules[third]?.slot == free)
        #expect(world.cloud.loadBalancerRules[second] != nil)
        #expect(world.cloud.violations() == [])
    }

    @Test func `an address that is one guest's, or another network's, is shared by nobody`() throws {
        var world = try RuleWorld()
        for (address, what) in [
            (world.staticNAT, "has static nat"), (world.bareAddress, "Lb"), (world.nobody, "does not exist"),
        ] {
            let error = world.small.fixture.refusal(create(world) { $0.publicAddress = address })
            #expect(error?.parameter == "publicipid" && error?.text.contains(what) == true, "\(error as Any)")
        }
        let rule = try world.small.fixture.make(create(world))
        let error = world.small.fixture.refusal(.enableStaticNAT(.init(publicAddress: world.plain, guest: world.web)))
        #expect(error?.code == .conflict && error?.parameter == "ipaddressid")
        #expect(world.small.fixture.refusal(create(world) { $0.publicPort = 1 }, as: world.other)?.code == .account)
        #expect(world.small.fixture.refusal(assign(rule, [(world.web, nil)]), as: world.other)?.code == .account)
        let alien = world.small.fixture.refusal(assign(rule, [(world.alien, nil)]))
        #expect(alien?.parameter == "virtualmachineids", "\(alien as Any)")
        let elsewhere = world.small.fixture.refusal(assign(rule, [(world.lone, nil)]))
        #expect(elsewhere?.parameter == "virtualmachineids", "\(elsewhere as Any)")
        let strange = world.small.fixture.refusal(assign(rule, [(world.web, "10.1.1.77")]))
        #expect(strange?.parameter == "vmidipmap", "\(strange as Any)")
    }

    @Test func `without conserve mode the source NAT address is for nothing else`() throws {
        var world = try RuleWorld()
        let offering = try world.small.fixture.make(
            .createNetworkOffering(
                .init(
                    name: "frugal", services: ["SourceNat", "Lb", "Firewall"], conservesAddresses: false,
                    isEnabled: true)))
        let network = try world.small.fixture.make(
            .createNetwork(.init(name: "n", zone: world.small.zone, offering: offering, cidr: "10.4.0.0/24")))
        let guest = try world.small.guest("g", on: network)
        let source = try #require(world.cloud.sourceNATAddress(ofNetwork: network)).id
        let error = world.small.fixture.refusal(create(world) { $0.publicAddress = source })
        #expect(error?.parameter == "publicipid" && error?.text.contains("conserve mode") == true, "\(error as Any)")
        let other = try world.small.fixture.make(.acquirePublicAddress(.init(network: network)))
        let rule = try world.small.fixture.make(create(world) { $0.publicAddress = other })
        try world.small.fixture.take(assign(rule, [(guest, nil)]))
        let text = try #require(world.cloud.publicAddresses[other]).address.description
        let taken = world.small.fixture.refusal(.updateNetwork(.init(id: network, sourceNATAddress: text)))
        #expect(taken?.text.contains("load balancer rules") == true, "\(taken as Any)")
    }

    @Test func `more members than a rule may have change nothing, however many more`() throws {
        var world = try RuleWorld()
        let rule = try world.small.fixture.make(create(world))
        let nic = try world.nic(world.web)
        for _ in 0..<200 { try world.small.fixture.take(.addSecondaryAddress(.init(nic: nic))) }
        let own = try #require(world.cloud.nics[nic]).addresses.map(\.description)
        try world.small.fixture.take(assign(rule, own.map { (world.web, $0) }))
        #expect(addresses(rule, in: world).count == own.count)
        let before = world.cloud
        for count in [257 - own.count, 10_000] {
            let error = world.small.fixture.refusal(
                assign(rule, (0..<count).map { _ in (world.db, "10.1.1.20") }))
            #expect(error?.code == .allocation && error?.parameter == "virtualmachineids", "\(error as Any)")
        }
        // One that is there already takes those before it back, too.
        let twice = world.small.fixture.refusal(assign(rule, [(world.db, nil), (world.web, nil)]))
        #expect(twice?.text.contains("already mapped to load balancer") == true, "\(twice as Any)")
        #expect(world.cloud == before)
    }

    @Test func `members and rules go with what they rest on`() throws {
        var world = try RuleWorld()
        let rule = try world.small.fixture.make(create(world))
        let other = try world.small.fixture.make(create(world) { $0.publicPort = 81 })
        try world.small.fixture.take(assign(rule, [(world.web, nil), (world.web, "10.1.1.50"), (world.db, nil)]))
        try world.small.fixture.take(assign(other, [(world.web, nil)]))
        #expect(addresses(rule, in: world) == ["10.1.1.10", "10.1.1.20", "10.1.1.50"])
        let secondary = try #require(world.cloud.nics[try world.nic(world.web)]?.secondaryAddresses.first).id
        #expect(world.small.fixture.refusal(.removeSecondaryAddress(.init(id: secondary)))?.parameter == "id")
        // By whatever address, and by one.
        var removal = BalancingRequest.Guests(rule: rule, members: [.init(guest: world.web, address: "10.1.1.50")])
        removal.cleanup = .drain
        #expect(try world.small.fixture.take(.balancing(.remove(removal))).drains)
        #expect(try world.small.fixture.take(.removeSecondaryAddress(.init(id: secondary))).changes.count == 1)
        let ended = try world.small.fixture.take(
            .balancing(.remove(.init(rule: rule, members: [.init(guest: world.web)]))))
        #expect(!ended.drains)
        #expect(addresses(rule, in: world) == ["10.1.1.20"])
        let gone = world.small.fixture.refusal(
            .balancing(.remove(.init(rule: rule, members: [.init(guest: world.web)]))))
        #expect(gone?.parameter == "virtualmachineids", "\(gone as Any)")
        try world.small.fixture.take(.destroyGuest(world.web))
        #expect(addresses(other, in: world) == [])
        let openings = world.cloud.firewallRules.count
        try world.small.fixture.take(.releasePublicAddress(world.plain))
        #expect(world.cloud.loadBalancerRules.isEmpty && world.cloud.loadBalancerMembers.isEmpty)
        #expect(world.cloud.firewallRules.count == openings - 2)
        #expect(world.cloud.violations() == [])
    }

    @Test func `who may come changes with the rule, and with its opening`() throws {
        var world = try RuleWorld()
        let rule = try world.small.fixture.make(create(world) { $0.sources = ["192.0.2.0/24"] })
        func opening() throws -> [String] {
            try #require(Array(world.cloud.firewallRules.values).first).sources.map(\.description)
        }
        #expect(try opening() == ["192.0.2.0/24"])
        let narrowed = try world.small.fixture.take(
            .balancing(.updateRule(.init(id: rule, sources: ["198.51.100.0/24", "192.0.2.0/25"]))))
        #expect(try opening() == ["198.51.100.0/24", "192.0.2.0/25"] && !narrowed.drains)
        // Whom another member would serve from now on is not thrown out.
        #expect(try world.small.fixture.take(.balancing(.updateRule(.init(id: rule, algorithm: "source")))).drains)
        for (what, change) in [
            ("algorithm", BalancingRequest.UpdateRule(id: rule, algorithm: "fastest")),
            ("protocol", .init(id: rule, transport: "udp")), ("protocol", .init(id: rule, transport: "sctp")),
            ("cidrlist", .init(id: rule, sources: ["192.0.2.1/24"])), ("name", .init(id: rule, name: "")),
        ] {
            #expect(world.small.fixture.refusal(.balancing(.updateRule(change)))?.parameter == what)
        }
    }

    @Test func `what nothing can do for datagrams is refused when it is asked for`() throws {
        var world = try RuleWorld()
        let least = world.small.fixture.refusal(
            create(world) { ($0.transport, $0.algorithm) = ("udp", "leastconn") })
        #expect(least?.code == .unsupported && least?.parameter == "algorithm")
        let rule = try world.small.fixture.make(create(world) { $0.transport = "udp" })
        for request in [
            BalancingRequest.createStickiness(.init(rule: rule, name: "s", method: "SourceBased")),
            .createHealthCheck(.init(rule: rule)),
        ] {
            let error = world.small.fixture.refusal(.balancing(request))
            #expect(error?.code == .unsupported && error?.parameter == "lbruleid", "\(error as Any)")
        }
    }
}
