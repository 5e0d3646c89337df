internal import CLinux
internal import Glibc
internal import NetworkVocabulary
internal import Ruleset

/// A rule's instructions to and from libnftnl's form.
extension Expression {
    /// The name of an anonymous set in the batch, and the number that ties the lookup to it.
    static let anonymousName = "__set%d"

    /// The library's object, owned by the caller.
    func encoded(anonymousID: UInt32?) throws(NetfilterError) -> OpaquePointer {
        switch self {
        case .loadMeta(let key, let register):
            return try Self.make("meta") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_META_KEY), key.rawValue)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_META_DREG), register.number)
            }
        case .setMeta(let key, let register):
            return try Self.make("meta") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_META_KEY), key.rawValue)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_META_SREG), register.number)
            }
        case .loadConnection(let key, let direction, let register):
            return try Self.make("ct") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_CT_KEY), key.rawValue)
                if let direction { nftnl_expr_set_u8($0, number(NFTNL_EXPR_CT_DIR), direction.rawValue) }
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_CT_DREG), register.number)
            }
        case .setConnection(let key, let register):
            return try Self.make("ct") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_CT_KEY), key.rawValue)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_CT_SREG), register.number)
            }
        case .loadPayload(let header, let offset, let length, let register):
            return try Self.make("payload") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_PAYLOAD_BASE), header.rawValue)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_PAYLOAD_OFFSET), offset)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_PAYLOAD_LEN), length)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_PAYLOAD_DREG), register.number)
            }
        case .compare(let register, let comparison, let value):
            return try Self.make("cmp") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_CMP_SREG), register.number)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_CMP_OP), comparison.rawValue)
                Self.set($0, NFTNL_EXPR_CMP_DATA, value)
            }
        case .range(let register, let inverted, let first, let last):
            return try Self.make("range") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_RANGE_SREG), register.number)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_RANGE_OP), inverted ? 1 : 0)
                Self.set($0, NFTNL_EXPR_RANGE_FROM_DATA, first)
                Self.set($0, NFTNL_EXPR_RANGE_TO_DATA, last)
            }
        case .bitwise(let register, let mask, let xor):
            return try Self.make("bitwise") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_BITWISE_SREG), register.number)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_BITWISE_DREG), register.number)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_BITWISE_OP), 0)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_BITWISE_LEN), UInt32(mask.count))
                Self.set($0, NFTNL_EXPR_BITWISE_MASK, mask)
                Self.set($0, NFTNL_EXPR_BITWISE_XOR, xor)
            }
        case .immediate(let value, let register):
            return try Self.make("immediate") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_IMM_DREG), register.number)
                Self.set($0, NFTNL_EXPR_IMM_DATA, value)
            }
        case .count(let modulus, let offset, let register):
            return try Self.make("numgen") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_NG_DREG), register.number)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_NG_MODULUS), modulus)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_NG_TYPE), UInt32(NFT_NG_INCREMENTAL.rawValue))
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_NG_OFFSET), offset)
            }
        case .hash(let source, let byteCount, let seed, let modulus, let offset, let register):
            return try Self.make("hash") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_HASH_TYPE), UInt32(NFT_HASH_JENKINS.rawValue))
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_HASH_SREG), source.number)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_HASH_DREG), register.number)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_HASH_LEN), byteCount)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_HASH_MODULUS), modulus)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_HASH_SEED), seed)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_HASH_OFFSET), offset)
            }
        case .verdict(let verdict):
            return try Self.make("immediate") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_IMM_DREG), 0)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_IMM_VERDICT), verdict.code)
                if let chain = verdict.chain { nftnl_expr_set_str($0, number(NFTNL_EXPR_IMM_CHAIN), chain.text) }
            }
        case .lookup(let register, let set, let result, let inverted):
            return try Self.make("lookup") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_LOOKUP_SREG), register.number)
                switch set {
                case .named(let name): nftnl_expr_set_str($0, number(NFTNL_EXPR_LOOKUP_SET), name.text)
                case .anonymous:
                    nftnl_expr_set_str($0, number(NFTNL_EXPR_LOOKUP_SET), Self.anonymousName)
                    nftnl_expr_set_u32($0, number(NFTNL_EXPR_LOOKUP_SET_ID), anonymousID ?? 0)
                }
                switch result {
                case .membership: break
                case .data(let register): nftnl_expr_set_u32($0, number(NFTNL_EXPR_LOOKUP_DREG), register.number)
                case .verdict: nftnl_expr_set_u32($0, number(NFTNL_EXPR_LOOKUP_DREG), 0)
                }
                if inverted { nftnl_expr_set_u32($0, number(NFTNL_EXPR_LOOKUP_FLAGS), 1) }
            }
        case .translate(let translation, let family, let address, let port, let flags):
            return try Self.make("nat") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_NAT_TYPE), translation.rawValue)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_NAT_FAMILY), UInt32(family.netfilterNumber))
                if let address { nftnl_expr_set_u32($0, number(NFTNL_EXPR_NAT_REG_ADDR_MIN), address.number) }
                if let port { nftnl_expr_set_u32($0, number(NFTNL_EXPR_NAT_REG_PROTO_MIN), port.number) }
                if flags != 0 { nftnl_expr_set_u32($0, number(NFTNL_EXPR_NAT_FLAGS), flags) }
            }
        case .masquerade(let flags):
            return try Self.make("masq") {
                if flags != 0 { nftnl_expr_set_u32($0, number(NFTNL_EXPR_MASQ_FLAGS), flags) }
            }
        case .counter:
            return try Self.make("counter") { _ in }
        case .limit(let limit):
            return try Self.make("limit") {
                nftnl_expr_set_u64($0, number(NFTNL_EXPR_LIMIT_RATE), limit.packets)
                nftnl_expr_set_u64($0, number(NFTNL_EXPR_LIMIT_UNIT), limit.per.seconds)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_LIMIT_BURST), limit.burst)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_LIMIT_TYPE), 0)
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_LIMIT_FLAGS), 0)
            }
        case .reject(let type, let code):
            return try Self.make("reject") {
                nftnl_expr_set_u32($0, number(NFTNL_EXPR_REJECT_TYPE), type)
                nftnl_expr_set_u8($0, number(NFTNL_EXPR_REJECT_CODE), code)
            }
        case .log(let prefix):
            return try Self.make("log") { nftnl_expr_set_str($0, number(NFTNL_EXPR_LOG_PREFIX), prefix) }
        case .foreign(let name): throw .unwritable(name)
        }
    }

    private static func make(
        _ name: String, _ fill: (OpaquePointer) -> Void
    ) throws(NetfilterError) -> OpaquePointer {
        guard let expression = nftnl_expr_alloc(name) else { throw .system(operation: "allocate", errno: ENOMEM) }
        fill(expression)
        return expression
    }

    private static func set(_ expression: OpaquePointer, _ attribute: Int, _ value: [UInt8]) {
        value.withUnsafeBytes {
            _ = nftnl_expr_set(expression, number(attribute), $0.baseAddress, UInt32($0.count))
        }
    }
}

