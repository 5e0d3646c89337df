public import NetworkVocabulary

/// One field in which a frame is not what a pattern wants.
public struct PacketDifference: Hashable, Sendable {
    public let field: String
    public let wanted: String
    public let found: String
}

extension PacketDifference: CustomStringConvertible {
    public var description: String { "\(field): \(wanted) wanted, \(found) found" }
}

extension PacketPattern {
    /// Variables are bound only when the whole pattern matches.
    public func matches(_ frame: Frame, bindings: inout [String: PacketValue]) -> Bool {
        differences(from: frame, bindings: &bindings).isEmpty
    }

    public func matches(_ frame: Frame) -> Bool {
        var none: [String: PacketValue] = [:]
        return matches(frame, bindings: &none)
    }

    /// Every field that differs, from the outside in; none when the pattern matches, and then its variables are bound.
    public func differences(from frame: Frame, bindings: inout [String: PacketValue]) -> [PacketDifference] {
        var comparison = PacketComparison(bindings: bindings)
        comparison.compare(self, frame)
        if comparison.differences.isEmpty { bindings = comparison.bindings }
        return comparison.differences
    }
}

protocol PatternValue: Hashable, Sendable {
    var packetValue: PacketValue { get }
    init?(_ value: PacketValue)
}

extension UInt32: PatternValue {
    var packetValue: PacketValue { .number(self) }

    init?(_ value: PacketValue) {
        guard case .number(let number) = value else { return nil }
        self = number
    }
}

extension IPAddress: PatternValue {
    var packetValue: PacketValue { .address(self) }

    init?(_ value: PacketValue) {
        guard case .address(let address) = value else { return nil }
        self = address
    }
}

extension MACAddress: PatternValue {
    var packetValue: PacketValue { .mac(self) }

    init?(_ value: PacketValue) {
        guard case .mac(let address) = value else { return nil }
        self = address
    }
}

extension PacketValue: CustomStringConvertible {
    public var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .address(let address): "\(address)"
        case .mac(let address): "\(address)"
        }
    }
}

struct PacketComparison {
    var bindings: [String: PacketValue]
    private(set) var differences: [PacketDifference] = []

    init(bindings: [String: PacketValue]) { self.bindings = bindings }

    mutating func differ(_ field: String, _ wanted: String, _ found: String) {
        differences.append(PacketDifference(field: field, wanted: wanted, found: found))
    }

    mutating func check<Value: PatternValue>(_ field: String, _ wanted: Wanted<Value>, _ found: Value?) {
        switch wanted {
        case .any: return
        case .exactly(let value):
            if found != value { differ(field, "\(value)", found.map { "\($0)" } ?? "none") }
        case .variable(let name):
            guard let found else { return differ(field, "$\(name)", "none") }
            if let bound = bindings[name] {
                if bound != found.packetValue { differ(field, "$\(name) = \(bound)", "\(found)") }
            } else {
                bindings[name] = found.packetValue
            }
        }
    }

    mutating func compare(_ pattern: PacketPattern, _ frame: Frame) {
        if case .any = pattern.packet, pattern.tags.isEmpty {
        } else if pattern.tags.count != frame.tags.count {
            differ("vlan tags", "\(pattern.tags.count)", "\(frame.tags.count)")
        } else {
            for (wanted, found) in zip(pattern.tags, frame.tags) {
                if wanted.isService != (found.etherType != 0x8100) {
                    differ(
                        "vlan tag", wanted.isService ? "svlan" : "vlan", found.etherType == 0x8100 ? "vlan" : "svlan")
                }
                check("vlan", wanted.id, UInt32(found.id))
                check("vlan priority", wanted.priority, UInt32(found.priority))
            }
        }
        check("source MAC", pattern.source, frame.source)
        check("destination MAC", pattern.destination, frame.destination)
        switch (pattern.packet, frame.body) {
        case (.any, _): break
        case (.arp(let arp), .arp(let found)): compare(arp, found)
        case (.ip, .ipv4), (.ip, .ipv6): break
        case (.other(let etherType), _): check("ethertype", etherType, UInt32(frame.etherType))
        default: differ("packet", pattern.kind, frame.kind)
        }
        if case .ip(let ip) = pattern.packet, let found = frame.ip { compare(ip, found) }
        comparePayload(pattern, frame.payload)
        if pattern.isMalformed, frame.fault == nil { differ("packet", "malformed", "well-formed") }
    }

    /// An error quotes the beginning of a packet: what is not there differs from everything that is asked of it.
    mutating func compare(_ pattern: PacketPattern, quoted: IPPacket) {
        if case .ip(let ip) = pattern.packet {
            compare(ip, quoted)
        } else if pattern.packet != .any {
            differ("quoted packet", pattern.kind, "ip")
        }
        comparePayload(pattern, quoted.body.payload)
    }

    private mutating func comparePayload(_ pattern: PacketPattern, _ found: [UInt8]) {
        check("length", pattern.length, UInt32(truncatingIfNeeded: found.count))
        if let payload = pattern.payload, payload != found {
            differ("payload", PacketPattern.text(payload), PacketPattern.text(found))
        }
    }

    private mutating func compare(_ pattern: PacketPattern.ARP, _ found: ARPPacket) {
        switch pattern {
        case .request(let target, let sender):
            check("arp operation", .exactly(1), UInt32(found.operation))
            check("arp target", target, .v4(found.targetAddress))
            check("arp sender", sender, .v4(found.senderAddress))
        case .reply(let sender, let mac, let target):
            check("arp operation", .exactly(2), UInt32(found.operation))
            check("arp sender", sender, .v4(found.senderAddress))
            check("arp sender MAC", mac, found.senderMAC)
            check("arp target", target, .v4(found.targetAddress))
        }
    }

