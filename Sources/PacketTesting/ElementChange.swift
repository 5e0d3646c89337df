import NetworkVocabulary
import Ruleset

/// One small mistake in the elements of a set or map, which are the rules of users: made in all of them alike.
enum ElementChange: Hashable, Sendable {
    /// There is none.
    case emptied
    /// The first, or the last, is missing.
    case withoutFirst, withoutLast
    /// This part of the key asks for more: a value more at the end or at the beginning, or for anything.
    case longer(Int), earlier(Int), anything(Int)
    /// It asks for less.
    case shorter(Int), later(Int)
    /// It asks for the next value instead.
    case next(Int)
    /// This part of what it yields is the next one.
    case yieldsNext(Int)

    var words: String {
        switch self {
        case .emptied: "emptied"
        case .withoutFirst: "without the first element"
        case .withoutLast: "without the last element"
        case .longer(let column): "part \(column + 1) ends one later"
        case .earlier(let column): "part \(column + 1) begins one earlier"
        case .anything(let column): "part \(column + 1) is anything"
        case .shorter(let column): "part \(column + 1) ends one earlier"
        case .later(let column): "part \(column + 1) begins one later"
        case .next(let column): "part \(column + 1) is the next"
        case .yieldsNext(let place): "what it yields is the next, part \(place + 1)"
        }
    }

    /// Those that can be made in the elements of a set. Single values have no ends: of them the next takes the place.
    static func all(_ declaration: SetDeclaration, _ elements: [ElementKey: Element]) -> [ElementChange] {
        guard !elements.isEmpty else { return [] }
        var changes: [ElementChange] = [.emptied]
        if elements.count > 1 { changes += [.withoutFirst, .withoutLast] }
        for column in declaration.key.indices {
            var candidates: [ElementChange] = [.next(column)]
            if declaration.isInterval {
                candidates += [.longer(column), .earlier(column), .shorter(column), .later(column), .anything(column)]
            }
            changes += candidates.filter { $0.applied(to: elements) != nil }
        }
        if case .values(let types) = declaration.yield {
            changes += types.indices.map { .yieldsNext($0) }.filter { $0.applied(to: elements) != nil }
        }
        return changes
    }

    /// Nil where it changes nothing.
    func applied(to elements: [ElementKey: Element]) -> [ElementKey: Element]? {
        switch self {
        case .emptied: return elements.isEmpty ? nil : [:]
        case .withoutFirst, .withoutLast:
            guard elements.count > 1, let key = self == .withoutFirst ? elements.keys.min() : elements.keys.max() else {
                return nil
            }
            return elements.filter { $0.key != key }
        case .yieldsNext(let place):
            let changed = elements.mapValues { element in
                guard case .values(var values) = element.content, let next = values[place].next else { return element }
                values[place] = next
                return Element(.values(values), origin: element.origin)
            }
            return changed == elements ? nil : changed
        case .longer(let column): return changed(elements, column) { $0.moved(0, 1) }
        case .earlier(let column): return changed(elements, column) { $0.moved(-1, 0) }
        case .shorter(let column): return changed(elements, column) { $0.moved(0, -1) }
        case .later(let column): return changed(elements, column) { $0.moved(1, 0) }
        case .next(let column): return changed(elements, column) { $0.next }
        case .anything(let column): return changed(elements, column) { $0.anything }
        }
    }

    private func changed(
        _ elements: [ElementKey: Element], _ column: Int, _ body: (Value) -> Value?
    ) -> [ElementKey: Element]? {
        var changed: [ElementKey: Element] = [:]
        for (key, element) in elements.sorted(by: { $0.key < $1.key }) {
            var values = key.values
            values[column] = body(values[column]) ?? values[column]
            changed[ElementKey(values)] = element
        }
        return changed == elements ? nil : changed
    }
}

extension Value {
    /// The values that it stands for, as numbers; nil for what is no number.
    var bounds: ClosedRange<UInt64>? {
        switch self {
        case .ipv4(let address): UInt64(address.bits)...UInt64(address.bits)
        case .ipv4Prefix(let prefix): UInt64(prefix.range.first.bits)...UInt64(prefix.range.last.bits)
        case .ipv4Range(let range): UInt64(range.first.bits)...UInt64(range.last.bits)
        case .port(let port): UInt64(port)...UInt64(port)
        case .portRange(let range): UInt64(range.first)...UInt64(range.last)
        case .ipProtocol(let number): UInt64(number.number)...UInt64(number.number)
        case .ipProtocolRange(let range), .icmpTypeRange(let range), .icmpCodeRange(let range):
            UInt64(range.lowerBound)...UInt64(range.upperBound)
        case .icmpType(let number), .icmpCode(let number): UInt64(number)...UInt64(number)
        case .mark(let number), .slot(let number): UInt64(number)...UInt64(number)
        default: nil
        }
    }

    fileprivate var isSingle: Bool { bounds.map { $0.count == 1 } ?? true }

    /// One more, where it is a single value.
    fileprivate var next: Value? {
        guard isSingle, let bounds, bounds.upperBound < limit else { return nil }
        return with(bounds.lowerBound + 1...bounds.upperBound + 1, single: true)
    }

    /// With other ends; nil where nothing would be left. A single value has none.
    fileprivate func moved(_ lower: Int64, _ upper: Int64) -> Value? {
        guard !isSingle, let bounds else { return nil }
        let (first, last) = (Int64(bounds.lowerBound) + lower, Int64(bounds.upperBound) + upper)
        guard first >= least, first <= last, last <= Int64(limit) else { return nil }
        return with(UInt64(first)...UInt64(last), single: false)
    }

    fileprivate var anything: Value? {
        bounds == nil ? nil : with(UInt64(least)...limit, single: false)
    }

    private var least: Int64 {
        switch self {
        case .port, .portRange: 1
        default: 0
        }
    }

    private var limit: UInt64 {
        switch self {
        case .port, .portRange: 65_535
        case .ipProtocol, .ipProtocolRange, .icmpType, .icmpTypeRange, .icmpCode, .icmpCodeRange: 255
        default: 0xffff_ffff
        }
    }

    private func with(_ bounds: ClosedRange<UInt64>, single: Bool) -> Value? {
        let (first, last) = (bounds.lowerBound, bounds.upperBound)
        let bytes = UInt8(truncatingIfNeeded: first)...UInt8(truncatingIfNeeded: max(first & 0xff, last & 0xff))
        switch self {
        case .ipv4, .ipv4Prefix, .ipv4Range:
            let (from, to) = (IPv4Address(bits: UInt32(first)), IPv4Address(bits: UInt32(last)))
            return single ? .ipv4(from) : IPv4Range(from, to).map(Value.ipv4Range)
        case .port, .portRange:
            return single ? .port(UInt16(first)) : PortRange(Int(first), Int(last)).map(Value.portRange)
        case .ipProtocol, .ipProtocolRange:
            return single ? .ipProtocol(IPProtocol(number: UInt8(first))) : .ipProtocolRange(bytes)
        case .icmpType, .icmpTypeRange: return single ? .icmpType(UInt8(first)) : .icmpTypeRange(bytes)
        case .icmpCode, .icmpCodeRange: return single ? .icmpCode(UInt8(first)) : .icmpCodeRange(bytes)
        case .mark: return single ? .mark(UInt32(first)) : nil
        case .slot: return single ? .slot(UInt32(first)) : nil
        default: return nil
        }
    }
}
