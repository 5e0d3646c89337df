import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

/// To whom ports of guests are handed over.
struct DecideDeliveryTests {
    var small: SmallZone
    let first: ObjectID
    let second: ObjectID

    init() throws {
        small = try SmallZone()
        first = try small.network("first")
        second = try small.network("second", cidr: "10.2.2.0/24")
    }

    private func deploy(
        _ name: String, _ port: Guest.Port, _ namespace: String? = nil, delivery: Request.Delivery? = nil,
        account: ObjectID? = nil, on network: ObjectID? = nil
    ) -> Request {
        .deployGuest(
            .init(
                zone: small.zone, name: name, account: account, port: port, namespace: namespace,
                nics: [.init(network: network ?? first, delivery: delivery)]))
    }

    private func deliveries(_ guest: ObjectID) -> [NIC.Delivery?] {
        small.fixture.cloud.nics(ofGuest: guest).map(\.delivery)
    }

    @Test mutating func `further ports are as a guest's first one, unless the request says otherwise`() throws {
        for (port, namespace, expected) in [
            (.emulated, nil, nil), (.none, nil, nil), (.tap, nil, .tap),
            (.namespace, "jar", NamespaceName("jar").map { .namespace($0) }),
        ] as [(Guest.Port, String?, NIC.Delivery?)] {
            let guest = try small.fixture.make(deploy("g-\(port.rawValue)", port, namespace))
            try small.fixture.take(.networking(.addNIC(.init(guest: guest, network: second))))
            #expect(deliveries(guest) == [expected, expected], "\(port)")
        }
        let guest = try small.fixture.make(deploy("mixed", .emulated))
        try small.fixture.take(
            .networking(.addNIC(.init(guest: guest, network: second, delivery: .init(.namespace, namespace: "pot")))))
        #expect(deliveries(guest) == [nil, NamespaceName("pot").map { .namespace($0) }])
        #expect(small.fixture.cloud.violations() == [])
    }

    @Test mutating func `a namespace is a root administrator's to name`() throws {
        let account = try small.fixture.make(.createAccount(.init(name: "tenant")))
        let tenant = Caller(account: account, isRootAdmin: false)
        let own = try small.fixture.make(
            .createNetwork(
                .init(
                    name: "own", zone: small.zone, offering: try small.fixture.offering(), account: account,
                    cidr: "10.3.3.0/24")))
        let more = try small.fixture.make(
            .createNetwork(
                .init(
                    name: "more", zone: small.zone, offering: try small.fixture.offering(), account: account,
                    cidr: "10.4.4.0/24")))
        for request in [
            deploy("a", .namespace, "jar", on: own), deploy("a", .namespace, on: own),
            deploy("a", .tap, "jar", on: own),
            deploy("a", .emulated, delivery: .init(.namespace, namespace: "jar"), on: own),
        ] {
            #expect(small.fixture.refusal(request, as: tenant)?.code == .account, "\(request)")
        }
        // A tap is nobody's but the host's, whoever asks for it.
        let guest = try small.fixture.make(deploy("b", .tap, on: own), as: tenant)
        #expect(deliveries(guest) == [.tap])
        let plug = Request.networking(
            .addNIC(.init(guest: guest, network: more, delivery: .init(.namespace, namespace: "jar"))))
        #expect(small.fixture.refusal(plug, as: tenant)?.code == .account)
        // In a container that somebody else named, a tenant's further ports go where the first one is.
        let box = try small.fixture.make(deploy("c", .namespace, "jar", account: account, on: own))
        try small.fixture.take(.networking(.addNIC(.init(guest: box, network: more))), as: tenant)
        #expect(deliveries(box).allSatisfy { $0?.namespace?.rawValue == "jar" })
    }

    @Test mutating func `what cannot be is refused by name, and changes nothing`() throws {
        try small.fixture.take(deploy("box", .namespace, "jar"))
        let router = try #require(small.fixture.cloud.router(ofNetwork: first)).name
        let tap = try small.fixture.make(deploy("vm", .tap))
        for (request, parameter) in [
            (deploy("a", .namespace), "hostnamespace"), (deploy("a", .namespace, "../x"), "hostnamespace"),
            (deploy("a", .namespace, ".x"), "hostnamespace"), (deploy("a", .namespace, ""), "hostnamespace"),
            (deploy("a", .namespace, String(repeating: "x", count: 65)), "hostnamespace"),
            (deploy("a", .namespace, router), "hostnamespace"), (deploy("a", .tap, "jar"), "hostnamespace"),
            // It has an eth0 already.
            (deploy("a", .namespace, "jar"), "hostnamespace"),
            (
                deploy("a", .emulated, delivery: .init(.namespace, namespace: "jar")),
                "iptonetworklist[0].hostnamespace"
            ),
            (deploy("a", .tap, delivery: .init(.emulated)), "iptonetworklist[0].port"),
            (.networking(.addNIC(.init(guest: tap, network: second, delivery: .init(.none)))), "port"),
            (.networking(.addNIC(.init(guest: tap, network: second, delivery: .init(.namespace)))), "hostnamespace"),
        ] {
            let refusal = small.fixture.refusal(request)
            #expect(refusal?.parameter == parameter, "\(request): \(refusal.map(\.text) ?? "taken")")
        }
    }

    @Test mutating func `a cloud file says it, is told it, and is held to it`() throws {
        let text = """
            {"networks": [{"name": "third", "zone": "zone", "cidr": "10.5.5.0/24"},
                          {"name": "fourth", "zone": "zone", "cidr": "10.6.6.0/24"}],
             "guests": [{"name": "vm", "port": "tap", "nics": [{"network": "third"}]},
                        {"name": "box", "port": "namespace", "namespace": "jar",
                         "nics": [{"network": "third"}, {"network": "fourth", "port": "tap"}]}]}
            """
        try small.fixture.take(.applyCloud(.init(file: try CloudFile(json: text))))
        let again = CloudFile(describing: small.fixture.cloud)
        let told = again.guests.map { [$0.name, $0.port, $0.namespace ?? "-"] + $0.nics.map { $0.port ?? "-" } }
        #expect(told.sorted { $0[0] < $1[0] } == [["box", "namespace", "jar", "-", "tap"], ["vm", "tap", "-", "-"]])
        #expect(try small.fixture.take(.applyCloud(.init(file: try CloudFile(json: text)))).changes == [])
        #expect(try small.fixture.take(.applyCloud(.init(file: again))).changes == [])
        for (old, new, path) in [
            (#""namespace": "jar""#, #""namespace": "pot""#, "guests[1].nics[0].port"),
            (#""port": "tap"}"#, #""port": "namespace", "namespace": "pot"}"#, "guests[1].nics[1].port"),
            (#""namespace": "jar""#, #""namespace": "../x""#, "guests[1].namespace"),
        ] {
            let file = try CloudFile(json: text.replacing(old, with: new))
            #expect(small.fixture.refusal(.applyCloud(.init(file: file)))?.parameter == path, "\(new)")
        }
    }
}
