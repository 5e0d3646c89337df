import NetworkVocabulary
import Ruleset
import TestSupport
import Testing

@testable import PacketTrace

@Suite struct `An index of elements` {
    /// Tables that hold random elements of random forms, and keys near their edges.
    @Test(arguments: 0..<60)
    func `finds what a look at every element finds`(seed: Int) throws {
        var numbers = SeededGenerator(seed: UInt64(seed))
        let table = RulesetSamples.random(using: &numbers)
        for (name, declaration) in table.sets {
            let elements = table.elements[name] ?? [:]
            let index = SetIndex(declaration, elements)
            let edges = elements.keys.map { key in key.values.map(\.numbers) }
            guard !edges.isEmpty else { continue }
            for _ in 0..<200 {
                let wanted = (0..<declaration.key.count).map { component -> UInt128 in
                    guard let range = edges.randomElement(using: &numbers)?[component] else { return 0 }
                    let base = Bool.random(using: &numbers) ? range.lowerBound : range.upperBound
                    return [base, base &+ 1, base &- 1].randomElement(using: &numbers) ?? base
                }
                let slow = elements.first { key, _ in
                    zip(key.values, wanted).allSatisfy { $0.numbers.contains($1) }
                }
                #expect(index.entry(for: wanted)?.key == slow?.key, "\(name) \(wanted)")
                #expect(index.entry(for: wanted)?.element == slow?.value)
            }
        }
    }

    /// Many ranges under one address, as a tenant's firewall has them.
    @Test func `finds the range among many of one address`() throws {
        let declaration = SetDeclaration(
            "firewall", key: [.ipv4, .ipProtocol, .port], isInterval: true, origin: RulesetSamples.origin(1))
        let address = IPv4Address(203, 0, 113, 5)
        var elements: [ElementKey: Element] = [:]
        for number in 0..<2000 {
            let range = try #require(PortRange(1 + number * 30, 20 + number * 30))
            elements[ElementKey([.ipv4(address), .ipProtocol(.tcp), .portRange(range)])] = Element(
                origin: RulesetSamples.origin(number))
        }
        let index = SetIndex(declaration, elements)
        for port in stride(from: UInt128(1), through: 60_000, by: 7) {
            let entry = index.entry(for: [UInt128(address.bits), 6, port])
            let number = Int((port - 1) / 30)
            let isInside = (port - 1) % 30 < 20
            #expect(entry?.element.origin == (isInside ? RulesetSamples.origin(number) : nil))
        }
    }
}
