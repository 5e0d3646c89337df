import CloudModel
import NetworkVocabulary
import RouterPlan
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct `An engine` {
    @Test func `answers when the change is durable, and again when it is in the kernel`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        fixture.journal.clear()
        let submission = fixture.submit(fixture.guest("second", in: site, port: .none))
        #expect(
            fixture.journal.all == ["append deployVirtualMachine", "durable 0", "order r-1-VM"])
        #expect(submission.words == ["durable"])
        fixture.settle()
        #expect(submission.words == ["durable", "realized"])
        fixture.expectToldEverything()
    }

    @Test func `makes everything that came together durable with one append`() throws {
        let fixture = try EngineFixture()
        fixture.journal.clear()
        let before = fixture.engine.model.revision
        let submissions = fixture.submit((0..<50).map { .createAccount(.init(name: "account\($0)")) })
        #expect(fixture.journal.all.filter { $0.hasPrefix("append") }.count == 1)
        #expect(submissions.allSatisfy { $0.words == ["durable", "realized"] })
        #expect(submissions.compactMap(\.outcome?.revision.number) == (1...50).map { before.number + $0 })
        #expect(try fixture.entries().suffix(50).allSatisfy { $0.command == "createAccount" && $0.changes.count == 2 })
    }

    @Test func `that cannot write refuses everything and is as it was`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        let (model, plan) = (fixture.engine.model, fixture.shared.planText(ofNode: "r-1-VM"))
        fixture.ledger.base.failure = .full
        let refused = fixture.submit([fixture.guest("second", in: site), .createAccount(.init(name: "tenant"))])
        #expect(refused.allSatisfy { $0.words == ["refused"] })
        #expect(refused[0].error?.contains("disk is full") == true)
        #expect(fixture.engine.model == model)
        #expect(fixture.shared.view.cloud == model)
        #expect(fixture.shared.planText(ofNode: "r-1-VM") == plan)
        #expect(fixture.waitingNodes.isEmpty)
        #expect(fixture.shared.view.hindrance?.contains("disk is full") == true)

        fixture.ledger.base.failure = nil
        try fixture.make(fixture.guest("second", in: site))
        #expect(fixture.shared.view.hindrance == nil)
        #expect(fixture.engine.model.revision == model.revision.next)
        fixture.expectToldEverything()
    }

    @Test func `keeps events that it cannot write until it can`() throws {
        let fixture = try EngineFixture()
        fixture.ledger.base.failure = .full
        fixture.engine.process([.event(Event(type: "TEST.LOST", text: "written late"))])
        #expect(try fixture.ledger.events(limit: 1).first?.events.first?.type != "TEST.LOST")
        fixture.ledger.base.failure = nil
        _ = fixture.submit(.createAccount(.init(name: "tenant")))
        #expect(try fixture.entries().contains { $0.events.first?.type == "TEST.LOST" })
    }

    @Test func `runs dry without a trace`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        let model = fixture.engine.model
        fixture.journal.clear()
        let dry = fixture.submit(fixture.guest("second", in: site), dryRun: true)
        #expect(dry.words == ["durable", "realized"])
        #expect(fixture.journal.all == ["durable 0", "realized 0"])
        #expect(fixture.engine.model == model)
        let difference = try #require(dry.outcome?.planDifference)
        #expect(difference.contains("\nr-1-VM + neighbour 10.1.1.3 lladdr 02:00:00:00:00:04 dev eth0"))
        #expect(difference.contains("i-2-3-VM + address 10.1.1.3/24 dev eth0"))
        #expect(!difference.contains(" - "))

        // No id was used up, so the same request gets what the dry run showed.
        #expect(try fixture.make(fixture.guest("second", in: site)) == dry.object)
    }

    @Test func `has nothing to do for what is so already`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        let model = fixture.engine.model
        fixture.journal.clear()
        let submission = fixture.submit(.startGuest(site.guest))
        #expect(submission.words == ["durable", "realized"])
        #expect(submission.outcome?.changes.isEmpty == true)
        #expect(fixture.journal.all == ["durable 0", "realized 0"])
        #expect(fixture.engine.model == model)
    }

    @Test func `does not confirm what only an unwritten decision made so`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        fixture.journal.clear()
        fixture.ledger.base.failure = .full
        let refused = fixture.submit([.stopGuest(site.guest), .stopGuest(site.guest)])
        #expect(refused.map(\.words) == [["refused"], ["refused"]])
        fixture.ledger.base.failure = nil
        let taken = fixture.submit([.stopGuest(site.guest), .stopGuest(site.guest)])
        #expect(taken.map(\.words) == [["durable"], ["durable", "realized"]])
        #expect(fixture.journal.all.filter { $0.hasPrefix("append") } == ["append stopVirtualMachine"])
    }

    @Test func `decides each request of a batch on what the ones before it made`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        let offering = try #require(fixture.engine.model.networks[site.network]).offering
        let request = Request.createNetwork(
            .init(name: "back", zone: site.zone, offering: offering, cidr: "10.9.0.0/24"))
        let id = try #require(fixture.submit(request, dryRun: true).object)
        let submissions = fixture.submit([request, fixture.guest("second", in: site, on: id)])
        fixture.settle()
        #expect(submissions.allSatisfy { $0.words == ["durable", "realized"] })
        #expect(submissions[0].object == id)
        #expect(fixture.engine.model.router(ofNetwork: id) != nil)
        fixture.expectToldEverything()
    }

    @Test func `gives a hundred guests that come at once addresses of their own`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        fixture.journal.clear()
        let submissions = fixture.submit((0..<100).map { fixture.guest("guest\($0)", in: site) })
        fixture.settle()
        #expect(submissions.allSatisfy { $0.words == ["durable", "realized"] })
        #expect(fixture.journal.all.filter { $0.hasPrefix("append") }.count == 1)
        let nics = fixture.engine.model.nics(ofNetwork: site.network)
        #expect(nics.count == 101)
        #expect(Set(nics.map(\.address)).count == 101)
        #expect(Set(nics.map(\.attachment.mac)).count == 101)
        #expect(Set(fixture.engine.model.guests.values.map(\.number)).count == 101)
        fixture.expectToldEverything()
    }
}
