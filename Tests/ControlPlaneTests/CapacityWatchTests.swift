import CloudModel
import NetworkVocabulary
import TestSupport
import Testing

@testable import ControlPlane

/// Pools that run out, counted by hand: thresholds are at 75 % unless somebody says otherwise.
struct CapacityWatchTests {
    private struct Ground {
        let fixture: EngineFixture
        let zone: ObjectID
        let wire: ObjectID
        let network: ObjectID

        init(_ fixture: EngineFixture, segments: String = "100-199") throws {
            self.fixture = fixture
            zone = try fixture.make(.createZone(.init(name: "z", dns1: "198.51.100.1")))
            wire = try fixture.make(.createPhysicalNetwork(.init(zone: zone, name: "w", segments: segments)))
            try fixture.make(
                .createPublicRange(
                    .init(
                        physicalNetwork: wire, gateway: "203.0.113.1", netmask: "255.255.255.0", first: "203.0.113.10",
                        last: "203.0.113.49")))
            let standard = fixture.engine.model.networkOffering(
                named: "DefaultIsolatedNetworkOfferingWithSourceNatService")
            network = try fixture.make(
                .createNetwork(.init(name: "n", zone: zone, offering: try #require(standard).id)))
        }

        func acquire() throws -> ObjectID {
            defer { _ = fixture.engine.attend(now: .zero) }
            return try fixture.make(.acquirePublicAddress(.init(network: network)))
        }

        func release(_ address: ObjectID) {
            _ = fixture.submit(.releasePublicAddress(address))
            fixture.settle()
            _ = fixture.engine.attend(now: .zero)
        }

        /// Oldest first.
        var alerts: [String] {
            fixture.shared.recentEvents(limit: 10_000).reversed().flatMap(\.events)
                .filter { $0.type.hasPrefix("ALERT.") }.map { "\($0.type) \($0.level.rawValue) \($0.text)" }
        }
    }

    @Test func `public addresses are told of at the threshold, when none is left, and when there are some again`()
        throws
    {
        let ground = try Ground(EngineFixture())
        var addresses = try (0..<29).map { _ in try ground.acquire() }
        #expect(ground.alerts == [])
        addresses.append(try ground.acquire())
        #expect(
            ground.alerts == [
                "ALERT.NETWORK.PUBLICIP WARN 30 of 40 public addresses of zone z are given out, which is 75 %: they are "
                    + "running out"
            ])
        // To and fro over the threshold is no news.
        ground.release(addresses.removeLast())
        addresses += try (0..<11).map { _ in try ground.acquire() }
        #expect(ground.alerts.count == 2)
        let last = ground.alerts.last
        #expect(last == "ALERT.NETWORK.PUBLICIP ERROR 40 of 40 public addresses of zone z are given out: none is left")
        #expect(ground.fixture.submit(.acquirePublicAddress(.init(network: ground.network))).words == ["refused"])
        _ = ground.fixture.engine.attend(now: .zero)
        #expect(ground.alerts.count == 2)
        for address in addresses.reversed().dropLast() { ground.release(address) }
        #expect(ground.alerts.map { $0.split(separator: " ")[1] } == ["WARN", "ERROR", "WARN", "INFO"])
    }

    @Test func `what was told before a restart is not told again`() throws {
        let storage = MemoryLedger.Storage()
        let ground = try Ground(EngineFixture(storage))
        for _ in 0..<31 { _ = try ground.acquire() }
        #expect(ground.alerts.count == 1)
        ground.fixture.engine.finish()
        let second = try EngineFixture(storage)
        _ = second.engine.attend(now: .zero)
        #expect(
            second.shared.recentEvents(limit: 10_000).flatMap(\.events).filter { $0.type.hasPrefix("ALERT.") }.count
                == 1)
    }

    @Test func `a threshold of one's own holds at once, for the zone or for all`() throws {
        let ground = try Ground(EngineFixture())
        _ = try ground.acquire()
        let name = "zone.virtualnetwork.publicip.capacity.notificationthreshold"
        for (scope, value) in [(nil, "0.9"), (Reference(.zone, ground.zone), "0.025")] as [(Reference?, String)] {
            _ = ground.fixture.submit(.infrastructure(.configure(name: name, scope: scope, value: value)))
            ground.fixture.settle()
            _ = ground.fixture.engine.attend(now: .zero)
            #expect(ground.alerts.count == (scope == nil ? 0 : 1))
        }
    }

    @Test func `segments are told of too`() throws {
        let ground = try Ground(EngineFixture(), segments: "100-103")
        let persistent = try ground.fixture.make(
            .createNetworkOffering(
                .init(name: "persistent", services: ["SourceNat"], isPersistent: true, isEnabled: true)))
        for index in 0..<4 {
            _ = try ground.fixture.make(
                .createNetwork(
                    .init(name: "p\(index)", zone: ground.zone, offering: persistent, cidr: "10.\(index).0.0/24")))
            _ = ground.fixture.engine.attend(now: .zero)
        }
        #expect(
            ground.alerts == [
                "ALERT.NETWORK.VLAN WARN 3 of 4 VLANs of physical network w are given out, which is 75 %: they are "
                    + "running out",
                "ALERT.NETWORK.VLAN ERROR 4 of 4 VLANs of physical network w are given out: none is left",
            ])
    }
}
