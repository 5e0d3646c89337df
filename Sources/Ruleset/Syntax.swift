import NetworkVocabulary

/// The ruleset in nft's syntax: what `nft -f` reads, what goldens and logs show. The same value always gives the same
/// bytes.

extension Field {
    func syntax(in family: TableFamily) -> String {
        switch self {
        case .inputInterface: "iifname"
        case .outputInterface: "oifname"
        case .packetMark: "meta mark"
        case .networkProtocol: family == .bridge ? "meta protocol" : "meta nfproto"
        case .transportProtocol: "meta l4proto"
        case .connectionState: "ct state"
        case .connectionMark: "ct mark"
        case .connectionStatus: "ct status"
        case .connectionDirection: "ct direction"
        case .ipv4OriginalSource: "ct original ip saddr"
        case .ipv4OriginalDestination: "ct original ip daddr"
        case .ipv6OriginalSource: "ct original ip6 saddr"
        case .ipv6OriginalDestination: "ct original ip6 daddr"
        case .originalSourcePort: "ct original proto-src"
        case .originalDestinationPort: "ct original proto-dst"
        case .ipv4ReplySource: "ct reply ip saddr"
        case .ipv4ReplyDestination: "ct reply ip daddr"
        case .ipv6ReplySource: "ct reply ip6 saddr"
        case .ipv6ReplyDestination: "ct reply ip6 daddr"
        case .replySourcePort: "ct reply proto-src"
        case .replyDestinationPort: "ct reply proto-dst"
        case .etherSource: "ether saddr"
        case .etherDestination: "ether daddr"
        case .etherType: "meta protocol"
        case .ipv4Source: "ip saddr"
        case .ipv4Destination: "ip daddr"
        case .ipv6Source: "ip6 saddr"
        case .ipv6Destination: "ip6 daddr"
        case .sourcePort: "th sport"
        case .destinationPort: "th dport"
        case .icmpType: "icmp type"
        case .icmpCode: "icmp code"
        case .icmpv6Type: "icmpv6 type"
        case .icmpv6Code: "icmpv6 code"
        case .arpOperation: "arp operation"
        case .arpSenderMAC: "arp saddr ether"
        case .arpSenderIPv4: "arp saddr ip"
        case .arpTargetIPv4: "arp daddr ip"
        case .frameType: "ether type"
        case .bytes(let header, let offset, let count): "@\(header.syntax),\(8 * offset),\(8 * count)"
        }
    }
}

extension Expression.Header {
    fileprivate var syntax: String {
        switch self {
        case .link: "ll"
        case .network: "nh"
        case .transport: "th"
        }
    }
}

extension Value {
    func syntax(for field: Field?, in family: TableFamily) -> String {
        switch normal {
        case .ipv4(let address): address.description
        case .ipv6(let address): address.description
        case .mac(let address): address.description
        case .interface(let name): "\"\(name)\""
        case .interfacePrefix(let prefix): "\"\(prefix)*\""
        case .ipProtocol(let number): number.description
        case .port(let port): "\(port)"
        case .mark(let mark): hexadecimal(mark)
        case .slot(let number): "\(number)"
        case .family(let address):
            if family == .bridge, field == .networkProtocol {
                address == .ipv4 ? "ip" : "ip6"
            } else {
                address == .ipv4 ? "ipv4" : "ipv6"
            }
        case .icmpType(let number), .icmpCode(let number): "\(number)"
        case .etherType(let type):
            switch type {
            case .ipv4: "ip"
            case .arp: "arp"
            case .ipv6: "ip6"
            case .vlan, .serviceVLAN, .oldServiceVLAN: "0x" + String(type.rawValue, radix: 16)
            }
        case .rawEther(let address): "0x" + address.octets.map(byteHexadecimal).joined()
        case .rawIPv6(let address): "0x" + address.octets.map(byteHexadecimal).joined()
        case .rawVNI(let vni): "0x" + bigEndian(vni.rawValue)[1...].map(byteHexadecimal).joined()
        case .bytes(let bytes): "0x" + bytes.map(byteHexadecimal).joined()
        case .arpOperation(let operation): "\(operation)"
        case .ipv4Prefix(let prefix): prefix.description
        case .ipv6Prefix(let prefix): prefix.description
        case .ipv4Range(let range): range.description
        case .ipv6Range(let range): range.description
        case .portRange(let range): range.description
        case .ipProtocolRange(let range), .icmpTypeRange(let range), .icmpCodeRange(let range):
            "\(range.lowerBound)-\(range.upperBound)"
        case .macRange(let range): "\(range.first)-\(range.last)"
        case .direction(let direction): direction == .original ? "original" : "reply"
        }
    }
}

