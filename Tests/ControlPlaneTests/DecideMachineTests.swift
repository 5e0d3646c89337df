import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

/// A zone with a network, and things to make guests of.
private struct MachineShop {
    var small: SmallZone
    let net: ObjectID
    let size: ObjectID
    let open: ObjectID
    let plain: ObjectID
    let locked: ObjectID

    init() throws {
        small = try SmallZone()
        net = try small.network("net")
        (size, open, plain, locked) = (
            small.fixture.ids.next(), small.fixture.ids.next(), small.fixture.ids.next(), small.fixture.ids.next()
        )
        var fixed = ServiceOffering(id: size, name: "Fixed", displayText: "Fixed")
        (fixed.cpuNumber, fixed.cpuSpeed, fixed.memory) = (1, 500, 512)
        let custom = ServiceOffering(id: open, name: "Open", displayText: "Open")
        let os = OSType(id: small.fixture.ids.next(), name: "Test OS", category: "Test")
        let account = small.fixture.admin.account
        let bare = Template(
            id: plain, name: "plain", displayText: "plain", account: account, osType: os.id, hypervisor: "KVM",
            format: "QCOW2")
        var asking = Template(
            id: locked, name: "asking", displayText: "asking", account: account, osType: os.id, hypervisor: "KVM",
            format: "QCOW2")
        asking.isPasswordEnabled = true
        for record in [
            .serviceOffering(fixed), .serviceOffering(custom), .osType(os), .template(bare), .template(asking),
        ] as [Record] {
            try small.fixture.cloud.apply(.put(record))
        }
    }

    func deploy(_ facts: GuestFacts, named name: String = "web") -> Request {
        .deployGuest(
            .init(zone: small.zone, name: name, nics: [.init(network: net)], starts: false, facts: facts))
    }

    mutating func make(_ facts: GuestFacts = GuestFacts(), named name: String = "web") throws -> ObjectID {
        try small.fixture.make(deploy(facts, named: name))
    }

    func guest(_ id: ObjectID) throws -> Guest { try #require(small.fixture.cloud.guests[id]) }

    func refusal(_ request: Request) -> String? {
        small.fixture.refusal(request).map { "\($0.code.rawValue) \($0.parameter ?? "-")" }
    }

    mutating func take(_ request: MachineRequest) throws -> Decision { try small.fixture.take(.machine(request)) }
}

private func facts(_ change: (inout GuestFacts) -> Void) -> GuestFacts {
    var facts = GuestFacts()
    change(&facts)
    return facts
}

private let publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOc3kCQxkHNnfBNsAwUSiZA3MutwEuJ0RiAIqsS1gStK"

@Suite struct `Machines` {
    @Test func `are what was asked for, and say when they were made`() throws {
        var shop = try MachineShop()
        let id = try shop.make(
            facts {
                $0.displayName = "The web"
                $0.serviceOffering = shop.open
                $0.template = shop.plain
                $0.details = ["cpuNumber": "2", "cpuSpeed": "900", "memory": "256", "note": "x"]
                $0.userData = UserDataChoice(content: Secret("QUJD"), details: ["role": Secret("front")])
            })
        let guest = try shop.guest(id)
        #expect(guest.name == "web" && guest.displayName == "The web" && guest.created == shop.small.fixture.time)
        #expect(guest.serviceOffering == shop.open && guest.template == shop.plain && guest.details["note"] == "x")
        #expect(guest.userData == UserData(content: Secret("QUJD"), details: ["role": Secret("front")]))
        #expect(guest.password == nil)
    }

    @Test func `are not made of what does not fit`() throws {
        let shop = try MachineShop()
        let nobody = ObjectID(random: 5, 5)
        let cases: [(String, (inout GuestFacts) -> Void)] = [
            ("431 serviceofferingid", { $0.serviceOffering = nobody }),
            ("431 templateid", { $0.template = nobody }),
            ("431 details[0].cpuNumber", { $0.serviceOffering = shop.open }),
            (
                "431 details[0].memory",
                {
                    $0.serviceOffering = shop.open
                    $0.details = ["cpuNumber": "1", "cpuSpeed": "1", "memory": "lots"]
                }
            ),
            (
                "431 details",
                {
                    $0.serviceOffering = shop.size
                    $0.details = ["memory": "4096"]
                }
            ),
            ("431 keypairs", { $0.keyPairs = ["nobody's"] }),
            ("431 userdata", { $0.userData = UserDataChoice(content: Secret("not base64!")) }),
            (
                "431 userdata",
                {
                    $0.userData = UserDataChoice(
                        content: Secret(Base64.encode([UInt8](repeating: 7, count: 32_769))))
                }
            ),
            ("431 userdataid", { $0.userData = UserDataChoice(document: nobody) }),
            ("431 displayname", { $0.displayName = "a\u{7}b" }),
            ("431 details[0].x", { $0.details = ["x": String(repeating: "x", count: 5_000)] }),
            (
                "431 password",
                {
                    $0.template = shop.plain
                    $0.password = NewPassword(Secret("hunter2"), isChosen: true)
                }
            ),
        ]
        for (expected, change) in cases { #expect(shop.refusal(shop.deploy(facts { change(&$0) })) == expected) }
        #expect(
            shop.refusal(
                shop.deploy(
                    facts {
                        $0.userData = UserDataChoice(
                            content: Secret(Base64.encode([UInt8](repeating: 7, count: 32_768))))
                    })) == nil)
    }

