import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

/// A request that must be refused in the world below.
struct Refusal: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let code: RequestError.Code
    let parameter: String
    let request: @Sendable (RefusingWorld) throws -> Request

    init(
        _ what: String, _ parameter: String, _ code: RequestError.Code = .parameter,
        _ request: @escaping @Sendable (RefusingWorld) throws -> Request
    ) {
        testDescription = what
        self.code = code
        self.parameter = parameter
        self.request = request
    }
}

/// Zone `zone`: VLANs 100 and 101, public addresses .10 and .11, network `full` implemented on VLAN 100 with guest `web`
/// at 10.1.1.2, network `idle` of /29 with all its addresses taken by stopped guests, network `bare` on nothing.
struct RefusingWorld {
    var small: SmallZone
    let full: ObjectID
    let idle: ObjectID
    let bare: ObjectID
    let web: ObjectID
    let disabled: ObjectID
    let nobody: ObjectID
    let tagged: ObjectID

    init() throws {
        small = try SmallZone(segments: "100-101", last: "203.0.113.11")
        full = try small.network("full")
        idle = try small.network("idle", cidr: "10.9.9.0/29")
        bare = try small.network("bare", cidr: "10.8.8.0/24")
        web = try small.guest("web", on: full)
        for index in 1...5 {
            try small.fixture.make(
                .deployGuest(.init(zone: small.zone, name: "idle\(index)", nics: [.init(network: idle)], starts: false))
            )
        }
        disabled = try small.fixture.make(.createNetworkOffering(.init(name: "disabled", services: ["SourceNat"])))
        tagged = try small.fixture.make(
            .createPublicRange(
                .init(
                    physicalNetwork: small.wire, gateway: "192.0.2.1", netmask: "255.255.255.128", first: "192.0.2.2",
                    last: "192.0.2.9", vlan: "50")))
        nobody = small.fixture.ids.next()
    }

    func network(_ change: (inout Request.CreateNetwork) -> Void) throws -> Request {
        var request = Request.CreateNetwork(name: "new", zone: small.zone, offering: try small.fixture.offering())
        change(&request)
        return .createNetwork(request)
    }

    func range(_ change: (inout Request.CreatePublicRange) -> Void) -> Request {
        var request = Request.CreatePublicRange(
            physicalNetwork: small.wire, gateway: "192.0.2.129", netmask: "255.255.255.128", first: "192.0.2.130",
            last: "192.0.2.140", vlan: "51")
        change(&request)
        return .createPublicRange(request)
    }

    func guest(_ change: (inout Request.DeployGuest) -> Void) -> Request {
        var request = Request.DeployGuest(zone: small.zone, name: "new", nics: [.init(network: full)])
        change(&request)
        return .deployGuest(request)
    }
}
