import Glibc
import LinuxKernel
import NetworkVocabulary
import Ruleset
import TestSupport
import Testing

@Suite(.enabled(if: geteuid() == 0, Comment(rawValue: needsRoot)))
struct NetfilterErrorTests {
    /// A table of ours in a fresh namespace, and what the kernel says to one bad step between good ones.
    private func refusal(
        of bad: Ruleset.Operation, _ check: @escaping @Sendable (NetfilterError.Refusal) -> Void
    ) async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            try socket.commit(RulesetSamples.everything.difference(from: nil))
            let before = try listing()
            let transaction = Transaction(
                .inet, "sluice", [.addChain("good-one", nil), bad, .addChain("good-two", nil)])
            let refusals = try refusals { () throws(NetfilterError) in try socket.commit(transaction) }
            let refusal = try #require(refusals.first)
            #expect(refusals.count == 1)
            #expect(refusal.operation == 1)
            check(refusal)
            #expect(try listing() == before)
            // The socket has read everything there was to hear.
            try socket.commit(Transaction(.inet, "sluice", [.addChain("good-one", nil)]))
        }
    }

    private let here = Origin("rule", ObjectID(random: 0, 77))

    @Test func `a rule in a chain that is not there`() async throws {
        let here = here
        try await refusal(of: .addRule("no-where", Rule(here, [.counter]))) {
            #expect($0.errno == ENOENT)
            #expect($0.origin == here)
            #expect($0.text == "add rule inet sluice no-where counter comment \"\(here)\"")
        }
    }

    @Test func `a rule that asks a set that is not there`() async throws {
        let here = here
        try await refusal(of: .addRule("from-public", Rule(here, [.lookup([.packetMark], in: "no-set", .equal)]))) {
            #expect($0.errno == ENOENT)
            #expect($0.origin == here)
        }
    }

    @Test func `a jump to a chain that is not there, behind anonymous sets`() async throws {
        let here = here
        let statements: [Statement] = [
            .oneOf(.transportProtocol, .equal, [.ipProtocol(.tcp), .ipProtocol(.udp)]), .verdict(.jump("no-where")),
        ]
        try await refusal(of: .addRule("from-public", Rule(here, statements))) {
            #expect($0.errno == ENOENT)
            #expect($0.origin == here)
        }
    }

    @Test func `the second of an element, among many`() async throws {
        let here = here
        let set = try #require(RulesetSamples.everything.sets["dnat-4"])
        var elements = (1...2000).map { number in
            KeyedElement(
                ElementKey([.ipv4(IPv4Address(bits: UInt32(number))), .ipProtocol(.tcp), .port(1)]),
                Element(.values([.ipv4(IPv4Address(10, 0, 0, 1)), .port(1)]), origin: RulesetSamples.origin(number)))
        }
        let key = ElementKey([.ipv4(IPv4Address(203, 0, 113, 5)), .ipProtocol(.tcp), .port(80)])
        let double = Element(.values([.ipv4(IPv4Address(10, 0, 0, 1)), .port(1)]), origin: here)
        elements.insert(KeyedElement(key, double), at: 1234)
        try await refusal(of: .addElements(set, elements)) {
            #expect($0.errno == EEXIST)
            #expect($0.origin == here)
            #expect($0.text == "add element inet sluice dnat-4 { \(double.syntax(key)) }")
        }
    }

    @Test func `an overlap in a tree of ranges`() async throws {
        let here = here
        let set = try #require(RulesetSamples.everything.sets["ports"])
        let ranges = [(100, 200), (300, 400), (5, 50), (500, 600)]
        let elements = try ranges.map {
            KeyedElement(
                ElementKey([.portRange(try #require(PortRange($0.0, $0.1)))]),
                Element(origin: $0.0 == 5 ? here : RulesetSamples.origin($0.0)))
        }
        try await refusal(of: .addElements(set, elements)) {
            #expect($0.errno == EEXIST || $0.errno == ENOTEMPTY)
            #expect($0.origin == here)
        }
    }

    @Test func `an element to delete that is not there`() async throws {
        let set = try #require(RulesetSamples.everything.sets["static-nat"])
        try await refusal(of: .deleteElements(set, [ElementKey([.ipv4(IPv4Address(9, 9, 9, 9))])])) {
            #expect($0.errno == ENOENT)
            #expect($0.text == "delete element inet sluice static-nat { 9.9.9.9 }")
            #expect($0.origin == set.origin)
        }
    }

    @Test func `a set that rules still ask`() async throws {
        try await refusal(of: .deleteSet("firewall")) { #expect($0.errno == EBUSY) }
    }

    @Test func `a chain that is still jumped to`() async throws {
        try await refusal(of: .deleteChain("from-guest")) { #expect($0.errno == EBUSY) }
    }

    @Test func `a set that is there already`() async throws {
        let set = try #require(RulesetSamples.everything.sets["ports"])
        try await refusal(of: .addSet(set)) {
            #expect($0.errno == EEXIST)
            #expect($0.origin == set.origin)
        }
    }

    @Test func `every bad step is named, not only the first`() async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            let table = RulesetSamples.everything
            try socket.commit(table.difference(from: nil))
            let transaction = Transaction(
                .inet, "sluice",
                [
                    .flushChain("no-one"), .addChain("good-one", nil),
                    .addRule("no-two", Rule(RulesetSamples.origin(1), [.counter])), .deleteSet("no-three"),
                ])
            let refusals = try refusals { () throws(NetfilterError) in try socket.commit(transaction) }
            #expect(refusals.map(\.operation) == [0, 2, 3])
        }
    }

    @Test func `more refusals than the socket can hold leave it in order`() async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            try socket.commit(Transaction(.inet, "sluice", [.addTable(comment: nil)]))
            let transaction = Transaction(
                .inet, "sluice", (0..<3000).map { .flushChain(ChainName("no-\($0)")) })
            let refusals = try refusals { () throws(NetfilterError) in try socket.commit(transaction) }
            #expect(refusals.first?.operation == 0)
            try socket.commit(Transaction(.inet, "sluice", [.addChain("good-one", nil)]))
            #expect(try socket.readTable(.inet, "sluice").table?.chains.count == 1)
        }
    }

    @Test func `a ruleset that somebody else changed is stale`() async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            let first = try socket.commit(RulesetSamples.everything.difference(from: nil))
            #expect(try socket.generation() == first)
            #expect(try nft("add table ip other").status == 0)
            let step = Transaction(.inet, "sluice", [.addChain("new-one", nil)])
            let error = failure { () throws(NetfilterError) in try socket.commit(step, expectedGeneration: first) }
            #expect(error == .staleGeneration)
            #expect(!(try listing()).contains("new-one"))
            let now = try socket.generation()
            let next = try socket.commit(step, expectedGeneration: now)
            #expect(try socket.generation() == next)
            #expect(try listing().contains("new-one"))
        }
    }

    @Test func `a dry run changes nothing and finds what is bad`() async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            let table = RulesetSamples.everything
            try socket.validate(table.difference(from: nil))
            #expect(try listing() == "")
            try socket.commit(table.difference(from: nil))
            let before = try listing()
            let generation = try socket.generation()
            try socket.validate(.replacingEverything(with: RulesetSamples.forwards(100)))
            let refusals = try refusals { () throws(NetfilterError) in
                try socket.validate(Transaction(.inet, "sluice", [.deleteChain("no-where")]))
            }
            #expect(refusals.map(\.text) == ["delete chain inet sluice no-where"])
            #expect(try listing() == before)
            #expect(try socket.generation() == generation)
        }
    }

    @Test func `the error speaks of the step, its origin and the reason`() async throws {
        try await inFreshNamespace {
            let origin = RulesetSamples.origin(5)
            let error = failure { () throws(NetfilterError) in
                try NetfilterSocket().commit(
                    Transaction(.inet, "none", [.addRule("c", Rule(origin, [.counter]))]))
            }
            let text = "add rule inet none c counter comment \"\(origin)\": No such file or directory [\(origin)]"
            #expect(error?.description == text)
        }
    }
}

/// What `body` fails with.
private func failure<Ignored>(_ body: () throws(NetfilterError) -> Ignored) -> NetfilterError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

/// The steps that the kernel refuses when `body` sends them.
private func refusals<Ignored>(_ body: () throws(NetfilterError) -> Ignored) throws -> [NetfilterError.Refusal] {
    guard case .refused(let refusals)? = failure(body) else {
        Issue.record("the kernel took it")
        return []
    }
    return refusals
}