    @Test func `that name no network get their owner's, and share it`() throws {
        var small = try SmallZone()
        let request = { (name: String) in
            Request.deployGuest(.init(zone: small.zone, name: name, nics: [], starts: false))
        }
        for name in ["one", "two"] { try small.fixture.take(request(name)) }
        let networks = Array(small.fixture.cloud.networks.values)
        #expect(networks.map(\.name) == ["admin-network"])
        #expect(small.fixture.cloud.nics.values.map(\.network) == [networks[0].id, networks[0].id])
        #expect(small.fixture.cloud.nics.values.filter { !$0.isDefault }.isEmpty)
    }

    @Test func `are destroyed and recovered with all that is theirs, and expunged in time`() throws {
        var shop = try MachineShop()
        let id = try shop.make()
        try shop.small.fixture.take(.startGuest(id))
        let nics = shop.small.fixture.cloud.nics(ofGuest: id)
        try shop.small.fixture.take(.destroyGuest(id, expunges: false))
        #expect(try shop.guest(id).state == .destroyed)
        #expect(shop.small.fixture.cloud.nics(ofGuest: id) == nics)
        for request: Request in [
            .startGuest(id), .stopGuest(id), .machine(.rebootGuest(id)), .machine(.updateGuest(.init(id: id))),
        ] {
            #expect(shop.refusal(request) == "431 id")
        }
        // Destroying it again does not give it more time.
        shop.small.fixture.time += 5_000
        #expect(try shop.small.fixture.decided(.destroyGuest(id, expunges: false)).changes == [])
        _ = try shop.take(.recoverGuest(id))
        #expect(try shop.guest(id).state == .stopped)
        #expect(shop.refusal(.machine(.recoverGuest(id))) == "431 id")
        #expect(shop.refusal(.machine(.expungeGuest(id))) == "431 id")

        try shop.small.fixture.take(.destroyGuest(id, expunges: false))
        shop.small.fixture.time += 86_399_999
        #expect(try shop.take(.expungeOverdue).changes == [])
        shop.small.fixture.time += 1
        _ = try shop.take(.expungeOverdue)
        #expect(shop.small.fixture.cloud.guests.isEmpty && shop.small.fixture.cloud.nics.isEmpty)
    }

    @Test func `are ended for good by administrators only`() throws {
        var shop = try MachineShop()
        let account = try shop.small.fixture.make(.createAccount(.init(name: "tenant")))
        let tenant = Caller(account: account, isRootAdmin: false)
        let id = try shop.small.fixture.make(
            .deployGuest(.init(zone: shop.small.zone, name: "theirs", account: account, nics: [])))
        #expect(shop.small.fixture.refusal(.destroyGuest(id), as: tenant)?.code == .account)
        try shop.small.fixture.take(.destroyGuest(id, expunges: false), as: tenant)
        for request in [MachineRequest.recoverGuest(id), .expungeGuest(id), .expungeOverdue] {
            #expect(shop.small.fixture.refusal(.machine(request), as: tenant)?.code == .account)
        }
    }

    @Test func `are renamed, unless another of the network has the name`() throws {
        var shop = try MachineShop()
        let web = try shop.make()
        _ = try shop.make(named: "db")
        #expect(shop.refusal(.machine(.updateGuest(.init(id: web, name: "DB")))) == "431 name")
        _ = try shop.take(.updateGuest(.init(id: web, name: "WEB", displayName: "x", isDisplayed: false)))
        let guest = try shop.guest(web)
        #expect(guest.name == "WEB" && guest.displayName == "x" && !guest.isDisplayed)
        #expect(shop.small.fixture.cloud.guest(named: "web", onNetwork: shop.net)?.id == web)
        _ = try shop.take(.updateGuest(.init(id: web, name: "www")))
        #expect(shop.small.fixture.cloud.guest(named: "web", onNetwork: shop.net) == nil)
    }

