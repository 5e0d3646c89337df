import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

/// Pools that somebody alone may take from, and addresses that are kept.
struct PoolTests {
    var small: SmallZone
    let tenant: ObjectID

    init() throws {
        small = try SmallZone(segments: "100-103", last: "203.0.113.12")
        tenant = try small.fixture.make(.createAccount(.init(name: "tenant")))
    }

    private mutating func offering() throws -> ObjectID {
        if let known = small.fixture.cloud.networkOffering(named: "segment") { return known.id }
        return try small.fixture.make(
            .createNetworkOffering(
                .init(name: "segment", guestType: "L2", services: [], isPersistent: true, isEnabled: true)))
    }

    private mutating func wanted(_ name: String, of account: ObjectID?) throws -> Request {
        .createNetwork(.init(name: name, zone: small.zone, offering: try offering(), account: account))
    }

    /// Of a new network that has one from the beginning.
    private mutating func segment(_ name: String, of account: ObjectID?) throws -> String? {
        let network = try small.fixture.make(try wanted(name, of: account))
        return small.fixture.cloud.networks[network]?.segment?.description
    }

    private mutating func dedicate(_ segments: String, to dedication: Dedication) throws -> ObjectID {
        try small.fixture.make(
            .networking(
                .dedicateVLANs(.init(physicalNetwork: small.wire, segments: segments, dedication: dedication))))
    }

