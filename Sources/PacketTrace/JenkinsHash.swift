extension Number {
    /// The last so many bytes, the most significant one first.
    func bytes(_ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: self >> Number(8 * $0)) }
    }
}

/// Bob Jenkins' hash ("lookup3") as Linux computes it over bytes.
func jenkinsHash(_ bytes: [UInt8], seed: UInt32) -> UInt32 {
    let start = 0xdead_beef &+ UInt32(bytes.count) &+ seed
    var state = (a: start, b: start, c: start)
    var rest = bytes[...]
    while rest.count > 12 {
        take(rest.prefix(12), into: &state)
        mix(&state)
        rest = rest.dropFirst(12)
    }
    guard !rest.isEmpty else { return state.c }
    take(rest, into: &state)
    finish(&state)
    return state.c
}

private typealias HashState = (a: UInt32, b: UInt32, c: UInt32)

/// Adds up to twelve bytes to the three words, the least significant one first.
private func take(_ bytes: ArraySlice<UInt8>, into state: inout HashState) {
    for (place, byte) in bytes.enumerated() {
        let part = UInt32(byte) << UInt32(8 * (place % 4))
        switch place / 4 {
        case 0: state.a &+= part
        case 1: state.b &+= part
        default: state.c &+= part
        }
    }
}

private func mix(_ s: inout HashState) {
    func step(_ x: inout UInt32, _ y: UInt32, _ z: UInt32, _ rotation: UInt32) -> UInt32 {
        x &-= y
        x ^= rotated(y, rotation)
        return y &+ z
    }
    s.c = step(&s.a, s.c, s.b, 4)
    s.a = step(&s.b, s.a, s.c, 6)
    s.b = step(&s.c, s.b, s.a, 8)
    s.c = step(&s.a, s.c, s.b, 16)
    s.a = step(&s.b, s.a, s.c, 19)
    s.b = step(&s.c, s.b, s.a, 4)
}

private func finish(_ s: inout HashState) {
    func step(_ x: inout UInt32, _ y: UInt32, _ rotation: UInt32) {
        x ^= y
        x &-= rotated(y, rotation)
    }
    step(&s.c, s.b, 14)
    step(&s.a, s.c, 11)
    step(&s.b, s.a, 25)
    step(&s.c, s.b, 16)
    step(&s.a, s.c, 4)
    step(&s.b, s.a, 14)
    step(&s.c, s.b, 24)
}

private func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
