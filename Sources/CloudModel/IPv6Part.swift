public import NetworkVocabulary

/// IPv6 addresses that go with a range of IPv4 addresses. They are kept, and nothing uses them yet.
public struct IPv6Part: Hashable, Codable, Sendable {
    public var prefix: IPv6Prefix
    public var gateway: IPv6Address
    /// All of the prefix when absent.
    public var addresses: IPv6Range?

    public init(prefix: IPv6Prefix, gateway: IPv6Address, addresses: IPv6Range? = nil) {
        self.prefix = prefix
        self.gateway = gateway
        self.addresses = addresses
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case prefix, gateway, addresses
    }

    /// The addresses themselves.
    public var range: IPv6Range { addresses ?? IPv6Range(prefix) }

    var contradiction: String? {
        if !prefix.contains(gateway) { return "its IPv6 gateway is outside its prefix" }
        guard let addresses else { return nil }
        if !prefix.contains(addresses.first) || !prefix.contains(addresses.last) {
            return "its IPv6 addresses are outside its prefix"
        }
        return (addresses.first...addresses.last).contains(gateway) ? "its IPv6 gateway is one of its addresses" : nil
    }
}