extension Expression {
    /// Reads the library's object; `set` answers with the named or anonymous set behind a name.
    init(decoding expression: OpaquePointer, set: (String) -> SetReference) {
        let kind = nftnl_expr_get_str(expression, number(NFTNL_EXPR_NAME)).map { String(cString: $0) } ?? ""
        self = Self.decode(kind, expression, set) ?? .foreign(kind)
    }

    private static func decode(_ kind: String, _ expression: OpaquePointer, _ set: (String) -> SetReference) -> Self? {
        func has(_ attribute: Int) -> Bool { nftnl_expr_is_set(expression, number(attribute)) }
        func number32(_ attribute: Int) -> UInt32 { nftnl_expr_get_u32(expression, number(attribute)) }
        func register(_ attribute: Int) -> Register? {
            has(attribute) ? Register(number: number32(attribute)) : nil
        }
        func data(_ attribute: Int) -> [UInt8] {
            var count: UInt32 = 0
            let pointer = nftnl_expr_get(expression, number(attribute), &count)
            return bytes(pointer, count)
        }
        func text(_ attribute: Int) -> String? {
            nftnl_expr_get_str(expression, number(attribute)).map { String(cString: $0) }
        }
        switch kind {
        case "meta":
            guard let key = MetaKey(rawValue: number32(NFTNL_EXPR_META_KEY)) else { return nil }
            if let into = register(NFTNL_EXPR_META_DREG) { return .loadMeta(key, into: into) }
            return register(NFTNL_EXPR_META_SREG).map { .setMeta(key, from: $0) }
        case "ct":
            guard let key = ConnectionKey(rawValue: number32(NFTNL_EXPR_CT_KEY)) else { return nil }
            var direction: ConnectionDirection?
            if has(NFTNL_EXPR_CT_DIR) {
                let value = nftnl_expr_get_u8(expression, number(NFTNL_EXPR_CT_DIR))
                guard let known = ConnectionDirection(rawValue: value) else { return nil }
                direction = known
            }
            if let into = register(NFTNL_EXPR_CT_DREG) { return .loadConnection(key, direction, into: into) }
            guard direction == nil else { return nil }
            return register(NFTNL_EXPR_CT_SREG).map { .setConnection(key, from: $0) }
        case "payload":
            guard let header = Header(rawValue: number32(NFTNL_EXPR_PAYLOAD_BASE)),
                let into = register(NFTNL_EXPR_PAYLOAD_DREG)
            else { return nil }
            return .loadPayload(
                header, offset: number32(NFTNL_EXPR_PAYLOAD_OFFSET), length: number32(NFTNL_EXPR_PAYLOAD_LEN),
                into: into)
        case "cmp":
            guard let source = register(NFTNL_EXPR_CMP_SREG),
                let comparison = Operator(rawValue: number32(NFTNL_EXPR_CMP_OP))
            else { return nil }
            return .compare(source, comparison, data(NFTNL_EXPR_CMP_DATA))
        case "range":
            guard let source = register(NFTNL_EXPR_RANGE_SREG) else { return nil }
            return .range(
                source, inverted: number32(NFTNL_EXPR_RANGE_OP) == 1, from: data(NFTNL_EXPR_RANGE_FROM_DATA),
                through: data(NFTNL_EXPR_RANGE_TO_DATA))
        case "bitwise":
            guard let source = register(NFTNL_EXPR_BITWISE_SREG), register(NFTNL_EXPR_BITWISE_DREG) == source,
                number32(NFTNL_EXPR_BITWISE_OP) == 0
            else { return nil }
            return .bitwise(source, mask: data(NFTNL_EXPR_BITWISE_MASK), xor: data(NFTNL_EXPR_BITWISE_XOR))
        case "immediate":
            if let into = register(NFTNL_EXPR_IMM_DREG) { return .immediate(data(NFTNL_EXPR_IMM_DATA), into: into) }
            let verdict = Verdict(code: number32(NFTNL_EXPR_IMM_VERDICT), chain: text(NFTNL_EXPR_IMM_CHAIN))
            return verdict.map { .verdict($0) }
        case "numgen":
            guard number32(NFTNL_EXPR_NG_TYPE) == NFT_NG_INCREMENTAL.rawValue,
                let into = register(NFTNL_EXPR_NG_DREG)
            else { return nil }
            return .count(
                modulus: number32(NFTNL_EXPR_NG_MODULUS), offset: number32(NFTNL_EXPR_NG_OFFSET), into: into)
        case "hash":
            guard number32(NFTNL_EXPR_HASH_TYPE) == NFT_HASH_JENKINS.rawValue,
                let source = register(NFTNL_EXPR_HASH_SREG), let into = register(NFTNL_EXPR_HASH_DREG)
            else { return nil }
            return .hash(
                source, byteCount: number32(NFTNL_EXPR_HASH_LEN), seed: number32(NFTNL_EXPR_HASH_SEED),
                modulus: number32(NFTNL_EXPR_HASH_MODULUS), offset: number32(NFTNL_EXPR_HASH_OFFSET), into: into)
        case "lookup":
            guard let source = register(NFTNL_EXPR_LOOKUP_SREG), let name = text(NFTNL_EXPR_LOOKUP_SET) else {
                return nil
            }
            let inverted = has(NFTNL_EXPR_LOOKUP_FLAGS) && number32(NFTNL_EXPR_LOOKUP_FLAGS) & 1 == 1
            let result: Result
            if !has(NFTNL_EXPR_LOOKUP_DREG) {
                result = .membership
            } else if let into = register(NFTNL_EXPR_LOOKUP_DREG) {
                result = .data(into)
            } else {
                result = .verdict
            }
            return .lookup(source, in: set(name), result, inverted: inverted)
        case "nat":
            guard let translation = Translation(rawValue: number32(NFTNL_EXPR_NAT_TYPE)),
                let family = AddressFamily.allCases.first(where: {
                    UInt32($0.netfilterNumber) == number32(NFTNL_EXPR_NAT_FAMILY)
                })
            else { return nil }
            let address = register(NFTNL_EXPR_NAT_REG_ADDR_MIN)
            let port = register(NFTNL_EXPR_NAT_REG_PROTO_MIN)
            // The kernel repeats the lower bound as the upper one when there is none.
            if let last = register(NFTNL_EXPR_NAT_REG_ADDR_MAX), last != address { return nil }
            if let last = register(NFTNL_EXPR_NAT_REG_PROTO_MAX), last != port { return nil }
            // NF_NAT_RANGE_MAP_IPS and _PROTO_SPECIFIED only say again that there are registers.
            let flags = has(NFTNL_EXPR_NAT_FLAGS) ? number32(NFTNL_EXPR_NAT_FLAGS) & ~3 : 0
            return .translate(translation, family, address: address, port: port, flags: flags)
        case "masq":
            guard !has(NFTNL_EXPR_MASQ_REG_PROTO_MIN) else { return nil }
            return .masquerade(flags: has(NFTNL_EXPR_MASQ_FLAGS) ? number32(NFTNL_EXPR_MASQ_FLAGS) : 0)
        case "counter": return .counter
        case "limit":
            let seconds = nftnl_expr_get_u64(expression, number(NFTNL_EXPR_LIMIT_UNIT))
            guard number32(NFTNL_EXPR_LIMIT_TYPE) == 0, number32(NFTNL_EXPR_LIMIT_FLAGS) == 0,
                let unit = [RateLimit.Unit.second, .minute].first(where: { $0.seconds == seconds })
            else { return nil }
            return .limit(
                RateLimit(
                    packets: nftnl_expr_get_u64(expression, number(NFTNL_EXPR_LIMIT_RATE)), per: unit,
                    burst: number32(NFTNL_EXPR_LIMIT_BURST)))
        case "reject":
            return .reject(
                type: number32(NFTNL_EXPR_REJECT_TYPE),
                code: nftnl_expr_get_u8(expression, number(NFTNL_EXPR_REJECT_CODE)))
        case "log":
            // Level 4 ("warning") is what the kernel fills in.
            guard !has(NFTNL_EXPR_LOG_GROUP), !has(NFTNL_EXPR_LOG_LEVEL) || number32(NFTNL_EXPR_LOG_LEVEL) == 4,
                !has(NFTNL_EXPR_LOG_FLAGS) || number32(NFTNL_EXPR_LOG_FLAGS) == 0
            else { return nil }
            return .log(prefix: text(NFTNL_EXPR_LOG_PREFIX) ?? "")
        default: return nil
        }
    }
}

extension RateLimit.Unit {
    var seconds: UInt64 { self == .second ? 1 : 60 }
}

extension Verdict {
    /// NF_* and NFT_* verdict numbers.
    var code: UInt32 {
        switch self {
        case .drop: 0
        case .accept: 1
        case .jump: UInt32(bitPattern: -3)
        case .goto: UInt32(bitPattern: -4)
        case .return: UInt32(bitPattern: -5)
        }
    }

    var chain: ChainName? {
        switch self {
        case .jump(let chain), .goto(let chain): chain
        default: nil
        }
    }

    init?(code: UInt32, chain: String?) {
        switch (Int32(bitPattern: code), chain) {
        case (0, nil): self = .drop
        case (1, nil): self = .accept
        case (-5, nil): self = .return
        case (-3, let name?): self = .jump(ChainName(name))
        case (-4, let name?): self = .goto(ChainName(name))
        default: return nil
        }
    }
}
