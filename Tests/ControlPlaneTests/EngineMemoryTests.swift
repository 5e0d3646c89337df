import CloudModel
import NetworkVocabulary
import RouterPlan
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct `What an engine remembers` {
    @Test func `is all there after a restart`() throws {
        let storage = MemoryLedger.Storage()
        let first = try EngineFixture(storage)
        let site = try first.makeSite()
        try first.make(first.guest("second", in: site))
        _ = first.submit(.stopGuest(site.guest))
        let (model, texts) = (first.engine.model, planTexts(first))
        // Not an orderly end.
        first.ledger.base.crash()
        let second = try EngineFixture(storage)
        #expect(second.engine.model == model)
        #expect(planTexts(second) == texts)
        second.expectToldEverything()
        // A start writes nothing when there is nothing new.
        #expect(second.journal.all == ["order adopt"])
    }

    @Test func `is checkpointed after many entries, and a start from there gives the same model`() throws {
        let storage = MemoryLedger.Storage()
        let first = try EngineFixture(storage)
        let site = try first.makeSite()
        for batch in 0..<12 {
            first.submit((0..<100).map { .updateZone(.init(id: site.zone, name: "zone\(batch)-\($0)")) })
        }
        let checkpoints = first.journal.all.filter { $0.hasPrefix("checkpoint") }
        #expect(checkpoints.count == 1)
        let model = first.engine.model
        first.ledger.base.crash()

        let ledger = MemoryLedger(storage)
        let contents = try ledger.open()
        let checkpoint = try #require(contents.checkpoint?.revision)
        let later = contents.entries.count
        #expect((1..<1000).contains(later))
        #expect("checkpoint \(checkpoint)" == checkpoints[0])
        ledger.close()
        let isSame = try EngineFixture(storage).engine.model == model
        #expect(isSame)
    }

    @Test func `is checkpointed at an orderly end`() throws {
        let storage = MemoryLedger.Storage()
        let first = try EngineFixture(storage)
        _ = try first.makeSite()
        let model = first.engine.model
        first.engine.finish()
        let second = try EngineFixture(storage)
        #expect(second.engine.model == model)
        #expect(try second.ledger.history(upTo: model.revision).entries.isEmpty)
    }

    @Test func `includes what happened, in entries without gaps`() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        fixture.engine.process([
            .kernel(.adopted(verified: 3, failed: 0)),
            .kernel(.repaired(NodeName("r-1-VM"), steps: ["add route 0.0.0.0/0"])),
            .event(Event(type: "TEST.HAPPENED", text: "something")),
        ])
        _ = fixture.submit([fixture.guest("second", in: site), .destroyGuest(ObjectID(random: 7, 7))])
        let entries = try fixture.entries()
        #expect(entries.map(\.revision.number) == (1...UInt64(entries.count)).map { $0 })
        #expect(fixture.engine.model.revision.number == UInt64(entries.count))
        let events = entries.flatMap(\.events)
        #expect(events.map(\.type).suffix(4).prefix(3) == ["DAEMON.ADOPT", "NODE.REPAIR", "TEST.HAPPENED"])
        let repair = try #require(events.first { $0.type == "NODE.REPAIR" })
        #expect(repair.text.contains("add route 0.0.0.0/0"))
        #expect(repair.origin?.kind == "router")
        #expect(fixture.shared.recentEvents(limit: 3).count == 3)
        #expect(fixture.shared.isVerified)
    }

    /// Requests, answers of the kernel, refusals and crashes in no particular order.
    @Test(arguments: 1...4)
    func `follows from its log, whatever happens`(seed: UInt64) throws {
        let storage = MemoryLedger.Storage()
        var fixture = try EngineFixture(storage, seed: seed)
        var requests = RandomRequests(seed: seed)
        var random = SeededGenerator(seed: seed)
        var open: [Submission] = []
        for round in 0..<150 {
            fixture.ledger.base.failure = Int.random(in: 0..<20, using: &random) == 0 ? .full : nil
            let batch = (0..<Int.random(in: 1..<6, using: &random)).map { _ in requests.next(in: fixture.engine.model) }
            open += fixture.submit(batch)
            fixture.ledger.base.failure = nil
            let nodes = fixture.waitingNodes.filter { _ in Int.random(in: 0..<10, using: &random) == 0 }
            if Bool.random(using: &random) { fixture.settle(refusing: Set(nodes)) }
            if round % 40 == 39 {
                while !fixture.waitingNodes.isEmpty { fixture.settle() }
                #expect(open.allSatisfy { $0.isAnswered }, "seed \(seed), round \(round)")
                fixture.expectToldEverything()
                let model = fixture.engine.model
                fixture.ledger.base.crash()
                fixture = try EngineFixture(storage, seed: seed &+ UInt64(round) &* 1000)
                #expect(fixture.engine.model == model, "seed \(seed), round \(round)")
                open = []
            }
        }
    }

    private func planTexts(_ fixture: EngineFixture) -> [String?] {
        fixture.shared.view.nodes.map { fixture.shared.planText(ofNode: $0.name) }
    }
}

extension Submission {
    /// Every way that a request can end.
    fileprivate var isAnswered: Bool {
        [["refused"], ["durable", "realized"], ["durable", "failed"]].contains(words)
    }
}
