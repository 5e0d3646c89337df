import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

struct DecideLifeTests {
    @Test func `bootstrap makes the administrator and the offerings once`() throws {
        var fixture = try DecideFixture()
        let admin = try #require(fixture.cloud.account(named: "admin"))
        #expect(admin.number == 2)
        let offering = try #require(fixture.cloud.networkOfferings[try fixture.offering()])
        #expect(offering.egressDefaultAllow)
        #expect(offering.isEnabled)
        let denying = try #require(fixture.cloud.networkOffering(named: "IsolatedNetworkOfferingWithEgressDeny"))
        #expect(!denying.egressDefaultAllow)
        #expect(try fixture.take(.bootstrap).changes == [])
    }

    @Test func `the first guest implements its network`() throws {
        var small = try SmallZone()
        let network = try small.network("n")
        #expect(small.fixture.cloud.networks[network]?.state == .allocated)
        #expect(small.fixture.cloud.networks[network]?.networkDomain == "zone.example")
        let guest = try small.guest("web", on: network)
        let cloud = small.fixture.cloud
        #expect(cloud.networks[network]?.state == .implemented)
        #expect(cloud.networks[network]?.segment?.description == "vlan://100")
        let nat = try #require(cloud.sourceNATAddress(ofNetwork: network))
        #expect(nat.address.description == "203.0.113.10")
        let router = try #require(cloud.router(ofNetwork: network))
        #expect(router.isRunning)
        #expect(router.name == "r-\(router.number)-VM")
        #expect(router.publicLegs.map(\.index) == [1])
        #expect(router.publicLegs.map(\.range) == [small.range])
        let nic = try #require(cloud.nics(ofGuest: guest).first)
        #expect(nic.address?.description == "10.1.1.2")
        #expect(nic.isDefault)
        let machine = try #require(cloud.guests[guest])
        #expect(machine.instanceName == "i-2-\(machine.number)-VM")
        #expect(Set([nic.attachment.mac, router.guestLeg.mac, router.publicLegs[0].attachment.mac]).count == 3)
        #expect(cloud.violations() == [])
    }

    @Test func `a guest that is not started holds its addresses and implements nothing`() throws {
        var small = try SmallZone()
        let network = try small.network("n")
        let guest = try small.fixture.make(
            .deployGuest(.init(zone: small.zone, name: "web", nics: [.init(network: network)], starts: false)))
        #expect(small.fixture.cloud.networks[network]?.state == .allocated)
        #expect(small.fixture.cloud.nics(ofGuest: guest).count == 1)
        try small.fixture.take(.startGuest(guest))
        #expect(small.fixture.cloud.networks[network]?.state == .implemented)
        #expect(small.fixture.cloud.guests[guest]?.isRunning == true)
        #expect(try small.fixture.take(.startGuest(guest)).changes == [])
        try small.fixture.take(.stopGuest(guest))
        #expect(small.fixture.cloud.guests[guest]?.isRunning == false)
    }

    @Test func `a rate is kept, and none when it is -1 or 0`() throws {
        var small = try SmallZone()
        for (rate, kept) in [(nil, nil), (-1, nil), (0, nil), (1, 1), (100_000, 100_000)] as [(Int?, Int?)] {
            let offering = try small.fixture.make(
                .createNetworkOffering(
                    .init(name: "of \(rate.map(String.init) ?? "none")", services: ["SourceNat"], rate: rate)))
            #expect(small.fixture.cloud.networkOfferings[offering]?.rate == kept)
        }
    }