    private mutating func compare(_ pattern: PacketPattern.IP, _ found: IPPacket) {
        check("source address", pattern.source, found.source)
        check("destination address", pattern.destination, found.destination)
        switch pattern.transport {
        case .any(let number): check("protocol", number, UInt32(found.protocol.number))
        case .tcp(let tcp): compare(tcp, found)
        case .udp(let udp): compare(udp, found)
        case .icmp(let icmp): compare(icmp, found)
        }
        check("ttl", pattern.ttl, UInt32(found.ttl))
        check("tos", pattern.tos, UInt32(found.tos))
        check("ipid", pattern.identification, found.identification)
        if let dontFragment = pattern.dontFragment {
            var isSet = false
            if case .v4(let packet) = found { isSet = packet.flags.contains(.dontFragment) }
            if isSet != dontFragment { differ("df", dontFragment ? "set" : "clear", isSet ? "set" : "clear") }
        }
        if let fragment = pattern.fragment, found.fragment != fragment {
            differ("frag", fragment.text, found.fragment?.text ?? "none")
        }
        guard pattern.hasBadChecksum || pattern.hasBadHeaderChecksum else { return }
        let faults = found.checksumFaults.map(\.layer)
        if pattern.hasBadHeaderChecksum, !faults.contains(.ipv4) { differ("ip checksum", "bad", "good") }
        if pattern.hasBadChecksum, !faults.contains(where: { $0 != .ipv4 }) { differ("checksum", "bad", "good") }
    }

    private mutating func checkProtocol(_ wanted: IPProtocol, _ found: IPPacket) -> Bool {
        if found.protocol == wanted { return true }
        differ("protocol", "\(wanted)", "\(found.protocol)")
        return false
    }

    private mutating func compare(_ pattern: PacketPattern.TCP, _ found: IPPacket) {
        guard checkProtocol(.tcp, found) else { return }
        check("source port", pattern.source, found.ports.map { UInt32($0.source) })
        check("destination port", pattern.destination, found.ports.map { UInt32($0.destination) })
        var segment: TCPSegment?
        if case .tcp(let whole) = found.body { segment = whole }
        if let flags = pattern.flags, segment?.flags.intersection(.named) != flags {
            differ("flags", flags.text, segment?.flags.text ?? "none to be seen")
        }
        check("seq", pattern.sequence, segment?.sequence)
        check("ack", pattern.acknowledgment, segment?.acknowledgment)
        check("win", pattern.window, segment.map { UInt32($0.window) })
        check("mss", pattern.maximumSegment, segment?.maximumSegment.map { UInt32($0) })
    }

    private mutating func compare(_ pattern: PacketPattern.UDP, _ found: IPPacket) {
        guard checkProtocol(.udp, found) else { return }
        check("source port", pattern.source, found.ports.map { UInt32($0.source) })
        check("destination port", pattern.destination, found.ports.map { UInt32($0.destination) })
        guard let vxlan = pattern.vxlan else { return }
        guard let packet = try? VXLANPacket(parsing: found.body.payload), let frame = try? packet.frame() else {
            return differ("payload", "vxlan", "something else")
        }
        check("vxlan", vxlan.identifier, packet.identifier)
        compare(vxlan.inner, frame)
    }

    private mutating func compare(_ pattern: PacketPattern.ICMP, _ found: IPPacket) {
        guard checkProtocol(pattern.family == .ipv4 ? .icmp : .icmpv6, found) else { return }
        var message: ICMPMessage?
        switch found.body {
        case .icmp(let whole), .icmpv6(let whole): message = whole
        default: break
        }
        check("icmp type", pattern.type, message.map { UInt32($0.type) })
        check("icmp code", pattern.code, message.map { UInt32($0.code) })
        check("echo id", pattern.identifier, message.map { UInt32($0.echo.identifier) })
        check("echo seq", pattern.sequence, message.map { UInt32($0.echo.sequence) })
        check("mtu", pattern.mtu, message.map { pattern.family == .ipv4 ? $0.rest & 0xffff : $0.rest })
        check("target", pattern.target, message?.neighborTarget)
        check("lladdr", pattern.linkAddress, message?.neighborLinkAddress)
        guard let quoted = pattern.quoted else { return }
        guard let inner = found.quoted else { return differ("quoted packet", "\(quoted)", "none") }
        var comparison = PacketComparison(bindings: bindings)
        comparison.compare(quoted, quoted: inner)
        bindings = comparison.bindings
        for difference in comparison.differences {
            differ("quoted \(difference.field)", difference.wanted, difference.found)
        }
    }
}

extension PacketPattern {
    fileprivate var kind: String {
        switch packet {
        case .any: "any"
        case .arp: "arp"
        case .ip: "ip"
        case .other: "another ethertype"
        }
    }
}

extension Frame {
    fileprivate var kind: String {
        switch body {
        case .arp: "arp"
        case .ipv4, .ipv6: "ip"
        case .other: "ethertype 0x\(String(etherType, radix: 16))"
        case .malformed(_, let fault): "malformed (\(fault))"
        }
    }

    /// The bytes behind the innermost header that is read.
    public var payload: [UInt8] {
        switch body {
        case .arp: []
        case .ipv4(let packet): packet.body.payload
        case .ipv6(let packet): packet.body.payload
        case .other(let bytes), .malformed(let bytes, _): bytes
        }
    }
}
