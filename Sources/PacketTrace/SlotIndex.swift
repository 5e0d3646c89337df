import NetworkVocabulary
import Ruleset

/// A map of slots, asked the other way round: which of them lead to an address.
struct SlotIndex: Sendable {
    private var slots: [Number: [UInt32]] = [:]

    init(_ elements: [ElementKey: Element]) {
        for (key, element) in elements {
            guard case .slot(let slot)? = key.values.first, case .values(let values) = element.content,
                let address = values.first
            else { continue }
            slots[address.numbers.lowerBound, default: []].append(slot)
        }
    }

    func slot(of address: IPAddress, among choice: Choice) -> UInt32? {
        slots[Number(address)]?.first { $0 >= choice.first && $0 - choice.first < choice.count }
    }
}

extension Number {
    /// The last so many bytes, the most significant one first.
    func bytes(_ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: self >> Number(8 * $0)) }
    }
}
