import NetworkVocabulary

extension PacketLineParser {
    /// `{ vlan ID } packet { option }`
    mutating func packetLine(depth: Int) throws(PacketLineError) -> PacketPattern {
        guard depth < Self.depthLimit else { throw fail("no more than \(Self.depthLimit) packets inside each other") }
        let outer = seen
        defer { seen = outer }
        seen = []
        var tags: [PacketPattern.Tag] = []
        while true {
            var tag = PacketPattern.Tag()
            tag.isService = takes("svlan")
            guard tag.isService || takes("vlan") else { break }
            tag.id = try number(4095)
            if takes("prio") { tag.priority = try number(7) }
            tags.append(tag)
        }
        let expected = "tcp, udp, icmp, icmp6, ip, arp, ethertype or any"
        let keyword = try word(expected)
        var pattern: PacketPattern
        switch keyword.text {
        case "tcp", "udp": pattern = PacketPattern(.ip(try ports(isTCP: keyword.text == "tcp")))
        case "icmp": pattern = PacketPattern(.ip(try icmp(.ipv4)))
        case "icmp6": pattern = PacketPattern(.ip(try icmp(.ipv6)))
        case "ip":
            var ip = PacketPattern.IP(.any(number: .any))
            try addresses(&ip, nil)
            pattern = PacketPattern(.ip(ip))
        case "arp": pattern = PacketPattern(.arp(try arp()))
        case "ethertype": pattern = PacketPattern(.other(etherType: try number(65535)))
        case "any": pattern = PacketPattern(.any)
        default: throw fail(expected, at: keyword)
        }
        pattern.tags = tags
        while let word = peek, word.text != "}" { try option(of: &pattern, depth: depth) }
        if let payload = pattern.payload, case .exactly(let length) = pattern.length, payload.count != Int(length) {
            throw fail("len \(payload.count), as many as the payload has, or no len")
        }
        return pattern
    }

    private mutating func addresses(
        _ ip: inout PacketPattern.IP, _ family: AddressFamily?
    ) throws(PacketLineError) {
        ip.source = try address(family)
        try expect(">")
        ip.destination = try address(family ?? ip.source.family)
    }

    private mutating func ports(isTCP: Bool) throws(PacketLineError) -> PacketPattern.IP {
        let source = try endpoint(nil)
        try expect(">")
        let destination = try endpoint(source.address.family)
        var ip: PacketPattern.IP
        if isTCP {
            var tcp = PacketPattern.TCP()
            (tcp.source, tcp.destination) = (source.port, destination.port)
            if takes("none") {
                tcp.flags = []
            } else if !takes("*"), let word = peek, word.bytes == nil, let flags = TCPSegment.Flags(word.text) {
                _ = takes(word.text)
                tcp.flags = flags
            }
            ip = PacketPattern.IP(.tcp(tcp))
        } else {
            var udp = PacketPattern.UDP()
            (udp.source, udp.destination) = (source.port, destination.port)
            ip = PacketPattern.IP(.udp(udp))
        }
        (ip.source, ip.destination) = (source.address, destination.address)
        return ip
    }

    private mutating func icmp(_ family: AddressFamily) throws(PacketLineError) -> PacketPattern.IP {
        var icmp = PacketPattern.ICMP(family)
        var ip = PacketPattern.IP(.icmp(icmp))
        try addresses(&ip, family)
        if takes("type") {
            icmp.type = try number(255)
            if takes("code") { icmp.code = try number(255) }
        } else if takes("echo") {
            let isRequest = takes("request")
            guard isRequest || takes("reply") else { throw fail("request or reply") }
            icmp.type = .exactly(family == .ipv4 ? (isRequest ? 8 : 0) : (isRequest ? 128 : 129))
        } else if let word = peek, let kind = ICMPWords.all(family).first(where: { $0.name == word.text }) {
            _ = takes(word.text)
            icmp.type = .exactly(UInt32(kind.type))
            if let word = peek, let code = kind.codes.first(where: { $0.word == word.text }) {
                _ = takes(word.text)
                icmp.code = .exactly(UInt32(code.code))
            }
        }
        ip.transport = .icmp(icmp)
        return ip
    }

    private mutating func arp() throws(PacketLineError) -> PacketPattern.ARP {
        if takes("who-has") {
            let target = try address(.ipv4)
            return .request(target: target, sender: takes("tell") ? try address(.ipv4) : .any)
        }
        guard peek != nil else { throw fail("who-has, or an IPv4 address and is-at") }
        let sender = try address(.ipv4)
        try expect("is-at")
        let mac = try mac()
        return .reply(sender: sender, mac: mac, target: takes("tell") ? try address(.ipv4) : .any)
    }
}

extension Wanted<IPAddress> {
    var family: AddressFamily? {
        if case .exactly(let address) = self { address.family } else { nil }
    }
}

extension TCPSegment.Flags {
    /// In tcpdump's order.
    static let letters: [(letter: Character, flag: TCPSegment.Flags)] = [
        ("F", .fin), ("S", .syn), ("R", .rst), ("P", .psh), (".", .ack), ("U", .urg), ("E", .ece), ("W", .cwr),
        ("e", .ae),
    ]

    /// Flags as tcpdump writes them, in any order but each once; nil for any other text.
    init?(_ text: String) {
        self = []
        guard !text.isEmpty else { return nil }
        for letter in text {
            guard let flag = Self.letters.first(where: { $0.letter == letter })?.flag, insert(flag).inserted else {
                return nil
            }
        }
    }

    /// The nine flags, without the reserved bits; `none` for none.
    public var text: String {
        let text = String(Self.letters.filter { contains($0.flag) }.map(\.letter))
        return text.isEmpty ? "none" : text
    }
}
