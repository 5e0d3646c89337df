import NetworkVocabulary
public import Packets
import RouterPlan

/// Answers what a network knows by itself: bytes in, decision out.
public enum DNSResponder {
    public enum Outcome: Sendable {
        /// Nothing is sent.
        case silent
        case answered
        /// The network does not know; its resolvers may.
        case forward(DNSQuery)
    }

    /// The largest datagram, sent or asked for: what passes everywhere in one piece.
    public static let datagramSize = 1232

    /// `stream`: over TCP, where an answer may be as long as it is.
    public static func answer(
        _ bytes: RawSpan, of zone: LocalZone, stream: Bool = false, _ reply: inout DNSReply
    ) -> Outcome {
        switch DNSQuery.read(bytes) {
        case .ignored: return .silent
        case .bad(let id, let flags, let code):
            reply.refuse(id: id, flags, code: code)
            return .answered
        case .query(let query):
            if let edns = query.edns, edns.version > 0 {
                reply.begin(query, of: bytes, flags: .recursionAvailable, code: DNSResponseCode.noError)
                reply.finishWithBadVersion(query, size: UInt16(datagramSize))
                return .answered
            }
            guard let verdict = judge(query, bytes, zone) else { return .forward(query) }
            write(verdict, query, bytes, zone, &reply)
            reply.finish(
                query, limit: stream ? 0xffff : query.datagramLimit(datagramSize), size: UInt16(datagramSize))
            return .answered
        }
    }

    /// What the network says of a name.
    enum Verdict {
        case address(IPv4Address)
        case pointer([UInt8])
        /// The name exists, and has nothing of that type; as the zone says.
        case nothing(zone: [UInt8])
        case noSuchName(zone: [UInt8])
        case minimal
        case refused
    }

    private static func judge(_ query: DNSQuery, _ bytes: RawSpan, _ zone: LocalZone) -> Verdict? {
        guard query.class == 1 else { return .refused }
        if [.axfr, .ixfr].contains(query.type) || (128...248).contains(query.type.code) { return .refused }
        let name = query.name
        if let address = zone.address(bytes, name) {
            switch query.type {
            case .a: return .address(address)
            case .any: return .minimal
            default: return .nothing(zone: zone.domain.wire)
            }
        }
        if let pointer = zone.pointer(bytes, name) {
            switch query.type {
            case .ptr: return .pointer(pointer)
            case .any: return .minimal
            default: return .nothing(zone: parent(of: name, bytes))
            }
        }
        return absence(query, bytes, zone)
    }

    /// Names that are not there and that no resolver is asked for.
    private static func absence(_ query: DNSQuery, _ bytes: RawSpan, _ zone: LocalZone) -> Verdict? {
        let name = query.name
        if zone.domain.wire.count > 1, bytes.isName(name, within: zone.domain.wire) {
            return name.count == zone.domain.wire.count
                ? .nothing(zone: zone.domain.wire) : .noSuchName(zone: zone.domain.wire)
        }
        if bytes.isName(name, within: SpecialNames.localhost) {
            return query.type == .a ? .address(IPv4Address(127, 0, 0, 1)) : .nothing(zone: SpecialNames.localhost)
        }
        if let special = SpecialNames.zone(of: name, bytes) {
            return name.count == special.count ? .nothing(zone: special) : .noSuchName(zone: special)
        }
        if reverseIsOwn(name, bytes, zone) { return .noSuchName(zone: parent(of: name, bytes)) }
        // A single label is a host's name without its domain, and says more to the outside than it should.
        if name.count > 1, Int(bytes.length(name.lowerBound)) + 2 == name.count {
            return .noSuchName(zone: [0])
        }
        return nil
    }

    /// The reverse name of an address of the network that nobody has.
    private static func reverseIsOwn(_ name: Range<Int>, _ bytes: RawSpan, _ zone: LocalZone) -> Bool {
        guard bytes.isName(name, within: reverseRoot) else { return false }
        var octets: [UInt32] = []
        var at = name.lowerBound
        while at < name.upperBound - reverseRoot.count, octets.count < 4 {
            let length = Int(bytes.length(at))
            var value: UInt32 = 0
            for offset in at + 1..<at + 1 + length {
                let digit = bytes.length(offset) &- 0x30
                guard digit < 10, length <= 3 else { return false }
                value = value * 10 + UInt32(digit)
            }
            octets.append(value)
            at += 1 + length
        }
        guard octets.count == 4, octets.allSatisfy({ $0 < 256 }) else { return false }
        let bits = octets.reversed().reduce(0 as UInt32) { $0 << 8 | $1 }
        return zone.services.subnet.contains(IPv4Address(bits: bits))
    }

    private static let reverseRoot = DNSName("in-addr.arpa")?.wire ?? []

    private static func parent(of name: Range<Int>, _ bytes: RawSpan) -> [UInt8] {
        let start = name.lowerBound + 1 + Int(bytes.length(name.lowerBound))
        return (start..<max(start + 1, name.upperBound)).map { bytes.length($0) }
    }

    private static func write(
        _ verdict: Verdict, _ query: DNSQuery, _ bytes: RawSpan, _ zone: LocalZone, _ reply: inout DNSReply
    ) {
        func begin(_ code: UInt8) {
            let flags: DNSFlags = [.authoritative, .recursionAvailable]
            reply.begin(query, of: bytes, flags: flags, code: code)
        }
        switch verdict {
        case .address(let address):
            begin(DNSResponseCode.noError)
            if query.type == .a { reply.answer(.a, ttl: LocalZone.ttl, address) }
        case .pointer(let name):
            begin(DNSResponseCode.noError)
            reply.answer(.ptr, ttl: LocalZone.ttl, name)
        case .nothing(let owner):
            begin(DNSResponseCode.noError)
            reply.authority(owner, zone.authority, ttl: LocalZone.ttl)
        case .noSuchName(let owner):
            begin(DNSResponseCode.nameError)
            reply.authority(owner, zone.authority, ttl: LocalZone.ttl)
        case .minimal:
            begin(DNSResponseCode.noError)
            // RFC 8482: something that exists, instead of everything that does.
            reply.answer(.hinfo, ttl: LocalZone.ttl, [7] + Array("RFC8482".utf8) + [0])
        case .refused:
            reply.begin(query, of: bytes, flags: [], code: DNSResponseCode.refused)
        }
    }
}

extension RawSpan {
    fileprivate func length(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
