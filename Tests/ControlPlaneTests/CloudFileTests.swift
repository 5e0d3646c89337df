import CloudModel
import ControlPlane
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

struct CloudFileTests {
    static let text = """
        {
          "zones": [{
            "name": "east", "dns1": "198.51.100.1", "guestCIDR": "10.2.0.0/24", "domain": "east.example",
            "physicalNetworks": [{"name": "wire", "isolation": "VLAN", "segments": ["100-199", "300"]}],
            "publicRanges": [{
              "segment": "vlan://50", "subnet": "203.0.113.0/24", "gateway": "203.0.113.1",
              "addresses": "203.0.113.10-203.0.113.20"
            }]
          }],
          "networkOfferings": [{
            "name": "closed", "services": {"SourceNat": "VirtualRouter", "Gateway": "VirtualRouter"}
          }],
          "accounts": [{"name": "acme"}],
          "networks": [
            {"name": "front", "zone": "east", "cidr": "10.1.1.0/24"},
            {"name": "front", "zone": "east", "account": "acme", "offering": "closed"}
          ],
          "guests": [
            {"name": "web", "nics": [{"network": "front", "address": "10.1.1.10"}]},
            {"name": "web", "account": "acme", "port": "none", "running": false, "nics": [{"network": "front"}]}
          ]
        }
        """

    private func apply(_ text: String, to fixture: inout DecideFixture, prunes: Bool = false) throws -> Decision {
        try fixture.take(.applyCloud(.init(file: try CloudFile(json: text), prunes: prunes)))
    }

    private func edited(_ edits: (String, String)...) throws -> String {
        var text = Self.text
        for (old, new) in edits {
            let range = try #require(text.firstRange(of: old))
            text.replaceSubrange(range, with: new)
        }
        return text
    }

    @Test func `a file is brought about as one decision, and twice is once`() throws {
        var fixture = try DecideFixture()
        #expect(try apply(Self.text, to: &fixture).changes.isEmpty == false)
        let cloud = fixture.cloud
        #expect(cloud.violations() == [])
        #expect(cloud.networks.values.compactMap(\.cidr?.description).sorted() == ["10.1.1.0/24", "10.2.0.0/24"])
        #expect(cloud.guests.values.map(\.isRunning).filter { $0 }.count == 1)
        let implemented = cloud.networks.values.filter { $0.state == .implemented }
        #expect(implemented.compactMap(\.cidr?.description) == ["10.1.1.0/24"])
        #expect(cloud.publicRanges.values.map(\.segment.description) == ["vlan://50"])
        #expect(cloud.zone(named: "east")?.internalDNS1.description == "198.51.100.1")
        #expect(try apply(Self.text, to: &fixture).changes == [])
        #expect(try apply(Self.text, to: &fixture, prunes: true).changes == [])
        // Also from its own text.
        let again = try #require(try CloudFile(json: Self.text).json())
        #expect(try CloudFile(json: again) == CloudFile(json: Self.text))
        #expect(try apply(again, to: &fixture).changes == [])
    }

