public import NetworkVocabulary

/// One VLAN tag as it travels.
public struct VLANTag: Hashable, Sendable {
    /// 0x8100 (802.1Q), 0x88a8 (802.1ad) or 0x9100 (before the standard).
    public var etherType: UInt16
    /// Priority (3 bits), drop eligible (1), identifier (12).
    public var tci: UInt16

    public init(etherType: UInt16 = 0x8100, tci: UInt16) {
        self.etherType = etherType
        self.tci = tci
    }

    public init(_ id: VLANID, priority: UInt8 = 0) {
        self.init(tci: UInt16(priority & 7) << 13 | id.rawValue)
    }

    public var id: UInt16 { tci & 0xfff }
    public var priority: UInt8 { UInt8(tci >> 13) }

    static func isTag(_ etherType: UInt16) -> Bool {
        etherType == 0x8100 || etherType == 0x88a8 || etherType == 0x9100
    }
}

/// An Ethernet frame without its check sequence.
///
/// Every sequence of at least 14 bytes is a frame: what cannot be understood further in is kept as bytes together with
/// the reason, so that the layers outside it can still be looked at.
public struct Frame: Hashable, Sendable {
    public enum Body: Hashable, Sendable {
        case arp(ARPPacket)
        case ipv4(IPv4Packet)
        case ipv6(IPv6Packet)
        /// A type (or an 802.3 length) that this module does not read, ARP for other than IPv4 over Ethernet among them.
        case other([UInt8])
        case malformed([UInt8], PacketFault)

        var usualType: UInt16 {
            switch self {
            case .arp: EtherType.arp
            case .ipv4: EtherType.ipv4
            case .ipv6: EtherType.ipv6
            case .other, .malformed: 0x88b5
            }
        }
    }

    public var destination: MACAddress
    public var source: MACAddress
    /// From the outermost in.
    public var tags: [VLANTag]
    /// The type behind the tags.
    public var etherType: UInt16
    public var body: Body
    /// What follows the body's own length: padding to 60 bytes, or what somebody hid there.
    public var trailer: [UInt8]

    /// `etherType` follows from the body unless given; for `other` and `malformed` bodies it is then 0x88b5, the first
    /// of the types for local experiments (IEEE 802).
    public init(
        destination: MACAddress, source: MACAddress, tags: [VLANTag] = [], etherType: UInt16? = nil, body: Body,
        trailer: [UInt8] = []
    ) {
        self.destination = destination
        self.source = source
        self.tags = tags
        self.etherType = etherType ?? body.usualType
        self.body = body
        self.trailer = trailer
    }

    /// The IP packet of either family, if there is one.
    public var ip: IPPacket? {
        switch body {
        case .ipv4(let packet): .v4(packet)
        case .ipv6(let packet): .v6(packet)
        case .arp, .other, .malformed: nil
        }
    }

    /// Why the frame could not be read to its end, or nil.
    public var fault: PacketFault? {
        if case .malformed(_, let fault) = body { return fault }
        return ip?.fault
    }
}

public enum EtherType {
    public static let ipv4: UInt16 = 0x0800
    public static let arp: UInt16 = 0x0806
    public static let ipv6: UInt16 = 0x86dd
}

extension Frame {
    /// The only error is a frame without a whole Ethernet header; see `fault` for the layers inside.
    public init(parsing bytes: [UInt8]) throws(PacketFault) { try self.init(parsing: bytes.span.bytes) }

    public init(parsing bytes: UnsafeRawBufferPointer) throws(PacketFault) { try self.init(parsing: bytes.bytes) }

    public init(parsing bytes: RawSpan) throws(PacketFault) {
        guard bytes.byteCount >= 14 else {
            throw PacketFault(.ethernet, at: 0, .truncated(needed: 14, available: bytes.byteCount))
        }
        destination = bytes.mac(0)
        source = bytes.mac(6)
        var type = bytes.word(12)
        var offset = 14
        tags = []
        trailer = []
        while VLANTag.isTag(type) {
            guard bytes.byteCount - offset >= 4 else {
                let fault = PacketFault(
                    .vlan, at: offset, .truncated(needed: 4, available: bytes.byteCount - offset))
                etherType = type
                body = .malformed(bytes.copy(offset..<bytes.byteCount), fault)
                return
            }
            tags.append(VLANTag(etherType: type, tci: bytes.word(offset)))
            type = bytes.word(offset + 2)
            offset += 4
        }
        etherType = type
        let range = offset..<bytes.byteCount
        do throws(PacketFault) {
            let end: Int
            switch type {
            case EtherType.arp:
                guard let packet = try ARPPacket(parsing: bytes, range) else {
                    body = .other(bytes.copy(range))
                    return
                }
                (body, end) = (.arp(packet), offset + ARPPacket.length)
            case EtherType.ipv4:
                let packet: IPv4Packet
                (packet, end) = try IPv4Packet.parse(bytes, range)
                body = .ipv4(packet)
            case EtherType.ipv6:
                let packet: IPv6Packet
                (packet, end) = try IPv6Packet.parse(bytes, range)
                body = .ipv6(packet)
            default:
                (body, end) = (.other(bytes.copy(range)), bytes.byteCount)
            }
            trailer = bytes.copy(end..<bytes.byteCount)
        } catch {
            body = .malformed(bytes.copy(range), error)
        }
    }

    /// The frame as it travels; not padded to Ethernet's minimum (see `padded`).
    public var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(128)
        write(to: &out)
        return out
    }

    public func write(to out: inout [UInt8]) {
        out.put(destination)
        out.put(source)
        for tag in tags {
            out.put(tag.etherType)
            out.put(tag.tci)
        }
        out.put(etherType)
        switch body {
        case .arp(let packet): packet.write(to: &out)
        case .ipv4(let packet): packet.write(to: &out)
        case .ipv6(let packet): packet.write(to: &out)
        case .other(let bytes), .malformed(let bytes, _): out.append(contentsOf: bytes)
        }
        out.append(contentsOf: trailer)
    }

    /// The same frame with a trailer of zeros up to Ethernet's minimum of 60 bytes.
    public var padded: Frame {
        var frame = self
        let missing = 60 - bytes.count
        if missing > 0 { frame.trailer += [UInt8](repeating: 0, count: missing) }
        return frame
    }
}
