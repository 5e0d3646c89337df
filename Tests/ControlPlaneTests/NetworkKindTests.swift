import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

/// Networks of all kinds in a zone with VLANs 100–199, and who may use them.
struct NetworkKindTests {
    var small: SmallZone

    init() throws { small = try SmallZone() }

    private mutating func offering(
        _ type: String, specifiesVLAN: Bool = false, isPersistent: Bool = false
    ) throws -> ObjectID {
        try small.fixture.make(
            .createNetworkOffering(
                .init(
                    name: "\(type) \(specifiesVLAN) \(isPersistent)", guestType: type,
                    services: type == "Isolated" ? ["SourceNat", "Gateway"] : [], isPersistent: isPersistent,
                    specifiesVLAN: specifiesVLAN, isEnabled: true)))
    }

    private mutating func shared(
        _ name: String = "shared", vlan: String = "98", _ kind: (inout Request.CreateNetwork.Kind) -> Void = { _ in }
    ) throws -> ObjectID {
        var wanted = Request.CreateNetwork.Kind(segment: vlan, first: "10.9.0.10", last: "10.9.0.12")
        kind(&wanted)
        let offering =
            try small.fixture.cloud.networkOffering(named: "Shared true false")?.id
            ?? offering("Shared", specifiesVLAN: true)
        return try small.fixture.make(
            .createNetwork(
                .init(
                    name: name, zone: small.zone, offering: offering, gateway: "10.9.0.1", netmask: "255.255.255.0",
                    kind: wanted)))
    }