    @Test func `differences are brought about and nothing else`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let text = try edited(
            ("198.51.100.1", "198.51.100.2"), (#""300""#, #""300-310""#), ("203.0.113.20", "203.0.113.30"),
            (#""running": false"#, #""running": true"#), (#""name": "closed""#, #""name": "closed", "enabled": false"#))
        let decision = try apply(text, to: &fixture)
        let kinds = Set(
            decision.changes.map { change in
                switch change {
                case .put(let record): record.kind.rawValue
                case .remove(let kind, _): "removed \(kind)"
                }
            })
        #expect(
            kinds == [
                "zone", "physicalNetwork", "publicRange", "networkOffering", "network", "publicAddress", "router",
                "guest",
                "series",
            ])
        #expect(fixture.cloud.zones.values.map(\.dns1.description) == ["198.51.100.2"])
        #expect(fixture.cloud.publicRanges.values.map(\.addresses.description) == ["203.0.113.10-203.0.113.30"])
        #expect(fixture.cloud.physicalNetworks.values.map(\.segmentRanges.last?.description) == ["300-310"])
        #expect(fixture.cloud.violations() == [])
        #expect(try apply(text, to: &fixture).changes == [])
    }

    @Test func `what the file does not name stays, and goes when pruned`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let less = """
            {"zones": [{"name": "west", "dns1": "198.51.100.1"}]}
            """
        #expect(try apply(less, to: &fixture).changes.count == 1)
        #expect(fixture.cloud.guests.count == 2)
        _ = try apply(less, to: &fixture, prunes: true)
        #expect(fixture.cloud.zones.values.map(\.name) == ["west"])
        var bare = try DecideFixture().cloud
        try bare.apply(.put(.zone(try #require(fixture.cloud.zone(named: "west")))))
        #expect(fixture.cloud.objectCount == bare.objectCount)
        #expect(fixture.cloud.violations() == [])
        _ = try apply("{}", to: &fixture, prunes: true)
        #expect(fixture.cloud.zones.isEmpty)
        #expect(fixture.cloud.accounts.values.map(\.name) == ["admin"])
        _ = try apply(Self.text, to: &fixture)
        #expect(fixture.cloud.guests.count == 2)
    }

    @Test func `objects that make room for others go first`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        // Another range where the old one was, another guest with the old one's address.
        let text = try edited(
            (#""segment": "vlan://50""#, #""segment": "vlan://51""#),
            (#""name": "front", "zone""#, #""name": "back", "zone""#),
            (#""name": "web", "nics": [{"network": "front""#, #""name": "www", "nics": [{"network": "back""#))
        #expect(throws: RequestError.self) { try apply(text, to: &fixture) }
        _ = try apply(text, to: &fixture, prunes: true)
        #expect(fixture.cloud.publicRanges.values.map(\.segment.description) == ["vlan://51"])
        #expect(fixture.cloud.violations() == [])
        #expect(try apply(text, to: &fixture, prunes: true).changes == [])
    }

    /// Edit of the file, path that the error names.
    static let faults: [(String, String, String)] = [
        (#""cidr": "10.1.1.0/24""#, #""cidr": "10.1.1.1/24""#, "networks[0].cidr"),
        (#""cidr": "10.1.1.0/24""#, #""cidr": "10.1.1.0/24", "gateway": "10.1.2.1""#, "networks[0].gateway"),
        (#""cidr": "10.1.1.0/24""#, #""cidr": "10.1.1.0/24", "guestCIDR": "10.1.2.0/25""#, "networks[0].guestCIDR"),
        (#""cidr": "10.1.1.0/24""#, #""cidr": 7"#, "networks[0].cidr"),
        (#""cidr": "10.1.1.0/24""#, #""CIDR": "10.1.1.0/24""#, "networks[0].CIDR"),
        (#""offering": "closed""#, #""offering": "open""#, "networks[1].offering"),
        (#""account": "acme", "offering""#, #""account": "emca", "offering""#, "networks[1].account"),
        (#""zone": "east""#, #""zone": "west""#, "networks[0].zone"),
        (#""zone": "east", "cidr""#, #""cidr""#, "networks[0].zone"),
        (#""address": "10.1.1.10""#, #""address": "10.1.1.1""#, "guests[0].nics[0].address"),
        (#""network": "front", "address""#, #""network": "back", "address""#, "guests[0].nics[0].network"),
        (#""name": "web", "nics""#, #""name": "a b", "nics""#, "guests[0].name"),
        (#""port": "none""#, #""port": "tape""#, "guests[1].port"),
        (#"[{"network": "front"}]"#, "[]", "guests[1].nics"),
        (
            #""segments": ["100-199", "300"]"#, #""segments": ["100-199", "4095"]"#,
            "zones[0].physicalNetworks[0].segments"
        ),
        (#""isolation": "VLAN""#, #""isolation": "GRE""#, "zones[0].physicalNetworks[0].isolation"),
        (#""segment": "vlan://50""#, #""segment": "vlan://4095""#, "zones[0].publicRanges[0].segment"),
        (#""subnet": "203.0.113.0/24""#, #""subnet": "203.0.113.1/24""#, "zones[0].publicRanges[0].subnet"),
        (#""gateway": "203.0.113.1""#, #""gateway": "203.0.114.1""#, "zones[0].publicRanges[0].gateway"),
        ("203.0.113.10-203.0.113.20", "203.0.113.20-203.0.113.10", "zones[0].publicRanges[0].addresses"),
        (#""guestCIDR": "10.2.0.0/24""#, #""guestCIDR": "10.2.0.0/31""#, "zones[0].guestCIDR"),
        (#""dns1": "198.51.100.1""#, #""dns1": "dns""#, "zones[0].dns1"),
        (#""SourceNat": "VirtualRouter", "#, #""Teleport": "VirtualRouter", "#, "networkOfferings[0].services"),
        (#""name": "closed""#, #""name": "closed", "rate": -2"#, "networkOfferings[0].rate"),
        (#""name": "closed""#, #""name": "closed", "rate": "10""#, "networkOfferings[0].rate"),
        (#"{"name": "acme"}"#, #"{"name": "acme"}, {"name": "ACME"}"#, "accounts[1].name"),
        (
            #""name": "front", "zone": "east", "account": "acme""#, #""name": "front", "zone": "east""#,
            "networks[1].name"
        ),
    ]

    @Test(arguments: faults)
    func `what is wrong is said with its path`(old: String, new: String, path: String) throws {
        let fixture = try DecideFixture()
        let text = try edited((old, new))
        let error = #expect(throws: RequestError.self) {
            _ = try fixture.decided(.applyCloud(.init(file: try CloudFile(json: text))))
        }
        #expect(error?.parameter == path)
        #expect(error?.text.hasPrefix("\(path): ") == true, "\(error?.text ?? "")")
    }

    /// Edits of a file that is in force already, of what cannot change.
    static let fixed: [(String, String, String)] = [
        (#""cidr": "10.1.1.0/24""#, #""cidr": "10.1.3.0/24""#, "networks[0].cidr"),
        (#""cidr": "10.1.1.0/24""#, #""cidr": "10.1.1.0/24", "gateway": "10.1.1.254""#, "networks[0].gateway"),
        (#""cidr": "10.1.1.0/24""#, #""cidr": "10.1.1.0/24", "guestCIDR": "10.1.1.128/25""#, "networks[0].guestCIDR"),
        (#""isolation": "VLAN""#, #""isolation": "VXLAN""#, "zones[0].physicalNetworks[0].isolation"),
        (#"["100-199", "300"]"#, #"["101-199", "300"]"#, "zones[0].physicalNetworks[0].segments"),
        (#""gateway": "203.0.113.1""#, #""gateway": "203.0.113.2""#, "zones[0].publicRanges[0].gateway"),
        ("203.0.113.10-203.0.113.20", "203.0.113.11-203.0.113.20", "zones[0].publicRanges[0].addresses"),
        (#"{"SourceNat": "VirtualRouter", "Gateway""#, #"{"Gateway""#, "networkOfferings[0].services"),
        (#""name": "closed""#, #""name": "closed", "egressDefault": "allow""#, "networkOfferings[0].egressDefault"),
        (#""name": "closed""#, #""name": "closed", "persistent": true"#, "networkOfferings[0].persistent"),
        (#""name": "closed""#, #""name": "closed", "rate": 10"#, "networkOfferings[0].rate"),
        (#""port": "none", "#, "", "guests[1].port"),
    ]

    @Test(arguments: fixed)
    func `what cannot change is refused with its path`(old: String, new: String, path: String) throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let text = try edited((old, new))
        let error = fixture.refusal(.applyCloud(.init(file: try CloudFile(json: text))))
        #expect(error?.parameter == path, "\(String(describing: error))")
    }

    @Test(arguments: [
        "", "{", "[]", "7", "null", #"{"zones": {}}"#, #"{"zones": [null]}"#, "\u{0}", #"{"zoness": []}"#,
    ])
    func `what is no cloud file is refused`(text: String) {
        #expect(throws: RequestError.self) { try CloudFile(json: text) }
    }

    @Test func `ambiguous names are refused`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let zone = try #require(fixture.cloud.zone(named: "east"))
        try fixture.make(.createNetwork(.init(name: "Front", zone: zone.id, offering: try fixture.offering())))
        let error = fixture.refusal(.applyCloud(.init(file: try CloudFile(json: Self.text))))
        #expect(error?.parameter == "networks[0].name")
        #expect(error?.code == .conflict)
    }

    @Test func `the demo is a whole cloud`() throws {
        var fixture = try DecideFixture()
        try fixture.take(.applyCloud(.init(file: .demo)))
        let cloud = fixture.cloud
        #expect(cloud.violations() == [])
        #expect(cloud.guests.values.map(\.name).sorted() == ["db", "web"])
        #expect(cloud.guests.values.allSatisfy { $0.isRunning && $0.port == .emulated })
        #expect(cloud.networks.values.compactMap(\.cidr?.description) == ["10.1.1.0/24"])
        #expect(cloud.publicAddresses.values.map(\.address.description) == ["203.0.113.10"])
        #expect(cloud.publicRanges.values.map(\.segment) == [.untagged])
        #expect(cloud.routers.count == 1)
        #expect(try fixture.take(.applyCloud(.init(file: .demo, prunes: true))).changes == [])
    }

    @Test func `the documented example is the demo`() throws {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: repository.appending(path: "docs/cloud-file.md"), encoding: .utf8)
        let example = try #require(
            page.components(separatedBy: "```json\n").dropFirst().first?.components(separatedBy: "```").first)
        #expect(try CloudFile(json: example) == .demo)
    }

    @Test func `names with slashes are not taken for each other`() throws {
        var fixture = try DecideFixture()
        var file = try CloudFile(json: Self.text)
        file.accounts = [.init(name: "a"), .init(name: "a/b")]
        file.guests = []
        file.networks = [("a", "b/c"), ("a/b", "c")].map { account, name in
            var network = CloudFile.Network(name: name, zone: "east")
            network.account = account
            return network
        }
        try fixture.take(.applyCloud(.init(file: file)))
        #expect(fixture.cloud.networks.count == 2)
        file.networks.removeLast()
        file.accounts.removeLast()
        try fixture.take(.applyCloud(.init(file: file, prunes: true)))
        #expect(fixture.cloud.networks.values.map(\.name) == ["b/c"])
    }

    @Test func `a thousand networks with a guest each are one decision`() throws {
        var fixture = try DecideFixture()
        let file = CloudFile.many(1_000)
        try fixture.take(.applyCloud(.init(file: file)))
        #expect(fixture.cloud.routers.count == 1_000)
        #expect(fixture.cloud.nics.count == 1_000)
        #expect(Set(fixture.cloud.publicAddresses.values.map(\.address)).count == 1_000)
        #expect(fixture.cloud.violations() == [])
        #expect(try fixture.take(.applyCloud(.init(file: file, prunes: true))).changes == [])
    }
}
