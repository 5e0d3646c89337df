import CloudModel
import NetworkVocabulary
import RouterPlan
import TestSupport
import Testing

@testable import ControlPlane

struct NetworkLifeTests {
    private func offering(
        _ small: inout SmallZone, _ services: [String],
        _ change: (inout Request.CreateNetworkOffering) -> Void = { _ in }
    ) throws -> ObjectID {
        var wanted = Request.CreateNetworkOffering(
            name: "o\(small.fixture.cloud.networkOfferings.count)", services: services, egressDefaultAllow: true,
            isEnabled: true)
        change(&wanted)
        return try small.fixture.make(.createNetworkOffering(wanted))
    }

    @Test func `a network goes down when its last guest is long gone, not before, and keeps what is its own`() throws {
        let fixture = try EngineFixture()
        let zone = try fixture.make(.createZone(.init(name: "z", dns1: "198.51.100.1")))
        let wire = try fixture.make(.createPhysicalNetwork(.init(zone: zone, name: "w", segments: "100-109")))
        try fixture.make(
            .createPublicRange(
                .init(
                    physicalNetwork: wire, gateway: "203.0.113.1", netmask: "255.255.255.0", first: "203.0.113.10",
                    last: "203.0.113.20")))
        let standard = try #require(
            fixture.engine.model.networkOffering(named: "DefaultIsolatedNetworkOfferingWithSourceNatService")
        ).id
        let persistent = try fixture.make(
            .createNetworkOffering(
                .init(name: "persistent", services: ["SourceNat"], isPersistent: true, isEnabled: true)))
        let network = try fixture.make(.createNetwork(.init(name: "n", zone: zone, offering: standard)))
        let kept = try fixture.make(
            .createNetwork(.init(name: "p", zone: zone, offering: persistent, cidr: "10.2.0.0/24")))
        let guest = try fixture.make(.deployGuest(.init(zone: zone, name: "g", nics: [.init(network: network)])))
        let state = { fixture.engine.model.networks[network]?.state }
        let address = fixture.engine.model.sourceNATAddress(ofNetwork: network)
        _ = fixture.engine.attend(now: .zero)
        // As long as a guest runs nothing happens, however long it is.
        for hour in 1...3 {
            _ = fixture.engine.attend(now: .seconds(3600 * hour))
            #expect(state() == .implemented)
        }
        _ = fixture.submit(.stopGuest(guest))
        fixture.settle()
        var now = Duration.seconds(3 * 3600)
        // Seen idle for the first time at the next look, and taken down when it has been for the whole wait.
        for look in 0..<2 {
            #expect(state() == .implemented, "look \(look)")
            now += .seconds(600)
            _ = fixture.engine.attend(now: now)
        }
        #expect(state() == .allocated)
        fixture.settle()
        #expect(fixture.engine.model.networks[network]?.segment == nil)
        #expect(fixture.engine.model.router(ofNetwork: network) == nil)
        #expect(fixture.engine.model.sourceNATAddress(ofNetwork: network) == address)
        #expect(fixture.engine.model.networks[kept]?.state == .implemented)
        #expect(fixture.engine.model.segmentsInUse(on: wire) == 1)
        #expect(fixture.shared.recentEvents(limit: 5).flatMap(\.events).contains { $0.type == "NETWORK.SHUTDOWN" })
        // And back with the next guest, seen by the same address.
        _ = fixture.submit(.startGuest(guest))
        fixture.settle()
        #expect(state() == .implemented)
        #expect(fixture.engine.model.sourceNATAddress(ofNetwork: network) == address)
        fixture.expectToldEverything()
    }

    @Test func `a guest that starts in between starts the wait anew`() throws {
        var idle = IdleNetworks()
        var small = try SmallZone()
        let network = try small.network("n")
        let guest = try small.guest("g", on: network)
        let pace = IdleNetworks.Pace(interval: .seconds(10), wait: .seconds(25))
        #expect(idle.due(.zero, in: small.fixture.cloud, pace) == [])
        try small.fixture.take(.stopGuest(guest))
        #expect(idle.due(.seconds(9), in: small.fixture.cloud, pace) == [])
        for second in [10, 20, 30] { #expect(idle.due(.seconds(second), in: small.fixture.cloud, pace) == []) }
        try small.fixture.take(.startGuest(guest))
        #expect(idle.due(.seconds(40), in: small.fixture.cloud, pace) == [])
        try small.fixture.take(.stopGuest(guest))
        for second in [50, 60, 70] { #expect(idle.due(.seconds(second), in: small.fixture.cloud, pace) == []) }
        #expect(idle.due(.seconds(80), in: small.fixture.cloud, pace) == [network])
        #expect(idle.pause(.seconds(83), pace) == .seconds(7))
    }

    @Test
    func `a restart looks at everything in the kernel, keeps all that has a name, and brings back what is missing`()
        throws
    {
        let fixture = try EngineFixture()
        _ = fixture.submit(.applyCloud(.init(file: .demo)))
        fixture.settle()
        let network = try #require(fixture.engine.model.networks.first?.value)
        let router = try #require(fixture.engine.model.router(ofNetwork: network.id))
        for cleanup in [false, true] {
            let restarted = fixture.submit(.networking(.restartNetwork(.init(id: network.id, cleanup: cleanup))))
            #expect(fixture.waitingNodes == [.host, NodeName(router.name)])
            #expect(restarted.words == ["durable"])
            fixture.settle()
            #expect(restarted.words == ["durable", "realized"])
            #expect(fixture.engine.model.router(ofNetwork: network.id) == router)
        }
        _ = fixture.submit(.stopRouter(router.id))
        fixture.settle()
        _ = fixture.submit(.networking(.restartNetwork(.init(id: network.id))))
        fixture.settle()
        #expect(fixture.engine.model.router(ofNetwork: network.id) == router)
        _ = fixture.submit(.networking(.destroyRouter(router.id)))
        fixture.settle()
        #expect(fixture.engine.model.router(ofNetwork: network.id) == nil)
        _ = fixture.submit(.networking(.restartNetwork(.init(id: network.id))))
        fixture.settle()
        let another = try #require(fixture.engine.model.router(ofNetwork: network.id))
        #expect(another.name != router.name && another.isRunning)
        fixture.expectToldEverything()
    }

    @Test func `a network is restarted only while there is something of it`() throws {
        var small = try SmallZone()
        let network = try small.network("n")
        #expect(small.fixture.refusal(.networking(.restartNetwork(.init(id: network))))?.parameter == "id")
    }

    @Test func `another offering takes away and brings what it says, with guests on the network`() throws {
        var small = try SmallZone()
        let network = try small.network("n")
        let guest = try small.guest("g", on: network)
        let bare = try offering(&small, ["Gateway"])
        let rich = try offering(&small, ["Gateway", "SourceNat", "Firewall", "PortForwarding", "StaticNat"])
        let nic = try #require(small.fixture.cloud.nics(ofGuest: guest).first)
        let router = try #require(small.fixture.cloud.router(ofNetwork: network))
        try small.fixture.take(.updateNetwork(.init(id: network, offering: bare)))
        #expect(small.fixture.cloud.sourceNATAddress(ofNetwork: network) == nil)
        #expect(small.fixture.cloud.publicAddresses.isEmpty)
        #expect(small.fixture.cloud.router(ofNetwork: network)?.publicLegs == [])
        try small.fixture.take(.updateNetwork(.init(id: network, offering: rich)))
        #expect(small.fixture.cloud.sourceNATAddress(ofNetwork: network) != nil)
        #expect(small.fixture.cloud.router(ofNetwork: network)?.publicLegs.count == 1)
        #expect(small.fixture.cloud.router(ofNetwork: network)?.guestLeg == router.guestLeg)
        #expect(small.fixture.cloud.nics(ofGuest: guest) == [nic])
        #expect(small.fixture.cloud.violations() == [])
        #expect(try small.fixture.take(.updateNetwork(.init(id: network, offering: rich))).changes == [])
    }

    @Test func `what is in use keeps an offering from going`() throws {
        var small = try SmallZone()
        let network = try small.network("n")
        let guest = try small.guest("g", on: network)
        let all = ["Gateway", "SourceNat", "Firewall", "PortForwarding", "StaticNat"]
        var without: [String: ObjectID] = [:]
        for service in all.dropFirst(2) { without[service] = try offering(&small, all.filter { $0 != service }) }
        let denying = try offering(&small, all) { $0.egressDefaultAllow = false }
        let shared = try offering(&small, []) { $0.guestType = "Shared" }
        let disabled = try offering(&small, all) { $0.isEnabled = false }
        let single = try offering(&small, all) { $0.conservesAddresses = false }
        func refusal(_ offering: ObjectID?) -> RequestError? {
            offering.flatMap { small.fixture.refusal(.updateNetwork(.init(id: network, offering: $0))) }
        }
        for offering in [shared, disabled, network] { #expect(refusal(offering)?.parameter == "networkofferingid") }
        for offering in Array(without.values) + [denying, single] { #expect(refusal(offering) == nil) }

        let source = try #require(small.fixture.cloud.sourceNATAddress(ofNetwork: network)).id
        let forward = try small.fixture.make(
            .createPortForwarding(
                .init(publicAddress: source, transport: "tcp", publicPort: 80, privatePort: 80, guest: guest)))
        #expect(refusal(without["PortForwarding"])?.text.contains("PortForwarding") == true)
        #expect(refusal(without["Firewall"])?.text.contains("Firewall") == true)
        #expect(refusal(single)?.text.contains("conserve mode") == true)
        try small.fixture.take(.deletePortForwarding(.init(id: forward)))
        #expect(refusal(without["PortForwarding"]) == nil && refusal(single) == nil)
        let address = try small.fixture.make(.acquirePublicAddress(.init(network: network)))
        try small.fixture.take(.enableStaticNAT(.init(publicAddress: address, guest: guest)))
        #expect(refusal(without["StaticNat"])?.text.contains("StaticNat") == true)
        try small.fixture.make(
            .createEgressRule(
                .init(network: network, traffic: .init(transport: "tcp", startPort: 25, endPort: 25), sources: [])))
        #expect(refusal(denying)?.text.contains("opposite") == true)
        #expect(refusal(without["Firewall"]) != nil)
    }

    @Test func `the reserved part of a network follows those who have addresses`() throws {
        var small = try SmallZone()
        let network = try small.network("n", cidr: "10.1.1.0/24")
        func refusal(_ text: String) -> RequestError? {
            small.fixture.refusal(.updateNetwork(.init(id: network, guestCIDR: text)))
        }
        #expect(refusal("10.1.1.0/25")?.text.contains("Implemented") == true)
        _ = try small.guest("g", on: network, "10.1.1.200")
        #expect(refusal("10.1.1.0/25")?.code == .inUse)
        #expect(refusal("10.1.2.0/25")?.parameter == "guestvmcidr")
        #expect(refusal("10.1.1.1/25")?.parameter == "guestvmcidr")
        try small.fixture.take(.updateNetwork(.init(id: network, guestCIDR: "10.1.1.128/25")))
        let next = try small.guest("h", on: network)
        #expect(small.fixture.cloud.nics(ofGuest: next).first?.address?.description == "10.1.1.128")
        try small.fixture.take(.updateNetwork(.init(id: network, guestCIDR: "10.1.1.0/24")))
        #expect(small.fixture.cloud.networks[network]?.guestCIDR == nil)
    }
}
