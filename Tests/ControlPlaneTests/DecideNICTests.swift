import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

struct DecideNICTests {
    var small: SmallZone
    let first: ObjectID
    let second: ObjectID
    let guest: ObjectID

    init() throws {
        small = try SmallZone()
        first = try small.network("first")
        second = try small.network("second", cidr: "10.2.2.0/24")
        guest = try small.guest("web", on: first)
    }

    private var nics: [NIC] { small.fixture.cloud.nics(ofGuest: guest) }

    private mutating func plug(_ network: ObjectID, _ address: String? = nil, mac: String? = nil) throws -> NIC {
        try small.fixture.take(
            .networking(.addNIC(.init(guest: guest, network: network, address: address, mac: mac))))
        return try #require(nics.first { $0.network == network })
    }

    @Test mutating func `a port comes with what was asked for, and implements its network only for a guest that runs`()
        throws
    {
        try small.fixture.take(.stopGuest(guest))
        let idle = try plug(second, "10.2.2.77", mac: "0A:00:00:00:00:07")
        #expect(small.fixture.cloud.networks[second]?.state == .allocated)
        #expect(idle.index == 1 && !idle.isDefault)
        #expect(idle.address?.description == "10.2.2.77" && idle.attachment.mac.description == "0a:00:00:00:00:07")
        try small.fixture.take(.networking(.removeNIC(.init(guest: guest, nic: idle.id))))
        try small.fixture.take(.startGuest(guest))
        #expect(small.fixture.cloud.networks[second]?.state == .allocated)
        _ = try plug(second)
        #expect(small.fixture.cloud.networks[second]?.state == .implemented)
        #expect(small.fixture.cloud.violations() == [])
    }

    @Test mutating func `a place that became free is the next port's, and a chosen MAC is nobody else's later`() throws
    {
        let third = try small.network("third", cidr: "10.3.3.0/24")
        let nic = try plug(second)
        _ = try plug(third)
        #expect(nics.map(\.index) == [0, 1, 2])
        try small.fixture.take(.networking(.removeNIC(.init(guest: guest, nic: nic.id))))
        #expect(nics.map(\.index) == [0, 2])
        // The next that the series would give.
        let next = MACAddress(locallyAdministered: small.fixture.cloud.next(.mac))
        #expect(try plug(second, mac: next.description).index == 1)
        let other = try small.guest("db", on: first)
        #expect(small.fixture.cloud.nics(ofGuest: other).first?.attachment.mac != next)
        #expect(small.fixture.cloud.violations() == [])
    }