    @Test mutating func `dedicated VLANs are their owner's first, and nobody else's`() throws {
        let dedication = try dedicate("101-102", to: .account(tenant))
        #expect(try segment("a", of: nil) == "vlan://100")
        #expect(try segment("b", of: nil) == "vlan://103")
        #expect(small.fixture.refusal(try wanted("c", of: nil))?.code == .insufficientCapacity)
        #expect(try segment("d", of: tenant) == "vlan://101")
        #expect(
            small.fixture.refusal(.updatePhysicalNetwork(.init(id: small.wire, segments: "100,103")))?.code == .inUse)
        try small.fixture.take(.networking(.releaseVLANs(dedication)))
        #expect(try segment("e", of: nil) == "vlan://102")
        #expect(small.fixture.cloud.violations() == [])
        for (range, parameter) in [("102-104", "vlanrange"), ("103", "vlanrange"), ("x", "vlanrange")] {
            let error = small.fixture.refusal(
                .networking(
                    .dedicateVLANs(
                        .init(physicalNetwork: small.wire, segments: range, dedication: .account(tenant)))))
            #expect(error?.parameter == parameter, "\(range)")
        }
    }

    @Test mutating func `a domain's VLANs are its accounts', and two do not have the same`() throws {
        _ = try dedicate("100-101", to: .domain(Domain.root.id))
        #expect(
            small.fixture.refusal(
                .networking(
                    .dedicateVLANs(
                        .init(physicalNetwork: small.wire, segments: "101-102", dedication: .account(tenant)))))?
                .parameter == "vlanrange")
        #expect(try segment("a", of: tenant) == "vlan://100")
        #expect(small.fixture.cloud.violations() == [])
    }

    @Test mutating func `a range that is extended in use gives what was added`() throws {
        for index in 0..<4 { _ = try segment("n\(index)", of: nil) }
        #expect(small.fixture.refusal(try wanted("last", of: nil))?.code == .insufficientCapacity)
        try small.fixture.take(.updatePhysicalNetwork(.init(id: small.wire, segments: "100-103,200-210")))
        #expect(try segment("last", of: nil) == "vlan://200")
    }

    @Test mutating func `dedicated public addresses are their owner's first, and nobody else's`() throws {
        try small.fixture.take(
            .networking(.dedicatePublicRange(.init(id: small.range, dedication: .account(tenant)))))
        let acquire = { (zone: ObjectID, account: ObjectID?, address: String?) in
            Request.acquirePublicAddress(.init(zone: zone, account: account, address: address))
        }
        #expect(small.fixture.refusal(acquire(small.zone, nil, nil))?.code == .insufficientCapacity)
        #expect(small.fixture.refusal(acquire(small.zone, nil, "203.0.113.11"))?.parameter == "ipaddress")
        let held = try small.fixture.make(acquire(small.zone, tenant, nil))
        try small.fixture.make(
            .createPublicRange(
                .init(
                    physicalNetwork: small.wire, gateway: "192.0.2.1", netmask: "255.255.255.0", first: "192.0.2.2",
                    last: "192.0.2.3", vlan: "50")))
        let other = try small.fixture.make(acquire(small.zone, nil, nil))
        #expect(small.fixture.cloud.publicAddresses[other]?.address.description == "192.0.2.2")
        let own = try small.fixture.make(acquire(small.zone, tenant, nil))
        #expect(small.fixture.cloud.publicAddresses[own]?.address.description == "203.0.113.11")
        try small.fixture.take(.networking(.releasePublicRange(small.range)))
        #expect(small.fixture.refusal(.networking(.releasePublicRange(small.range)))?.parameter == "id")
        let admin = small.fixture.admin.account
        #expect(
            small.fixture.refusal(
                .networking(.dedicatePublicRange(.init(id: small.range, dedication: .account(admin)))))?.code == .inUse)
        try small.fixture.take(.releasePublicAddress(held))
        #expect(small.fixture.cloud.violations() == [])
    }

    @Test mutating func `a free address is reserved by its id, and acquired by those whom it is kept for`() throws {
        let cloud = small.fixture.cloud
        let free = cloud.freePublicAddresses(in: small.range)
        #expect(free.map(\.address.description) == ["203.0.113.10", "203.0.113.11", "203.0.113.12"])
        #expect(free.allSatisfy { cloud.freePublicAddress(withID: $0.id) == $0 })
        let reserve = Request.networking(.reserveAddress(.init(id: free[1].id, account: tenant)))
        try small.fixture.take(reserve)
        #expect(small.fixture.refusal(reserve)?.parameter == "id")
        #expect(small.fixture.cloud.freePublicAddress(withID: free[1].id) == nil)
        #expect(
            small.fixture.cloud.freePublicAddresses(in: small.range).map(\.address) == [
                free[0].address, free[2].address,
            ])
        let acquire = { (zone: ObjectID, account: ObjectID?) in
            Request.acquirePublicAddress(.init(zone: zone, account: account, address: "203.0.113.11"))
        }
        #expect(small.fixture.refusal(acquire(small.zone, nil))?.parameter == "ipaddress")
        #expect(small.fixture.refusal(.releasePublicAddress(free[1].id))?.parameter == "id")
        let guest = try small.guest("g", on: try small.fixture.make(try wanted("n", of: nil)))
        #expect(
            small.fixture.refusal(.enableStaticNAT(.init(publicAddress: free[1].id, guest: guest))) != nil)
        #expect(try small.fixture.make(acquire(small.zone, tenant)) == free[1].id)
        #expect(small.fixture.refusal(.networking(.releaseReservedAddress(free[1].id)))?.parameter == "id")
        try small.fixture.take(.releasePublicAddress(free[1].id))
        try small.fixture.take(reserve)
        try small.fixture.take(.networking(.releaseReservedAddress(free[1].id)))
        #expect(small.fixture.cloud.freePublicAddress(withID: free[1].id) == free[1])
        #expect(small.fixture.cloud.violations() == [])
    }

    /// The kernel has one VXLAN device of a VNI for all links of the host.
    @Test mutating func `two trunks do not carry one VNI, whoever asks for it`() throws {
        var wires: [ObjectID] = []
        for (name, trunk) in [("x", "eth7"), ("y", "eth8")] {
            wires.append(
                try small.fixture.make(
                    .createPhysicalNetwork(
                        .init(zone: small.zone, name: name, isolation: "VXLAN", segments: "5000-5002", trunk: trunk))))
        }
        let offering = try offering()
        func wanted(_ name: String, on wire: ObjectID) -> Request {
            .createNetwork(.init(name: name, zone: small.zone, offering: offering, physicalNetwork: wire))
        }
        var given: [String?] = []
        for (index, wire) in [wires[0], wires[1], wires[0]].enumerated() {
            let network = try small.fixture.make(wanted("n\(index)", on: wire))
            given.append(small.fixture.cloud.networks[network]?.segment?.description)
        }
        #expect(given == ["vxlan://5000", "vxlan://5001", "vxlan://5002"])
        #expect(small.fixture.refusal(wanted("more", on: wires[1]))?.code == .insufficientCapacity)
        let range = Request.createPublicRange(
            .init(
                physicalNetwork: wires[0], gateway: "192.0.2.1", netmask: "255.255.255.0", first: "192.0.2.2",
                vlan: "vxlan://6000"))
        try small.fixture.take(range)
        let named = try small.fixture.make(
            .createNetworkOffering(
                .init(name: "named", guestType: "L2", services: [], specifiesVLAN: true, isEnabled: true)))
        let refused = small.fixture.refusal(
            .createNetwork(
                .init(
                    name: "named", zone: small.zone, offering: named, physicalNetwork: wires[1],
                    kind: .init(segment: "6000"))))
        #expect(refused?.parameter == "vlan" && refused?.text.contains("trunk") == true)
        #expect(small.fixture.cloud.violations() == [])
    }

    @Test mutating func `the system's ranges are nobody's, and IPv6 is kept with a range`() throws {
        let range = try small.fixture.make(
            .createPublicRange(
                .init(
                    physicalNetwork: small.wire, gateway: "192.0.2.1", netmask: "255.255.255.0", first: "192.0.2.2",
                    vlan: "50", isForSystem: true,
                    ipv6: .init(
                        cidr: "2001:db8::/64", gateway: "2001:db8::1", first: "2001:db8::10", last: "2001:db8::ff"))))
        #expect(small.fixture.cloud.publicRanges[range]?.ipv6?.addresses?.description == "2001:db8::10-2001:db8::ff")
        #expect(
            small.fixture.refusal(.acquirePublicAddress(.init(zone: small.zone, address: "192.0.2.2")))?.parameter
                == "ipaddress")
        for (text, parameter) in [
            (Request.CreatePublicRange.IPv6Text(cidr: "2001:db8::1/64", gateway: "2001:db8::1"), "ip6cidr"),
            (.init(cidr: "2001:db8::/64", gateway: "2001:db9::1"), "ip6gateway"),
            (
                .init(cidr: "2001:db8::/64", gateway: "2001:db8::1", first: "2001:db8::", last: "2001:db8::f"),
                "ip6gateway"
            ),
            (.init(cidr: "2001:db8::/64", gateway: "2001:db8::1", last: "2001:db8::f"), "startipv6"),
        ] {
            let error = small.fixture.refusal(
                .createPublicRange(
                    .init(
                        physicalNetwork: small.wire, gateway: "192.0.3.1", netmask: "255.255.255.0", first: "192.0.3.2",
                        vlan: "51", ipv6: text)))
            #expect(error?.parameter == parameter)
        }
    }
}
