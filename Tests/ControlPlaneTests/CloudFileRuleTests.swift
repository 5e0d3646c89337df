import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

struct CloudFileRuleTests {
    static let text = """
        {
          "zones": [{
            "name": "east", "dns1": "198.51.100.1",
            "physicalNetworks": [{"name": "wire", "isolation": "VLAN", "segments": ["100-199"]}],
            "publicRanges": [{
              "subnet": "203.0.113.0/24", "gateway": "203.0.113.1", "addresses": "203.0.113.10-203.0.113.99"
            }]
          }],
          "networkOfferings": [{
            "name": "frugal", "conserveMode": false,
            "services": {"SourceNat": "VirtualRouter", "Firewall": "VirtualRouter", "PortForwarding": "VirtualRouter"}
          }],
          "networks": [{
            "name": "front", "zone": "east", "cidr": "10.1.1.0/24",
            "egress": [
              {"traffic": "tcp/25"},
              {"traffic": "udp/53", "sources": ["10.1.1.128/25"], "destinations": ["192.0.2.53/32", "192.0.2.54/32"]}
            ]
          }],
          "guests": [
            {"name": "web", "nics": [{
              "network": "front", "address": "10.1.1.10", "secondaryAddresses": ["10.1.1.50", "10.1.1.51"]
            }]},
            {"name": "db", "nics": [{"network": "front", "address": "10.1.1.20"}]}
          ],
          "publicAddresses": [
            {
              "address": "source-nat", "network": "front",
              "forward": [
                {"from": "tcp/8080", "to": "web", "ports": "80", "sources": ["192.0.2.0/24"], "openFirewall": true},
                {"from": "udp/5000-5009", "to": "web", "address": "10.1.1.50"}
              ],
              "balance": [
                {"name": "shop", "from": "tcp/80", "to": ["web", "db"], "port": 8000, "openFirewall": true},
                {
                  "name": "names", "from": "udp/53", "to": [{"guest": "web", "address": "10.1.1.51"}],
                  "algorithm": "source", "sources": ["192.0.2.0/24"]
                },
                {"name": "told", "from": "tcp-proxy/81", "to": [], "algorithm": "leastconn"}
              ],
              "firewall": [{"traffic": "icmp/8/0"}, {"traffic": "tcp/443-445", "sources": ["192.0.3.0/24"]}]
            },
            {
              "address": "203.0.113.20", "network": "front",
              "staticNAT": {"guest": "db"}, "firewall": [{"traffic": "tcp/22"}]
            }
          ]
        }
        """

    private func apply(_ text: String, to fixture: inout DecideFixture, prunes: Bool = false) throws -> Decision {
        let decision = try fixture.take(.applyCloud(.init(file: try CloudFile(json: text), prunes: prunes)))
        #expect(fixture.cloud.violations() == [])
        return decision
    }

