import Glibc
import NetworkVocabulary
import Testing

/// The C library's own reading and writing of addresses beside ours, on seeded random input.
@Suite struct OracleTests {
    static func parse(_ text: String, family: Int32, size: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: size)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }

    static func print(_ octets: [UInt8], family: Int32) -> String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, octets, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    @Test func `IPv4 addresses are written as inet_ntop writes them and read back`() {
        var generator = Seeded(seed: 1)
        for _ in 0..<2_000 {
            let address = IPv4Address(bits: generator.next())
            #expect(address.description == Self.print(address.octets, family: AF_INET))
            #expect(IPv4Address(address.description) == address)
        }
    }

    @Test func `texts like IPv4 are accepted and refused as by inet_pton`() {
        var generator = Seeded(seed: 2)
        var accepted = 0
        for _ in 0..<20_000 {
            let octets = ["0", "1", "00", "01", "9", "25", "255", "256", "1234", "", " 1", "1 ", "-1", ".", "0x1"]
            // One octet in three is taken from the crooked ones, so that valid texts are common too.
            let text = (0..<Int.random(in: 3...5, using: &generator)).map { _ in
                let usual = Int.random(in: 0..<3, using: &generator) > 0
                return usual ? "\(generator.next() as UInt8)" : generator.text(from: octets, upTo: 1)
            }
            .joined(separator: ".")
            let ours = IPv4Address(text)?.octets
            #expect(ours == Self.parse(text, family: AF_INET, size: 4), "\(text.debugDescription)")
            if ours != nil { accepted += 1 }
        }
        #expect((1_000..<19_000).contains(accepted), "the generator must reach valid texts to mean anything")
    }

    @Test func `IPv6 addresses are written as inet_ntop writes them and read back`() {
        var generator = Seeded(seed: 3)
        for round in 0..<6_000 {
            // Zero groups are what the rules are about: take out more of them in every other round.
            let zeros: UInt64 = round % 2 == 0 ? generator.next() & generator.next() : generator.next()
            let mask = (0..<8).reduce((UInt64(0), UInt64(0))) { halves, group in
                let bits: UInt64 = zeros >> UInt64(group) & 1 == 1 ? 0xffff : 0
                return group < 4 ? (halves.0 << 16 | bits, halves.1) : (halves.0, halves.1 << 16 | bits)
            }
            let address = IPv6Address(high: generator.next() & mask.0, low: generator.next() & mask.1)
            #expect(IPv6Address(address.description) == address)
            // inet_ntop also writes ::0.1.0.2 for the IPv4-compatible addresses that RFC 4291 deprecated and
            // RFC 5952 does not name; we write those in hexadecimal.
            if address.high == 0, address.low >> 32 == 0, address.low >> 16 != 0 { continue }
            #expect(address.description == Self.print(address.octets, family: AF_INET6))
        }
    }

    @Test func `IPv4-mapped addresses are written as inet_ntop writes them`() {
        var generator = Seeded(seed: 4)
        for _ in 0..<200 {
            let address = IPv6Address(high: 0, low: 0xffff_0000_0000 | generator.next() >> 32)
            #expect(address.description == Self.print(address.octets, family: AF_INET6))
        }
    }

    @Test func `texts like IPv6 are accepted and refused as by inet_pton`() {
        var generator = Seeded(seed: 5)
        let pieces = ["0", "1", "ab", "FFFF", "12345", ":", ":", ":", ":", "::", "1.2.3.4", "g", "0001", "."]
        var accepted = 0
        for _ in 0..<40_000 {
            let text = generator.text(from: pieces, upTo: 17)
            let ours = IPv6Address(text)?.octets
            #expect(ours == Self.parse(text, family: AF_INET6, size: 16), "\(text.debugDescription)")
            if ours != nil { accepted += 1 }
        }
        #expect(accepted > 200, "the generator must reach valid texts to mean anything")
    }

    @Test func `one changed byte in a valid text is judged as by inet_pton`() {
        var generator = Seeded(seed: 6)
        let bytes = Array("0123456789abcdefABCDEF:.gG /%-+".utf8)
        for _ in 0..<10_000 {
            let zeros = generator.next() as UInt64
            let address = IPv6Address(high: generator.next() & zeros, low: generator.next() & ~zeros)
            var text = Array(address.description.utf8)
            text[Int(generator.next() % UInt64(text.count))] = bytes[Int(generator.next() % UInt64(bytes.count))]
            let changed = String(decoding: text, as: UTF8.self)
            #expect(
                IPv6Address(changed)?.octets == Self.parse(changed, family: AF_INET6, size: 16),
                "\(changed.debugDescription)")
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every run.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func text(from pieces: [String], upTo count: Int) -> String {
        (0..<Int.random(in: 1...count, using: &self)).map { _ in pieces[Int.random(in: pieces.indices, using: &self)] }
            .joined()
    }
}
