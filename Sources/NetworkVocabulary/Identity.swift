/// The identity of an API object: a UUID, printed in lower case.
public struct ObjectID: Hashable, Comparable, Sendable {
    public let high: UInt64
    public let low: UInt64

    /// An id from 128 random bits; version and variant bits are set as RFC 9562 wants for version 4.
    public init(random high: UInt64, _ low: UInt64) {
        self.high = high & ~0xf000 | 0x4000
        self.low = low & ~(0b11 << 62) | 0b10 << 62
    }

    /// The id of what every installation has under the name: always the same, so that nothing else is numbered differently
    /// because of it. Version 8 of RFC 9562; the halves are FNV-1a of the name from two beginnings.
    public init(wellKnown name: String) {
        func hash(_ start: UInt64) -> UInt64 {
            name.utf8.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }
        high = hash(0xcbf2_9ce4_8422_2325) & ~0xf000 | 0x8000
        low = hash(0x6c62_272e_07bb_0142) & ~(0b11 << 62) | 0b10 << 62
    }

    public static func < (a: Self, b: Self) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

extension ObjectID: LosslessStringConvertible, TextCoded {
    /// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, either case.
    public init?(_ text: String) {
        var halves: (UInt64, UInt64) = (0, 0)
        var digits = 0
        guard text.utf8.count == 36 else { return nil }
        for (offset, byte) in text.utf8.enumerated() {
            if [8, 13, 18, 23].contains(offset) {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt64
            switch byte {
            case 48...57: digit = UInt64(byte) - 48
            case 65...70: digit = UInt64(byte) - 55
            case 97...102: digit = UInt64(byte) - 87
            default: return nil
            }
            if digits < 16 { halves.0 = halves.0 << 4 | digit } else { halves.1 = halves.1 << 4 | digit }
            digits += 1
        }
        (high, low) = halves
    }

    public var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36)
        for nibble in 0..<32 {
            if [8, 12, 16, 20].contains(nibble) { bytes.append(UInt8(ascii: "-")) }
            let half = nibble < 16 ? high : low
            let value = UInt8(truncatingIfNeeded: half >> UInt64(60 - 4 * (nibble % 16))) & 15
            bytes.append(value < 10 ? 48 + value : 87 + value)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Where new ids come from: injected, so that tests and replays are repeatable.
public protocol IDSource {
    mutating func next() -> ObjectID
}

/// Ids from any random number generator.
public struct RandomIDs<Generator: RandomNumberGenerator>: IDSource {
    private var generator: Generator

    public init(_ generator: Generator) { self.generator = generator }

    public mutating func next() -> ObjectID { ObjectID(random: generator.next(), generator.next()) }
}

/// A position in the ledger: the model after that many committed entries.
public struct Revision: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    public let number: UInt64

    public init(_ number: UInt64) { self.number = number }

    public static let zero = Revision(0)
    public var next: Revision { Revision(number + 1) }
    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    public var description: String { "\(number)" }

    public init(from decoder: any Decoder) throws {
        number = try decoder.singleValueContainer().decode(UInt64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }
}

/// The API object behind a planned row, as it appears in comments, traces, counters and errors:
/// `network/6e0c…`, or with the part of the object that the row stands for, `network/6e0c…#egress`.
public struct Origin: Hashable, Comparable, Sendable {
    /// The object's kind in domain words: `network`, `guest`, `publicAddress` … Letters and digits in camel case.
    public let kind: String
    public let id: ObjectID
    public let part: String?

    public init(_ kind: String, _ id: ObjectID, part: String? = nil) {
        self.kind = kind
        self.id = id
        self.part = part
    }

    /// The same object, whatever the part.
    public var object: Origin { Origin(kind, id) }

    public static func < (a: Self, b: Self) -> Bool {
        (a.kind, a.id, a.part ?? "") < (b.kind, b.id, b.part ?? "")
    }
}

extension Origin: LosslessStringConvertible, TextCoded {
    /// `kind/uuid` or `kind/uuid#part`. Marks are read back from kernel objects that anybody could have written, so
    /// what is not an origin of ours is refused: a kind that is no word, a part that is empty or not printable.
    public init?(_ text: String) {
        let pieces = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let object = pieces[0].split(separator: "/", omittingEmptySubsequences: false)
        guard object.count == 2, Self.isKind(object[0]), let id = ObjectID(String(object[1])) else { return nil }
        let part = pieces.count == 2 ? pieces[1] : nil
        guard part.map(Self.isPart) ?? true else { return nil }
        self.init(String(object[0]), id, part: part.map(String.init))
    }

    private static func isKind(_ text: Substring) -> Bool {
        let isWord = text.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
        }
        return isWord && text.utf8.first.map { $0 >= 97 } ?? false
    }

    private static func isPart(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && !"\"\\".utf8.contains($0) }
    }

    public var description: String { part.map { "\(kind)/\(id)#\($0)" } ?? "\(kind)/\(id)" }
}
