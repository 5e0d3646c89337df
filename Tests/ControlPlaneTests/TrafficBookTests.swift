import CloudModel
import NetworkVocabulary
import RouterPlan
import TestSupport
import Testing

@testable import ControlPlane

/// A network with its address and rules, for books that are kept without an engine.
private struct Counted {
    let cloud: Cloud
    let network: ObjectID
    let address: Origin
    let account: ObjectID

    init() throws {
        let fixture = try EngineFixture()
        let site = try fixture.makeSite()
        cloud = fixture.engine.model
        network = site.network
        let held = try #require(cloud.sourceNATAddress(ofNetwork: network))
        address = held.origin
        account = held.account
    }
}

extension PublicAddress {
    fileprivate var origin: Origin { Origin(RecordKind.publicAddress.rawValue, id) }
}

private func count(_ packets: UInt64) -> MeterCount { MeterCount(packets: packets, bytes: packets * 100) }

@Suite struct `Totals of traffic` {
    private let counted: Counted
    init() throws { counted = try Counted() }

    /// Packets arrive at elements; elements come, go, and all go at once. A naive clerk counts the packets themselves.
    @Test(arguments: 1...40)
    func `are the packets that passed, whatever becomes of the elements`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var book = TrafficBook()
        var elements: [UInt64] = [0]
        var passed: UInt64 = 0
        var lastHit: Int64?
        var unread = false
        for time in Int64(1)...300 {
            var reading = MeterReading(counted.address, .received, count(elements.reduce(0, +)))
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<5:
                guard let index = elements.indices.randomElement(using: &random) else { continue }
                let packets = UInt64.random(in: 0..<1_000, using: &random)
                elements[index] += packets
                passed += packets
                unread = unread || packets > 0
                continue
            case 5:
                elements.append(0)
                continue
            case 6:
                // Some elements go; they are read at that moment.
                let going = elements.indices.filter { _ in Bool.random(using: &random) }
                reading = MeterReading(
                    counted.address, .received, count(elements.reduce(0, +)),
                    leaving: count(going.reduce(0) { $0 + elements[$1] }))
                elements = elements.indices.filter { !going.contains($0) }.map { elements[$0] }
            case 7 where !unread:
                // The namespace is made anew, and the reconciler says so.
                elements = elements.map { _ in 0 }
                reading = MeterReading(counted.address, .received, MeterCount())
            case 8:
                // The daemon is killed after its last write.
                guard !unread else { continue }
                book = TrafficBook(book.totals.records.values.map { $0 }, counted.cloud)
                continue
            default: break
            }
            book.take([reading], at: time, in: counted.cloud)
            if unread { lastHit = time }
            unread = false
            for id in [counted.address.id, counted.network, counted.account] {
                try #require(book.totals[id].receivedPackets == passed, "seed \(seed), step \(time)")
                try #require(book.totals[id].receivedBytes == passed * 100, "seed \(seed), step \(time)")
                try #require(book.totals[id].lastHit == lastHit, "seed \(seed), step \(time)")
            }
        }
        #expect(passed > 0)
        #expect(book.totals[counted.address.id].sentPackets == 0)
    }

    @Test func `never fall when counters began anew behind our back`() {
        var book = TrafficBook()
        for (packets, total) in [(50, 50), (80, 80), (30, 110), (30, 110), (31, 111), (0, 111), (5, 116)]
            as [(UInt64, UInt64)]
        {
            book.take([MeterReading(counted.address, .sent, count(packets))], at: 1, in: counted.cloud)
            #expect(book.totals[counted.address.id].sentPackets == total)
        }
    }

    @Test func `of a network keep what a released address has carried, and the address is forgotten`() throws {
        var book = TrafficBook()
        book.take([MeterReading(counted.address, .sent, count(7))], at: 1, in: counted.cloud)
        var after = counted.cloud
        let change = Change.remove(.publicAddress, counted.address.id)
        for object in counted.cloud.firewallRulesByAddress[counted.address.id] {
            try after.apply(.remove(.firewallRule, object))
        }
        try after.apply(change)
        book.follow([change], from: counted.cloud)
        book.sweep(after)
        // The last reading comes when the address has long gone from the model.
        book.take([MeterReading(counted.address, .sent, count(10), leaving: count(10))], at: 2, in: after)
        #expect(book.isUrgent)
        #expect(book.totals[counted.network].sentPackets == 10)
        #expect(book.totals[counted.address.id].sentPackets == 10)
        book.sweep(after)
        #expect(book.totals.records[counted.address.id] == nil)
        #expect(book.dropped == [counted.address])
        #expect(book.totals[counted.network].sentPackets == 10)
        // Nobody knows it any more.
        book.take([MeterReading(counted.address, .sent, count(20))], at: 3, in: after)
        #expect(book.totals.records[counted.address.id] == nil)
        #expect(book.totals[counted.network].sentPackets == 10)
    }

    @Test func `are of known objects only`() {
        var book = TrafficBook()
        let stranger = Origin("publicAddress", ObjectID(random: 4, 4))
        let router = Origin("router", counted.network)
        book.take([stranger, router].map { MeterReading($0, .sent, count(9)) }, at: 1, in: counted.cloud)
        book.take([MeterReading(counted.address, .sent, MeterCount())], at: 1, in: counted.cloud)
        #expect(book.totals.records.isEmpty)
        #expect(book.unwritten.isEmpty)
    }
}

