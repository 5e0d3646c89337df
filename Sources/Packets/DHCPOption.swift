/// The code of a DHCP option (RFC 2132 and later ones). 0 and 255 are no options.
public struct DHCPOption: Hashable, Comparable, Sendable {
    public let code: UInt8

    public init(_ code: UInt8) { self.code = code }

    public static func < (a: Self, b: Self) -> Bool { a.code < b.code }

    public static let subnetMask = Self(1)
    public static let router = Self(3)
    public static let domainNameServer = Self(6)
    public static let hostName = Self(12)
    public static let domainName = Self(15)
    public static let interfaceMTU = Self(26)
    public static let broadcastAddress = Self(28)
    public static let requestedAddress = Self(50)
    public static let leaseTime = Self(51)
    public static let overload = Self(52)
    public static let messageType = Self(53)
    public static let serverIdentifier = Self(54)
    public static let parameterRequestList = Self(55)
    public static let message = Self(56)
    public static let maximumMessageSize = Self(57)
    public static let renewalTime = Self(58)
    public static let rebindingTime = Self(59)
    public static let clientIdentifier = Self(61)
    public static let bootServerName = Self(66)
    public static let bootFileName = Self(67)
    /// Fully qualified domain name (RFC 4702).
    public static let fullyQualifiedName = Self(81)
    /// Relay agent information (RFC 3046).
    public static let relayInformation = Self(82)
    /// RFC 3397.
    public static let domainSearch = Self(119)
    /// RFC 3442.
    public static let classlessRoutes = Self(121)
}

/// The kinds of DHCP messages, by the value of option 53.
public enum DHCPMessageType: UInt8, Hashable, Sendable, CaseIterable {
    case discover = 1, offer, request, decline, acknowledge, refuse, release, inform
}
