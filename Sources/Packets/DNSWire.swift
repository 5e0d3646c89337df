/// Numbers of the DNS (RFC 1035 and later ones).
public struct DNSType: Hashable, Sendable {
    public let code: UInt16

    public init(_ code: UInt16) { self.code = code }

    public static let a = Self(1)
    public static let ns = Self(2)
    public static let cname = Self(5)
    public static let soa = Self(6)
    public static let ptr = Self(12)
    public static let hinfo = Self(13)
    public static let mx = Self(15)
    public static let txt = Self(16)
    static let responsiblePerson = Self(17)
    static let afsdb = Self(18)
    static let routeThrough = Self(21)
    public static let aaaa = Self(28)
    public static let srv = Self(33)
    /// The pseudo-record of EDNS (RFC 6891).
    public static let opt = Self(41)
    public static let ixfr = Self(251)
    public static let axfr = Self(252)
    public static let any = Self(255)
}

extension DNSType {
    /// Where names stand in the value of a record: bytes before them, names, bytes behind; nil where there are none. Names
    /// may be compressed in the types of RFC 1035 and, by those who do not know better, in some older ones; in no others
    /// (RFC 3597 section 4).
    var namesInValue: (before: Int, count: Int, behind: Int)? {
        switch self {
        case .ns, .cname, .ptr: (0, 1, 0)
        case .mx, .afsdb, .routeThrough: (2, 1, 0)
        case .srv: (6, 1, 0)
        case .responsiblePerson: (0, 2, 0)
        case .soa: (0, 2, 20)
        default: nil
        }
    }
}

public enum DNSResponseCode {
    public static let noError: UInt8 = 0
    public static let formatError: UInt8 = 1
    public static let serverFailure: UInt8 = 2
    public static let nameError: UInt8 = 3
    public static let notImplemented: UInt8 = 4
    public static let refused: UInt8 = 5
}

/// The second word of a message's header.
public struct DNSFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let response = Self(rawValue: 0x8000)
    public static let authoritative = Self(rawValue: 0x0400)
    public static let truncated = Self(rawValue: 0x0200)
    public static let recursionDesired = Self(rawValue: 0x0100)
    public static let recursionAvailable = Self(rawValue: 0x0080)
    public static let authenticated = Self(rawValue: 0x0020)
    public static let checkingDisabled = Self(rawValue: 0x0010)

    public var operation: UInt8 { UInt8(rawValue >> 11 & 15) }
    public var code: UInt8 { UInt8(rawValue & 15) }

    public func with(code: UInt8) -> Self { Self(rawValue: rawValue & ~15 | UInt16(code & 15)) }
}

/// Walking over names in a message. No name is longer than 255 bytes, and a pointer leads backwards only, so that no walk
/// is endless.
enum DNSWalk {
    static let headerLength = 12
    static let longestName = 255

    /// Where a name that starts at `start` ends in the message; nil when it runs over the end, or points anywhere but
    /// before itself. What it points to is not looked at.
    static func end(of start: Int, in bytes: RawSpan) -> Int? {
        var at = start
        while at < bytes.byteCount {
            let length = Int(bytes.octet(at))
            switch length & 0xc0 {
            case 0:
                if length == 0 { return at - start < longestName ? at + 1 : nil }
                at += 1 + length
            case 0xc0:
                guard at + 1 < bytes.byteCount else { return nil }
                let target = Int(bytes.word(at)) & 0x3fff
                return target >= headerLength && target < start ? at + 2 : nil
            default: return nil
            }
            if at - start >= longestName { return nil }
        }
        return nil
    }

    /// Appends the name without pointers; the end of its first part, or nil when it is no name.
    static func expand(_ start: Int, in bytes: RawSpan, to out: inout [UInt8]) -> Int? {
        let first = out.count
        var at = start
        // A pointer leads to a name that stands wholly before the part that it ends: parts get ever earlier, and none
        // reads what comes behind it, which an answer that is given on may lack.
        var part = start
        var limit = bytes.byteCount
        var end: Int?
        while at < limit {
            let length = Int(bytes.octet(at))
            switch length & 0xc0 {
            case 0:
                guard out.count - first + 1 + length <= longestName, at + 1 + length <= limit else {
                    return nil
                }
                for offset in at...at + length { out.append(bytes.octet(offset)) }
                at += 1 + length
                if length == 0 { return end ?? at }
            case 0xc0:
                guard at + 1 < limit else { return nil }
                let target = Int(bytes.word(at)) & 0x3fff
                guard target >= headerLength, target < part else { return nil }
                if end == nil { end = at + 2 }
                (at, part, limit) = (target, target, part)
            default: return nil
            }
        }
        return nil
    }

    /// Appends the value of a record with the names in it written out; false when they do not fill it.
    static func value(of type: DNSType, _ range: Range<Int>, in bytes: RawSpan, to out: inout [UInt8]) -> Bool {
        guard let names = type.namesInValue else {
            out.append(bytes, range)
            return true
        }
        guard range.count >= names.before + names.behind else { return false }
        var at = range.lowerBound + names.before
        out.append(bytes, range.lowerBound..<at)
        for _ in 0..<names.count {
            guard let end = expand(at, in: bytes, to: &out), end <= range.upperBound else { return false }
            at = end
        }
        guard at + names.behind == range.upperBound else { return false }
        out.append(bytes, at..<range.upperBound)
        return true
    }

    /// Letters of ASCII in small; everything else is itself (RFC 4343).
    @inline(__always) static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}
