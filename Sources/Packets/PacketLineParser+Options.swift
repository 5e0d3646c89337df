import NetworkVocabulary

extension PacketLineParser {
    /// What may follow a packet, for errors.
    private static func options(_ packet: PacketPattern.Packet) -> String {
        let link = "from, to, len, payload, malformed"
        guard case .ip(let ip) = packet else { return link }
        let common = "ttl, tos, ipid, df, no-df, frag, bad-ip-checksum, bad-checksum, \(link)"
        switch ip.transport {
        case .any: return "proto, \(common)"
        case .tcp: return "flags as S. or none, seq, ack, win, mss, \(common)"
        case .udp: return "vxlan, \(common)"
        case .icmp(let icmp):
            let type = icmp.type == .any && icmp.code == .any
            let names = ICMPWords.all(icmp.family).map(\.name).joined(separator: ", ")
            return (type ? "\(names), type, " : "") + "id, seq, mtu, target, lladdr, {, \(common)"
        }
    }

    mutating func option(of pattern: inout PacketPattern, depth: Int) throws(PacketLineError) {
        let expected = "one of \(Self.options(pattern.packet))"
        guard let word = peek, word.bytes == nil else { throw fail(expected) }
        guard !seen.contains(word.text) else { throw fail("'\(word.text)' only once") }
        seen.insert(word.text)
        if try linkOption(of: &pattern) { return }
        if case .ip(var ip) = pattern.packet {
            if try ipOption(of: &ip) {
                pattern.packet = .ip(ip)
                return
            }
            if try transportOption(of: &ip, depth: depth) {
                pattern.packet = .ip(ip)
                return
            }
        }
        throw fail(expected)
    }

    private mutating func linkOption(of pattern: inout PacketPattern) throws(PacketLineError) -> Bool {
        if takes("from") {
            pattern.source = try mac()
        } else if takes("to") {
            pattern.destination = try mac()
        } else if takes("len") {
            pattern.length = try number(65535)
        } else if takes("payload") {
            pattern.payload = try payload()
        } else if takes("malformed") {
            pattern.isMalformed = true
        } else {
            return false
        }
        return true
    }

    /// `"text"` or `0x` and pairs of digits.
    private mutating func payload() throws(PacketLineError) -> [UInt8] {
        let expected = "quoted text, or 0x and pairs of hexadecimal digits"
        if let bytes = quoted() { return bytes }
        let word = try word(expected)
        let digits = word.text.utf8.dropFirst(2).map(hexDigit)
        guard word.text.hasPrefix("0x"), digits.count % 2 == 0 else { throw fail(expected, at: word) }
        return try stride(from: 0, to: digits.count, by: 2).map { offset throws(PacketLineError) in
            guard let high = digits[offset], let low = digits[offset + 1] else { throw fail(expected, at: word) }
            return high << 4 | low
        }
    }

    private mutating func ipOption(of ip: inout PacketPattern.IP) throws(PacketLineError) -> Bool {
        if takes("ttl") {
            ip.ttl = try number(255)
        } else if takes("tos") {
            ip.tos = try number(255)
        } else if takes("ipid") {
            ip.identification = try number(.max)
        } else if takes("df") {
            if ip.dontFragment != nil { throw fail("df or no-df, not both") }
            ip.dontFragment = true
        } else if takes("no-df") {
            if ip.dontFragment != nil { throw fail("df or no-df, not both") }
            ip.dontFragment = false
        } else if takes("frag") {
            ip.fragment = try fragment()
        } else if takes("bad-ip-checksum") {
            ip.hasBadHeaderChecksum = true
        } else if takes("bad-checksum") {
            ip.hasBadChecksum = true
        } else {
            return false
        }
        return true
    }

    /// `1480` or `0+`: where the fragment starts, in bytes, and whether more follow.
    private mutating func fragment() throws(PacketLineError) -> PacketPattern.Fragment {
        let expected = "a multiple of 8 up to 65528, with + when more follow"
        let word = try word(expected)
        let more = word.text.hasSuffix("+")
        guard let offset = Self.number(word.text.dropLast(more ? 1 : 0), max: 65528), offset % 8 == 0 else {
            throw fail(expected, at: word)
        }
        return PacketPattern.Fragment(offset: offset, more: more)
    }

    private mutating func transportOption(
        of ip: inout PacketPattern.IP, depth: Int
    ) throws(PacketLineError) -> Bool {
        switch ip.transport {
        case .any:
            guard takes("proto") else { return false }
            let word = try word("a protocol, * or $name")
            ip.transport = .any(
                number: try field(word.text[...], of: word, at: 0, "tcp, udp, icmp, ipv6-icmp or a number up to 255") {
                    IPProtocol($0).map { UInt32($0.number) }
                })
        case .tcp(var tcp):
            if takes("seq") {
                tcp.sequence = try number(.max)
            } else if takes("ack") {
                tcp.acknowledgment = try number(.max)
            } else if takes("win") {
                tcp.window = try number(65535)
            } else if takes("mss") {
                tcp.maximumSegment = try number(65535)
            } else {
                return false
            }
            ip.transport = .tcp(tcp)
        case .udp(var udp):
            guard takes("vxlan") else { return false }
            let identifier = try number(0xff_ffff)
            udp.vxlan = PacketPattern.VXLAN(identifier: identifier, inner: try braces(depth: depth))
            ip.transport = .udp(udp)
        case .icmp(var icmp):
            if takes("id") {
                icmp.identifier = try number(65535)
            } else if takes("seq") {
                icmp.sequence = try number(65535)
            } else if takes("mtu") {
                icmp.mtu = try number(icmp.family == .ipv4 ? 65535 : .max)
            } else if takes("target") {
                icmp.target = try address(.ipv6)
            } else if takes("lladdr") {
                icmp.linkAddress = try mac()
            } else if peek?.text == "{" {
                icmp.quoted = try braces(depth: depth)
            } else {
                return false
            }
            ip.transport = .icmp(icmp)
        }
        return true
    }

    private mutating func braces(depth: Int) throws(PacketLineError) -> PacketPattern {
        try expect("{")
        let inner = try packetLine(depth: depth + 1)
        try expect("}")
        return inner
    }
}
