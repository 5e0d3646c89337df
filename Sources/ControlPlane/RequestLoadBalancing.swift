public import CloudModel
public import NetworkVocabulary

/// What can be asked about ports that guests share.
public enum BalancingRequest: Hashable, Sendable {
    case createRule(CreateRule)
    case updateRule(UpdateRule)
    case deleteRule(Request.Removal)
    case assign(Guests)
    case remove(Guests)
    case createStickiness(CreateStickiness)
    case createHealthCheck(CreateHealthCheck)
    case deletePolicy(DeletePolicy)
    case createInternal(CreateInternal)
    case updateInternal(ObjectID, isDisplayed: Bool?)
    case deleteInternal(Request.Removal)
    case uploadCertificate(UploadCertificate)
    case deleteCertificate(ObjectID)
    case assignCertificate(AssignCertificate)
    case removeCertificate(rule: ObjectID)
    /// What a check has found; asked by nobody but the daemon itself.
    case report([MemberHealth])

    public var command: String {
        switch self {
        case .createRule: "createLoadBalancerRule"
        case .updateRule: "updateLoadBalancerRule"
        case .deleteRule: "deleteLoadBalancerRule"
        case .assign: "assignToLoadBalancerRule"
        case .remove: "removeFromLoadBalancerRule"
        case .createStickiness: "createLBStickinessPolicy"
        case .createHealthCheck: "createLBHealthCheckPolicy"
        case .deletePolicy(let request):
            request.kind == .stickiness ? "deleteLBStickinessPolicy" : "deleteLBHealthCheckPolicy"
        case .createInternal: "createLoadBalancer"
        case .updateInternal: "updateLoadBalancer"
        case .deleteInternal: "deleteLoadBalancer"
        case .uploadCertificate: "uploadSslCert"
        case .deleteCertificate: "deleteSslCert"
        case .assignCertificate: "assignCertToLoadBalancer"
        case .removeCertificate: "removeCertFromLoadBalancer"
        case .report: "reportMemberHealth"
        }
    }

    var eventType: String {
        switch self {
        case .createRule, .createInternal: "LB.CREATE"
        case .updateRule, .updateInternal: "LB.UPDATE"
        case .deleteRule, .deleteInternal: "LB.DELETE"
        case .assign: "LB.ASSIGN.TO.RULE"
        case .remove: "LB.REMOVE.FROM.RULE"
        case .createStickiness: "LB.STICKINESSPOLICY.CREATE"
        case .createHealthCheck: "LB.HEALTHCHECKPOLICY.CREATE"
        case .deletePolicy(let request):
            request.kind == .stickiness ? "LB.STICKINESSPOLICY.DELETE" : "LB.HEALTHCHECKPOLICY.DELETE"
        case .uploadCertificate: "LB.CERT.UPLOAD"
        case .deleteCertificate: "LB.CERT.DELETE"
        case .assignCertificate: "LB.CERT.ASSIGN"
        case .removeCertificate: "LB.CERT.REMOVE"
        case .report: "LB.MEMBER.HEALTH"
        }
    }
}

extension BalancingRequest {
    public struct CreateRule: Hashable, Sendable {
        public var publicAddress: ObjectID
        public var name: String
        public var description: String
        public var algorithm: String
        /// `tcp` when absent.
        public var transport: String?
        public var publicPort: Int
        public var privatePort: Int
        /// The network that the address is for, when it is for none yet.
        public var network: ObjectID?
        /// Who may use it; empty: everybody.
        public var sources: [String]
        /// Whether a firewall rule for the port comes along.
        public var opensFirewall: Bool

        public init(
            publicAddress: ObjectID, name: String, description: String = "", algorithm: String,
            transport: String? = nil, publicPort: Int, privatePort: Int, network: ObjectID? = nil,
            sources: [String] = [], opensFirewall: Bool = true
        ) {
            self.publicAddress = publicAddress
            self.name = name
            self.description = description
            self.algorithm = algorithm
            self.transport = transport
            self.publicPort = publicPort
            self.privatePort = privatePort
            self.network = network
            self.sources = sources
            self.opensFirewall = opensFirewall
        }
    }

    /// Fields that are absent stay as they are; address and ports do.
    public struct UpdateRule: Hashable, Sendable {
        public var id: ObjectID
        public var name: String?
        public var description: String?
        public var algorithm: String?
        public var transport: String?
        public var sources: [String]?
        public var cleanup: FlowCleanup