    @Test func `change their size where they stand still, or are scaled`() throws {
        var shop = try MachineShop()
        let id = try shop.make(
            facts {
                $0.serviceOffering = shop.open
                $0.details = ["cpuNumber": "2", "cpuSpeed": "900", "memory": "256", "note": "x"]
            })
        _ = try shop.take(.changeOffering(.init(guest: id, offering: shop.size)))
        #expect(try shop.guest(id).serviceOffering == shop.size)
        #expect(try shop.guest(id).details == ["note": "x"])
        try shop.small.fixture.take(.startGuest(id))
        #expect(shop.refusal(.machine(.changeOffering(.init(guest: id, offering: shop.size)))) == "431 id")
        let scaling = MachineRequest.ChangeOffering(
            guest: id, offering: shop.open, details: ["cpuNumber": "1", "cpuSpeed": "1", "memory": "1"], isScaling: true
        )
        _ = try shop.take(.changeOffering(scaling))
        #expect(try shop.guest(id).details["memory"] == "1")
    }

    @Test func `have nowhere to migrate to`() throws {
        var shop = try MachineShop()
        let id = try shop.make()
        #expect(shop.refusal(.machine(.migrateGuest(id))) == "431 hostid")
    }
}

@Suite struct `What machines are given` {
    @Test func `a password is told once, served, saved and then gone, and never comes back`() throws {
        var shop = try MachineShop()
        let decision = try shop.small.fixture.take(
            shop.deploy(
                facts {
                    $0.template = shop.locked
                    $0.password = NewPassword(Secret("hunter2"))
                }))
        #expect(decision.reply.secret == Secret("hunter2"))
        let id = try #require(decision.reply.object).id
        #expect(try shop.guest(id).password == GuestPassword(secret: Secret("hunter2")))
        #expect(try shop.take(.passwordServed(id)).reply.secret == nil)
        #expect(try shop.guest(id).password == GuestPassword(secret: Secret("hunter2"), state: .served))
        _ = try shop.take(.passwordSaved(id))
        #expect(try shop.guest(id).password == GuestPassword(secret: nil, state: .saved))
        for late in [MachineRequest.passwordServed(id), .passwordSaved(id)] {
            #expect(try shop.take(late).changes == [])
        }
        let tenant = Caller(account: shop.small.fixture.admin.account, isRootAdmin: false)
        #expect(shop.small.fixture.refusal(.machine(.passwordSaved(id)), as: tenant)?.code == .account)
    }

    @Test func `a password is reset where the guest asks for one, and in the job where not`() throws {
        var shop = try MachineShop()
        let plain = try shop.make(facts { $0.template = shop.plain }, named: "plain")
        let refused = try #require(
            shop.small.fixture.refusal(.machine(.resetPassword(plain, NewPassword(Secret("x"))))))
        // Clients test the end of the text, and look for it in the job.
        #expect(refused.text.hasSuffix("the template is not password enabled") && refused.isJobs)

