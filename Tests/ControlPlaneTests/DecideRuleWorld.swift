import CloudModel
import ControlPlane
import NetworkVocabulary
import Testing

/// Network `net` 10.1.1.0/24 with guests `web` at .10, which has .50 besides, and `db` at .20; its source NAT address
/// 203.0.113.10, the address `plain` .11 and the address `static`, which is db's. Network `bare` 10.2.0.0/24 of an
/// offering without rules, with guest `lone` and an address. The address `loose` is for no network. Account `other` has
/// guest `alien` on a network of its own. Network `strict` of an offering without conserve mode has guest `solo`.
struct RuleWorld {
    var small: SmallZone
    let net: ObjectID
    let bare: ObjectID
    let strict: ObjectID
    let web: ObjectID
    let db: ObjectID
    let lone: ObjectID
    let solo: ObjectID
    let alien: ObjectID
    let other: Caller
    let sourceNAT: ObjectID
    let plain: ObjectID
    let staticNAT: ObjectID
    let bareAddress: ObjectID
    let strictSource: ObjectID
    let loose: ObjectID
    let foreign: ObjectID
    let nobody: ObjectID

    init() throws {
        small = try SmallZone(last: "203.0.113.200")
        let fixture = small.fixture
        let few = try small.fixture.make(
            .createNetworkOffering(.init(name: "few", services: ["SourceNat"], isEnabled: true)))
        let single = try small.fixture.make(
            .createNetworkOffering(
                .init(
                    name: "single", services: ["SourceNat", "PortForwarding", "StaticNat", "Firewall"],
                    conservesAddresses: false, isEnabled: true)))
        net = try small.network("net", cidr: "10.1.1.0/24")
        web = try small.guest("web", on: net, "10.1.1.10")
        db = try small.guest("db", on: net, "10.1.1.20")
        let network = { (small: inout SmallZone, name: String, offering: ObjectID, cidr: String) in
            try small.fixture.make(
                .createNetwork(.init(name: name, zone: small.zone, offering: offering, cidr: cidr)))
        }
        bare = try network(&small, "bare", few, "10.2.0.0/24")
        lone = try small.guest("lone", on: bare)
        strict = try network(&small, "strict", single, "10.3.0.0/24")
        solo = try small.guest("solo", on: strict)
        other = Caller(account: try small.fixture.make(.createAccount(.init(name: "other"))), isRootAdmin: false)
        let home = try small.fixture.make(
            .createNetwork(.init(name: "home", zone: small.zone, offering: try fixture.offering())), as: other)
        alien = try small.fixture.make(
            .deployGuest(.init(zone: small.zone, name: "alien", nics: [.init(network: home)])), as: other)
        sourceNAT = try #require(small.fixture.cloud.sourceNATAddress(ofNetwork: net)).id
        strictSource = try #require(small.fixture.cloud.sourceNATAddress(ofNetwork: strict)).id
        foreign = try #require(small.fixture.cloud.sourceNATAddress(ofNetwork: home)).id
        plain = try small.fixture.make(.acquirePublicAddress(.init(network: net)))
        staticNAT = try small.fixture.make(.acquirePublicAddress(.init(network: net)))
        bareAddress = try small.fixture.make(.acquirePublicAddress(.init(network: bare)))
        loose = try small.fixture.make(.acquirePublicAddress(.init(zone: small.zone)))
        nobody = small.fixture.ids.next()
        try small.fixture.take(.addSecondaryAddress(.init(nic: try nic(web), address: "10.1.1.50")))
        try small.fixture.take(.enableStaticNAT(.init(publicAddress: staticNAT, guest: db)))
    }

    var cloud: Cloud { small.fixture.cloud }

    func nic(_ guest: ObjectID) throws -> ObjectID { try #require(cloud.nicsByGuest[guest].first) }

    /// TCP 80 of `plain`, from everywhere.
    func firewall(_ change: (inout Request.CreateFirewallRule) -> Void = { _ in }) -> Request {
        var request = Request.CreateFirewallRule(
            publicAddress: plain, traffic: TrafficText(transport: "tcp", startPort: 80))
        change(&request)
        return .createFirewallRule(request)
    }

    /// All of TCP of `net`.
    func egress(_ change: (inout Request.CreateEgressRule) -> Void = { _ in }) -> Request {
        var request = Request.CreateEgressRule(network: net, traffic: TrafficText(transport: "tcp"))
        change(&request)
        return .createEgressRule(request)
    }

    /// TCP 8080 of `plain` to port 80 of `web`, with the firewall closed.
    func forwarding(_ change: (inout Request.CreatePortForwarding) -> Void = { _ in }) -> Request {
        var request = Request.CreatePortForwarding(
            publicAddress: plain, transport: "tcp", publicPort: 8080, privatePort: 80, guest: web, opensFirewall: false)
        change(&request)
        return .createPortForwarding(request)
    }
}

/// A request that must be refused in the world above, after others.
struct RuleRefusal: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let code: RequestError.Code
    let parameter: String?
    let text: String?
    let before: @Sendable (inout RuleWorld) throws -> Void
    let request: @Sendable (RuleWorld) throws -> Request

    init(
        _ what: String, _ parameter: String?, _ code: RequestError.Code = .parameter, _ text: String? = nil,
        after before: @escaping @Sendable (inout RuleWorld) throws -> Void = { _ in },
        _ request: @escaping @Sendable (RuleWorld) throws -> Request
    ) {
        testDescription = what
        self.code = code
        self.parameter = parameter
        self.text = text
        self.before = before
        self.request = request
    }
}
