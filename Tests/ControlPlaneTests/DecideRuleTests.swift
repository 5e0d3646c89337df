import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

struct DecideRuleTests {
    static let traffic: [(TrafficText, String)] = [
        (TrafficText(transport: "TCP", startPort: 80), "tcp/80"),
        (TrafficText(transport: "6", startPort: 80, endPort: 90), "tcp/80-90"),
        (TrafficText(transport: "udp"), "udp"), (TrafficText(transport: "17", startPort: 65_535), "udp/65535"),
        (TrafficText(transport: "icmp", icmpType: -1, icmpCode: -1), "icmp"),
        (TrafficText(transport: "1", icmpType: 8), "icmp/8"),
        (TrafficText(transport: "Icmp", icmpType: 3, icmpCode: 4), "icmp/3/4"),
        (TrafficText(transport: "ALL"), "all"), (TrafficText(transport: "47"), "47"),
    ]

    @Test(arguments: traffic)
    func `traffic is understood as it is written`(text: TrafficText, meaning: String) throws {
        var world = try RuleWorld()
        let rule = try world.small.fixture.make(world.firewall { $0.traffic = text })
        #expect(world.cloud.firewallRules[rule]?.traffic.description == meaning)
        #expect(world.cloud.firewallRules[rule]?.sources.map(\.description) == ["0.0.0.0/0"])
        let egress = try world.small.fixture.make(world.egress { $0.traffic = text })
        #expect(world.cloud.egressRules[egress]?.traffic.description == meaning)
        #expect(world.cloud.egressRules[egress]?.sources.map(\.description) == ["10.1.1.0/24"])
        #expect(world.cloud.egressRules[egress]?.destinations.map(\.description) == ["0.0.0.0/0"])
        #expect(world.cloud.violations() == [])
    }

    @Test func `rules are numbered by age and keep the user's order of networks`() throws {
        var world = try RuleWorld()
        let first = try world.small.fixture.make(world.firewall { $0.sources = ["192.0.3.0/24", "192.0.2.0/24"] })
        let second = try world.small.fixture.make(world.egress())
        let rule = try #require(world.cloud.firewallRules[first])
        #expect(rule.sources.map(\.description) == ["192.0.3.0/24", "192.0.2.0/24"])
        #expect(rule.number < (try #require(world.cloud.egressRules[second])).number)
        // The same ports from elsewhere are another matter, and so is the same on another address.
        try world.small.fixture.take(world.firewall { $0.sources = ["192.0.2.0/25"] })
        try world.small.fixture.take(world.firewall { $0.publicAddress = world.sourceNAT })
        try world.small.fixture.take(world.firewall { $0.publicAddress = world.staticNAT })
    }

    @Test func `what an update leaves out stays`() throws {
        var world = try RuleWorld()
        let rule = try world.small.fixture.make(world.firewall { $0.traffic.endPort = 90 })
        let text = { (world: RuleWorld) in
            let rule = world.cloud.firewallRules[rule]
            return "\(rule?.traffic.description ?? "") \(rule?.sources.map(\.description) ?? [])"
        }
        let number = world.cloud.firewallRules[rule]?.number
        try world.small.fixture.take(.updateFirewallRule(.init(id: rule, startPort: 85)))
        #expect(text(world) == #"tcp/85-90 ["0.0.0.0/0"]"#)
        try world.small.fixture.take(.updateFirewallRule(.init(id: rule, sources: ["192.0.2.0/24"])))
        #expect(text(world) == #"tcp/85-90 ["192.0.2.0/24"]"#)
        try world.small.fixture.take(.updateFirewallRule(.init(id: rule, startPort: 80, endPort: 80, sources: [])))
        #expect(text(world) == #"tcp/80 ["0.0.0.0/0"]"#)
        #expect(world.cloud.firewallRules[rule]?.number == number)
        #expect(try world.small.fixture.take(.updateFirewallRule(.init(id: rule))).changes == [])
        let ping = try world.small.fixture.make(
            world.firewall { $0.traffic = TrafficText(transport: "icmp", icmpType: 3, icmpCode: 4) })
        try world.small.fixture.take(.updateFirewallRule(.init(id: ping, icmpType: 8)))
        #expect(world.cloud.firewallRules[ping]?.traffic.description == "icmp/8")
        let egress = try world.small.fixture.make(world.egress())
        try world.small.fixture.take(
            .updateEgressRule(.init(id: egress, startPort: 443, destinations: ["192.0.2.1/32"])))
        #expect(world.cloud.egressRules[egress]?.traffic.description == "tcp/443")
        #expect(world.cloud.egressRules[egress]?.sources.map(\.description) == ["10.1.1.0/24"])
    }