        let id = try shop.make(facts { $0.template = shop.locked })
        let decision = try shop.take(.resetPassword(id, NewPassword(Secret("other"))))
        #expect(decision.reply.secret == Secret("other"))
        #expect(try shop.guest(id).password?.secret == Secret("other"))
        try shop.small.fixture.take(.startGuest(id))
        #expect(shop.small.fixture.refusal(.machine(.resetPassword(id, NewPassword(Secret("x")))))?.isJobs == true)
        for bad in ["", "two words", "tab\t", "ünï", String(repeating: "x", count: 256)] {
            #expect(
                shop.refusal(.machine(.restoreGuest(.init(guest: id, password: NewPassword(Secret(bad))))))
                    == "431 password")
        }
    }

    @Test func `keys stay with the guest when their pair goes`() throws {
        var shop = try MachineShop()
        let key = try #require(SSHPublicKey(publicKey))
        let other = try #require(SSHPublicKey(.rsa, blob: Self.rsaBlob))
        _ = try shop.take(.registerKeyPair(.init(name: "mine", publicKey: "\(publicKey) me@home")))
        #expect(shop.refusal(.machine(.registerKeyPair(.init(name: "MINE", publicKey: "\(other)")))) == "431 name")
        #expect(shop.refusal(.machine(.registerKeyPair(.init(name: "b", publicKey: publicKey)))) == "431 publickey")
        let encrypted = NewPassword(Secret("pw"), encrypted: "QUJD", key: key)
        let id = try shop.make(
            facts {
                $0.template = shop.locked
                $0.keyPairs = ["Mine", "mine"]
                $0.password = encrypted
            })
        #expect(try shop.guest(id).keys == [NamedKey(name: "mine", key: key)])
        #expect(try shop.guest(id).password?.encrypted == "QUJD")
        _ = try shop.take(.deleteKeyPair(name: "mine", account: nil))
        #expect(try shop.guest(id).keys.map(\.name) == ["mine"])
        #expect(
            shop.small.fixture.refusal(.machine(.deleteKeyPair(name: "mine", account: nil)))?.text
                == "A key pair with name 'mine' does not exist for account admin.")

        _ = try shop.take(.registerKeyPair(.init(name: "next", publicKey: "\(other)")))
        let reset = MachineRequest.ResetKeys(guest: id, keyPairs: ["next"], password: encrypted)
        _ = try shop.take(.resetKeys(reset))
        #expect(try shop.guest(id).keys == [NamedKey(name: "next", key: other)])
        // Encrypted for a key that the guest does not have any more.
        #expect(try shop.guest(id).password == GuestPassword(secret: Secret("pw")))
        try shop.small.fixture.take(.startGuest(id))
        #expect(shop.refusal(.machine(.resetKeys(reset))) == "431 id")
    }

    @Test func `the private half of a key is told once and is in no change`() throws {
        var shop = try MachineShop()
        let decision = try shop.take(
            .registerKeyPair(.init(name: "k", publicKey: publicKey, privateKey: Secret("PRIVATE"))))
        #expect(decision.reply.secret == Secret("PRIVATE"))
        var dumped = ""
        dump(decision.changes, to: &dumped)
        #expect(!dumped.contains("PRIVATE"))
        #expect(shop.small.fixture.cloud.sshKeyPairs.count == 1)
    }

    @Test func `user data by a name stays while a guest reads it`() throws {
        var shop = try MachineShop()
        let document = try shop.small.fixture.make(
            .machine(.registerUserData(.init(name: "boot", content: Secret("QUJD"), parameters: ["role"]))))
        #expect(
            shop.refusal(.machine(.registerUserData(.init(name: "Boot", content: Secret("QUJD"))))) == "431 name")
        let unknownVariable = UserDataChoice(document: document, details: ["rule": Secret("x")])
        #expect(shop.refusal(shop.deploy(facts { $0.userData = unknownVariable })) == "431 userdatadetails")
        let both = UserDataChoice(content: Secret("QUJD"), document: document)
        #expect(shop.refusal(shop.deploy(facts { $0.userData = both })) == "431 userdataid")
        let id = try shop.make(
            facts { $0.userData = UserDataChoice(document: document, details: ["role": Secret("x")]) })
        #expect(shop.refusal(.machine(.deleteUserData(document))) == "536 id")
        _ = try shop.take(.resetUserData(id, nil))
        _ = try shop.take(.deleteUserData(document))
        #expect(try shop.guest(id).userData == nil)
    }

    @Test func `another account's keys and user data are nobody's`() throws {
        var shop = try MachineShop()
        let account = try shop.small.fixture.make(.createAccount(.init(name: "tenant")))
        _ = try shop.take(.registerKeyPair(.init(name: "theirs", publicKey: publicKey, account: account)))
        let document = try shop.small.fixture.make(
            .machine(.registerUserData(.init(name: "d", content: Secret("QUJD"), account: account))))
        #expect(shop.refusal(shop.deploy(facts { $0.keyPairs = ["theirs"] })) == "431 keypairs")
        #expect(
            shop.refusal(shop.deploy(facts { $0.userData = UserDataChoice(document: document) })) == "431 userdataid")
        let stranger = Caller(account: shop.small.fixture.admin.account, isRootAdmin: false)
        #expect(shop.small.fixture.refusal(.machine(.deleteUserData(document)), as: stranger)?.code == .account)
        #expect(
            shop.small.fixture.refusal(.machine(.deleteKeyPair(name: "theirs", account: account)), as: stranger)?.code
                == .account)
    }

    private static let rsaBlob: [UInt8] =
        [0, 0, 0, 7] + Array("ssh-rsa".utf8) + [0, 0, 0, 1, 3] + [0, 0, 0, 2, 5, 7]
}