    @Test mutating func `a shared network has its segment from the beginning, and its guests addresses of its ranges`()
        throws
    {
        let network = try shared()
        var home = try #require(small.fixture.cloud.networks[network])
        #expect(home.guestType == .shared && home.state == .allocated && home.ownSegment?.description == "vlan://98")
        #expect(small.fixture.cloud.network(onSegment: try #require(home.ownSegment), of: small.wire)?.id == network)
        let guests = try (1...3).map { try small.guest("g\($0)", on: network) }
        let addresses = guests.map { small.fixture.cloud.nics(ofGuest: $0).first?.address?.description }
        #expect(addresses == ["10.9.0.10", "10.9.0.11", "10.9.0.12"])
        home = try #require(small.fixture.cloud.networks[network])
        #expect(home.state == .implemented && home.segment == home.ownSegment)
        #expect(small.fixture.cloud.publicAddresses.isEmpty)
        let full = small.fixture.refusal(
            .deployGuest(.init(zone: small.zone, name: "g4", nics: [.init(network: network)])))
        #expect(full?.code == .insufficientCapacity)
        let second = try small.fixture.make(
            .networking(
                .createGuestRange(
                    .init(
                        network: network, first: "10.9.0.20", last: "10.9.0.29",
                        ipv6: .init(
                            cidr: "2001:db8::/64", gateway: "2001:db8::1", first: "2001:db8::10",
                            last: "2001:db8::50")))))
        #expect(small.fixture.cloud.guestRanges[second]?.ipv6?.addresses?.description == "2001:db8::10-2001:db8::50")
        #expect(
            small.fixture.refusal(
                .networking(
                    .createGuestRange(
                        .init(
                            network: network, first: "10.9.0.40",
                            ipv6: .init(cidr: "2001:db8::/64", gateway: "2001:db9::1")))))?.parameter == "ip6gateway")
        let last = try small.guest("g4", on: network)
        #expect(small.fixture.cloud.nics(ofGuest: last).first?.address?.description == "10.9.0.20")
        #expect(small.fixture.refusal(.networking(.deleteGuestRange(second)))?.code == .inUse)
        #expect(
            small.fixture.refusal(.networking(.updateGuestRange(.init(id: second, first: "10.9.0.21"))))?.parameter
                == "startip")
        try small.fixture.take(.networking(.updateGuestRange(.init(id: second, last: "10.9.0.20"))))
        try small.fixture.take(.destroyGuest(last))
        try small.fixture.take(.networking(.deleteGuestRange(second)))
        #expect(small.fixture.cloud.violations() == [])
        for guest in guests { try small.fixture.take(.destroyGuest(guest)) }
        try small.fixture.take(.deleteNetwork(network))
        #expect(small.fixture.cloud.guestRanges.isEmpty)
        #expect(small.fixture.cloud.segmentsInUse(on: small.wire) == 0)
    }

    /// #6049: knowing the id of a network is not being let in.
    @Test mutating func `who may use a shared network is said by its domain or its owner`() throws {
        let (north, south) = (ObjectID(random: 7, 1), ObjectID(random: 7, 2))
        let below = ObjectID(random: 7, 3)
        for (id, parent, name) in [(north, Domain.root.id, "n"), (south, Domain.root.id, "s"), (below, north, "b")] {
            try small.fixture.cloud.apply(.put(.domain(Domain(id: id, parent: parent, name: name))))
        }
        var accounts: [ObjectID: ObjectID] = [:]
        for (index, domain) in [Domain.root.id, north, south, below].enumerated() {
            let account = Account(
                id: ObjectID(random: 8, UInt64(index)), number: UInt64(50 + index), name: "t\(index)", domain: domain)
            try small.fixture.cloud.apply(.put(.account(account)))
            accounts[domain] = account.id
        }
        try small.fixture.cloud.apply(.put(.series(Series(name: .account, next: 60))))
        let cases: [(String, (inout Request.CreateNetwork.Kind) -> Void, Set<ObjectID>)] = [
            ("90", { _ in }, [Domain.root.id, north, south, below]),
            ("91", { $0.domain = north }, [north, below]),
            (
                "92",
                {
                    $0.domain = north
                    $0.includesSubdomains = false
                }, [north]
            ),
            ("93", { $0.access = "Account" }, []),
        ]
        for (vlan, kind, admitted) in cases {
            let network = try shared("of \(vlan)", vlan: vlan, kind)
            for (domain, account) in accounts {
                let caller = Caller(account: account, domain: domain, type: .user)
                let request = Request.deployGuest(
                    .init(zone: small.zone, name: "g", account: account, nics: [.init(network: network)]))
                let refusal = small.fixture.refusal(request, as: caller)
                #expect(
                    (refusal == nil) == admitted.contains(domain), "\(vlan) \(domain) \(String(describing: refusal))")
                #expect(refusal == nil || [.account, .parameter].contains(refusal?.code))
            }
        }
    }

    @Test mutating func `a layer 2 network has a segment, ports without addresses and nothing else`() throws {
        let l2 = try offering("L2")
        let network = try small.fixture.make(.createNetwork(.init(name: "l2", zone: small.zone, offering: l2)))
        let guest = try small.guest("web", on: network)
        let cloud = small.fixture.cloud
        #expect(cloud.networks[network]?.segment?.description == "vlan://100")
        #expect(cloud.networks[network]?.cidr == nil && cloud.router(ofNetwork: network) == nil)
        let nic = try #require(cloud.nics(ofGuest: guest).first)
        #expect(nic.address == nil && nic.addresses == [] && nic.isDefault)
        #expect(cloud.violations() == [])
        for request in [
            Request.addSecondaryAddress(.init(nic: nic.id)), .networking(.changeNICAddress(.init(nic: nic.id))),
            .acquirePublicAddress(.init(network: network)),
            .createNetwork(.init(name: "x", zone: small.zone, offering: l2, cidr: "10.5.0.0/24")),
            .createNetwork(.init(name: "x", zone: small.zone, offering: l2, kind: .init(first: "10.5.0.2"))),
            .deployGuest(.init(zone: small.zone, name: "x", nics: [.init(network: network, address: "10.5.0.2")])),
        ] {
            #expect(small.fixture.refusal(request)?.code == .parameter, "\(request)")
        }
    }

    @Test mutating func `a VLAN is named where the offering wants it, and one that could be another's is refused`()
        throws
    {
        let named = try offering("Isolated", specifiesVLAN: true)
        let taken = try small.fixture.make(
            .createNetwork(
                .init(name: "named", zone: small.zone, offering: named, cidr: "10.6.0.0/24", kind: .init(segment: "98"))
            ))
        _ = try small.guest("web", on: taken)
        #expect(small.fixture.cloud.networks[taken]?.segment?.description == "vlan://98")
        #expect(small.fixture.cloud.sourceNATAddress(ofNetwork: taken) != nil)
        try small.fixture.make(
            .createPublicRange(
                .init(
                    physicalNetwork: small.wire, gateway: "192.0.2.1", netmask: "255.255.255.0", first: "192.0.2.2",
                    vlan: "50")))
        for vlan in ["98", "vlan://98", "150", "50", "untagged", "4095", "0", "vxlan://97", "097", "", nil] {
            let error = small.fixture.refusal(
                .createNetwork(
                    .init(
                        name: "new", zone: small.zone, offering: named, cidr: "10.7.0.0/24", kind: .init(segment: vlan))
                ))
            #expect(error?.parameter == "vlan", "\(vlan ?? "none"): \(String(describing: error))")
        }
        let plain = small.fixture.refusal(
            .createNetwork(
                .init(name: "new", zone: small.zone, offering: try small.fixture.offering(), kind: .init(segment: "97"))
            ))
        #expect(plain?.parameter == "vlan")
        // The pool does not grow over it, nor does a public range take it.
        #expect(
            small.fixture.refusal(.updatePhysicalNetwork(.init(id: small.wire, segments: "90-199")))?.parameter
                == "vlan")
        #expect(
            small.fixture.refusal(
                .createPublicRange(
                    .init(
                        physicalNetwork: small.wire, gateway: "192.0.3.1", netmask: "255.255.255.0", first: "192.0.3.2",
                        vlan: "98")))?.parameter == "vlan")
        let user = Caller(account: try small.fixture.make(.createAccount(.init(name: "t"))), isRootAdmin: false)
        #expect(
            small.fixture.refusal(
                .createNetwork(.init(name: "new", zone: small.zone, offering: named, kind: .init(segment: "97"))),
                as: user)?
                .code == .account)
    }

    @Test mutating func `what is wrong with a shared network is said by the parameter's name`() throws {
        let offering = try offering("Shared")
        func request(_ change: (inout Request.CreateNetwork) -> Void) -> Request {
            var wanted = Request.CreateNetwork(
                name: "s", zone: small.zone, offering: offering, gateway: "10.9.0.1", netmask: "255.255.255.0",
                kind: .init(first: "10.9.0.10", last: "10.9.0.12"))
            change(&wanted)
            return .createNetwork(wanted)
        }
        let cases: [((inout Request.CreateNetwork) -> Void, String)] = [
            ({ $0.kind.first = nil }, "startip"), ({ $0.kind.first = "10.9.1.1" }, "startip"),
            ({ $0.kind.last = "10.9.0.9" }, "endip"), ({ $0.kind.last = "10.9.0.255" }, "endip"),
            ({ $0.kind.first = "10.9.0.1" }, "gateway"), ({ $0.gateway = nil }, "gateway"),
            ({ $0.netmask = nil }, "netmask"), ({ $0.gateway = "10.9.0.0" }, "gateway"),
            ({ $0.kind.access = "Everybody" }, "acltype"), ({ $0.kind.domain = offering }, "domainid"),
            (
                {
                    $0.kind.access = "Account"
                    $0.kind.includesSubdomains = true
                }, "subdomainaccess"
            ), ({ $0.guestCIDR = "10.9.0.0/25" }, "guestvmcidr"),
            ({ $0.gateway = "203.0.113.77" }, "netmask"),
        ]
        for (change, parameter) in cases {
            let error = small.fixture.refusal(request(change))
            #expect(error?.parameter == parameter, "\(parameter): \(String(describing: error))")
        }
        let user = Caller(account: try small.fixture.make(.createAccount(.init(name: "t"))), isRootAdmin: false)
        #expect(small.fixture.refusal(request { _ in }, as: user)?.code == .account)
        #expect(small.fixture.refusal(request { _ in }) == nil)
    }
}