@Suite struct `An engine that counts` {
    private func meter(_ fixture: EngineFixture, _ packets: UInt64, leaving: UInt64 = 0) throws -> Engine.Message {
        let address = try #require(fixture.engine.model.publicAddresses.values.first { _ in true })
        return .kernel(
            .measured(
                NodeName("r-1-VM"), [MeterReading(address.origin, .received, count(packets), leaving: count(leaving))]))
    }

    private func total(_ fixture: EngineFixture) -> UInt64 {
        fixture.engine.model.networks.keys.map { fixture.shared.view.traffic[$0].receivedPackets }.reduce(0, +)
    }

    @Test func `goes on counting after a crash from what the kernel still has`() throws {
        let storage = MemoryLedger.Storage()
        let first = try EngineFixture(storage)
        _ = try first.makeSite()
        first.engine.process([try meter(first, 40)])
        _ = first.engine.attend(now: .seconds(31))
        first.engine.process([try meter(first, 55)])
        #expect(total(first) == 55)
        first.ledger.base.crash()
        let second = try EngineFixture(storage)
        #expect(total(second) == 40)
        second.engine.process([try meter(second, 60)])
        #expect(total(second) == 60)
        // And after an orderly end.
        second.engine.finish()
        let third = try EngineFixture(storage)
        #expect(total(third) == 60)
    }

    @Test func `writes seldom, and at once when elements have gone`() throws {
        let fixture = try EngineFixture()
        _ = try fixture.makeSite()
        fixture.journal.clear()
        fixture.engine.process([try meter(fixture, 40)])
        _ = fixture.engine.attend(now: .seconds(10))
        #expect(!fixture.journal.all.contains { $0.hasPrefix("traffic") })
        fixture.engine.process([try meter(fixture, 50, leaving: 20)])
        _ = fixture.engine.attend(now: .seconds(11))
        #expect(fixture.journal.all.filter { $0.hasPrefix("traffic") } == ["traffic of 3, 0 dropped"])
        // Nothing new, nothing written.
        _ = fixture.engine.attend(now: .seconds(100))
        #expect(fixture.journal.all.filter { $0.hasPrefix("traffic") }.count == 1)
        #expect(!fixture.journal.all.contains { $0.hasPrefix("append") })
    }

    @Test func `keeps what a full disk does not take, and decides on`() throws {
        let storage = MemoryLedger.Storage()
        let fixture = try EngineFixture(storage)
        let site = try fixture.makeSite()
        fixture.engine.process([try meter(fixture, 40)])
        fixture.ledger.base.failure = .full
        _ = fixture.engine.attend(now: .seconds(40))
        #expect(fixture.shared.view.hindrance == nil)
        #expect(total(fixture) == 40)
        fixture.ledger.base.failure = nil
        try fixture.make(.updateZone(.init(id: site.zone, name: "other")))
        _ = fixture.engine.attend(now: .seconds(80))
        fixture.ledger.base.crash()
        #expect(total(try EngineFixture(storage)) == 40)
    }

    @Test func `has the kernel read slowly, and quickly while somebody watches`() throws {
        let fixture = try EngineFixture()
        _ = try fixture.makeSite()
        func readings(_ seconds: ClosedRange<Int>, watchedAt: Set<Int> = []) -> [Int] {
            seconds.filter { second in
                fixture.journal.clear()
                let pause = fixture.engine.attend(now: .seconds(second), isTrafficWatched: watchedAt.contains(second))
                #expect(pause > .zero && pause <= TrafficKeeper.ordinaryPace)
                return fixture.journal.all.contains("order measure")
            }
        }
        #expect(readings(1...60) == [15, 30, 45, 60])
        // Five seconds from the last look; the first of them at once, for the last reading is long ago.
        #expect(readings(68...90, watchedAt: [68, 70]) == [68, 69, 70, 71, 72, 73, 74, 89])
    }
}
