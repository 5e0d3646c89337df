public import NetworkVocabulary

/// A register of the kernel's rule machine: sixteen words of four bytes. Longer values lie in consecutive words.
///
/// The kernel also numbers groups of four words (NFT_REG_1…4) and reports whichever number is the shorter name; a word
/// index is the one spelling without doubles.
public struct Register: Hashable, Sendable {
    public let word: UInt32

    public init(word: UInt32) { self.word = word }

    public static let first = Register(word: 0)
    /// The second group of four words.
    static let second = Register(word: 4)

    /// The number in netlink messages, spelled as the kernel reports it.
    public var number: UInt32 { word % 4 == 0 ? 1 + word / 4 : 8 + word }

    /// Nil for the verdict register and numbers out of range.
    public init?(number: UInt32) {
        switch number {
        case 1...4: word = (number - 1) * 4
        case 8...23: word = number - 8
        default: return nil
        }
    }

    /// The register behind a value of so many bytes in this one.
    func after(_ byteCount: Int) -> Register { Register(word: word + UInt32(paddedToRegister(byteCount) / 4)) }
}

/// One instruction of a rule as the kernel runs it: what `Rule.expressions(in:)` produces and what is read back.
///
/// An instruction that fails to match (`compare`, `range`, `lookup`, `limit` when the rate is exceeded, a load of
/// something the packet does not have) ends the rule. Bytes are as registers hold them: network order for header
/// fields, machine order for marks and connection tracking.
public enum Expression: Hashable, Sendable {
    public enum MetaKey: UInt32, Hashable, Sendable {
        case networkFrameProtocol = 1
        case mark = 3
        case inputInterfaceName = 6
        case outputInterfaceName = 7
        case inputInterfaceType = 8
        case networkProtocol = 15
        case transportProtocol = 16
    }

    public enum ConnectionKey: UInt32, Hashable, Sendable {
        case state = 0
        case direction = 1
        case status = 2
        case mark = 3
        case sourcePort = 11
        case destinationPort = 12
        case ipv4Source = 19
        case ipv4Destination = 20
        case ipv6Source = 21
        case ipv6Destination = 22
    }

    public enum Header: UInt32, Hashable, Sendable {
        case link, network, transport
    }

    public enum Operator: UInt32, Hashable, Sendable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    }

    /// What a lookup leaves behind when it finds the key.
    public enum Result: Hashable, Sendable {
        case membership
        case data(Register)
        case verdict
    }

    public enum Translation: UInt32, Hashable, Sendable {
        case source, destination
    }

    case loadMeta(MetaKey, into: Register)
    case setMeta(MetaKey, from: Register)
    /// Addresses and ports are those of one direction's tuple; the other keys have none.
    case loadConnection(ConnectionKey, ConnectionDirection? = nil, into: Register)
    case setConnection(ConnectionKey, from: Register)
    case loadPayload(Header, offset: UInt32, length: UInt32, into: Register)
    case compare(Register, Operator, [UInt8])
    /// Whether the register lies between both bounds (included); `inverted` asks for outside.
    case range(Register, inverted: Bool, from: [UInt8], through: [UInt8])
    /// `(register & mask) ^ xor`, written back to the same register.
    case bitwise(Register, mask: [UInt8], xor: [UInt8])
    case immediate([UInt8], into: Register)
    /// `offset`, then the numbers after it, and after `modulus` of them from the beginning.
    case count(modulus: UInt32, offset: UInt32, into: Register)
    /// Jenkins' hash of so many bytes, scaled down to less than `modulus`, and `offset` added.
    case hash(Register, byteCount: UInt32, seed: UInt32, modulus: UInt32, offset: UInt32, into: Register)
    case verdict(Verdict)
    case lookup(Register, in: SetReference, Result, inverted: Bool)
    /// Rewrites an address, and the port when a register for it is given.
    case translate(Translation, AddressFamily, address: Register?, port: Register?, flags: UInt32)
    case masquerade(flags: UInt32)
    case counter
    case limit(RateLimit)
    /// NFT_REJECT_* and the code.
    case reject(type: UInt32, code: UInt8)
    case log(prefix: String)
    /// Something in the kernel that rules of ours never contain.
    case foreign(String)
}

/// The set that a lookup asks.
public enum SetReference: Hashable, Sendable {
    case named(SetName)
    /// Belongs to its rule: constant, without a name of its own.
    case anonymous(AnonymousSet)
}

/// The values of a `{ … }` in a rule.
public struct AnonymousSet: Hashable, Sendable {
    /// First and last value of a member as registers hold them.
    public struct Member: Hashable, Sendable {
        public let first: [UInt8]
        public let last: [UInt8]

        public init(first: [UInt8], last: [UInt8]) {
            self.first = first
            self.last = last
        }
    }

    /// nft's number of the type.
    public let typeCode: UInt32
    public let byteCount: Int
    /// Kept as ranges by the kernel.
    public let isInterval: Bool
    /// In ascending order; ranges neither overlap nor touch.
    public let members: [Member]

    /// Sorts the members and, for intervals, joins those that overlap or touch: what the kernel holds.
    public init(typeCode: UInt32, byteCount: Int, isInterval: Bool, members: [Member]) {
        self.typeCode = typeCode
        self.byteCount = byteCount
        self.isInterval = isInterval
        var joined: [Member] = []
        for member in members.sorted(by: { $0.first.lexicographicallyPrecedes($1.first) }) {
            guard let previous = joined.last else {
                joined.append(member)
                continue
            }
            if member == previous { continue }
            let next = successor(of: previous.last)
            if isInterval, next.map({ !$0.lexicographicallyPrecedes(member.first) }) ?? true {
                joined.removeLast()
                let last = previous.last.lexicographicallyPrecedes(member.last) ? member.last : previous.last
                joined.append(Member(first: previous.first, last: last))
            } else {
                joined.append(member)
            }
        }
        self.members = joined
    }
}
