import CloudModel
import NetworkVocabulary
import RouterPlan
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct `What the kernel refuses` {
    private let router = NodeName("r-1-VM")

    @Test func `is taken back by an entry of its own`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        let model = fixture.engine.model
        let submission = fixture.submit(fixture.guest("second", in: site))
        let number = try #require(fixture.engine.model.guests.values.first { $0.name == "second" }).number
        fixture.settle(refusing: [router])
        #expect(submission.words == ["durable", "failed"])
        #expect(submission.error?.contains("taken back: r-1-VM: No buffer space available") == true)
        #expect(fixture.engine.model.guests == model.guests)
        #expect(fixture.engine.model.nics == model.nics)
        fixture.settle()
        fixture.expectToldEverything()

        let entries = try fixture.entries()
        #expect(entries.suffix(3).map(\.command) == ["deployVirtualMachine", "event", "revert"])
        #expect(entries.suffix(2).flatMap(\.events).map(\.type) == ["NODE.FAIL", "CHANGE.REVERT"])
        #expect(entries.map(\.revision.number) == (1...UInt64(entries.count)).map { $0 })

        // What was given once is not given again.
        let next = try fixture.make(fixture.guest("third", in: site))
        #expect(try #require(fixture.engine.model.guests[next]).number > number)
    }

    @Test func `stays when later changes rest on it, and the answer says so`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        let offering = try #require(fixture.engine.model.networks[site.network]).offering
        let back = try fixture.make(
            .createNetwork(.init(name: "back", zone: site.zone, offering: offering, cidr: "10.9.0.0/24")))
        let submissions = fixture.submit(["second", "third"].map { fixture.guest($0, in: site, on: back) })
        // The first of the two made the router.
        let made = try #require(fixture.engine.model.router(ofNetwork: back))
        let (first, second) = (submissions[0], submissions[1])
        let ticket = try #require(first.outcome).revision.number
        fixture.engine.process([
            .kernel(.failed(NodeName(made.name), reason: "Out of memory", origin: nil, tickets: [ticket]))
        ])
        #expect(first.words == ["durable"], "other orders of it are still under way")
        fixture.settle()
        #expect(first.words == ["durable", "failed"])
        #expect(first.error?.contains("recorded but not yet in the kernel") == true)
        #expect(first.error?.contains("Out of memory") == true)
        #expect(second.words == ["durable", "realized"])
        #expect(fixture.engine.model.router(ofNetwork: back) == made)
        fixture.expectToldEverything()
    }

    @Test func `is not taken back over what another change made of the same object`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        let submissions = fixture.submit([
            .acquirePublicAddress(.init(network: site.network, address: "203.0.1.10")),
            .acquirePublicAddress(.init(network: site.network, address: "203.0.2.10")),
        ])
        let legs = try #require(fixture.engine.model.router(ofNetwork: site.network)).publicLegs
        #expect(legs.count == 3)
        let ticket = try #require(submissions[0].outcome).revision.number
        for node in fixture.waitingNodes {
            fixture.engine.process([.kernel(.failed(node, reason: "Busy", origin: nil, tickets: [ticket]))])
        }
        #expect(submissions[0].words == ["durable", "failed"])
        #expect(submissions[1].words == ["durable"])
        #expect(fixture.engine.model.router(ofNetwork: site.network)?.publicLegs == legs)
        fixture.expectToldEverything()
    }

    @Test func `goes newest first when all of it is refused`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        let model = fixture.engine.model
        let submissions = fixture.submit([
            .acquirePublicAddress(.init(network: site.network, address: "203.0.1.10")),
            .acquirePublicAddress(.init(network: site.network, address: "203.0.2.10")),
        ])
        fixture.settle(refusing: Set(fixture.waitingNodes))
        #expect(submissions.map(\.words) == [["durable", "failed"], ["durable", "failed"]])
        #expect(fixture.engine.model.routers == model.routers)
        #expect(fixture.engine.model.publicAddresses == model.publicAddresses)
        fixture.expectToldEverything()
    }

    @Test func `as a way back is tried again and not taken back in turn`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        let submission = fixture.submit(fixture.guest("second", in: site))
        fixture.settle(refusing: [router])
        let model = fixture.engine.model
        for _ in 0..<5 { fixture.settle(refusing: Set(fixture.waitingNodes)) }
        #expect(submission.words == ["durable", "failed"])
        #expect(fixture.engine.model.guests == model.guests)
        #expect(try fixture.entries().filter { $0.command == "revert" }.count == 1)
        fixture.expectToldEverything()
    }

    @Test func `stays when its way back cannot be made durable`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        let submission = fixture.submit(fixture.guest("second", in: site))
        let model = fixture.engine.model
        fixture.ledger.base.failure = .full
        fixture.settle(refusing: [router])
        #expect(submission.words == ["durable", "failed"])
        #expect(submission.error?.contains("recorded but not yet in the kernel") == true)
        #expect(fixture.engine.model == model)
    }

    @Test func `is an event once, however often it is tried`() throws {
        let fixture = try EngineFixture()
        _ = try fixture.makeSite()
        for _ in 0..<5 {
            fixture.engine.process([.kernel(.failed(router, reason: "Busy", origin: nil, tickets: []))])
        }
        #expect(try fixture.entries().flatMap(\.events).filter { $0.type == "NODE.FAIL" }.count == 1)
        #expect(fixture.shared.view.nodes.first { $0.name == "r-1-VM" }?.state == .failed)
        fixture.engine.process([.kernel(.settled(router, tickets: []))])
        #expect(fixture.shared.view.nodes.first { $0.name == "r-1-VM" }?.state == .verified)
    }

    /// Names of these trunks are too long for a device name with a VLAN, and shortened they are alike: one device of the
    /// host cannot be two.
    @Test func `cannot be planned is taken back as well`() throws {
        let fixture = try EngineFixture()
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
        var file = CloudFile()
        file.zones = [zone]
        file.networks = ["trunk-0614246", "trunk-1555780"].map { trunk in
            var network = CloudFile.Network(name: "on-\(trunk)", zone: "west")
            network.physicalNetwork = "over-\(trunk)"
            return network
        }
        try fixture.make(.applyCloud(.init(file: file)))
        let model = fixture.engine.model
        let ids = model.networks.values.sorted { $0.number < $1.number }.map(\.id)
        let zoneID = try #require(model.zone(named: "west")).id
        let requests = zip(["one", "two"], ids).map { name, network in
            Request.deployGuest(.init(zone: zoneID, name: name, nics: [.init(network: network)]))
        }
        try fixture.make(requests[0])
        let dry = fixture.submit(requests[1], dryRun: true)
        #expect(dry.words == ["refused"])
        let submission = fixture.submit(requests[1])
        fixture.settle()
        #expect(submission.words == ["durable", "failed"])
        #expect(submission.error?.contains("cannot be planned") == true)
        #expect(fixture.engine.model.guests.values.map(\.name) == ["one"])
        fixture.settle()
        fixture.expectToldEverything()
    }
}
