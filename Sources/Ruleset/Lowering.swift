import NetworkVocabulary

extension Rule {
    /// The rule as the kernel's instructions, register for register what nft makes of the rule's text, except that nft
    /// joins neighbouring header matches into one.
    public func expressions(in family: TableFamily) -> [Expression] {
        var lowering = Lowering(family: family)
        for statement in statements { lowering.append(statement) }
        return lowering.expressions
    }
}

/// Where a field lies.
enum FieldSource {
    case meta(Expression.MetaKey, byteCount: Int)
    case connection(Expression.ConnectionKey, ConnectionDirection? = nil, byteCount: Int = 4)
    case payload(Expression.Header, offset: UInt32, length: UInt32)

    var byteCount: Int {
        switch self {
        case .meta(_, let count): count
        case .connection(_, _, let count): count
        case .payload(_, _, let length): Int(length)
        }
    }
}

extension Field {
    func source(in family: TableFamily) -> FieldSource {
        switch self {
        case .inputInterface: .meta(.inputInterfaceName, byteCount: 16)
        case .outputInterface: .meta(.outputInterfaceName, byteCount: 16)
        case .packetMark: .meta(.mark, byteCount: 4)
        case .networkProtocol:
            // A frame on a bridge has no family of its own there: nfproto would always say "bridge".
            family == .bridge
                ? .meta(.networkFrameProtocol, byteCount: 2) : .meta(.networkProtocol, byteCount: 1)
        case .transportProtocol: .meta(.transportProtocol, byteCount: 1)
        case .connectionState: .connection(.state)
        case .connectionMark: .connection(.mark)
        case .connectionStatus: .connection(.status)
        case .connectionDirection: .connection(.direction, byteCount: 1)
        case .ipv4OriginalSource: .connection(.ipv4Source, .original)
        case .ipv4OriginalDestination: .connection(.ipv4Destination, .original)
        case .ipv6OriginalSource: .connection(.ipv6Source, .original, byteCount: 16)
        case .ipv6OriginalDestination: .connection(.ipv6Destination, .original, byteCount: 16)
        case .originalSourcePort: .connection(.sourcePort, .original, byteCount: 2)
        case .originalDestinationPort: .connection(.destinationPort, .original, byteCount: 2)
        case .ipv4ReplySource: .connection(.ipv4Source, .reply)
        case .ipv4ReplyDestination: .connection(.ipv4Destination, .reply)
        case .ipv6ReplySource: .connection(.ipv6Source, .reply, byteCount: 16)
        case .ipv6ReplyDestination: .connection(.ipv6Destination, .reply, byteCount: 16)
        case .replySourcePort: .connection(.sourcePort, .reply, byteCount: 2)
        case .replyDestinationPort: .connection(.destinationPort, .reply, byteCount: 2)
        case .etherDestination: .payload(.link, offset: 0, length: 6)
        case .etherSource: .payload(.link, offset: 6, length: 6)
        case .etherType: .meta(.networkFrameProtocol, byteCount: 2)
        case .ipv4Source: .payload(.network, offset: 12, length: 4)
        case .ipv4Destination: .payload(.network, offset: 16, length: 4)
        case .ipv6Source: .payload(.network, offset: 8, length: 16)
        case .ipv6Destination: .payload(.network, offset: 24, length: 16)
        case .sourcePort: .payload(.transport, offset: 0, length: 2)
        case .destinationPort: .payload(.transport, offset: 2, length: 2)
        case .icmpType, .icmpv6Type: .payload(.transport, offset: 0, length: 1)
        case .icmpCode, .icmpv6Code: .payload(.transport, offset: 1, length: 1)
        case .arpOperation: .payload(.network, offset: 6, length: 2)
        case .arpSenderMAC: .payload(.network, offset: 8, length: 6)
        case .arpSenderIPv4: .payload(.network, offset: 14, length: 4)
        case .arpTargetIPv4: .payload(.network, offset: 24, length: 4)
        case .frameType: .payload(.link, offset: 12, length: 2)
        case .bytes(let header, let offset, let count): .payload(header, offset: offset, length: count)
        }
    }

    /// nft's number of the field's type.
    func typeCode(in family: TableFamily) -> UInt32 {
        switch self {
        case .networkProtocol where family == .bridge: 10
        case .etherType, .frameType: 10
        case .arpOperation: 11
        case .connectionDirection: 27
        case .connectionStatus: 28
        default: dataType?.code ?? 4
        }
    }

