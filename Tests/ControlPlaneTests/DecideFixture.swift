import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

/// A cloud that is changed by deciding, as the engine does it.
struct DecideFixture {
    var cloud = Cloud()
    var ids: SeededIDs
    /// What the clock says.
    var time: Int64 = 1_750_000_000_000
    var admin: Caller
    private(set) var log: [Change] = []

    init(seed: UInt64 = 1) throws {
        ids = SeededIDs(seed: seed)
        admin = Caller(account: ids.next(), isRootAdmin: true)
        try take(.bootstrap)
        admin = Caller(account: try #require(cloud.account(named: "admin")).id, isRootAdmin: true)
    }

    func decided(_ request: Request, as caller: Caller? = nil) throws -> Decision {
        var ids = ids
        return try decide(request, caller: caller ?? admin, in: cloud, at: time, ids: &ids)
    }

    @discardableResult
    mutating func take(_ request: Request, as caller: Caller? = nil) throws -> Decision {
        let decision = try decide(request, caller: caller ?? admin, in: cloud, at: time, ids: &ids)
        try cloud.apply(decision.changes, revision: cloud.revision.next)
        log += decision.changes
        return decision
    }

    /// Takes the request and returns the object it was about.
    @discardableResult
    mutating func make(_ request: Request, as caller: Caller? = nil) throws -> ObjectID {
        try #require(try take(request, as: caller).reply.object).id
    }

    func refusal(_ request: Request, as caller: Caller? = nil) -> RequestError? {
        do {
            _ = try decided(request, as: caller)
            return nil
        } catch {
            return error as? RequestError
        }
    }

    func offering(_ name: String = "DefaultIsolatedNetworkOfferingWithSourceNatService") throws -> ObjectID {
        try #require(cloud.networkOffering(named: name)).id
    }
}

/// A zone with one physical network and one public range.
struct SmallZone {
    var fixture: DecideFixture
    let zone: ObjectID
    let wire: ObjectID
    let range: ObjectID

    init(segments: String = "100-199", first: String = "203.0.113.10", last: String = "203.0.113.20") throws {
        fixture = try DecideFixture()
        zone = try fixture.make(.createZone(.init(name: "zone", dns1: "198.51.100.1", networkDomain: "zone.example")))
        wire = try fixture.make(.createPhysicalNetwork(.init(zone: zone, name: "wire", segments: segments)))
        range = try fixture.make(
            .createPublicRange(
                .init(
                    physicalNetwork: wire, gateway: "203.0.113.1", netmask: "255.255.255.0", first: first, last: last)))
    }

    mutating func network(_ name: String, cidr: String? = nil) throws -> ObjectID {
        try fixture.make(.createNetwork(.init(name: name, zone: zone, offering: try fixture.offering(), cidr: cidr)))
    }

    mutating func guest(_ name: String, on network: ObjectID, _ address: String? = nil) throws -> ObjectID {
        try fixture.make(
            .deployGuest(.init(zone: zone, name: name, nics: [.init(network: network, address: address)])))
    }
}
