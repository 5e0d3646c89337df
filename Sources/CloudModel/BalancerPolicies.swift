public import NetworkVocabulary

/// How clients of a load balancer rule stay with one member.
public struct StickinessPolicy: Hashable, Codable, Sendable {
    /// CloudStack's words.
    public enum Method: String, Hashable, Codable, Sendable, CaseIterable {
        case ownCookie = "LbCookie"
        case applicationCookie = "AppCookie"
        case source = "SourceBased"
    }

    public let id: ObjectID
    public var name: String
    public var description: String
    public var method: Method
    /// CloudStack's parameters of the method, as the user wrote them.
    public var parameters: [String: String]

    public init(
        id: ObjectID, name: String, description: String = "", method: Method, parameters: [String: String] = [:]
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.method = method
        self.parameters = parameters
    }

    enum CodingKeys: String, CodingKey, CaseIterable { case id, name, description, method, parameters }
}

/// How members of a load balancer rule are found to answer or not.
public struct HealthCheckPolicy: Hashable, Codable, Sendable {
    public let id: ObjectID
    public var description: String
    /// HTTP asks for this; nil: that a connection can be made is enough.
    public var pingPath: String?
    /// Seconds.
    public var interval: Int
    public var responseTimeout: Int
    /// Answers in a row after which a member counts as well, and failures after which it does not.
    public var healthyThreshold: Int
    public var unhealthyThreshold: Int

    public init(
        id: ObjectID, description: String = "", pingPath: String? = nil, interval: Int = 5, responseTimeout: Int = 2,
        healthyThreshold: Int = 2, unhealthyThreshold: Int = 1
    ) {
        self.id = id
        self.description = description
        self.pingPath = pingPath
        self.interval = interval
        self.responseTimeout = responseTimeout
        self.healthyThreshold = healthyThreshold
        self.unhealthyThreshold = unhealthyThreshold
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, description, pingPath, interval, responseTimeout, healthyThreshold, unhealthyThreshold
    }
}

extension HealthCheckPolicy {
    /// Of rules that have no policy: that a connection can be made is enough, and one failure may be chance.
    static let byDefault = HealthCheckPolicy(
        id: ObjectID(wellKnown: "health check by default"), interval: 5, responseTimeout: 2, healthyThreshold: 2,
        unhealthyThreshold: 2)
}

extension LoadBalancerRule {
    /// How members are checked: as the policy says, or by whether they take connections. Nothing need answer a datagram.
    public var check: HealthCheckPolicy? { healthCheck ?? (transport == .udp ? nil : .byDefault) }
}

extension StickinessPolicy {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            name: try container.decode(String.self, forKey: .name),
            description: try container.decode(String.self, forKey: .description),
            method: try container.decode(Method.self, forKey: .method),
            parameters: try container.decode([String: String].self, forKey: .parameters))
    }
}

extension HealthCheckPolicy {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            description: try container.decode(String.self, forKey: .description),
            pingPath: try container.decodeIfPresent(String.self, forKey: .pingPath),
            interval: try container.decode(Int.self, forKey: .interval),
            responseTimeout: try container.decode(Int.self, forKey: .responseTimeout),
            healthyThreshold: try container.decode(Int.self, forKey: .healthyThreshold),
            unhealthyThreshold: try container.decode(Int.self, forKey: .unhealthyThreshold))
    }
}