    @Test mutating func `exactly one port is the default one, through all changes`() throws {
        let nic = try plug(second)
        try small.fixture.take(.networking(.makeNICDefault(.init(guest: guest, nic: nic.id))))
        #expect(nics.map(\.isDefault) == [false, true])
        #expect(
            small.fixture.refusal(.networking(.makeNICDefault(.init(guest: guest, nic: nic.id))))?.parameter == "nicid")
        #expect(
            small.fixture.refusal(.networking(.removeNIC(.init(guest: guest, nic: nic.id))))?.text
                .contains("nic is default") == true)
        let old = try #require(nics.first { $0.index == 0 })
        try small.fixture.take(.networking(.removeNIC(.init(guest: guest, nic: old.id))))
        #expect(nics.map(\.isDefault) == [true])
    }

    @Test mutating func `an address changes, and the old one is free again`() throws {
        let nic = try #require(nics.first)
        try small.fixture.take(.networking(.changeNICAddress(.init(nic: nic.id, address: "10.1.1.99"))))
        #expect(nics.first?.address?.description == "10.1.1.99")
        #expect(
            try small.fixture.take(.networking(.changeNICAddress(.init(nic: nic.id, address: "10.1.1.99")))).changes
                == [])
        let other = try small.guest("db", on: first)
        #expect(small.fixture.cloud.nics(ofGuest: other).first?.address == nic.address)
        try small.fixture.take(.networking(.changeNICAddress(.init(nic: nic.id))))
        #expect(nics.first?.address?.description == "10.1.1.3")
    }

    @Test mutating func `rules hold the port and the address that they lead to`() throws {
        let fixture = small.fixture
        let network = first
        let address = try small.fixture.make(.acquirePublicAddress(.init(network: network)))
        let nic = try #require(nics.first)
        let secondary = try small.fixture.take(.addSecondaryAddress(.init(nic: nic.id, address: "10.1.1.50")))
        #expect(secondary.reply.object?.id == nic.id)
        try small.fixture.take(
            .enableStaticNAT(.init(publicAddress: address, guest: guest, guestAddress: "10.1.1.50")))
        // What leads to another address of the port does not hold this one.
        try small.fixture.take(.networking(.changeNICAddress(.init(nic: nic.id, address: "10.1.1.60"))))
        try small.fixture.take(.disableStaticNAT(.init(id: address)))
        try small.fixture.take(.enableStaticNAT(.init(publicAddress: address, guest: guest)))
        let refused = small.fixture.refusal(.networking(.changeNICAddress(.init(nic: nic.id, address: "10.1.1.61"))))
        #expect(refused?.parameter == "nicid" && refused?.text.contains("has associated Port forwarding") == true)
        let other = try plug(second)
        try small.fixture.take(.networking(.makeNICDefault(.init(guest: guest, nic: other.id))))
        let removal = small.fixture.refusal(.networking(.removeNIC(.init(guest: guest, nic: nic.id))))
        #expect(removal?.parameter == "nicid" && removal?.text.contains("has associated Port forwarding") == true)
        #expect(fixture.cloud.guests[guest] != nil)
    }

    @Test mutating func `what cannot be is refused by the parameter's name`() throws {
        let other = try small.guest("db", on: first)
        let foreign = try #require(small.fixture.cloud.nics(ofGuest: other).first)
        let tenant = try small.fixture.make(.createAccount(.init(name: "tenant")))
        let theirs = try small.fixture.make(
            .createNetwork(
                .init(name: "theirs", zone: small.zone, offering: try small.fixture.offering(), account: tenant)))
        let namesake = try small.network("namesake", cidr: "10.4.4.0/24")
        _ = try small.guest("WEB", on: namesake)
        let stranger = Caller(account: tenant, isRootAdmin: false)
        let (guest, first, second) = (guest, first, second)
        let add = { (network: ObjectID, address: String?, mac: String?) in
            Request.networking(.addNIC(.init(guest: guest, network: network, address: address, mac: mac)))
        }
        let cases: [(Request, String)] = [
            (add(first, nil, nil), "networkid"), (add(theirs, nil, nil), "networkid"),
            (add(namesake, nil, nil), "networkid"), (add(guest, nil, nil), "networkid"),
            (add(second, "10.2.2.1", nil), "ipaddress"), (add(second, "10.2.3.4", nil), "ipaddress"),
            (add(second, nil, foreign.attachment.mac.description), "macaddress"),
            (add(second, nil, "01:00:5e:00:00:01"), "macaddress"),
            (add(second, nil, "00:00:00:00:00:00"), "macaddress"),
            (add(second, nil, "02:ff:00:00:00:01"), "macaddress"), (add(second, nil, "0200.0000.0001"), "macaddress"),
            (.networking(.removeNIC(.init(guest: guest, nic: foreign.id))), "nicid"),
            (.networking(.makeNICDefault(.init(guest: guest, nic: foreign.id))), "nicid"),
            (.networking(.removeNIC(.init(guest: first, nic: foreign.id))), "virtualmachineid"),
            (.networking(.changeNICAddress(.init(nic: guest, address: nil))), "nicid"),
            (.networking(.changeNICAddress(.init(nic: foreign.id, address: "10.1.1.2"))), "ipaddress"),
        ]
        for (request, parameter) in cases {
            let error = small.fixture.refusal(request)
            #expect(error?.parameter == parameter, "\(request): \(String(describing: error))")
            #expect(small.fixture.refusal(request, as: stranger) != nil)
        }
    }
}
