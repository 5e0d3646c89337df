import NetworkVocabulary
import Ruleset
import Testing

@testable import PacketTesting

/// What is said to make no difference, on chains of a few rules.
@Suite struct `Mistakes that make no difference` {
    private let origin = Origin("router", ObjectID(random: 1, 2))
    private let fromGuests: Statement
    private let fromOutside = Statement.lookup([.inputInterface], in: "public-legs", .equal)
    private let accept = Statement.verdict(.accept)
    private let drop = Statement.verdict(.drop)

    init() throws {
        fromGuests = .match(.inputInterface, .equal, .interface(try #require(InterfaceName("eth0"))))
    }

    private func equivalence(_ policy: Hook.Policy, _ rules: [Statement]..., legs: [String] = ["eth1"]) -> Equivalence {
        var table = Table(.inet, "test")
        table.sets["public-legs"] = SetDeclaration("public-legs", key: [.interfaceName], origin: origin)
        table.sets["counted-hosts"] = SetDeclaration(
            "counted-hosts", key: [.ipv4], countsElements: true, origin: origin)
        table.elements["public-legs"] = Dictionary(
            uniqueKeysWithValues: legs.compactMap { InterfaceName($0) }.map {
                (ElementKey([.interface($0)]), Element(origin: origin))
            })
        let chain = Chain(
            "filter-test", hook: Hook(.filter, .forward, priority: 0, policy: policy),
            rules: rules.map { Rule(origin, $0) })
        return Equivalence(chain, in: table, takesIPv6: false)
    }

    @Test func `the order of rules that no packet meets both of`() {
        let apart = equivalence(.drop, [fromGuests, accept], [fromOutside, drop])
        #expect(!apart.moveShows(0, to: 1))
        // Where the set has that link, it shows.
        #expect(equivalence(.drop, [fromGuests, accept], [fromOutside, drop], legs: ["eth0"]).moveShows(0, to: 1))
        let states = equivalence(
            .drop, [.connectionState(.invalid), drop], [.connectionStatus(.destinationNAT), accept])
        #expect(!states.moveShows(0, to: 1))
        let new = equivalence(.drop, [.connectionState(.new), drop], [.connectionStatus(.destinationNAT), accept])
        #expect(new.moveShows(0, to: 1))
    }

    @Test func `the order of rules that say the same, unless elements count`() {
        let counting = Statement.lookup([.ipv4Source], in: "counted-hosts", .equal)
        let other = Statement.lookup([.ipv4Destination], in: "counted-hosts", .equal)
        #expect(!equivalence(.drop, [.connectionState(.new), accept], [fromGuests, accept]).moveShows(0, to: 1))
        #expect(equivalence(.drop, [counting, accept], [other, accept]).moveShows(0, to: 1))
        #expect(equivalence(.drop, [fromGuests, accept], [.connectionState(.new), drop]).moveShows(0, to: 1))
    }

    @Test func `a rule less that says what comes anyway`() {
        #expect(!equivalence(.drop, [fromGuests, accept], [.counter, drop]).removalShows(1))
        #expect(equivalence(.accept, [fromGuests, accept], [.counter, drop]).removalShows(1))
        #expect(equivalence(.drop, [.connectionState(.invalid), drop], [fromGuests, accept]).removalShows(0))
        #expect(equivalence(.drop, [fromGuests, accept], [.counter, drop]).hidesPolicy)
        #expect(!equivalence(.drop, [fromGuests, accept]).hidesPolicy)
    }

    @Test func `a condition less that every packet meets`() {
        let family = Statement.match(.networkProtocol, .equal, .family(.ipv4))
        let rules = equivalence(.drop, [family, fromGuests, accept])
        #expect(!rules.wideningShows(0, 0) && !rules.negationShows(0, 0))
        #expect(rules.wideningShows(0, 1))
    }
}
