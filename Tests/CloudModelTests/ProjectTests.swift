import CloudModel
import NetworkVocabulary
import TestSupport
import Testing

struct ProjectTests {
    var cloud = Cloud()
    var ids = SeededIDs(seed: 6)
    let own: Account
    let member: Account
    let user: User

    init() throws {
        own = Account(id: ids.next(), number: 9, name: "PrjAcct-p", type: .project)
        member = Account(id: ids.next(), number: 10, name: "m")
        user = User(id: ids.next(), account: member.id, name: "u")
        for record in [.account(own), .account(member), .user(user)] as [Record] { try cloud.apply(.put(record)) }
        try cloud.apply(.put(.series(Series(name: .account, next: 11))))
    }

    private mutating func project(_ members: [Project.Member]) -> Project {
        Project(
            id: ids.next(), name: "p", displayText: "p", domain: Domain.root.id, account: own.id, members: members)
    }

    @Test mutating func `a project is found by its own account and by its members`() throws {
        let project = project([.init(account: member.id, isAdmin: true)])
        try cloud.apply(.put(.project(project)))
        #expect(cloud.project(ofAccount: own.id) == project)
        #expect(cloud.project(ofAccount: member.id) == nil)
        #expect(cloud.projects(withMember: member.id) == [project])
        #expect(cloud.projects(withMember: own.id) == [])
        #expect(cloud.project(named: "P", inDomain: Domain.root.id) == project)
        #expect(cloud.violations() == [])
    }

    @Test mutating func `a user's own membership counts before that of the account`() {
        let project = project([
            .init(account: member.id, isAdmin: false), .init(account: member.id, user: user.id, isAdmin: true),
        ])
        #expect(project.membership(account: member.id, user: user.id)?.isAdmin == true)
        #expect(project.membership(account: member.id, user: ids.next())?.isAdmin == false)
        #expect(project.membership(account: own.id, user: user.id) == nil)
    }

    @Test mutating func `what cannot be a project is refused`() throws {
        let stranger = ids.next()
        for members in [
            [.init(account: own.id, isAdmin: true)], [.init(account: stranger, isAdmin: true)],
            [.init(account: member.id, isAdmin: true), .init(account: member.id, isAdmin: false)],
            [.init(account: member.id, user: stranger, isAdmin: true)],
        ] as [[Project.Member]] {
            let wrong = project(members)
            #expect(throws: ModelError.self, "\(members)") { try cloud.apply(.put(.project(wrong))) }
        }
        let account = Account(id: own.id, number: 9, name: "PrjAcct-p", type: .user)
        #expect(throws: ModelError.self) { try cloud.apply(.put(.account(account))) }
        #expect(cloud.projects.isEmpty)
    }
}
