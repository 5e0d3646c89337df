/// What limits are about, in CloudStack's order: the raw value is `resourcetypename`.
public enum ResourceType: String, Hashable, Comparable, Sendable, CaseIterable, CodingKeyRepresentable, Codable {
    case instance = "user_vm"
    case publicAddress = "public_ip"
    case volume
    case snapshot
    case template
    case project
    case network
    case vpc
    case cpu
    case memory
    case primaryStorage = "primary_storage"
    case secondaryStorage = "secondary_storage"

    /// CloudStack's `resourcetype`.
    public var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    public init?(number: Int) {
        guard Self.allCases.indices.contains(number) else { return nil }
        self = Self.allCases[number]
    }

    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}
