import NetworkVocabulary

/// A DHCP option beyond those that follow from the network: of one NIC, or of all NICs on networks of an offering.
public struct ExtraDHCPOption: Hashable, Codable, Sendable {
    public let code: UInt8
    /// As its user wrote it.
    public let value: String

    public init(code: UInt8, value: String) {
        self.code = code
        self.value = value
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case code, value
    }

    /// What clients and the details of offerings call it.
    public static func name(_ code: UInt8) -> String { "dhcp:\(code)" }

    /// The number in `dhcp:66`; nil for other words.
    public static func code(named name: String) -> UInt8? {
        let pieces = name.split(separator: ":", omittingEmptySubsequences: false)
        guard pieces.count == 2, pieces[0].lowercased() == "dhcp", pieces[1].allSatisfy(\.isNumber) else { return nil }
        return UInt8(pieces[1])
    }

    /// What nobody may choose: the network's mask and the guest's name, which follow from the cloud, and what the
    /// protocol itself says by options.
    public static let reserved: Set<UInt8> = Set([0, 1, 12, 81, 82, 255] + (50...59) + [61])

    /// Nil when the value is none for this option.
    public var bytes: [UInt8]? {
        guard !value.isEmpty, value.utf8.count <= 1_024 else { return nil }
        let bytes =
            switch Form(code) {
            case .addresses: addresses
            case .address: IPv4Address(value)?.octets
            case .number(let octets): number(octets)
            case .flag: flag
            case .domains: domains
            case .routes: routes
            case .text: octets ?? Array(value.utf8)
            }
        return bytes.flatMap { $0.count <= 1_024 ? $0 : nil }
    }

    // MARK: Forms, by RFC 2132 and those that came after

    private enum Form {
        case addresses, address, flag, domains, routes, text
        /// So many octets.
        case number(Int)

        init(_ code: UInt8) {
            switch code {
            case 3...11, 21, 33, 41, 42, 44, 45, 48, 49, 65, 68...76, 150: self = .addresses
            case 16, 28, 32: self = .address
            case 2, 24, 35, 38, 108: self = .number(4)
            case 13, 22, 26: self = .number(2)
            case 23, 37, 46: self = .number(1)
            case 19, 20, 27, 29, 30, 31, 34, 36, 39: self = .flag
            case 119: self = .domains
            case 121, 249: self = .routes
            default: self = .text
            }
        }
    }

    private var words: [String] {
        value.split(separator: ",", omittingEmptySubsequences: false).map { word in
            String(word.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// Some options are pairs of addresses.
    private var addresses: [UInt8]? {
        let found = words.map { IPv4Address($0) }
        guard !found.contains(nil), found.count % 2 == 0 || (code != 21 && code != 33) else { return nil }
        return found.compactMap(\.self).flatMap(\.octets)
    }

    private func number(_ octets: Int) -> [UInt8]? {
        guard let number = Int64(value), number >= (octets == 4 ? Int64(Int32.min) : 0), number < 1 << (octets * 8)
        else { return nil }
        return (0..<octets).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    private var flag: [UInt8]? {
        switch value.lowercased() {
        case "1", "true": [1]
        case "0", "false": [0]
        default: nil
        }
    }

    /// Names one after the other, not shortened: readers need not follow pointers (RFC 3397).
    private var domains: [UInt8]? {
        var bytes: [UInt8] = []
        for word in words {
            let labels = word.split(separator: ".", omittingEmptySubsequences: false)
            guard word.utf8.count <= 253,
                labels.allSatisfy({ (1...63).contains($0.utf8.count) && $0.utf8.allSatisfy(Self.isHostOctet) })
            else { return nil }
            for label in labels { bytes += [UInt8(label.utf8.count)] + Array(label.utf8) }
            bytes.append(0)
        }
        return bytes
    }

    private static func isHostOctet(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) && byte >= 0x41 || byte == 0x2d
    }

    /// `10.0.0.0/8,10.1.1.2`: networks, each with its gateway (RFC 3442).
    private var routes: [UInt8]? {
        let words = words
        guard words.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for at in stride(from: 0, to: words.count, by: 2) {
            guard let prefix = IPv4Prefix(words[at]), let gateway = IPv4Address(words[at + 1]) else { return nil }
            bytes.append(UInt8(prefix.length))
            bytes += prefix.first.octets.prefix((prefix.length + 7) / 8) + gateway.octets
        }
        return bytes
    }

    /// `01:0a:ff`, for options whose meaning is between a vendor and its clients.
    private var octets: [UInt8]? {
        let pieces = value.split(separator: ":", omittingEmptySubsequences: false)
        guard pieces.count > 1, pieces.allSatisfy({ $0.utf8.count == 2 }) else { return nil }
        let bytes = pieces.map { UInt8($0, radix: 16) }
        return bytes.contains(nil) ? nil : bytes.compactMap(\.self)
    }
}

extension [ExtraDHCPOption] {
    /// What rows of `dhcp:66=value` say, in the order of their numbers.
    public init(details: [String: String]) {
        self = details.compactMap { name, value in
            ExtraDHCPOption.code(named: name).map { ExtraDHCPOption(code: $0, value: value) }
        }.sorted { $0.code < $1.code }
    }
}
