public import NetworkVocabulary
import Packets

/// One end of a connection that was given another address, for all its packets.
public struct Translation: Hashable, Sendable {
    public enum End: String, Hashable, Sendable { case source, destination }

    public let end: End
    public let before: FlowTuple
    public let after: FlowTuple
    /// The port is one that was free: another would have done, and the kernel may choose another.
    public let isPortArbitrary: Bool
}

extension IPPacket {
    /// The tuple that connection tracking sees; nil where the transport's header cannot be read.
    var tuple: FlowTuple? {
        let selector: FlowTuple.Selector
        switch body {
        case .tcp(let segment): selector = .ports(source: segment.source, destination: segment.destination)
        case .udp(let datagram): selector = .ports(source: datagram.source, destination: datagram.destination)
        case .icmp(let message), .icmpv6(let message):
            selector = .icmp(type: message.type, code: message.code, id: message.echo.identifier)
        case .other: selector = .none
        case .fragment, .malformed: return nil
        }
        return FlowTuple(`protocol`, from: source, to: destination, selector)
    }

    /// The packet with one end as the tuple has it. Checksums that were right stay right.
    func with(_ end: Translation.End, of tuple: FlowTuple) -> IPPacket {
        var body = body
        if case .ports(let source, let destination) = tuple.selector {
            switch body {
            case .tcp(var segment):
                if end == .source { segment.source = source } else { segment.destination = destination }
                body = .tcp(segment)
            case .udp(var datagram):
                if end == .source { datagram.source = source } else { datagram.destination = destination }
                body = .udp(datagram)
            case .icmp, .icmpv6, .fragment, .other, .malformed: break
            }
        }
        if case .icmp(_, _, let id) = tuple.selector {
            switch body {
            case .icmp(let message): body = .icmp(message.with(identifier: id))
            case .icmpv6(let message): body = .icmpv6(message.with(identifier: id))
            case .tcp, .udp, .fragment, .other, .malformed: break
            }
        }
        return with(end, tuple, body)
    }

    /// The addresses alone, as an ICMP error is translated.
    func with(addressOf end: Translation.End, in tuple: FlowTuple) -> IPPacket { with(end, tuple, body) }

    private func with(_ end: Translation.End, _ tuple: FlowTuple, _ body: Transport) -> IPPacket {
        switch (self, end == .source ? tuple.source : tuple.destination) {
        case (.v4(var packet), .v4(let address)):
            if end == .source { packet.source = address } else { packet.destination = address }
            packet.body = body
            return .v4(packet)
        case (.v6(var packet), .v6(let address)):
            if end == .source { packet.source = address } else { packet.destination = address }
            packet.body = body
            return .v6(packet)
        default: return self
        }
    }

    /// The packet one hop on.
    var forwarded: IPPacket {
        switch self {
        case .v4(var packet):
            packet.ttl &-= 1
            return .v4(packet)
        case .v6(var packet):
            packet.hopLimit &-= 1
            return .v6(packet)
        }
    }

    /// An ICMP error with one end of the quoted packet as the tuple has it.
    ///
    /// The quotation may end anywhere, and the checksums in it are of the packet that was sent: the kernel corrects them
    /// by what it changes, so this is done on the bytes.
    func quoting(_ end: Translation.End, of tuple: FlowTuple) -> IPPacket {
        switch (self, body) {
        case (.v4(var packet), .icmp(var message)):
            message.payload = rewritten(message.payload, end, tuple)
            packet.body = .icmp(message)
            return .v4(packet)
        case (.v6(var packet), .icmpv6(var message)):
            message.payload = rewritten(message.payload, end, tuple)
            packet.body = .icmpv6(message)
            return .v6(packet)
        default: return self
        }
    }
}

extension ICMPMessage {
    fileprivate func with(identifier: UInt16) -> ICMPMessage {
        var message = self
        message.rest = rest & 0xffff | UInt32(identifier) << 16
        return message
    }
}

/// A quoted packet with one end rewritten; checksums are adjusted by the difference (RFC 1624), so that one that was
/// wrong stays as wrong as it was.
private func rewritten(_ quotation: [UInt8], _ end: Translation.End, _ tuple: FlowTuple) -> [UInt8] {
    guard let first = quotation.first else { return quotation }
    var bytes = quotation
    let isIPv4 = first >> 4 == 4
    let header = isIPv4 ? Int(first & 15) * 4 : 40
    let address = end == .source ? tuple.source : tuple.destination
    let place = isIPv4 ? (end == .source ? 12 : 16) : (end == .source ? 8 : 24)
    guard bytes.count >= header, address.octets.count == (isIPv4 ? 4 : 16) else { return quotation }
    let before = Array(bytes[place..<place + address.octets.count])
    bytes.replaceSubrange(place..<place + before.count, with: address.octets)
    if isIPv4 { adjust(&bytes, at: 10, from: before, to: address.octets) }
    let number = tuple.ipProtocol.number
    let sum = header + (number == 6 ? 16 : number == 17 ? 6 : 2)
    // Where the whole header is there. A sum of zero in UDP says that there is none.
    let isSummed =
        bytes.count >= header + (number == 6 ? 20 : 8) && !(number == 17 && bytes[sum] == 0 && bytes[sum + 1] == 0)
    let coversAddresses = number == 6 || number == 17 || number == 58
    if isSummed, coversAddresses { adjust(&bytes, at: sum, from: before, to: address.octets) }
    let value: UInt16
    let at: Int
    switch tuple.selector {
    case .ports(let source, let destination):
        (value, at) = end == .source ? (source, header) : (destination, header + 2)
    case .icmp(_, _, let id): (value, at) = (id, header + 4)
    case .none: return bytes
    }
    guard bytes.count >= at + 2 else { return bytes }
    let old = Array(bytes[at..<at + 2])
    let new = [UInt8(value >> 8), UInt8(value & 0xff)]
    bytes.replaceSubrange(at..<at + 2, with: new)
    if isSummed { adjust(&bytes, at: sum, from: old, to: new) }
    if isSummed, number == 17, bytes[sum] == 0, bytes[sum + 1] == 0 {
        bytes.replaceSubrange(sum..<sum + 2, with: [0xff, 0xff])
    }
    return bytes
}

private func adjust(_ bytes: inout [UInt8], at place: Int, from old: [UInt8], to new: [UInt8]) {
    guard bytes.count >= place + 2 else { return }
    var sum = UInt32(~(UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1])))
    for index in stride(from: 0, to: old.count, by: 2) {
        sum += UInt32(~(UInt16(old[index]) << 8 | UInt16(old[index + 1])))
        sum += UInt32(UInt16(new[index]) << 8 | UInt16(new[index + 1]))
    }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    let checksum = ~UInt16(sum)
    bytes[place] = UInt8(checksum >> 8)
    bytes[place + 1] = UInt8(checksum & 0xff)
}
