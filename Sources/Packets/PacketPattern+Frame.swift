public import NetworkVocabulary

/// What a packet line leaves out when it is sent.
public struct PacketDefaults: Hashable, Sendable {
    public var source: MACAddress
    /// Not used for what goes to everybody: ARP questions and multicast have the MAC that belongs to them.
    public var destination: MACAddress
    /// Of the families they are of; nil where a line must say them.
    public var sourceAddresses: [IPAddress]
    public var destinationAddresses: [IPAddress]
    public var sourcePort: UInt16
    public var destinationPort: UInt16

    public init(
        source: MACAddress, destination: MACAddress, sourceAddresses: [IPAddress] = [],
        destinationAddresses: [IPAddress] = [], sourcePort: UInt16 = 40000, destinationPort: UInt16 = 7
    ) {
        self.source = source
        self.destination = destination
        self.sourceAddresses = sourceAddresses
        self.destinationAddresses = destinationAddresses
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
    }
}

/// Why a pattern is not a packet that could be sent.
public enum PacketFillError: Error, Hashable, Sendable {
    /// Neither the line nor the defaults say it.
    case missing(field: String)
    case unbound(variable: String)
    /// A variable, or a number, that cannot be there.
    case unfit(String, field: String)
    /// An IPv4 address beside an IPv6 one.
    case families
    /// A line that only matches: `any`, `malformed`.
    case notSendable(String)
}

extension PacketFillError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing(let field): "nothing says the \(field)"
        case .unbound(let variable): "$\(variable) is not bound"
        case .unfit(let value, let field): "\(value) cannot be the \(field)"
        case .families: "source and destination are of different families"
        case .notSendable(let word): "'\(word)' can be matched, not sent"
        }
    }
}

extension PacketPattern {
    /// The frame this line stands for: the same for the same line, defaults and bindings.
    public func frame(
        _ defaults: PacketDefaults, bindings: [String: PacketValue] = [:]
    ) throws(PacketFillError) -> Frame {
        try PacketFilling(defaults: defaults, bindings: bindings).frame(self)
    }
}

struct PacketFilling {
    let defaults: PacketDefaults
    let bindings: [String: PacketValue]

    func value<Value: PatternValue>(
        _ field: String, _ wanted: Wanted<Value>, _ filling: Value?
    ) throws(PacketFillError) -> Value {
        switch wanted {
        case .exactly(let value): return value
        case .any:
            guard let filling else { throw .missing(field: field) }
            return filling
        case .variable(let name):
            guard let bound = bindings[name] else { throw .unbound(variable: name) }
            guard let value = Value(bound) else { throw .unfit("$\(name)", field: field) }
            return value
        }
    }

    /// A number in the range of its field.
    func number<Value: FixedWidthInteger & UnsignedInteger>(
        _ field: String, _ wanted: Wanted<UInt32>, _ filling: Value
    ) throws(PacketFillError) -> Value {
        let number = try value(field, wanted, UInt32(truncatingIfNeeded: filling))
        if let value = Value(exactly: number) { return value }
        throw .unfit(wanted.text, field: field)
    }

    func frame(_ pattern: PacketPattern) throws(PacketFillError) -> Frame {
        if pattern.isMalformed { throw .notSendable("malformed") }
        var tags: [VLANTag] = []
        for tag in pattern.tags {
            let id: UInt16 = try number("vlan", tag.id, 0)
            let priority: UInt16 = try number("vlan priority", tag.priority, 0)
            tags.append(VLANTag(etherType: tag.isService ? 0x88a8 : 0x8100, tci: priority << 13 | id & 0xfff))
        }
        let source = try value("source MAC", pattern.source, defaults.source)
        var destination = defaults.destination
        let body: Frame.Body
        var etherType: UInt16?
        switch pattern.packet {
        case .any: throw .notSendable("any")
        case .other(let type):
            etherType = try number("ethertype", type, 0x88b5)
            body = .other(try payload(of: pattern))
        case .arp(let arp):
            let packet = try self.arp(arp, source: source, pattern.destination)
            if packet.operation == 1 { destination = .broadcast }
            body = .arp(packet)
        case .ip(let ip):
            let packet = try self.ip(ip, pattern, linkSource: source)
            if let group = MACAddress(reaching: packet.destination) { destination = group }
            switch packet {
            case .v4(let packet): body = .ipv4(packet)
            case .v6(let packet): body = .ipv6(packet)
            }
        }
        destination = try value("destination MAC", pattern.destination, destination)
        return Frame(destination: destination, source: source, tags: tags, etherType: etherType, body: body)
    }

    private func arp(
        _ arp: PacketPattern.ARP, source: MACAddress, _ destination: Wanted<MACAddress>
    ) throws(PacketFillError) -> ARPPacket {
        switch arp {
        case .request(let target, let sender):
            return ARPPacket.request(
                for: try ipv4("arp target", target, defaults.destinationAddresses),
                tell: try ipv4("arp sender", sender, defaults.sourceAddresses), at: source)
        case .reply(let sender, let mac, let target):
            let address = try ipv4("arp sender", sender, defaults.sourceAddresses)
            return ARPPacket(
                operation: 2, senderMAC: try value("arp sender MAC", mac, source), senderAddress: address,
                targetMAC: try value("destination MAC", destination, defaults.destination),
                targetAddress: try ipv4("arp target", target, [.v4(address)]))
        }
    }

    private func ipv4(
        _ field: String, _ wanted: Wanted<IPAddress>, _ filling: [IPAddress]
    ) throws(PacketFillError) -> IPv4Address {
        let address = try value(field, wanted, filling.first { $0.family == .ipv4 })
        guard case .v4(let address) = address else {
            throw .unfit(wanted.text, field: field)
        }
        return address
    }

    /// Without text the payload is the bytes 0, 1, 2 …, as many as `len` says.
    func payload(of pattern: PacketPattern) throws(PacketFillError) -> [UInt8] {
        if let payload = pattern.payload { return payload }
        let length: UInt16 = try number("length", pattern.length, 0)
        return (0..<Int(length)).map { UInt8(truncatingIfNeeded: $0) }
    }
}

extension MACAddress {
    static let broadcast = MACAddress(255, 255, 255, 255, 255, 255)

    /// The address a group's packets go to (RFC 1112 section 6.4, RFC 2464 section 7); nil for one receiver's.
    init?(reaching destination: IPAddress) {
        switch destination {
        case .v4(let address) where address.bits == .max: self = .broadcast
        case .v4(let address) where address.bits >> 28 == 14:
            self.init(bits: 0x0100_5e00_0000 | UInt64(address.bits & 0x7f_ffff))
        case .v6(let address) where address.high >> 56 == 0xff:
            self.init(bits: 0x3333_0000_0000 | address.low & 0xffff_ffff)
        default: return nil
        }
    }
}
