import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

struct CloudFileInternalBalancingTests {
    static let balance = """
        "balance": [
          {"name": "any", "from": "tcp/80", "to": ["web"]},
          {
            "name": "shop", "address": "10.1.1.2", "from": "tcp/80", "port": 8080, "algorithm": "leastconn",
            "to": ["db", {"guest": "web", "address": "10.1.1.51"}]
          },
          {"name": "more", "address": "10.1.1.2", "from": "tcp/81", "to": []}
        ],
        """

    private func text(_ edits: (String, String)...) throws -> String {
        let mark = #""name": "front", "zone": "east","#
        var text = CloudFileRuleTests.text
        text.replaceSubrange(try #require(text.firstRange(of: mark)), with: mark + Self.balance)
        for (old, new) in edits { text.replaceSubrange(try #require(text.firstRange(of: old)), with: new) }
        return text
    }

    @discardableResult
    private func apply(_ text: String, to fixture: inout DecideFixture, prunes: Bool = false) throws -> Decision {
        let decision = try fixture.take(.applyCloud(.init(file: try CloudFile(json: text), prunes: prunes)))
        #expect(fixture.cloud.violations() == [])
        return decision
    }

    /// What the network's load balancers say, one line each.
    private func lines(_ cloud: Cloud) -> Set<String> {
        Set(
            cloud.loadBalancerRules.values.filter { $0.internalAddress != nil }.map { rule in
                let members = cloud.members(ofBalancer: rule.id).map(\.guestAddress.description).sorted()
                let place = cloud.place(of: rule)?.address.description ?? ""
                return
                    "\(rule.name) \(place):\(rule.publicPort) \(rule.algorithm.rawValue) \(rule.privatePort) \(members)"
            })
    }

    private func rules(_ cloud: Cloud) -> Set<ObjectID> {
        Set(cloud.loadBalancerRules.values.filter { $0.internalAddress != nil }.map(\.id))
    }

    private let usual: Set = [
        #"any 10.1.1.3:80 roundrobin 80 ["10.1.1.10"]"#,
        #"shop 10.1.1.2:80 leastconn 8080 ["10.1.1.20", "10.1.1.51"]"#, "more 10.1.1.2:81 roundrobin 81 []",
    ]

    @Test func `a network's load balancers are brought about, and twice is once`() throws {
        var fixture = try DecideFixture()
        let changes = try apply(text(), to: &fixture).changes
        let kinds = changes.map { if case .put(let record) = $0 { record.kind } else { RecordKind.zone } }
        #expect(kinds.count { $0 == .internalAddress } == 2)
        // Whoever names an address has it, wherever it stands in the list.
        #expect(lines(fixture.cloud) == usual)
        #expect(fixture.cloud.loadBalancerRules.count == 6)
        #expect(try apply(text(), to: &fixture).changes == [])
        #expect(try apply(text(), to: &fixture, prunes: true).changes == [])
        let again = try #require(try CloudFile(json: text()).json())
        #expect(try CloudFile(json: again) == CloudFile(json: text()))
        #expect(try apply(again, to: &fixture, prunes: true).changes == [])
    }

    @Test func `they are exported with their addresses`() throws {
        var fixture = try DecideFixture()
        try apply(text(), to: &fixture)
        let told = CloudFile(describing: fixture.cloud)
        #expect(told.networks[0].balance?.compactMap(\.address).sorted() == ["10.1.1.2", "10.1.1.2", "10.1.1.3"])
        #expect(told.publicAddresses.allSatisfy { $0.balance?.allSatisfy { $0.address == nil } ?? true })
        let json = try #require(told.json())
        #expect(try apply(json, to: &fixture, prunes: true).changes == [])
        var other = try DecideFixture()
        try apply(json, to: &other)
        #expect(lines(other.cloud) == usual)
    }

    @Test func `members come and go, and a rule that says something else is another one`() throws {
        var fixture = try DecideFixture()
        try apply(text(), to: &fixture)
        let before = rules(fixture.cloud)
        let members = Set(fixture.cloud.loadBalancerMembers.keys)
        try apply(text((#"["db", {"guest": "web", "address": "10.1.1.51"}]"#, #"["db", "web"]"#)), to: &fixture)
        #expect(rules(fixture.cloud) == before)
        #expect(lines(fixture.cloud).contains(#"shop 10.1.1.2:80 leastconn 8080 ["10.1.1.10", "10.1.1.20"]"#))
        #expect(Set(fixture.cloud.loadBalancerMembers.keys).subtracting(members).count == 1)
        // It moves, and its address with it; the other port of that address stays where it is.
        let moved = try text((#""shop", "address": "10.1.1.2""#, #""shop", "address": "10.1.1.99""#))
        try apply(moved, to: &fixture)
        #expect(lines(fixture.cloud).contains(#"shop 10.1.1.99:80 leastconn 8080 ["10.1.1.20", "10.1.1.51"]"#))
        #expect(rules(fixture.cloud).intersection(before).count == 2)
        #expect(fixture.cloud.internalAddresses.count == 3)
        #expect(try apply(moved, to: &fixture).changes == [])
        // Ports change places at once.
        let swapped = try text(
            (#""from": "tcp/80", "port""#, #""from": "tcp/81", "port""#), (#""tcp/81", "to""#, #""tcp/80", "to""#))
        try apply(swapped, to: &fixture)
        #expect(lines(fixture.cloud).contains("more 10.1.1.2:80 roundrobin 80 []"))
    }

    @Test func `a list that is absent stays, one that stands there is complete`() throws {
        var fixture = try DecideFixture()
        try apply(text(), to: &fixture)
        #expect(try apply(CloudFileRuleTests.text, to: &fixture).changes == [])
        var file = try CloudFile(json: text())
        file.networks[0].balance = Array(file.networks[0].balance?.dropFirst() ?? [])
        try fixture.take(.applyCloud(.init(file: file)))
        #expect(lines(fixture.cloud).count == 2 && fixture.cloud.internalAddresses.count == 1)
        try apply(CloudFileRuleTests.text, to: &fixture, prunes: true)
        #expect(lines(fixture.cloud) == [] && fixture.cloud.internalAddresses.isEmpty)
        #expect(fixture.cloud.loadBalancerRules.count == 3)
        try apply(text(), to: &fixture)
        file.networks[0].balance = []
        try fixture.take(.applyCloud(.init(file: file)))
        #expect(lines(fixture.cloud) == [] && fixture.cloud.violations() == [])
    }

    @Test func `the same without an address twice is at two of them`() throws {
        var fixture = try DecideFixture()
        let one = #"{"name": "any", "from": "tcp/80", "to": ["web"]}"#
        let two = try text((one, one + "," + one))
        try apply(two, to: &fixture)
        let made = rules(fixture.cloud)
        #expect(made.count == 4 && fixture.cloud.internalAddresses.count == 3)
        #expect(try apply(two, to: &fixture, prunes: true).changes == [])
        try apply(text(), to: &fixture)
        // The oldest of them is the one that stays.
        #expect(lines(fixture.cloud) == usual && rules(fixture.cloud).isSubset(of: made))
    }

    /// Edit of the file, path that the error names.
    static let faults: [(String, String, String)] = [
        (#""shop", "address": "10.1.1.2""#, #""shop", "address": "10.1.1""#, "networks[0].balance[1].address"),
        (#""shop", "address": "10.1.1.2""#, #""shop", "address": "10.1.1.1""#, "networks[0].balance[1].address"),
        (#""shop", "address": "10.1.1.2""#, #""shop", "address": "10.1.1.10""#, "networks[0].balance[1].address"),
        (#""shop", "address": "10.1.1.2""#, #""shop", "address": "10.2.1.10""#, "networks[0].balance[1].address"),
        (#""tcp/81""#, #""tcp/80""#, "networks[0].balance[2].from"),
        (#""tcp/81""#, #""udp/81""#, "networks[0].balance[2].from"),
        (#""tcp/81""#, #""tcp-proxy/81""#, "networks[0].balance[2].from"),
        (#""tcp/81""#, #""ssl/81""#, "networks[0].balance[2].from"),
        (#""tcp/81""#, #""tcp/81-82""#, "networks[0].balance[2].from"),
        (#""port": 8080"#, #""port": 0"#, "networks[0].balance[1].port"),
        (#""leastconn""#, #""random""#, "networks[0].balance[1].algorithm"),
        (#"["db", {"guest""#, #"["bd", {"guest""#, "networks[0].balance[1].to[0].guest"),
        (
            #"["db", {"guest": "web", "#, #"["db", {"guest": "web", "member": "x", "#,
            "networks[0].balance[1].to[1].member"
        ),
        (#""10.1.1.51"}]"#, #""10.1.1.52"}]"#, "networks[0].balance[1].to"),
        (#""to": []}"#, #""to": [], "sources": ["10.1.1.0/24"]}"#, "networks[0].balance[2].sources"),
        (#""to": []}"#, #""to": [], "openFirewall": true}"#, "networks[0].balance[2].openFirewall"),
        (#""to": []}"#, #""to": [], "network": "front"}"#, "networks[0].balance[2].network"),
        (
            #""name": "told", "from""#, #""name": "told", "address": "10.1.1.9", "from""#,
            "publicAddresses[0].balance[2].address"
        ),
    ]

    @Test(arguments: faults)
    func `what is wrong is said with its path`(old: String, new: String, path: String) throws {
        var fixture = try DecideFixture()
        let before = fixture.cloud
        let text = try text((old, new))
        let error = try #require(throws: RequestError.self) { try apply(text, to: &fixture) }
        #expect(error.parameter == path, "\(error)")
        #expect(error.text.hasPrefix(path), "\(error)")
        #expect(fixture.cloud == before)
    }

    @Test func `only a network that balances has any`() throws {
        var fixture = try DecideFixture()
        var text = CloudFileTests.text
        let place = try #require(text.firstRange(of: #""account": "acme", "offering": "closed"}"#))
        text.replaceSubrange(
            place,
            with: #""account": "acme", "offering": "closed", "balance": [{"name": "x", "from": "tcp/80", "to": []}]}"#)
        let error = try #require(throws: RequestError.self) { try apply(text, to: &fixture) }
        #expect(error.parameter == "networks[1].balance[0]", "\(error)")
    }
}
