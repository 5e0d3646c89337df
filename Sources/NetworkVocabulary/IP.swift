/// The two families that one model serves.
public enum AddressFamily: String, Hashable, Codable, Sendable, CaseIterable {
    case ipv4, ipv6
}

/// An address of either family.
public enum IPAddress: Hashable, Comparable, Sendable {
    case v4(IPv4Address)
    case v6(IPv6Address)

    public var family: AddressFamily {
        switch self {
        case .v4: .ipv4
        case .v6: .ipv6
        }
    }

    public var octets: [UInt8] {
        switch self {
        case .v4(let address): address.octets
        case .v6(let address): address.octets
        }
    }
}

extension IPAddress: LosslessStringConvertible, TextCoded {
    public init?(_ text: String) {
        if let v4 = IPv4Address(text) {
            self = .v4(v4)
        } else if let v6 = IPv6Address(text) {
            self = .v6(v6)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }
}

/// A network of either family, without host bits.
public enum IPPrefix: Hashable, Comparable, Sendable {
    case v4(IPv4Prefix)
    case v6(IPv6Prefix)

    public var family: AddressFamily {
        switch self {
        case .v4: .ipv4
        case .v6: .ipv6
        }
    }

    public var address: IPAddress {
        switch self {
        case .v4(let prefix): .v4(prefix.address)
        case .v6(let prefix): .v6(prefix.address)
        }
    }

    public var length: Int {
        switch self {
        case .v4(let prefix): prefix.length
        case .v6(let prefix): prefix.length
        }
    }

    /// The network of one address.
    public init(host address: IPAddress) {
        switch address {
        case .v4(let v4): self = .v4(IPv4Prefix(host: v4))
        case .v6(let v6): self = .v6(IPv6Prefix(host: v6))
        }
    }

    /// The address, where the network has no other.
    public var host: IPAddress? {
        switch self {
        case .v4(let prefix): prefix.length == 32 ? .v4(prefix.address) : nil
        case .v6(let prefix): prefix.length == 128 ? .v6(prefix.address) : nil
        }
    }

    /// An address of the other family is in no network.
    public func contains(_ address: IPAddress) -> Bool {
        switch (self, address) {
        case (.v4(let prefix), .v4(let v4)): prefix.contains(v4)
        case (.v6(let prefix), .v6(let v6)): prefix.contains(v6)
        default: false
        }
    }
}

extension IPPrefix: LosslessStringConvertible, TextCoded {
    public init?(_ text: String) {
        if let v4 = IPv4Prefix(text) {
            self = .v4(v4)
        } else if let v6 = IPv6Prefix(text) {
            self = .v6(v6)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .v4(let prefix): prefix.description
        case .v6(let prefix): prefix.description
        }
    }
}

/// An address as an interface carries it: with the length of its network, host bits and all (`10.1.1.1/24`).
public struct InterfaceAddress: Hashable, Comparable, Sendable {
    public let address: IPAddress
    public let prefixLength: Int

    public init?(_ address: IPAddress, prefixLength: Int) {
        guard (0...(address.family == .ipv4 ? 32 : 128)).contains(prefixLength) else { return nil }
        self.address = address
        self.prefixLength = prefixLength
    }

    /// An address inside the network it was taken from.
    public init(_ address: IPv4Address, in prefix: IPv4Prefix) {
        self.address = .v4(address)
        self.prefixLength = prefix.length
    }

    public static func < (a: Self, b: Self) -> Bool { (a.address, a.prefixLength) < (b.address, b.prefixLength) }
}

extension InterfaceAddress: LosslessStringConvertible, TextCoded {
    public init?(_ text: String) {
        guard let (address, length) = splitPrefix(text, IPAddress.init) else { return nil }
        self.init(address, prefixLength: length)
    }

    public var description: String { "\(address)/\(prefixLength)" }
}
