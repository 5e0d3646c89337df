import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

/// Who may act for whom, in a tree: ROOT with `north` and `south`, `port` below `north`, and a project in `north`.
struct AccessTests {
    var cloud = Cloud()
    var ids = SeededIDs(seed: 8)
    var domains = ["ROOT": Domain.root.id]
    /// An administrator and a user of each domain: `north admin`, `north user`.
    var accounts: [String: ObjectID] = [:]
    var project: Project

    init() throws {
        for (name, parent) in [("north", "ROOT"), ("south", "ROOT"), ("port", "north")] {
            let domain = Domain(id: ids.next(), parent: domains[parent], name: name)
            try cloud.apply(.put(.domain(domain)))
            domains[name] = domain.id
        }
        var number: UInt64 = 2
        for (name, domain) in domains.sorted(by: { $0.key < $1.key }) {
            for type in [name == "ROOT" ? Account.Kind.rootAdmin : .domainAdmin, .user, .resourceAdmin] {
                let word = type == .user ? "user" : type == .resourceAdmin ? "operator" : "admin"
                let account = Account(id: ids.next(), number: number, name: word, domain: domain, type: type)
                number += 1
                try cloud.apply(.put(.account(account)))
                accounts["\(name) \(word)"] = account.id
            }
        }
        let own = Account(
            id: ids.next(), number: number, name: "PrjAcct", domain: try #require(domains["north"]), type: .project)
        try cloud.apply(.put(.account(own)))
        accounts["project"] = own.id
        project = Project(
            id: ids.next(), name: "p", displayText: "p", domain: own.domain, account: own.id,
            members: [
                .init(account: try #require(accounts["north user"]), isAdmin: true),
                .init(account: try #require(accounts["south user"]), isAdmin: false),
            ])
        try cloud.apply(.put(.project(project)))
    }

    private func caller(_ name: String) throws -> Caller {
        let account = try #require(accounts[name].flatMap { cloud.accounts[$0] })
        return Caller(account: account.id, domain: account.domain, type: account.type)
    }

    @Test(arguments: [
        ("ROOT user", ["ROOT user"]), ("south user", ["south user", "project"]),
        ("north user", ["north user", "project"]), ("port user", ["port user"]),
        ("north operator", ["north operator"]),
        ("port admin", ["port admin", "port operator", "port user"]),
        ("south admin", ["south admin", "south operator", "south user"]),
        (
            "north admin",
            [
                "north admin", "north operator", "north user", "port admin", "port operator", "port user", "project",
            ]
        ),
    ])
    func `people act for themselves, their projects and what is below them`(name: String, reach: [String]) throws {
        let caller = try caller(name)
        #expect(accounts.filter { caller.mayAccess(account: $0.value, in: cloud) }.keys.sorted() == reach.sorted())
    }

    @Test func `the root administrator acts for everybody`() throws {
        let caller = try caller("ROOT admin")
        #expect(accounts.values.allSatisfy { caller.mayAccess(account: $0, in: cloud) })
    }

    @Test func `nobody acts for an account that is not there, but the administrator, who may be told`() throws {
        let missing = ObjectID(random: 5, 5)
        #expect(try !caller("north admin").mayAccess(account: missing, in: cloud))
        #expect(try !caller("north user").mayAccess(account: missing, in: cloud))
    }

    @Test(arguments: [
        ("north admin", ["north", "port"], ["north", "port"]), ("port admin", ["port"], ["port"]),
        ("north user", ["north"], []), ("north operator", ["north"], []),
        ("ROOT admin", ["ROOT", "north", "port", "south"], ["ROOT", "north", "port", "south"]),
    ])
    func `domains are looked into from within or above, and governed from above by administrators`(
        name: String, sees: [String], governs: [String]
    ) throws {
        let caller = try caller(name)
        #expect(domains.filter { caller.mayAccess(domain: $0.value, in: cloud) }.keys.sorted() == sees)
        #expect(domains.filter { caller.mayGovern(domain: $0.value, in: cloud) }.keys.sorted() == governs)
    }

    @Test func `a project is governed by its administrators and by those of its domain`() throws {
        for (name, governs) in [
            ("north user", true), ("south user", false), ("north admin", true), ("south admin", false),
            ("ROOT admin", true), ("port admin", false),
        ] {
            #expect(try caller(name).mayGovern(project, in: cloud) == governs, "\(name)")
        }
    }
}