    @Test func `whether connections may finish travels with the decision`() throws {
        var world = try RuleWorld()
        let rule = try world.small.fixture.make(world.firewall())
        let forwarding = try world.small.fixture.make(world.forwarding())
        let removals: [(FlowCleanup) -> Request] = [
            { .deleteFirewallRule(.init(id: rule, cleanup: $0)) },
            { .updateFirewallRule(.init(id: rule, startPort: 79, cleanup: $0)) },
            { .deletePortForwarding(.init(id: forwarding, cleanup: $0)) },
            { .updatePortForwarding(.init(id: forwarding, privatePort: 81, cleanup: $0)) },
            { .disableStaticNAT(.init(id: world.staticNAT, cleanup: $0)) },
        ]
        for removal in removals {
            #expect(try world.small.fixture.decided(removal(.drain)).drains)
            #expect(try !world.small.fixture.decided(removal(.end)).drains)
        }
    }

    @Test func `a forwarding opens the firewall for those it is for, and closes it again`() throws {
        var world = try RuleWorld()
        let before = world.cloud
        let decision = try world.small.fixture.take(
            world.forwarding {
                $0.publicEndPort = 8089
                $0.sources = ["192.0.2.0/24"]
                $0.opensFirewall = true
            })
        #expect(decision.reply.objects.map(\.kind) == [.portForwarding, .firewallRule])
        let rule = try #require(world.cloud.portForwardings.values.first { _ in true })
        #expect(rule.privatePorts.description == "80-89")
        #expect(rule.guestAddress.description == "10.1.1.10")
        let opening = { (world: RuleWorld) in world.cloud.firewallRules.values.first { $0.forwarding == rule.id } }
        #expect(opening(world)?.traffic.description == "tcp/8080-8089")
        #expect(opening(world)?.sources.map(\.description) == ["192.0.2.0/24"])
        try world.small.fixture.take(.updatePortForwarding(.init(id: rule.id, sources: [])))
        #expect(opening(world)?.sources.map(\.description) == ["0.0.0.0/0"])
        try world.small.fixture.take(
            .updatePortForwarding(.init(id: rule.id, privatePort: 1000, guest: world.db, guestAddress: "10.1.1.20")))
        #expect(world.cloud.portForwardings[rule.id]?.privatePorts.description == "1000-1009")
        #expect(world.cloud.portForwardings[rule.id]?.guestAddress.description == "10.1.1.20")
        try world.small.fixture.take(.deletePortForwarding(.init(id: rule.id)))
        #expect(world.cloud.firewallRules.isEmpty && world.cloud.portForwardings.isEmpty)
        #expect(world.cloud.objectCount == before.objectCount)
    }

    @Test func `an address of no network comes to the guest's, with a leg`() throws {
        var world = try RuleWorld()
        try world.small.fixture.take(
            .createPublicRange(
                .init(
                    physicalNetwork: world.small.wire, gateway: "192.0.2.1", netmask: "255.255.255.0",
                    first: "192.0.2.10", last: "192.0.2.20", vlan: "50")))
        let far = try world.small.fixture.make(
            .acquirePublicAddress(.init(zone: world.small.zone, address: "192.0.2.15")))
        let legs = { (world: RuleWorld) in world.cloud.router(ofNetwork: world.net)?.publicLegs.count }
        #expect(legs(world) == 1)
        let rule = try world.small.fixture.make(world.forwarding { $0.publicAddress = far })
        #expect(world.cloud.publicAddresses[far]?.network == world.net)
        #expect(legs(world) == 2)
        try world.small.fixture.take(.enableStaticNAT(.init(publicAddress: world.loose, guest: world.web)))
        #expect(world.cloud.publicAddresses[world.loose]?.network == world.net)
        #expect(world.cloud.publicAddresses[world.loose]?.isSourceNAT == false)
        #expect(world.cloud.violations() == [])
        try world.small.fixture.take(.releasePublicAddress(far))
        #expect(legs(world) == 1)
        #expect(world.cloud.portForwardings[rule] == nil)
    }

