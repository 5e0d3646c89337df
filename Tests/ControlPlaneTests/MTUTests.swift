import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

/// What a zone's settings say that its wires carry, less what encapsulation takes, is the limit.
struct MTUTests {
    var small: SmallZone
    let vxlan: ObjectID

    init() throws {
        small = try SmallZone()
        vxlan = try small.fixture.make(
            .createPhysicalNetwork(
                .init(zone: small.zone, name: "overlay", isolation: "VXLAN", segments: "5000-5099")))
    }

    private func request(
        _ name: String, on wire: ObjectID, privateMTU: Int? = nil, publicMTU: Int? = nil, account: ObjectID? = nil
    ) throws -> Request {
        var kind = Request.CreateNetwork.Kind()
        kind.privateMTU = privateMTU
        kind.publicMTU = publicMTU
        return .createNetwork(
            .init(
                name: name, zone: small.zone, offering: try small.fixture.offering(), account: account,
                physicalNetwork: wire, kind: kind))
    }

    private mutating func set(_ name: String, _ value: String) throws {
        try small.fixture.take(
            .infrastructure(.configure(name: name, scope: Reference(.zone, small.zone), value: value)))
    }

    @Test mutating func `a network has what its wire carries, or less if it wants`() throws {
        func mtu(_ request: Request) throws -> Int? {
            let id = try small.fixture.make(request)
            return small.fixture.cloud.networks[id]?.mtu
        }
        #expect(try mtu(request("a", on: small.wire)) == 1500)
        #expect(try mtu(request("b", on: vxlan)) == 1450)
        try set("vr.private.interface.max.mtu", "9000")
        #expect(try mtu(request("c", on: small.wire)) == 9000)
        #expect(try mtu(request("d", on: vxlan)) == 8950)
        #expect(try mtu(request("e", on: vxlan, privateMTU: 1400)) == 1400)
        for (wire, most) in [(small.wire, 9000), (vxlan, 8950)] {
            #expect(small.fixture.refusal(try request("f", on: wire, privateMTU: most)) == nil)
            let refusal = small.fixture.refusal(try request("f", on: wire, privateMTU: most + 1))
            #expect(refusal?.parameter == "privatemtu" && refusal?.code == .parameter)
            #expect(refusal?.text.contains("vr.private.interface.max.mtu") == true)
        }
        for value in ["1329", "65001", "x"] {
            let refusal = small.fixture.refusal(
                .infrastructure(.configure(name: "vr.public.interface.max.mtu", scope: nil, value: value)))
            #expect(refusal?.parameter == "value", "\(value)")
        }
        #expect(small.fixture.refusal(try request("g", on: small.wire, publicMTU: 1501))?.parameter == "publicmtu")
        #expect(small.fixture.refusal(try request("g", on: small.wire, publicMTU: 1279))?.parameter == "publicmtu")
    }

    @Test mutating func `a user chooses where the zone lets users choose`() throws {
        let account = try small.fixture.make(.createAccount(.init(name: "tenant")))
        let tenant = Caller(account: account, isRootAdmin: false)
        let wish = try request("mine", on: small.wire, privateMTU: 1400, account: account)
        #expect(small.fixture.refusal(wish, as: tenant)?.parameter == "privatemtu")
        try set("allow.end.users.to.specify.vr.mtu", "true")
        let id = try small.fixture.make(wish, as: tenant)
        #expect(small.fixture.cloud.networks[id]?.mtu == 1400)
        var change = Request.UpdateNetwork(id: id)
        change.privateMTU = 1300
        change.publicMTU = 1280
        try small.fixture.take(.updateNetwork(change), as: tenant)
        #expect(small.fixture.cloud.networks[id]?.mtu == 1300 && small.fixture.cloud.networks[id]?.publicMTU == 1280)
    }

    @Test mutating func `a range of IPv6 addresses alone is kept, takes its segment, and goes`() throws {
        func range(_ first: String, _ last: String, _ vlan: String? = nil) -> Request {
            .infrastructure(
                .createPublicIPv6Range(
                    physicalNetwork: small.wire,
                    .init(cidr: "2001:db8::/64", gateway: "2001:db8::1", first: first, last: last), vlan: vlan))
        }
        let id = try small.fixture.make(range("2001:db8::10", "2001:db8::1f", "50"))
        #expect(small.fixture.cloud.publicIPv6Ranges[id]?.segment.description == "vlan://50")
        #expect(small.fixture.refusal(range("2001:db8::1f", "2001:db8::2f"))?.parameter == "startipv6")
        #expect(small.fixture.refusal(range("2001:db8::20", "2001:db8::2f", "100"))?.parameter == "vlan")
        #expect(small.fixture.refusal(range("2001:db8::1", "2001:db8::2f"))?.parameter == "ip6gateway")
        #expect(small.fixture.refusal(range("2001:db9::1", "2001:db9::2"))?.parameter == "startipv6")
        // The segment is a public one now: the pool does not grow over it.
        let grown = Request.updatePhysicalNetwork(.init(id: small.wire, segments: "40-60,100-199"))
        #expect(small.fixture.refusal(grown)?.parameter == "vlan")
        #expect(small.fixture.cloud.violations() == [])
        try small.fixture.take(.infrastructure(.delete(.publicIPv6Range, id)))
        #expect(small.fixture.refusal(grown) == nil)
        try small.fixture.make(range("2001:db8::20", "2001:db8::2f"))
        try small.fixture.take(.deletePhysicalNetwork(small.wire))
        #expect(small.fixture.cloud.publicIPv6Ranges.isEmpty)
        #expect(small.fixture.cloud.violations() == [])
    }
}
