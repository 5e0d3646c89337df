import CloudModel
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

struct IdentityTests {
    var cloud = Cloud()
    var ids = SeededIDs(seed: 5)

    private mutating func domain(_ name: String, below parent: ObjectID = Domain.root.id) throws -> Domain {
        let domain = Domain(id: ids.next(), parent: parent, name: name)
        try cloud.apply(.put(.domain(domain)))
        return domain
    }

    @Test mutating func `every cloud begins with ROOT and four roles, as a checkpoint of nothing does`() throws {
        #expect(cloud.domains.values.map(\.name) == ["ROOT"])
        #expect(cloud.roles.values.map(\.type) == [.rootAdmin, .resourceAdmin, .domainAdmin, .user])
        #expect(try Cloud(checkpoint: [], revision: .zero) == cloud)
        #expect(cloud.violations() == [])
    }

    @Test mutating func `domains are found by their path, whatever its case, and know who is above them`() throws {
        let sales = try domain("Sales")
        let north = try domain("North", below: sales.id)
        let other = try domain("North")
        #expect(cloud.path(ofDomain: north.id) == "ROOT/Sales/North")
        for path in ["ROOT/Sales/North", "/sales/north/", "sales/NORTH"] {
            #expect(cloud.domain(path: path) == north, "\(path)")
        }
        for path in ["", "/", "root"] { #expect(cloud.domain(path: path) == Domain.root, "\(path)") }
        #expect(cloud.domain(path: "sales/south") == nil)
        #expect(cloud.isDomain(north.id, within: sales.id) && !cloud.isDomain(other.id, within: sales.id))
        #expect(cloud.domains(within: sales.id) == [sales, north])
    }

    /// Ids are random, so that a child's may sort before its parent's.
    @Test mutating func `a checkpoint has parents before children, however deep the tree`() throws {
        var parent = Domain.root.id
        for depth in 0..<30 { parent = try domain("d\(depth)", below: parent).id }
        let records = cloud.checkpoint()
        #expect(try Cloud(checkpoint: records, revision: .zero) == cloud)
        #expect(cloud.violations() == [])
    }

    @Test mutating func `names are one's own within a domain, and anybody's in another`() throws {
        let (one, two) = (try domain("one"), try domain("two"))
        let account = Account(id: ids.next(), number: 5, name: "web", domain: one.id)
        try cloud.apply(.put(.account(account)))
        try cloud.apply(.put(.account(Account(id: ids.next(), number: 6, name: "Web", domain: two.id))))
        #expect(throws: ModelError.self) {
            try cloud.apply(.put(.account(Account(id: ids.next(), number: 7, name: "WEB", domain: one.id))))
        }
        try cloud.apply(.put(.user(User(id: ids.next(), account: account.id, name: "ann"))))
        #expect(throws: ModelError.self) {
            try cloud.apply(.put(.user(User(id: ids.next(), account: account.id, name: "Ann"))))
        }
        try cloud.apply(.put(.series(Series(name: .account, next: 8))))
        #expect(cloud.user(named: "ANN", inDomain: one.id) != nil)
        #expect(cloud.user(named: "ann", inDomain: two.id) == nil)
        #expect(cloud.violations() == [])
    }

    @Test func `the first account of an old ledger is the administrator, others are users of ROOT`() throws {
        for (number, type, role) in [(2, Account.Kind.rootAdmin, "Root Admin"), (3, .user, "User")] {
            let json = #"{"put":"account","value":{"id":"6e0c0000-0000-4000-8000-00000000000\#(number)","#
            let change = try JSONDecoder().decode(
                Change.self, from: Data((json + #""number":\#(number),"name":"a"}}"#).utf8))
            var cloud = Cloud()
            try cloud.apply(change)
            let account = try #require(cloud.accounts.values.first { _ in true })
            #expect(account.type == type && account.domain == Domain.root.id && account.state == .enabled)
            #expect(cloud.roles[account.role]?.name == role)
        }
    }

    @Test(arguments: [
        ("listZones", "listZones", true), ("listzones", "listZones", true), ("list*", "listZones", true),
        ("*", "x", true), ("*Zone*", "createZone", true), ("*Zone", "listZones", false), ("list*s", "listZones", true),
        ("list", "listZones", false), ("l*t*Z*s", "listZones", true), ("*es*es", "listZones", false),
        ("a*a", "a", false), ("", "listZones", false), (".*", "listZones", false),
    ])
    func `a rule of a role is a name with stars`(rule: String, command: String, matches: Bool) {
        let role = Role(
            id: ObjectID(random: 1, 1), name: "r", type: .user,
            permissions: [.init(id: ObjectID(random: 1, 2), rule: rule, isAllowed: true)])
        #expect((role.verdict(on: command) ?? false) == matches)
    }

    @Test func `of the rules of a role the first that matches decides`() {
        let rules = [("listZones", false), ("list*", true), ("*", false)].enumerated().map {
            Role.Permission(id: ObjectID(random: 2, UInt64($0)), rule: $1.0, isAllowed: $1.1)
        }
        let role = Role(id: ObjectID(random: 1, 1), name: "r", type: .user, permissions: rules)
        #expect(["listZones", "listPods", "createZone"].map { role.verdict(on: $0) } == [false, true, false])
    }

    @Test mutating func `built-in roles stay as they are`() throws {
        var role = Role.builtIn(.user)
        role.name = "Users"
        #expect(throws: ModelError.self) { try cloud.apply(.put(.role(role))) }
    }

    @Test func `a secret is stored, and not shown by anything that prints it or what holds it`() throws {
        let user = User(
            id: ObjectID(random: 1, 1), account: ObjectID(random: 1, 2), name: "ann", apiKey: "known",
            secretKey: Secret("hush"), passwordHash: Secret("hush-hash"))
        var dumped = ""
        dump(Change.put(.user(user)), to: &dumped)
        for text in ["\(user)", String(reflecting: user), "\(Change.put(.user(user)))", dumped, "\(Secret("hush"))"] {
            #expect(!text.contains("hush"))
        }
        let data = try JSONEncoder().encode(user)
        #expect(String(decoding: data, as: UTF8.self).contains(#""hush""#))
        #expect(try JSONDecoder().decode(User.self, from: data) == user)
    }
}
