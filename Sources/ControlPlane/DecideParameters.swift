import CloudModel
import NetworkVocabulary
import Planner

// From a parameter's text to its value, or an error that names it.
extension Draft {
    /// 1…255 bytes without control characters.
    func name(_ text: String, _ parameter: String) throws(RequestError) -> String {
        guard !text.isEmpty else { throw invalid(parameter, text, "it is empty") }
        return try self.text(text, parameter)
    }

    /// At most 255 bytes without control characters.
    func text(_ text: String, _ parameter: String) throws(RequestError) -> String {
        guard text.utf8.count <= 255 else { throw .tooLong(parameter, limit: 255) }
        guard !text.unicodeScalars.contains(where: \.isControl) else {
            throw invalid(parameter, text, "control characters are not allowed")
        }
        return text
    }

    /// One DNS label, which a guest's name becomes (RFC 1123).
    func hostName(_ text: String, _ parameter: String) throws(RequestError) -> String {
        guard text.utf8.count <= 63 else { throw .tooLong(parameter, limit: 63) }
        guard text.isDNSLabel else {
            throw invalid(
                parameter, text,
                "an instance name is 1 to 63 ASCII letters, digits and hyphens, with no hyphen at either end")
        }
        return text
    }

    /// Nil for the empty text.
    func domain(_ text: String, _ parameter: String) throws(RequestError) -> String? {
        guard !text.isEmpty else { return nil }
        guard text.utf8.count <= 190 else { throw .tooLong(parameter, limit: 190) }
        guard text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ String($0).isDNSLabel }) else {
            throw invalid(
                parameter, text,
                "each label is 1 to 63 ASCII letters, digits and hyphens, with no hyphen at either end")
        }
        return text
    }

    func address(_ text: String, _ parameter: String) throws(RequestError) -> IPv4Address {
        guard let address = IPv4Address(text) else { throw invalid(parameter, text, "it is not an IPv4 address") }
        return address
    }

    /// An address that a host on the net may have.
    func hostAddress(_ text: String, _ parameter: String) throws(RequestError) -> IPv4Address {
        let address = try address(text, parameter)
        guard address.isUnicast else { throw invalid(parameter, text, "no host can have it") }
        return address
    }

    func prefixLength(netmask text: String, _ parameter: String) throws(RequestError) -> Int {
        guard let mask = IPv4Address(text), let length = IPv4Prefix.length(ofNetmask: mask) else {
            throw invalid(parameter, text, "it is not a netmask")
        }
        return length
    }

    func prefix(_ text: String, _ parameter: String) throws(RequestError) -> IPv4Prefix {
        if let prefix = IPv4Prefix(text) { return prefix }
        if case .v4(let address) = InterfaceAddress(text)?.address {
            let length = InterfaceAddress(text)?.prefixLength ?? 32
            let network = IPv4Prefix(containing: address, length: length).map { "; the network is \($0)" } ?? ""
            throw invalid(parameter, text, "host bits are set\(network)")
        }
        throw invalid(parameter, text, "it is not an IPv4 network such as 10.1.1.0/24")
    }

    /// A network that guests can live in.
    func guestPrefix(_ text: String, _ parameter: String) throws(RequestError) -> IPv4Prefix {
        try guestPrefix(try prefix(text, parameter), text, parameter)
    }

    /// The same, from the text that it was read of.
    func guestPrefix(
        _ prefix: IPv4Prefix, _ text: String, _ parameter: String
    ) throws(RequestError) -> IPv4Prefix {
        guard (8...29).contains(prefix.length) else {
            throw invalid(parameter, text, "a guest network is from /8 to /29")
        }
        guard prefix.first.isUnicast, prefix.last.isUnicast else {
            throw invalid(parameter, text, "no host can have its addresses")
        }
        return prefix
    }

    /// `100-199,300`: ascending, all of them numbers that the isolation method has. Ranges that touch are one: what is
    /// dedicated may lie across where they meet.
    func segments(_ text: String, _ isolation: IsolationMethod, _ parameter: String) throws(RequestError)
        -> [SegmentRange]
    {
        guard !text.isEmpty else { return [] }
        guard text.utf8.count <= 4_096 else { throw .tooLong(parameter, limit: 4_096) }
        guard isolation != .l3 else { throw invalid(parameter, text, "there are no segments where isolation is L3") }
        let limits = isolation == .vlan ? "VLAN ids are from 1 to 4094" : "VNIs are from 1 to 16777215"
        var ranges: [SegmentRange] = []
        for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let range = SegmentRange(String(piece)) else {
                throw invalid(parameter, text, "a range is first-last, first not above last, digits only; \(limits)")
            }
            guard Segment(isolation, number: range.first) != nil, Segment(isolation, number: range.last) != nil else {
                throw invalid(parameter, text, limits)
            }
            ranges.append(range)
        }
        ranges.sort()
        for (earlier, later) in zip(ranges, ranges.dropFirst()) where earlier.last >= later.first {
            throw invalid(parameter, text, "ranges \(earlier) and \(later) overlap")
        }
        return ranges.reduce(into: []) { joined, range in
            guard let last = joined.last, last.last + 1 == range.first,
                let both = SegmentRange(last.first, range.last)
            else { return joined.append(range) }
            joined[joined.count - 1] = both
        }
    }

    /// The segment of a public range.
    func publicSegment(_ text: String?, _ isolation: IsolationMethod, _ parameter: String) throws(RequestError)
        -> Segment
    {
        guard let text, text != "untagged" else { return .untagged }
        if let vlan = VLANID(text) { return .vlan(vlan) }
        guard let segment = Segment(text) else {
            throw invalid(
                parameter, text,
                isolation == .vxlan
                    ? "a number alone is a VLAN id, from 1 to 4094; a VNI is written vxlan://5000, from 1 to 16777215"
                    : "VLAN ids are from 1 to 4094")
        }
        if case .vxlan = segment, isolation != .vxlan {
            throw invalid(parameter, text, "the physical network's isolation is VLAN")
        }
        return segment
    }

    func trunk(_ text: String, _ parameter: String) throws(RequestError) -> InterfaceName? {
        guard !text.isEmpty else { return nil }
        guard let name = InterfaceName(text) else { throw invalid(parameter, text, "it is not an interface's name") }
        // Frames in frames of a tenant's, or of nobody's.
        guard text != "lo", !Planner.isOwnDevice(name) else {
            throw invalid(parameter, text, "it is no wire, but the loopback or a device of the daemon's own")
        }
        return name
    }

    func invalid(_ parameter: String, _ value: String, _ reason: String) -> RequestError {
        .invalid(parameter, value, command, because: reason)
    }

    func unknown(_ parameter: String, _ id: ObjectID) -> RequestError {
        .unknown(parameter, id: id.description, command)
    }
}

extension IPv4Address {
    /// Neither this-network, loopback, link-local, multicast nor reserved.
    var isUnicast: Bool {
        switch bits >> 24 {
        case 0, 127, 224...: false
        default: !isLinkLocal
        }
    }
}

extension String {
    var isDNSLabel: Bool {
        (1...63).contains(utf8.count) && utf8.first != 45 && utf8.last != 45
            && utf8.allSatisfy {
                switch $0 {
                case 45, 48...57, 65...90, 97...122: true
                default: false
                }
            }
    }
}