    private func edited(_ edits: (String, String)...) throws -> String {
        var text = Self.text
        for (old, new) in edits { text.replaceSubrange(try #require(text.firstRange(of: old)), with: new) }
        return text
    }

    /// Everything that rules say, one line each.
    private func lines(_ cloud: Cloud) -> Set<String> {
        let place = { (id: ObjectID) in cloud.publicAddresses[id]?.address.description ?? "" }
        var lines: [String] = cloud.firewallRules.values.map {
            "firewall \(place($0.publicAddress)) \($0.traffic) \($0.sources)\($0.forwarding == nil ? "" : " brought")"
        }
        lines += cloud.egressRules.values.map { "egress \($0.traffic) \($0.sources) \($0.destinations)" }
        lines += cloud.portForwardings.values.map {
            "forward \(place($0.publicAddress)) \($0.transport) \($0.publicPorts) \($0.guestAddress) \($0.privatePorts)"
        }
        lines += cloud.publicAddresses.values.compactMap { address in
            address.staticNAT.map { "static \(address.address) \($0.guestAddress)" }
        }
        lines += cloud.nics.values.flatMap { nic in nic.secondaryAddresses.map { "\(nic.addresses[0]) \($0.address)" } }
        return Set(lines)
    }

    @Test func `rules are brought about, and twice is once`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let count = fixture.cloud.objectCount
        #expect(fixture.cloud.firewallRules.count == 5)
        #expect(fixture.cloud.egressRules.count == 2)
        #expect(fixture.cloud.portForwardings.count == 2)
        #expect(fixture.cloud.loadBalancerRules.count == 3 && fixture.cloud.loadBalancerMembers.count == 3)
        #expect(fixture.cloud.publicAddresses.count == 2)
        #expect(fixture.cloud.networkOffering(named: "frugal")?.conservesAddresses == false)
        let expected = [
            "10.1.1.10 10.1.1.50", "10.1.1.10 10.1.1.51", "static 203.0.113.20 10.1.1.20",
            "forward 203.0.113.10 tcp 8080 10.1.1.10 80", "forward 203.0.113.10 udp 5000-5009 10.1.1.50 5000-5009",
        ]
        #expect(lines(fixture.cloud).isSuperset(of: expected), "\(lines(fixture.cloud))")
        #expect(try apply(Self.text, to: &fixture).changes == [])
        #expect(try apply(Self.text, to: &fixture, prunes: true).changes == [])
        let again = try #require(try CloudFile(json: Self.text).json())
        #expect(try CloudFile(json: again) == CloudFile(json: Self.text))
        #expect(try apply(again, to: &fixture, prunes: true).changes == [])
        #expect(fixture.cloud.objectCount == count)
    }

    @Test func `what is exported is what was brought about`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let told = try #require(CloudFile(describing: fixture.cloud).json())
        #expect(try apply(told, to: &fixture, prunes: true).changes == [])
        var other = try DecideFixture()
        _ = try apply(told, to: &other)
        #expect(lines(other.cloud) == lines(fixture.cloud))
        #expect(other.cloud.loadBalancerMembers.count == 3)
    }

