import NetworkVocabulary

/// A checksum that is not what the packet's bytes give.
///
/// On virtual Ethernet the kernel leaves transport checksums to a network card that never sees the packet; whether that
/// is a fault, only the caller knows.
public struct ChecksumFault: Hashable, Sendable {
    public let layer: PacketFault.Layer
    public let found: UInt16
    public let expected: UInt16
}

extension Frame {
    /// From the outside in; empty for what has no checksum, and for the transport of packets that are fragments or were
    /// cut off.
    public var checksumFaults: [ChecksumFault] { ip?.checksumFaults ?? [] }
}

extension IPPacket {
    public var checksumFaults: [ChecksumFault] {
        var faults: [ChecksumFault] = []
        var right = self
        if case .v4(var packet) = right, case .forced(let found) = packet.headerChecksum {
            packet.headerChecksum = .computed
            faults.append(ChecksumFault(layer: .ipv4, found: found, expected: packet.bytes.span.bytes.word(10)))
            right = .v4(packet)
        }
        guard isWhole, let fault = right.transportFault else { return faults }
        return faults + [fault]
    }

    private var transportFault: ChecksumFault? {
        let found: UInt16
        let layer: PacketFault.Layer
        let field: Int
        var corrected = body
        switch body {
        case .tcp(var segment):
            guard case .forced(let checksum) = segment.checksum else { return nil }
            segment.checksum = .computed
            (corrected, found, layer, field) = (.tcp(segment), checksum, .tcp, 16)
        case .udp(var datagram):
            guard case .forced(let checksum) = datagram.checksum, datagram.length == .computed else { return nil }
            if case .v4 = self, checksum == 0 { return nil }
            datagram.checksum = .computed
            (corrected, found, layer, field) = (.udp(datagram), checksum, .udp, 6)
        case .icmp(var message):
            guard case .forced(let checksum) = message.checksum else { return nil }
            message.checksum = .computed
            (corrected, found, layer, field) = (.icmp(message), checksum, .icmp, 2)
        case .icmpv6(var message):
            guard case .forced(let checksum) = message.checksum else { return nil }
            message.checksum = .computed
            (corrected, found, layer, field) = (.icmpv6(message), checksum, .icmpv6, 2)
        case .fragment, .other, .malformed: return nil
        }
        var bytes: [UInt8] = []
        corrected.write(to: &bytes, pseudoHeader: pseudoHeader)
        let expected = bytes.span.bytes.word(field)
        return found == expected ? nil : ChecksumFault(layer: layer, found: found, expected: expected)
    }

    private func pseudoHeader(_ length: Int) -> InternetChecksum {
        switch self {
        case .v4(let packet):
            InternetChecksum(packet.source, packet.destination, protocol: packet.protocol.number, length: length)
        case .v6(let packet):
            InternetChecksum(packet.source, packet.destination, protocol: packet.protocol.number, length: length)
        }
    }
}

extension ChecksumFault: CustomStringConvertible {
    public var description: String {
        "\(layer.rawValue) 0x\(String(found, radix: 16)), should be 0x\(String(expected, radix: 16))"
    }
}