    /// The type of set component that holds the field's values; nil for fields that sets never hold.
    public var dataType: DataType? {
        switch self {
        case .inputInterface, .outputInterface: .interfaceName
        case .packetMark, .connectionMark: .mark
        case .networkProtocol: .networkProtocol
        case .transportProtocol: .ipProtocol
        case .connectionState: .connectionState
        case .etherSource, .etherDestination, .arpSenderMAC: .etherAddress
        case .ipv4Source, .ipv4Destination, .arpSenderIPv4, .arpTargetIPv4, .ipv4OriginalSource,
            .ipv4OriginalDestination, .ipv4ReplySource, .ipv4ReplyDestination:
            .ipv4
        case .ipv6Source, .ipv6Destination, .ipv6OriginalSource, .ipv6OriginalDestination, .ipv6ReplySource,
            .ipv6ReplyDestination:
            .ipv6
        case .sourcePort, .destinationPort, .originalSourcePort, .originalDestinationPort, .replySourcePort,
            .replyDestinationPort:
            .port
        case .icmpType: .icmpType
        case .icmpv6Type: .icmpv6Type
        case .icmpCode: .icmpCode
        case .icmpv6Code: .icmpv6Code
        case .bytes(_, _, 6): .rawEther
        case .bytes(_, _, 16): .rawIPv6
        case .bytes(_, _, 3): .rawVNI
        case .bytes: nil
        case .arpOperation, .connectionStatus, .connectionDirection, .etherType, .frameType: nil
        }
    }

    /// A header of the link layer, which in `inet` tables not every packet has.
    var isEther: Bool { self == .etherSource || self == .etherDestination }
}

extension Value {
    /// The value as it is compared with a field: a family on a bridge is an Ethernet protocol.
    func bounds(comparedWith field: Field, in family: TableFamily) -> (first: [UInt8], last: [UInt8]) {
        if case .family(let address) = self, field == .networkProtocol, family == .bridge {
            return Value.etherType(address == .ipv4 ? .ipv4 : .ipv6).bounds
        }
        return bounds
    }
}

private struct Lowering {
    let family: TableFamily
    var expressions: [Expression] = []
    var etherIsSure = false

    init(family: TableFamily) { self.family = family }

    mutating func append(_ statement: Statement) {
        switch statement {
        case .match(let field, let comparison, let value): match(field, comparison, value)
        case .oneOf(let field, let comparison, let values):
            let values = values.map(\.normal)
            if values.count == 1 { return match(field, comparison, values[0]) }
            load(field)
            let members = values.map { value in
                let bounds = value.bounds(comparedWith: field, in: family)
                return AnonymousSet.Member(first: bounds.first, last: bounds.last)
            }
            let set = AnonymousSet(
                typeCode: field.typeCode(in: family), byteCount: field.source(in: family).byteCount,
                isInterval: values.contains(where: \.isRange), members: members)
            expressions.append(.lookup(.first, in: .anonymous(set), .membership, inverted: comparison == .notEqual))
        case .connectionState(let states): flags(.state, states.rawValue)
        case .connectionStatus(let statuses): flags(.status, statuses.rawValue)
        case .maskedMark(let field, let mask, let comparison, let value):
            load(field)
            expressions.append(.bitwise(.first, mask: hostOrder(mask), xor: hostOrder(0)))
            expressions.append(.compare(.first, comparison == .equal ? .equal : .notEqual, hostOrder(value)))
        case .maskedByte(let field, let mask, let comparison, let value):
            load(field)
            expressions.append(.bitwise(.first, mask: [mask], xor: [0]))
            expressions.append(.compare(.first, comparison == .equal ? .equal : .notEqual, [value]))
        case .lookup(let fields, let set, let comparison):
            load(fields)
            expressions.append(.lookup(.first, in: .named(set), .membership, inverted: comparison == .notEqual))
        case .verdictMap(let fields, let set):
            load(fields)
            expressions.append(.lookup(.first, in: .named(set), .verdict, inverted: false))
        case .setPacketMark(let operand):
            load(operand)
            expressions.append(.setMeta(.mark, from: .first))
        case .setConnectionMark(let operand):
            load(operand)
            expressions.append(.setConnection(.mark, from: .first))
        case .sourceNAT(let family, let operand):
            load(operand)
            expressions.append(.translate(.source, family, address: .first, port: nil, flags: 0))
        case .destinationNAT(let family, let operand, let withPort):
            load(operand)
            let port = withPort ? Register.first.after(family == .ipv4 ? 4 : 16) : nil
            expressions.append(.translate(.destination, family, address: .first, port: port, flags: 0))
        case .balance(let family, let set, let choice, let port):
            choose(choice)
            expressions.append(.lookup(.first, in: .named(set), .data(.first), inverted: false))
            expressions.append(.immediate(bigEndian(port), into: .second))
            expressions.append(.translate(.destination, family, address: .first, port: .second, flags: 0))
        case .masquerade: expressions.append(.masquerade(flags: 0))
        case .counter: expressions.append(.counter)
        case .limit(let limit): expressions.append(.limit(limit))
        case .reject(let rejection):
            switch rejection {
            case .portUnreachable: expressions.append(.reject(type: 2, code: 1))
            case .adminProhibited: expressions.append(.reject(type: 2, code: 3))
            case .tcpReset: expressions.append(.reject(type: 1, code: 0))
            }
        case .log(let prefix): expressions.append(.log(prefix: prefix))
        case .verdict(let verdict): expressions.append(.verdict(verdict))
        }
    }

