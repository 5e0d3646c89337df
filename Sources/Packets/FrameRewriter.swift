public import NetworkVocabulary

/// Rewrites the addresses of frames where they lie, for frames of a capture that are sent somewhere else.
///
/// Checksums follow by the difference alone (RFC 1624): what was right stays right, and what was wrong stays wrong. Of
/// packets that ICMP errors quote the addresses follow, and the checksum of the quoted IP header.
public struct FrameRewriter: Hashable, Sendable {
    /// Takes the place of every frame's source.
    public var source: MACAddress?
    /// Takes the place of every destination that is one machine's, unless `neighbours` knows better.
    public var destination: MACAddress?
    /// Who has an address, as it is after rewriting.
    public var neighbours: [IPAddress: MACAddress] = [:]
    /// Addresses, and what becomes of them.
    public var addresses: [IPAddress: IPAddress] = [:]

    public init() {}

    public func rewrite(_ frame: inout [UInt8]) {
        guard let outline = FrameOutline(frame) else { return }
        if outline.etherType == EtherType.arp { rewriteARP(&frame, outline.network) }
        if outline.family != nil, !addresses.isEmpty { rewriteIP(&frame, outline) }
        if let source { frame.put(source, at: 6) }
        guard frame[0] & 1 == 0 else { return }
        let target = outline.family == nil ? nil : frame.address(outline.destination)
        if let mac = target.flatMap({ neighbours[$0] }) ?? destination { frame.put(mac, at: 0) }
    }

    private func rewriteIP(_ frame: inout [UInt8], _ outline: FrameOutline) {
        for range in [outline.source, outline.destination] {
            guard let old = frame.address(range), let new = addresses[old], new.family == old.family else { continue }
            let before = Array(frame[range])
            frame.replaceSubrange(range, with: new.octets)
            if outline.family == .ipv4 { frame.adjust(at: outline.network + 10, before, new.octets, isUDP: false) }
            guard let checksum = outline.checksum else { continue }
            // Zero is UDP's "none" over IPv4.
            let isUDP = outline.number == 17
            if isUDP, frame[checksum] == 0, frame[checksum + 1] == 0 { continue }
            frame.adjust(at: checksum, before, new.octets, isUDP: isUDP)
        }
        rewriteQuoted(&frame, outline)
    }

    /// The quoted header's checksum follows its addresses, so that their sum, and with it the message's, is what it was.
    private func rewriteQuoted(_ frame: inout [UInt8], _ outline: FrameOutline) {
        guard outline.family == .ipv4, outline.number == 1, let start = outline.transport, outline.end - start >= 28,
            [3, 5, 11, 12].contains(frame[start]), frame[start + 8] >> 4 == 4
        else { return }
        let inner = start + 8
        for range in [inner + 12..<inner + 16, inner + 16..<inner + 20] {
            guard let old = frame.address(range), let new = addresses[old], new.family == .ipv4 else { continue }
            let before = Array(frame[range])
            frame.replaceSubrange(range, with: new.octets)
            frame.adjust(at: inner + 10, before, new.octets, isUDP: false)
        }
    }

    /// Sender and target of IPv4 over Ethernet; the sender's hardware address goes with the frame's.
    private func rewriteARP(_ frame: inout [UInt8], _ start: Int) {
        guard frame.count - start >= ARPPacket.length else { return }
        for range in [start + 14..<start + 18, start + 24..<start + 28] {
            guard let old = frame.address(range), let new = addresses[old], new.family == .ipv4 else { continue }
            frame.replaceSubrange(range, with: new.octets)
        }
        if let source, frame[start + 8..<start + 14].elementsEqual(frame[6..<12]) { frame.put(source, at: start + 8) }
    }
}

extension [UInt8] {
    fileprivate mutating func put(_ mac: MACAddress, at offset: Int) {
        for place in 0..<6 { self[offset + place] = UInt8(truncatingIfNeeded: mac.bits >> UInt64(40 - 8 * place)) }
    }

    fileprivate func address(_ range: Range<Int>) -> IPAddress? {
        let bits = { (part: Range<Int>) in self[part].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
        switch range.count {
        case 4: return .v4(IPv4Address(bits: UInt32(truncatingIfNeeded: bits(range))))
        case 16:
            let middle = range.lowerBound + 8
            return .v6(IPv6Address(high: bits(range.lowerBound..<middle), low: bits(middle..<range.upperBound)))
        default: return nil
        }
    }

    /// A one's complement sum that has counted `old` and is to count `new` (RFC 1624, equation 3).
    fileprivate mutating func adjust(at offset: Int, _ old: [UInt8], _ new: [UInt8], isUDP: Bool) {
        var sum = UInt32(~(UInt16(self[offset]) << 8 | UInt16(self[offset + 1])))
        for place in stride(from: 0, to: old.count, by: 2) {
            sum += UInt32(~(UInt16(old[place]) << 8 | UInt16(old[place + 1])))
            sum += UInt32(UInt16(new[place]) << 8 | UInt16(new[place + 1]))
        }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        var checksum = ~UInt16(sum)
        if isUDP, checksum == 0 { checksum = 0xffff }
        self[offset] = UInt8(checksum >> 8)
        self[offset + 1] = UInt8(checksum & 0xff)
    }
}

extension IPAddress {
    fileprivate var octets: [UInt8] {
        func bytes(_ bits: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * (count - 1 - $0))) }
        }
        return switch self {
        case .v4(let address): bytes(UInt64(address.bits), 4)
        case .v6(let address): bytes(address.high, 8) + bytes(address.low, 8)
        }
    }
}
