public import NetworkVocabulary

/// What the proxy of one router must do: the rules that the kernel alone cannot. Values only: no text of a user's is in it
/// but a cookie's name, which is a token, and certificates, which lie in files of their own.
public struct ProxyPlan: Hashable, Sendable {
    /// By the ports that they listen on.
    public let frontends: [ProxyFrontend]

    public init(_ frontends: [ProxyFrontend]) {
        self.frontends = frontends.sorted { $0.listenPort < $1.listenPort }
    }

    /// Where the proxies of all routers listen: an address that nothing outside a router can be sent to.
    public static let listenAddress = IPv4Address(169, 254, 119, 1)
}

/// One rule: where connections come in, and to whom they go.
public struct ProxyFrontend: Hashable, Sendable {
    public enum Algorithm: String, Hashable, Sendable { case roundrobin, leastconn, source }

    /// The rule.
    public let origin: Origin
    public let listenPort: UInt16
    public let algorithm: Algorithm
    /// Of the members.
    public let port: UInt16
    public let stickiness: ProxyStickiness?
    public let healthCheck: ProxyHealthCheck?
    /// Members are told who the client is by the PROXY protocol, version 1.
    public let tellsClient: Bool
    /// TLS ends here, with this; nil where it does not.
    public let certificate: ProxyCertificate?
    /// The oldest first.
    public let members: [ProxyMember]

    public init(
        origin: Origin, listenPort: UInt16, algorithm: Algorithm, port: UInt16, stickiness: ProxyStickiness? = nil,
        healthCheck: ProxyHealthCheck? = nil, tellsClient: Bool = false,
        certificate: ProxyCertificate? = nil, members: [ProxyMember]
    ) {
        self.origin = origin
        self.listenPort = listenPort
        self.algorithm = algorithm
        self.port = port
        self.stickiness = stickiness
        self.healthCheck = healthCheck
        self.tellsClient = tellsClient
        self.certificate = certificate
        self.members = members
    }

    /// Whether HTTP is understood, not only passed on.
    public var isHTTP: Bool { stickiness?.isCookie ?? false }

    /// The section of the configuration. Rules have ports of their own on a router.
    public var name: String { "rule-\(listenPort)" }

    /// The file with its certificate and key.
    public var certificateFile: String { "\(name).pem" }

    /// The same rule apart from who shares it, and from which certificate TLS ends with.
    public func isSameExceptMembersAndCertificate(as other: ProxyFrontend) -> Bool {
        bare == other.bare && (certificate == nil) == (other.certificate == nil)
    }

    private var bare: ProxyFrontend {
        ProxyFrontend(
            origin: origin, listenPort: listenPort, algorithm: algorithm, port: port, stickiness: stickiness,
            healthCheck: healthCheck, tellsClient: tellsClient, members: [])
    }
}

public struct ProxyMember: Hashable, Sendable {
    public let origin: Origin
    public let address: IPv4Address

    public init(origin: Origin, address: IPv4Address) {
        self.origin = origin
        self.address = address
    }

    /// The server in the configuration; also what cookies say.
    public var name: String { "m-\(origin.id)" }
}

/// How a client stays with a member.
public enum ProxyStickiness: Hashable, Sendable {
    /// By a cookie of the proxy's own.
    case ownCookie(Token, options: Set<CookieOption>)
    /// By a cookie of the application's.
    case applicationCookie(Token, length: Int, holdSeconds: Int, learnsFromRequests: Bool)
    /// By the client's address.
    case source(tableSize: Int, expireSeconds: Int)

    public enum CookieOption: String, Hashable, Comparable, Sendable, CaseIterable {
        case noCache = "nocache"
        case indirect
        case postOnly = "postonly"

        public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    var isCookie: Bool { if case .source = self { false } else { true } }
}

/// A certificate, what leads up from it and its key, in PEM and in this order.
public struct ProxyCertificate: Hashable, Sendable {
    public let pem: Secret

    public init(pem: Secret) { self.pem = pem }
}

/// How members are found to answer or not.
public struct ProxyHealthCheck: Hashable, Sendable {
    /// HTTP `GET` of this; a connection alone when nil.
    public let path: Path?
    public let intervalSeconds: Int
    public let timeoutSeconds: Int
    public let rise: Int
    public let fall: Int

    public init(path: Path?, intervalSeconds: Int, timeoutSeconds: Int, rise: Int, fall: Int) {
        self.path = path
        self.intervalSeconds = intervalSeconds
        self.timeoutSeconds = timeoutSeconds
        self.rise = rise
        self.fall = fall
    }
}

/// A name as HTTP has them (RFC 9110, token): letters, digits and a few signs, none of which ends a word or begins a comment
/// in a configuration.
public struct Token: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init?(_ text: some StringProtocol) {
        let isToken = text.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
                || byte == 45 || byte == 46
        }
        guard isToken, (1...64).contains(text.utf8.count) else { return nil }
        description = String(text)
    }
}

/// The path of a URI, of unreserved characters, slashes, and what queries need besides: nothing that a configuration reads
/// otherwise than it is meant.
public struct Path: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init?(_ text: some StringProtocol) {
        let isPath = text.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || "/-._~?=&".utf8.contains(byte)
        }
        guard isPath, text.utf8.first == UInt8(ascii: "/"), text.utf8.count <= 255 else { return nil }
        description = String(text)
    }
}