private func byteHexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

private func hexadecimal(_ number: UInt32) -> String {
    let digits = String(number, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
}

private func key(_ fields: [Field], in family: TableFamily) -> String {
    fields.map { $0.syntax(in: family) }.joined(separator: " . ")
}

extension Operand {
    func syntax(in family: TableFamily) -> String {
        switch self {
        case .value(let value): value.syntax(for: nil, in: family)
        case .field(let field): field.syntax(in: family)
        case .map(let set, let fields): "\(key(fields, in: family)) map @\(set)"
        }
    }
}

extension Choice {
    fileprivate func syntax(in family: TableFamily) -> String {
        let range = "mod \(count)"
        let offset = first == 0 ? "" : " offset \(first)"
        switch way {
        case .inTurn: return "numgen inc \(range)\(offset)"
        case .byHash(let field, let seed):
            return "jhash \(field.syntax(in: family)) \(range) seed \(hexadecimal(seed))\(offset)"
        }
    }
}

extension Verdict: CustomStringConvertible {
    public var description: String {
        switch self {
        case .accept: "accept"
        case .drop: "drop"
        case .return: "return"
        case .jump(let chain): "jump \(chain)"
        case .goto(let chain): "goto \(chain)"
        }
    }
}

extension Comparison {
    fileprivate var syntax: String { self == .equal ? " " : " != " }
}

extension Statement {
    /// The statement in nft syntax, as a rule of a table of this family has it.
    public func syntax(in family: TableFamily) -> String {
        switch self {
        case .match(let field, let comparison, let value):
            return field.syntax(in: family) + comparison.syntax + value.syntax(for: field, in: family)
        case .oneOf(let field, let comparison, let values):
            let members = values.map(\.normal).sorted().map { $0.syntax(for: field, in: family) }
            return "\(field.syntax(in: family))\(comparison.syntax){ \(members.joined(separator: ", ")) }"
        case .connectionState(let states):
            let names: [(ConnectionStates, String)] = [
                (.invalid, "invalid"), (.established, "established"), (.related, "related"), (.new, "new"),
                (.untracked, "untracked"),
            ]
            return "ct state " + names.filter { states.contains($0.0) }.map(\.1).joined(separator: ",")
        case .connectionStatus(let statuses):
            let names: [(ConnectionStatuses, String)] = [(.sourceNAT, "snat"), (.destinationNAT, "dnat")]
            return "ct status " + names.filter { statuses.contains($0.0) }.map(\.1).joined(separator: ",")
        case .maskedMark(let field, let mask, let comparison, let value):
            let sign = comparison == .equal ? "==" : "!="
            return "\(field.syntax(in: family)) & \(hexadecimal(mask)) \(sign) \(hexadecimal(value))"
        case .maskedByte(let field, let mask, let comparison, let value):
            let sign = comparison == .equal ? "==" : "!="
            return "\(field.syntax(in: family)) & 0x\(byteHexadecimal(mask)) \(sign) 0x\(byteHexadecimal(value))"
        case .lookup(let fields, let set, let comparison):
            return "\(key(fields, in: family))\(comparison.syntax)@\(set)"
        case .verdictMap(let fields, let set): return "\(key(fields, in: family)) vmap @\(set)"
        case .setPacketMark(let operand): return "meta mark set \(operand.syntax(in: family))"
        case .setConnectionMark(let operand): return "ct mark set \(operand.syntax(in: family))"
        case .sourceNAT(let address, let operand):
            return "snat \(address == .ipv4 ? "ip" : "ip6") to \(operand.syntax(in: family))"
        case .destinationNAT(let address, let operand, let withPort):
            let target = (address == .ipv4 ? "ip" : "ip6") + (withPort ? " addr . port" : "")
            return "dnat \(target) to \(operand.syntax(in: family))"
        case .balance(let address, let set, let choice, let port):
            return "dnat \(address == .ipv4 ? "ip" : "ip6") to \(choice.syntax(in: family)) map @\(set) : \(port)"
        case .masquerade: return "masquerade"
        case .counter: return "counter"
        case .limit(let limit):
            return "limit rate \(limit.packets)/\(limit.per.rawValue) burst \(limit.burst) packets"
        case .reject(let rejection):
            switch rejection {
            case .adminProhibited: return "reject with icmpx type admin-prohibited"
            case .portUnreachable: return "reject with icmpx type port-unreachable"
            case .tcpReset: return "reject with tcp reset"
            }
        case .log(let prefix): return "log prefix \"\(prefix)\""
        case .verdict(let verdict): return verdict.description
        }
    }
}

extension Rule {
    /// The rule in nft syntax with its origin as comment.
    public func syntax(in family: TableFamily) -> String {
        (statements.map { $0.syntax(in: family) } + ["comment \"\(origin)\""]).joined(separator: " ")
    }
}

extension Hook: CustomStringConvertible {
    public var description: String {
        "type \(kind.rawValue) hook \(point.rawValue) priority \(priority); policy \(policy.rawValue);"
    }
}

extension SetDeclaration {
    /// `set` or `map`.
    public var keyword: String { yield == .membership ? "set" : "map" }

    /// The lines of the declaration, without its elements.
    var lines: [String] {
        // Bytes without a name, and slots, have no type of their own: what stands for them is some place that has them.
        let isByExample = key.contains { $0.isRaw || $0 == .slot }
        func text(_ types: [DataType]) -> String {
            types.map { isByExample ? $0.example : $0.syntax }.joined(separator: " . ")
        }
        var type = (isByExample ? "typeof " : "type ") + text(key)
        switch yield {
        case .membership: break
        case .values(let types): type += " : " + text(types)
        case .verdict: type += " : verdict"
        }
        var lines = [type + ";"]
        if isInterval { lines.append("flags interval;") }
        if countsElements { lines.append("counter;") }
        if let limit { lines.append(Statement.limit(limit).syntax(in: .inet) + ";") }
        lines.append("comment \"\(origin)\";")
        return lines
    }
}

extension ElementKey: CustomStringConvertible {
    public var description: String { values.map { $0.syntax(for: nil, in: .inet) }.joined(separator: " . ") }
}

extension Element {
    /// The element under its key in nft syntax.
    public func syntax(_ key: ElementKey) -> String {
        let head = "\(key) comment \"\(origin)\""
        switch content {
        case .none: return head
        case .values(let values): return "\(head) : \(ElementKey(values))"
        case .verdict(let verdict): return "\(head) : \(verdict)"
        }
    }
}

extension Table: CustomStringConvertible {
    /// The table as a file for `nft -f`: chains in declared order, branches and sets by name, elements by key.
    public var description: String {
        var text = "table \(family.rawValue) \(name) {\n"
        if let comment { text += "\tcomment \"\(comment)\"\n\n" }
        for set in sets.values.sorted(by: { $0.name < $1.name }) {
            text += "\t\(set.keyword) \(set.name) {\n"
            for line in set.lines { text += "\t\t\(line)\n" }
            let elements = (elements[set.name] ?? [:]).sorted { $0.key < $1.key }
            if !elements.isEmpty {
                text += "\t\telements = {\n"
                for (key, element) in elements { text += "\t\t\t\(element.syntax(key)),\n" }
                text += "\t\t}\n"
            }
            text += "\t}\n\n"
        }
        for (index, chain) in allChains.enumerated() {
            text += "\(index == 0 ? "" : "\n")\tchain \(chain.name) {\n"
            if let hook = chain.hook { text += "\t\t\(hook)\n" }
            for rule in chain.rules { text += "\t\t\(rule.syntax(in: family))\n" }
            text += "\t}\n"
        }
        return text + "}\n"
    }
}