    @Test func `members come and go by the file, and those that stay are the same`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let before = Set(fixture.cloud.loadBalancerMembers.keys)
        let rules = Set(fixture.cloud.loadBalancerRules.keys)
        _ = try apply(
            edited((#""to": ["web", "db"]"#, #""to": ["db", {"guest": "web", "address": "10.1.1.50"}]"#)), to: &fixture)
        let after = Set(fixture.cloud.loadBalancerMembers.keys)
        #expect(before.subtracting(after).count == 1 && after.subtracting(before).count == 1)
        #expect(Set(fixture.cloud.loadBalancerRules.keys) == rules)
        _ = try apply(edited((#""from": "tcp/80", "to": ["web", "db"]"#, #""from": "tcp/82", "to": []"#)), to: &fixture)
        #expect(fixture.cloud.loadBalancerMembers.count == 1)
        #expect(rules.subtracting(fixture.cloud.loadBalancerRules.keys).count == 1)
        for (from, parameter) in [("tcp/80-81", "from"), ("sctp/80", "from"), ("tcp", "from")] {
            let file = try CloudFile(json: edited((#""from": "tcp/80""#, #""from": "\#(from)""#)))
            let error = fixture.refusal(.applyCloud(.init(file: file)))
            #expect(error?.parameter?.hasSuffix("balance[0].\(parameter)") == true, "\(from): \(error as Any)")
        }
    }

    @Test func `a list is brought about by its difference`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let before = lines(fixture.cloud)
        let ids = Set(fixture.cloud.firewallRules.keys)
        let text = try edited(
            ("tcp/443-445", "tcp/444-446"), ("tcp/25", "tcp/465"),
            (#"udp/5000-5009", "to": "web", "address": "10.1.1.50""#, #"udp/5000-5009", "to": "db""#),
            (#""10.1.1.50", "10.1.1.51""#, #""10.1.1.51", "10.1.1.52""#))
        _ = try apply(text, to: &fixture)
        let after = lines(fixture.cloud)
        #expect(before.subtracting(after).count == 4, "\(before.subtracting(after))")
        #expect(
            after.subtracting(before).map { String($0.prefix { $0 != "[" }) }.sorted() == [
                "10.1.1.10 10.1.1.52", "egress tcp/465 ", "firewall 203.0.113.10 tcp/444-446 ",
                "forward 203.0.113.10 udp 5000-5009 10.1.1.20 5000-5009",
            ])
        #expect(ids.intersection(fixture.cloud.firewallRules.keys).count == 4)
        #expect(try apply(text, to: &fixture).changes == [])
        _ = try apply(Self.text, to: &fixture)
        #expect(lines(fixture.cloud) == before)
    }

    @Test func `the order of a rule's networks says nothing`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let text = try edited((#""192.0.2.53/32", "192.0.2.54/32""#, #""192.0.2.54/32", "192.0.2.53/32""#))
        #expect(try apply(text, to: &fixture).changes == [])
    }

    @Test func `static NAT and forwarding change places`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let swapped = try edited(
            (#""staticNAT": {"guest": "db"}"#, #""staticNAT": {"guest": "web"}"#),
            (#"tcp/8080", "to": "web""#, #"tcp/8080", "to": "db""#))
        _ = try apply(swapped, to: &fixture)
        #expect(lines(fixture.cloud).contains("static 203.0.113.20 10.1.1.10"))
        #expect(lines(fixture.cloud).contains("forward 203.0.113.10 tcp 8080 10.1.1.20 80"))
        let forwards = try edited(
            (#""staticNAT": {"guest": "db"}"#, #""forward": [{"from": "tcp/22", "to": "db"}]"#))
        _ = try apply(forwards, to: &fixture)
        #expect(!lines(fixture.cloud).contains { $0.hasPrefix("static") })
        #expect(lines(fixture.cloud).contains("forward 203.0.113.20 tcp 22 10.1.1.20 22"))
    }

    @Test func `lists that are absent stay, and go when pruned`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let all = lines(fixture.cloud)
        var file = try CloudFile(json: Self.text)
        file.networks[0].egress = nil
        file.guests[0].nics[0].secondaryAddresses = nil
        file.publicAddresses = [.init(address: "203.0.113.20", network: "front")]
        #expect(try fixture.take(.applyCloud(.init(file: file))).changes == [])
        #expect(lines(fixture.cloud) == all)
        try fixture.take(.applyCloud(.init(file: file, prunes: true)))
        #expect(lines(fixture.cloud) == [])
        #expect(fixture.cloud.publicAddresses.count == 2)
        file.publicAddresses = []
        try fixture.take(.applyCloud(.init(file: file, prunes: true)))
        #expect(fixture.cloud.publicAddresses.values.map(\.isSourceNAT) == [true])
        #expect(fixture.cloud.violations() == [])
    }

    @Test func `an address that is for no network yet is taken for the file's`() throws {
        var fixture = try DecideFixture()
        var file = try CloudFile(json: Self.text)
        let addresses = file.publicAddresses
        file.publicAddresses = []
        try fixture.take(.applyCloud(.init(file: file)))
        let zone = try #require(fixture.cloud.zone(named: "east")).id
        let held = try fixture.make(.acquirePublicAddress(.init(zone: zone, address: "203.0.113.20")))
        file.publicAddresses = addresses
        try fixture.take(.applyCloud(.init(file: file, prunes: true)))
        #expect(fixture.cloud.publicAddresses[held]?.staticNAT != nil)
        #expect(fixture.cloud.violations() == [])
    }

    /// Edit of the file, path that the error names.
    static let faults: [(String, String, String)] = [
        (#""address": "203.0.113.20""#, #""address": "203.0.113.256""#, "publicAddresses[1].address"),
        (#""address": "203.0.113.20""#, #""address": "192.0.2.1""#, "publicAddresses[1].address"),
        (#""address": "203.0.113.20""#, #""address": "203.0.113.10""#, "publicAddresses[1].address"),
        (#""203.0.113.20", "network": "front""#, #""203.0.113.20", "network": "back""#, "publicAddresses[1].network"),
        (#"{"guest": "db"}"#, #"{"guest": "bd"}"#, "publicAddresses[1].staticNAT.guest"),
        (#"{"guest": "db"}"#, #"{"guest": "db", "address": "10.1.1.21"}"#, "publicAddresses[1].staticNAT.address"),
        (#"{"guest": "db"}"#, #"{"guest": "db", "ip": "10.1.1.21"}"#, "publicAddresses[1].staticNAT.ip"),
        (#""tcp/8080""#, #""tcp""#, "publicAddresses[0].forward[0].from"),
        (#""tcp/8080""#, #""icmp""#, "publicAddresses[0].forward[0].from"),
        (#""ports": "80""#, #""ports": "80-81""#, "publicAddresses[0].forward[0].ports"),
        (#""ports": "80""#, #""ports": "0""#, "publicAddresses[0].forward[0].ports"),
        (#""to": "web", "ports""#, #""to": "bew", "ports""#, "publicAddresses[0].forward[0].to"),
        (#"["192.0.2.0/24"]"#, #"["192.0.2.1/24"]"#, "publicAddresses[0].forward[0].sources"),
        (#""udp/5000-5009""#, #""tcp/8000-8100""#, "publicAddresses[0].forward[1].from"),
        (#""10.1.1.50"}"#, #""10.1.1.53"}"#, "publicAddresses[0].forward[1].address"),
        (#""openFirewall": true"#, #""openfirewall": true"#, "publicAddresses[0].forward[0].openfirewall"),
        (#""icmp/8/0""#, #""icmp/8/0/0""#, "publicAddresses[0].firewall[0].traffic"),
        (#""tcp/443-445""#, #""tcp/445-443""#, "publicAddresses[0].firewall[1].traffic"),
        (#"["192.0.3.0/24"]"#, #"["2001:db8::/32"]"#, "publicAddresses[0].firewall[1].sources"),
        (
            #"{"traffic": "icmp/8/0"}"#, #"{"traffic": "tcp/444", "sources": ["192.0.3.0/24"]}"#,
            "publicAddresses[0].firewall[1].traffic"
        ),
        (#""tcp/25""#, #""smtp""#, "networks[0].egress[0].traffic"),
        (#"["10.1.1.128/25"]"#, #"["10.1.2.128/25"]"#, "networks[0].egress[1].sources"),
        (#""192.0.2.53/32", "#, #""192.0.2.54/32", "#, "networks[0].egress[1].destinations"),
        (#""10.1.1.51"]"#, #""10.1.1.20"]"#, "guests[0].nics[0].secondaryAddresses[1]"),
        (#""10.1.1.51"]"#, #""10.1.1.51", 7]"#, "guests[0].nics[0].secondaryAddresses[2]"),
    ]

    @Test(arguments: faults)
    func `what is wrong is said with its path`(old: String, new: String, path: String) throws {
        var fixture = try DecideFixture()
        let before = fixture.cloud
        let text = try edited((old, new))
        let error = try #require(throws: RequestError.self) { try apply(text, to: &fixture) }
        #expect(error.parameter == path, "\(error)")
        #expect(error.text.hasPrefix(path), "\(error)")
        #expect(fixture.cloud == before)
    }

    @Test func `whether an offering conserves addresses cannot change`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let text = try edited((#""conserveMode": false"#, #""conserveMode": true"#))
        let error = try #require(throws: RequestError.self) { try apply(text, to: &fixture) }
        #expect(error.parameter == "networkOfferings[0].conserveMode")
    }
}