    private mutating func flags(_ key: Expression.ConnectionKey, _ bits: UInt32) {
        expressions.append(.loadConnection(key, into: .first))
        expressions.append(.bitwise(.first, mask: hostOrder(bits), xor: hostOrder(0)))
        expressions.append(.compare(.first, .notEqual, hostOrder(0)))
    }

    private mutating func match(_ field: Field, _ comparison: Comparison, _ value: Value) {
        let compare: Expression.Operator = comparison == .equal ? .equal : .notEqual
        let bounds = value.bounds(comparedWith: field, in: family)
        switch value.normal {
        case .ipv4Prefix(let prefix): match(field, prefixLength: prefix.length, compare, bounds.first)
        case .ipv6Prefix(let prefix): match(field, prefixLength: prefix.length, compare, bounds.first)
        case .ipv4Range, .ipv6Range, .macRange, .portRange, .ipProtocolRange, .icmpTypeRange, .icmpCodeRange:
            load(field)
            if comparison == .equal {
                expressions.append(.compare(.first, .greaterOrEqual, bounds.first))
                expressions.append(.compare(.first, .lessOrEqual, bounds.last))
            } else {
                expressions.append(.range(.first, inverted: true, from: bounds.first, through: bounds.last))
            }
        default:
            load(field)
            expressions.append(.compare(.first, compare, bounds.first))
        }
    }

    /// Whole bytes of a prefix are loaded and compared alone; other lengths need a mask.
    private mutating func match(
        _ field: Field, prefixLength: Int, _ compare: Expression.Operator, _ bytes: [UInt8]
    ) {
        let count = prefixLength / 8
        if prefixLength % 8 == 0, count > 0, case .payload(let header, let offset, _) = field.source(in: family) {
            expressions.append(.loadPayload(header, offset: offset, length: UInt32(count), into: .first))
            expressions.append(.compare(.first, compare, Array(bytes[..<count])))
        } else if prefixLength % 8 == 0, count > 0 {
            // Connection tracking gives whole addresses, of which the first bytes are compared.
            load(field)
            expressions.append(.compare(.first, compare, Array(bytes[..<count])))
        } else {
            load(field)
            let mask = Value.mask(bits: prefixLength, bytes: bytes.count)
            expressions.append(.bitwise(.first, mask: mask, xor: mask.map { _ in 0 }))
            expressions.append(.compare(.first, compare, bytes))
        }
    }

    private mutating func load(_ operand: Operand) {
        switch operand {
        case .value(let value): expressions.append(.immediate(value.bounds.first, into: .first))
        case .field(let field): load(field)
        case .map(let set, let key):
            load(key)
            expressions.append(.lookup(.first, in: .named(set), .data(.first), inverted: false))
        }
    }

    private mutating func choose(_ choice: Choice) {
        switch choice.way {
        case .inTurn: expressions.append(.count(modulus: choice.count, offset: choice.first, into: .first))
        case .byHash(let field, let seed):
            load(field, into: .second)
            expressions.append(
                .hash(
                    .second, byteCount: UInt32(field.source(in: family).byteCount), seed: seed,
                    modulus: choice.count, offset: choice.first, into: .first))
        }
    }

    private mutating func load(_ fields: [Field]) {
        makeEtherSure(for: fields)
        var register = Register.first
        for field in fields {
            load(field, into: register)
            register = register.after(field.source(in: family).byteCount)
        }
    }

    private mutating func load(_ field: Field) { load([field]) }

    private mutating func load(_ field: Field, into register: Register) {
        switch field.source(in: family) {
        case .meta(let key, _): expressions.append(.loadMeta(key, into: register))
        case .connection(let key, let direction, _):
            expressions.append(.loadConnection(key, direction, into: register))
        case .payload(let header, let offset, let length):
            expressions.append(.loadPayload(header, offset: offset, length: length, into: register))
        }
    }

    /// In `inet` a packet may have come over something that is no Ethernet (ARPHRD_ETHER is 1).
    private mutating func makeEtherSure(for fields: [Field]) {
        guard family == .inet, !etherIsSure, fields.contains(where: \.isEther) else { return }
        etherIsSure = true
        expressions.append(.loadMeta(.inputInterfaceType, into: .first))
        expressions.append(.compare(.first, .equal, withUnsafeBytes(of: UInt16(1)) { Array($0) }))
    }
}