    @Test func `a persistent network is implemented when it is made`() throws {
        var small = try SmallZone()
        let offering = try small.fixture.make(
            .createNetworkOffering(
                .init(name: "persistent", services: ["sourcenat", "gateway"], isPersistent: true, isEnabled: true)))
        #expect(
            small.fixture.cloud.networkOfferings[offering]?.services
                == ["SourceNat": "VirtualRouter", "Gateway": "VirtualRouter"])
        let network = try small.fixture.make(.createNetwork(.init(name: "n", zone: small.zone, offering: offering)))
        #expect(small.fixture.cloud.networks[network]?.state == .implemented)
        #expect(small.fixture.cloud.router(ofNetwork: network) != nil)
    }

    @Test func `deleting a network gives back all it held`() throws {
        var small = try SmallZone()
        let before = small.fixture.cloud
        let network = try small.network("n")
        let guest = try small.guest("web", on: network)
        try small.fixture.make(.acquirePublicAddress(.init(network: network)))
        #expect(small.fixture.cloud.addressesInUse(inRange: small.range) == 2)
        try small.fixture.take(.destroyGuest(guest))
        #expect(small.fixture.cloud.networks[network]?.state == .implemented)
        try small.fixture.take(.deleteNetwork(network))
        #expect(small.fixture.cloud.routers.isEmpty)
        #expect(small.fixture.cloud.claims == before.claims)
        #expect(small.fixture.cloud.addressesInUse(inRange: small.range) == 0)
        #expect(small.fixture.cloud.segmentsInUse(on: small.wire) == 0)
        // Numbers are not used again.
        #expect(small.fixture.cloud.next(.machine) > before.next(.machine))
    }

    @Test func `an address of another subnet brings a leg, and the last one takes it away`() throws {
        var small = try SmallZone(last: "203.0.113.10")
        let second = try small.fixture.make(
            .createPublicRange(
                .init(
                    physicalNetwork: small.wire, gateway: "192.0.2.1", netmask: "255.255.255.0", first: "192.0.2.2",
                    last: "192.0.2.3", vlan: "50")))
        let network = try small.network("n")
        _ = try small.guest("web", on: network)
        let addresses = try (0..<2).map { _ in try small.fixture.make(.acquirePublicAddress(.init(network: network))) }
        var router = try #require(small.fixture.cloud.router(ofNetwork: network))
        #expect(router.publicLegs.map(\.index) == [1, 2])
        #expect(router.publicLegs.map(\.range) == [small.range, second])
        #expect(small.fixture.cloud.publicRanges[second]?.segment.description == "vlan://50")
        try small.fixture.take(.releasePublicAddress(addresses[0]))
        router = try #require(small.fixture.cloud.router(ofNetwork: network))
        #expect(router.publicLegs.count == 2)
        try small.fixture.take(.releasePublicAddress(addresses[1]))
        router = try #require(small.fixture.cloud.router(ofNetwork: network))
        #expect(router.publicLegs.map(\.index) == [1])
        try small.fixture.take(.deletePublicRange(second))
    }

    @Test func `ranges of one subnet share a leg, which outlives the range it was made for`() throws {
        var small = try SmallZone(last: "203.0.113.10")
        let second = try small.fixture.make(
            .createPublicRange(
                .init(
                    physicalNetwork: small.wire, gateway: "203.0.113.1", netmask: "255.255.255.0",
                    first: "203.0.113.30",
                    last: "203.0.113.40")))
        let network = try small.network("n")
        // Taken before the network is implemented, so it is what the network is seen by.
        let address = try small.fixture.make(.acquirePublicAddress(.init(network: network, address: "203.0.113.35")))
        #expect(small.fixture.cloud.publicAddresses[address]?.isSourceNAT == true)
        let other = try small.fixture.make(.acquirePublicAddress(.init(network: network)))
        #expect(small.fixture.cloud.publicAddresses[other]?.range == small.range)
        _ = try small.guest("web", on: network)
        let router = try #require(small.fixture.cloud.router(ofNetwork: network))
        #expect(router.publicLegs.map(\.range) == [second])
        #expect(small.fixture.cloud.publicLeg(of: router, for: small.range)?.index == 1)
        #expect(small.fixture.cloud.violations() == [])
    }

    @Test func `an unused physical network goes with its public ranges`() throws {
        var small = try SmallZone()
        try small.fixture.take(.deletePhysicalNetwork(small.wire))
        #expect(small.fixture.cloud.publicRanges.isEmpty)
        try small.fixture.take(.deleteZone(small.zone))
        #expect(small.fixture.cloud.zones.isEmpty)
    }

    @Test func `one default NIC, the first when none is asked for`() throws {
        var small = try SmallZone()
        let networks = [try small.network("a", cidr: "10.1.1.0/24"), try small.network("b", cidr: "10.1.2.0/24")]
        let plain = try small.fixture.make(
            .deployGuest(.init(zone: small.zone, name: "p", nics: networks.map { .init(network: $0) })))
        let chosen = try small.fixture.make(
            .deployGuest(
                .init(
                    zone: small.zone, name: "q",
                    nics: [
                        .init(network: networks[0]), .init(network: networks[1], address: "10.1.2.77", isDefault: true),
                    ])))
        #expect(small.fixture.cloud.nics(ofGuest: plain).map(\.isDefault) == [true, false])
        #expect(small.fixture.cloud.nics(ofGuest: chosen).map(\.isDefault) == [false, true])
        #expect(small.fixture.cloud.nics(ofGuest: chosen).map(\.address?.description) == ["10.1.1.3", "10.1.2.77"])
    }

    @Test func `VXLAN wires give VNIs and leave room for the header`() throws {
        var small = try SmallZone()
        let wire = try small.fixture.make(
            .createPhysicalNetwork(.init(zone: small.zone, name: "x", isolation: "vxlan", segments: "5000-5001")))
        let network = try small.fixture.make(
            .createNetwork(
                .init(name: "n", zone: small.zone, offering: try small.fixture.offering(), physicalNetwork: wire)))
        _ = try small.guest("web", on: network)
        #expect(small.fixture.cloud.networks[network]?.segment?.description == "vxlan://5000")
        #expect(small.fixture.cloud.networks[network]?.mtu == 1450)
        let unnamed = Request.createNetwork(.init(name: "m", zone: small.zone, offering: try small.fixture.offering()))
        #expect(small.fixture.refusal(unnamed)?.parameter == "physicalnetworkid")
    }

    @Test func `a stopped router is started again by the next guest`() throws {
        var small = try SmallZone()
        let network = try small.network("n")
        _ = try small.guest("a", on: network)
        let router = try #require(small.fixture.cloud.router(ofNetwork: network))
        try small.fixture.take(.stopRouter(router.id))
        #expect(small.fixture.cloud.routers[router.id]?.isRunning == false)
        _ = try small.guest("b", on: network)
        #expect(small.fixture.cloud.routers[router.id] == router)
    }
}
