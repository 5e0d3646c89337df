import NetworkVocabulary

extension PacketPattern: CustomStringConvertible {
    /// The line that reads back as this pattern, in the order of the grammar; `*` is written only where a place needs it.
    public var description: String {
        var words: [String] = []
        for tag in tags {
            words += [tag.isService ? "svlan" : "vlan", tag.id.text]
            if tag.priority != .any { words += ["prio", tag.priority.text] }
        }
        switch packet {
        case .any: words.append("any")
        case .other(let etherType): words += ["ethertype", etherType.text { "0x" + String($0, radix: 16) }]
        case .arp(.request(let target, let sender)):
            words += ["arp who-has", target.text]
            if sender != .any { words += ["tell", sender.text] }
        case .arp(.reply(let sender, let mac, let target)):
            words += ["arp", sender.text, "is-at", mac.text]
            if target != .any { words += ["tell", target.text] }
        case .ip(let ip): words += ip.words
        }
        words += source.option("from") + destination.option("to") + length.option("len")
        if let payload { words += ["payload", PacketPattern.text(payload)] }
        if isMalformed { words.append("malformed") }
        return words.joined(separator: " ")
    }

    /// Quoted where a person can read it, hexadecimal where not.
    static func text(_ payload: [UInt8]) -> String {
        let isReadable = payload.allSatisfy { (0x20..<0x7f).contains($0) || [9, 10, 13].contains($0) }
        guard isReadable else {
            return "0x" + payload.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        var text = "\""
        for byte in payload {
            switch byte {
            case 9: text += "\\t"
            case 10: text += "\\n"
            case 13: text += "\\r"
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(byte))
            default: text += String(UnicodeScalar(byte))
            }
        }
        return text + "\""
    }
}

extension Wanted {
    func text(_ write: (Value) -> String) -> String {
        switch self {
        case .any: "*"
        case .exactly(let value): write(value)
        case .variable(let name): "$\(name)"
        }
    }

    var text: String { text { "\($0)" } }

    func option(_ name: String) -> [String] { self == .any ? [] : [name, text] }
}

extension PacketPattern.IP {
    fileprivate var words: [String] {
        var words: [String]
        switch transport {
        case .any(let number):
            words = ["ip", source.text, ">", destination.text]
            words += number == .any ? [] : ["proto", number.text { "\(IPProtocol(number: UInt8($0 & 255)))" }]
        case .tcp(let tcp):
            words = ["tcp", endpoint(source, tcp.source), ">", endpoint(destination, tcp.destination)]
            if let flags = tcp.flags { words.append(flags.text) }
            words += tcp.sequence.option("seq") + tcp.acknowledgment.option("ack") + tcp.window.option("win")
            words += tcp.maximumSegment.option("mss")
        case .udp(let udp):
            words = ["udp", endpoint(source, udp.source), ">", endpoint(destination, udp.destination)]
            if let vxlan = udp.vxlan { words += ["vxlan", vxlan.identifier.text, "{ \(vxlan.inner) }"] }
        case .icmp(let icmp):
            words = [icmp.family == .ipv4 ? "icmp" : "icmp6", source.text, ">", destination.text] + icmp.words
        }
        words += ttl.option("ttl") + tos.option("tos") + identification.option("ipid")
        if let dontFragment { words.append(dontFragment ? "df" : "no-df") }
        if let fragment { words.append("frag \(fragment.offset)\(fragment.more ? "+" : "")") }
        if hasBadHeaderChecksum { words.append("bad-ip-checksum") }
        if hasBadChecksum { words.append("bad-checksum") }
        return words
    }

    private func endpoint(_ address: Wanted<IPAddress>, _ port: Wanted<UInt32>) -> String {
        let host = address.text { $0.family == .ipv6 ? "[\($0)]" : "\($0)" }
        return "\(host):\(port.text)"
    }
}

extension PacketPattern.ICMP {
    fileprivate var words: [String] {
        var words: [String] = []
        if case .exactly(let type) = type, let kind = ICMPWords.all(family).first(where: { UInt32($0.type) == type }) {
            switch code {
            case .any: words.append(kind.name)
            case .exactly(let code) where kind.codes.contains { UInt32($0.code) == code }:
                words += [kind.name] + kind.codes.filter { UInt32($0.code) == code }.prefix(1).map(\.word)
            case .exactly, .variable: words += ["type", "\(type)", "code", code.text]
            }
        } else if type != .any || code != .any {
            words += ["type", type.text] + code.option("code")
        }
        words += identifier.option("id") + sequence.option("seq") + mtu.option("mtu")
        words += target.option("target") + linkAddress.option("lladdr")
        if let quoted { words.append("{ \(quoted) }") }
        return words
    }
}
