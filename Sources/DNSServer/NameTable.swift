/// Names in wire format and what they stand for, found without making anything of the bytes that ask: an open hash table
/// whose keys lie in one array.
struct NameTable: Sendable {
    private struct Slot: Sendable {
        var hash: UInt32 = 0
        /// Where the key is; nil length is an empty slot.
        var start: UInt32 = 0
        var length: UInt16 = 0
        var value: UInt32 = 0
    }

    private var slots: [Slot] = [Slot](repeating: Slot(), count: 16)
    private var keys: [UInt8] = []
    private var wasted = 0
    private(set) var count = 0

    /// FNV-1a over the small letters. Names come from the plan, so nobody can choose them to collide.
    @inline(__always) private static func hash(_ bytes: RawSpan, _ range: Range<Int>) -> UInt32 {
        var hash: UInt32 = 2_166_136_261
        for offset in range { hash = (hash ^ UInt32(lowercased(bytes, offset))) &* 16_777_619 }
        return hash
    }

    @inline(__always) private static func lowercased(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
        let byte = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
        return byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// What the name at `range` stands for, whatever the case of its letters.
    func find(_ bytes: RawSpan, _ range: Range<Int>) -> UInt32? {
        guard let slot = slot(bytes, range, Self.hash(bytes, range)), slots[slot].length != 0 else { return nil }
        return slots[slot].value
    }

    func find(_ name: [UInt8]) -> UInt32? { find(name.span.bytes, 0..<name.count) }

    /// The slot that holds the name, or the one where it would be.
    private func slot(_ bytes: RawSpan, _ range: Range<Int>, _ hash: UInt32) -> Int? {
        var at = Int(hash) & (slots.count - 1)
        for _ in slots.indices {
            let slot = slots[at]
            if slot.length == 0 { return at }
            if slot.hash == hash, Int(slot.length) == range.count, isKey(slot, bytes, range.lowerBound) { return at }
            at = (at + 1) & (slots.count - 1)
        }
        return nil
    }

    private func isKey(_ slot: Slot, _ bytes: RawSpan, _ start: Int) -> Bool {
        for offset in 0..<Int(slot.length)
        where keys[Int(slot.start) + offset] != Self.lowercased(bytes, start + offset) {
            return false
        }
        return true
    }

    mutating func set(_ name: [UInt8], _ value: UInt32) {
        if (count + 1) * 4 > slots.count * 3 { rebuild(slots.count * 2) }
        let hash = Self.hash(name.span.bytes, 0..<name.count)
        guard let at = slot(name.span.bytes, 0..<name.count, hash) else { return }
        if slots[at].length == 0 {
            count += 1
            slots[at] = Slot(hash: hash, start: UInt32(keys.count), length: UInt16(name.count), value: value)
            for offset in name.indices { keys.append(Self.lowercased(name.span.bytes, offset)) }
        } else {
            slots[at].value = value
        }
    }

    /// Those behind it that were pushed on move up, so that nothing marks where something was.
    mutating func remove(_ name: [UInt8]) {
        let hash = Self.hash(name.span.bytes, 0..<name.count)
        guard var hole = slot(name.span.bytes, 0..<name.count, hash), slots[hole].length != 0 else { return }
        count -= 1
        wasted += name.count
        slots[hole] = Slot()
        var at = (hole + 1) & (slots.count - 1)
        while slots[at].length != 0 {
            let home = Int(slots[at].hash) & (slots.count - 1)
            // Whether its home lies outside (hole, at], going round.
            if (at - home) & (slots.count - 1) >= (at - hole) & (slots.count - 1) {
                slots[hole] = slots[at]
                slots[at] = Slot()
                hole = at
            }
            at = (at + 1) & (slots.count - 1)
        }
        if wasted > keys.count / 2, wasted > 4096 { rebuild(slots.count) }
    }

    private mutating func rebuild(_ size: Int) {
        let old = (slots: slots, keys: keys)
        slots = [Slot](repeating: Slot(), count: size)
        keys = []
        wasted = 0
        for var slot in old.slots where slot.length != 0 {
            let key = old.keys[Int(slot.start)..<Int(slot.start) + Int(slot.length)]
            slot.start = UInt32(keys.count)
            keys += key
            var at = Int(slot.hash) & (size - 1)
            while slots[at].length != 0 { at = (at + 1) & (size - 1) }
            slots[at] = slot
        }
    }
}