    @Test func `static NAT twice is once, and its firewall rules end with it except the operator's`() throws {
        var world = try RuleWorld()
        #expect(
            try world.small.fixture.take(.enableStaticNAT(.init(publicAddress: world.staticNAT, guest: world.db)))
                .changes
                == [])
        try world.small.fixture.take(world.firewall { $0.publicAddress = world.staticNAT })
        let system = try world.small.fixture.make(
            world.firewall {
                $0.publicAddress = world.staticNAT
                $0.traffic.startPort = 22
                $0.isSystem = true
            })
        try world.small.fixture.take(.disableStaticNAT(.init(id: world.staticNAT)))
        #expect(world.cloud.publicAddresses[world.staticNAT]?.staticNAT == nil)
        #expect(Array(world.cloud.firewallRules.keys) == [system])
        // The guest is free for another address, and the address for forwarding.
        try world.small.fixture.take(.enableStaticNAT(.init(publicAddress: world.plain, guest: world.db)))
        try world.small.fixture.take(world.forwarding { $0.publicAddress = world.staticNAT })
        #expect(world.cloud.violations() == [])
    }

    @Test func `rules go with what they rest on, in one decision`() throws {
        var world = try RuleWorld()
        let byHand = try world.small.fixture.make(world.firewall())
        try world.small.fixture.take(world.forwarding { $0.opensFirewall = true })
        try world.small.fixture.take(world.forwarding { $0.publicAddress = world.sourceNAT })
        try world.small.fixture.take(world.egress())
        let onStatic = try world.small.fixture.make(world.firewall { $0.publicAddress = world.staticNAT })
        var branch = world
        try branch.small.fixture.take(.releasePublicAddress(world.plain))
        #expect(Array(branch.cloud.firewallRules.keys) == [onStatic])
        #expect(branch.cloud.portForwardings.count == 1)
        #expect(branch.small.fixture.refusal(.releasePublicAddress(world.sourceNAT))?.parameter == "id")

        try world.small.fixture.take(.destroyGuest(world.web))
        #expect(Set(world.cloud.firewallRules.keys) == [byHand, onStatic])
        #expect(world.cloud.portForwardings.isEmpty)
        try world.small.fixture.take(.destroyGuest(world.db))
        #expect(world.cloud.publicAddresses[world.staticNAT]?.staticNAT == nil)
        #expect(Set(world.cloud.firewallRules.keys) == [byHand, onStatic])
        #expect(world.cloud.violations() == [])
        try world.small.fixture.take(.deleteNetwork(world.net))
        #expect(world.cloud.firewallRules.isEmpty && world.cloud.egressRules.isEmpty)
        #expect(world.cloud.publicAddresses[world.plain] == nil)
        #expect(world.cloud.violations() == [])
    }

    @Test func `secondary addresses come from the network and go back to it`() throws {
        var world = try RuleWorld()
        let nic = try world.nic(world.web)
        #expect(try world.small.fixture.make(.addSecondaryAddress(.init(nic: nic))) == nic)
        let added = try #require(world.cloud.nics[nic]?.secondaryAddresses.last)
        #expect(added.address.description == "10.1.1.2")
        #expect(world.cloud.nic(withSecondaryAddress: added.id)?.id == nic)
        let held = world.cloud.addressesInUse(inNetwork: world.net)
        try world.small.fixture.take(.removeSecondaryAddress(.init(id: added.id)))
        #expect(world.cloud.addressesInUse(inNetwork: world.net) == held - 1)
        #expect(world.cloud.nic(withSecondaryAddress: added.id) == nil)
        #expect(world.cloud.freeGuestAddress(in: world.net) == added.address)
    }

    @Test func `the source NAT address can be another, and the old one stays`() throws {
        var world = try RuleWorld()
        let plain = try #require(world.cloud.publicAddresses[world.plain]).address.description
        try world.small.fixture.take(world.forwarding())
        for text in [plain, "203.0.113.150"] {
            let old = try #require(world.cloud.sourceNATAddress(ofNetwork: world.net)).id
            let request = Request.updateNetwork(.init(id: world.net, sourceNATAddress: text))
            try world.small.fixture.take(request)
            #expect(world.cloud.sourceNATAddress(ofNetwork: world.net)?.address.description == text)
            #expect(world.cloud.publicAddresses[old]?.network == world.net)
            #expect(world.cloud.publicAddresses[old]?.isSourceNAT == false)
            #expect(world.cloud.violations() == [])
            #expect(try world.small.fixture.take(request).changes == [])
        }
        #expect(world.cloud.networks[world.net]?.name == "net")
    }

    @Test func `default offerings from before learn what the router can do`() throws {
        var fixture = try DecideFixture()
        for var offering in fixture.cloud.networkOfferings.values {
            offering.services = ["Firewall": "VirtualRouter", "Gateway": "VirtualRouter", "SourceNat": "VirtualRouter"]
            try fixture.cloud.apply(.put(.networkOffering(offering)))
        }
        let own = try fixture.make(.createNetworkOffering(.init(name: "own", services: ["SourceNat"])))
        #expect(try fixture.take(.bootstrap).changes.count == 2)
        for offering in fixture.cloud.networkOfferings.values where offering.isDefault {
            #expect(
                offering.services.keys.sorted() == [
                    "Dhcp", "Dns", "Firewall", "Gateway", "PortForwarding", "SourceNat", "StaticNat", "UserData",
                ])
        }
        #expect(fixture.cloud.networkOfferings[own]?.services.count == 1)
        #expect(try fixture.take(.bootstrap).changes == [])
    }

    @Test func `ten thousand forwardings of one address are small decisions`() throws {
        var world = try RuleWorld()
        for port in 1...10_000 {
            let decision = try world.small.fixture.take(
                world.forwarding {
                    $0.publicPort = port
                    $0.privatePort = port
                    $0.opensFirewall = port.isMultiple(of: 10)
                })
            guard decision.changes.count == (port.isMultiple(of: 10) ? 3 : 1) else {
                Issue.record("\(decision.changes.count) changes for port \(port)")
                return
            }
        }
        #expect(world.cloud.portForwardings.count == 10_000)
        #expect(try world.small.fixture.take(.releasePublicAddress(world.plain)).changes.count == 11_001)
        #expect(world.cloud.portForwardings.isEmpty && world.cloud.firewallRules.isEmpty)
    }
}
