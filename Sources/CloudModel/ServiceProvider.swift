public import NetworkVocabulary

/// Who does what offerings promise, on one physical network. A network is implemented only where its offering's
/// providers are enabled.
public struct ServiceProvider: Hashable, Codable, Sendable {
    public enum Name: String, Hashable, Codable, Sendable, CaseIterable {
        case virtualRouter = "VirtualRouter"
        case vpcVirtualRouter = "VpcVirtualRouter"
        case internalLoadBalancer = "InternalLbVm"
        case securityGroups = "SecurityGroupProvider"
        case configDrive = "ConfigDrive"
    }

    public let id: ObjectID
    public let name: Name
    public var isEnabled: Bool
    public var element: ProviderElement?

    /// A physical network has each provider once, so that its id and the name make the provider's.
    public init(_ name: Name, on physicalNetwork: ObjectID, isEnabled: Bool) {
        id = ObjectID(wellKnown: "\(name.rawValue) of \(physicalNetwork)")
        self.name = name
        self.isEnabled = isEnabled
        element = name.hasElement ? ProviderElement(provider: id, isEnabled: isEnabled) : nil
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case id, name, isEnabled, element }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        id = try container.decode(ObjectID.self, forKey: .id)
        name = try container.decode(Name.self, forKey: .name)
        isEnabled = try container.decode(Bool.self, forKey: .isEnabled)
        element = try container.decodeIfPresent(ProviderElement.self, forKey: .element)
    }
}

/// The kind of machine that works for a provider. It is configured, and enabled, before the provider can be.
public struct ProviderElement: Hashable, Codable, Sendable {
    public let id: ObjectID
    public var isEnabled: Bool

    init(provider: ObjectID, isEnabled: Bool) {
        id = ObjectID(wellKnown: "element of \(provider)")
        self.isEnabled = isEnabled
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case id, isEnabled }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        id = try container.decode(ObjectID.self, forKey: .id)
        isEnabled = try container.decode(Bool.self, forKey: .isEnabled)
    }
}

extension ServiceProvider.Name {
    /// Services in CloudStack's spelling, in the order of their names.
    public var services: [String] {
        switch self {
        case .virtualRouter:
            ["Dhcp", "Dns", "Firewall", "Gateway", "Lb", "PortForwarding", "SourceNat", "StaticNat", "UserData", "Vpn"]
        case .vpcVirtualRouter:
            [
                "Dhcp", "Dns", "Gateway", "Lb", "NetworkACL", "PortForwarding", "SourceNat", "StaticNat", "UserData",
                "Vpn",
            ]
        case .internalLoadBalancer: ["Lb"]
        case .securityGroups: ["SecurityGroup"]
        case .configDrive: ["Dhcp", "Dns", "UserData"]
        }
    }

    public var hasElement: Bool { isVirtualRouter || self == .internalLoadBalancer }
    public var isVirtualRouter: Bool { self == .virtualRouter || self == .vpcVirtualRouter }

    /// Whatever the case of its letters.
    public init?(anyCase text: String) {
        guard let name = Self.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
            return nil
        }
        self = name
    }
}