        public init(
            id: ObjectID, name: String? = nil, description: String? = nil, algorithm: String? = nil,
            transport: String? = nil, sources: [String]? = nil, cleanup: FlowCleanup = .end
        ) {
            self.id = id
            self.name = name
            self.description = description
            self.algorithm = algorithm
            self.transport = transport
            self.sources = sources
            self.cleanup = cleanup
        }
    }

    /// Guests that come to a load balancer rule, or go from it.
    public struct Guests: Hashable, Sendable {
        /// A guest by its primary address on the rule's network, or by this one. Where guests go, nil means by whatever
        /// address.
        public struct Member: Hashable, Sendable {
            public var guest: ObjectID
            public var address: String?

            public init(guest: ObjectID, address: String? = nil) {
                self.guest = guest
                self.address = address
            }
        }

        public var rule: ObjectID
        public var members: [Member]
        public var cleanup: FlowCleanup

        public init(rule: ObjectID, members: [Member], cleanup: FlowCleanup = .end) {
            self.rule = rule
            self.members = members
            self.cleanup = cleanup
        }
    }

    public struct CreateStickiness: Hashable, Sendable {
        public var rule: ObjectID
        public var name: String
        public var description: String
        public var method: String
        public var parameters: [String: String]

        public init(
            rule: ObjectID, name: String, description: String = "", method: String, parameters: [String: String] = [:]
        ) {
            self.rule = rule
            self.name = name
            self.description = description
            self.method = method
            self.parameters = parameters
        }
    }

    /// Numbers that are absent are CloudStack's.
    public struct CreateHealthCheck: Hashable, Sendable {
        public var rule: ObjectID
        public var description: String
        /// HTTP asks for it; a connection alone is tried when absent.
        public var pingPath: String?
        public var interval: Int?
        public var responseTimeout: Int?
        public var healthyThreshold: Int?
        public var unhealthyThreshold: Int?

        public init(
            rule: ObjectID, description: String = "", pingPath: String? = nil, interval: Int? = nil,
            responseTimeout: Int? = nil, healthyThreshold: Int? = nil, unhealthyThreshold: Int? = nil
        ) {
            self.rule = rule
            self.description = description
            self.pingPath = pingPath
            self.interval = interval
            self.responseTimeout = responseTimeout
            self.healthyThreshold = healthyThreshold
            self.unhealthyThreshold = unhealthyThreshold
        }
    }

    public struct DeletePolicy: Hashable, Sendable {
        public enum Kind: Hashable, Sendable { case stickiness, healthCheck }

        public var kind: Kind
        public var id: ObjectID

        public init(_ kind: Kind, _ id: ObjectID) {
            self.kind = kind
            self.id = id
        }
    }

    /// A port of an address of the network itself, for its own guests.
    public struct CreateInternal: Hashable, Sendable {
        public var network: ObjectID
        /// One that nobody has, or that other internal load balancers have; the lowest free one when absent.
        public var address: String?
        public var name: String
        public var description: String
        public var algorithm: String
        public var sourcePort: Int
        public var instancePort: Int
        public var isDisplayed: Bool

        public init(
            network: ObjectID, address: String? = nil, name: String, description: String = "", algorithm: String,
            sourcePort: Int, instancePort: Int, isDisplayed: Bool = true
        ) {
            self.network = network
            self.address = address
            self.name = name
            self.description = description
            self.algorithm = algorithm
            self.sourcePort = sourcePort
            self.instancePort = instancePort
            self.isDisplayed = isDisplayed
        }
    }

    /// What was uploaded has been read, and found to belong together, by somebody who has a library for it.
    public struct UploadCertificate: Hashable, Sendable {
        public var name: String
        public var account: ObjectID?
        public var material: CertificateMaterial

        public init(name: String, account: ObjectID? = nil, material: CertificateMaterial) {
            self.name = name
            self.account = account
            self.material = material
        }
    }

    public struct AssignCertificate: Hashable, Sendable {
        public var rule: ObjectID
        public var certificate: ObjectID
        /// In the place of the one that the rule has.
        public var replaces: Bool

        public init(rule: ObjectID, certificate: ObjectID, replaces: Bool = false) {
            self.rule = rule
            self.certificate = certificate
            self.replaces = replaces
        }
    }

    public struct MemberHealth: Hashable, Sendable {
        public var member: ObjectID
        public var isDown: Bool

        public init(_ member: ObjectID, isDown: Bool) {
            self.member = member
            self.isDown = isDown
        }
    }
}
