import CloudModel
import ControlPlane
import NetworkVocabulary
import Testing

struct DecideRuleRefusalTests {
    /// Traffic that no rule can be about, for firewall and egress rules alike.
    static let traffic: [RuleRefusal] = [
        ("a protocol with an unknown name", "protocol", TrafficText(transport: "gre2")),
        ("a protocol's number beyond 255", "protocol", TrafficText(transport: "256")),
        ("an empty protocol", "protocol", TrafficText(transport: "")),
        ("port 0", "startport", TrafficText(transport: "tcp", startPort: 0)),
        ("port 65536", "startport", TrafficText(transport: "udp", startPort: 65_536)),
        ("a negative port", "startport", TrafficText(transport: "tcp", startPort: -1, endPort: 80)),
        ("an end port 65536", "endport", TrafficText(transport: "tcp", startPort: 1, endPort: 65_536)),
        ("ports reversed", "endport", TrafficText(transport: "tcp", startPort: 90, endPort: 80)),
        ("an end without a start", "startport", TrafficText(transport: "tcp", endPort: 80)),
        ("a port of ICMP", "startport", TrafficText(transport: "icmp", startPort: 80)),
        ("a port of every protocol", "startport", TrafficText(transport: "all", startPort: 80)),
        ("a port of protocol 47", "startport", TrafficText(transport: "47", endPort: 80)),
        ("an ICMP type of TCP", "icmptype", TrafficText(transport: "tcp", icmpType: 8)),
        ("an ICMP code of UDP", "icmpcode", TrafficText(transport: "17", icmpCode: 0)),
        ("ICMP type 256", "icmptype", TrafficText(transport: "icmp", icmpType: 256)),
        ("ICMP type -2", "icmptype", TrafficText(transport: "icmp", icmpType: -2)),
        ("ICMP code 256", "icmpcode", TrafficText(transport: "icmp", icmpType: 8, icmpCode: 256)),
        ("an ICMP code without a type", "icmpcode", TrafficText(transport: "icmp", icmpType: -1, icmpCode: 0)),
    ].flatMap { what, parameter, traffic in
        [
            RuleRefusal("\(what), firewall", parameter) { $0.firewall { $0.traffic = traffic } },
            RuleRefusal("\(what), egress", parameter) { $0.egress { $0.traffic = traffic } },
        ]
    }

    static let prefixes: [RuleRefusal] = [
        ("host bits in a network", ["192.0.2.1/24"]), ("an address without a length", ["192.0.2.1"]),
        ("a network of IPv6", ["2001:db8::/32"]), ("a network twice", ["10.1.1.0/25", "10.1.1.0/25"]),
        ("an empty network", [""]), ("a network with a line feed", ["10.1.1.0/2\n5"]),
        ("257 networks", (0...256).map { "10.1.1.\($0 % 256)/32" }),
        ("ten thousand networks", (0..<10_000).map { "10.\($0 >> 8).\($0 & 255).0/24" }),
    ].flatMap { what, list in
        [
            RuleRefusal("\(what), firewall", "cidrlist") { $0.firewall { $0.sources = list } },
            RuleRefusal("\(what), egress", "cidrlist") { $0.egress { $0.sources = list } },
            RuleRefusal("\(what), forwarding", "cidrlist") { $0.forwarding { $0.sources = list } },
            RuleRefusal("\(what), egress destinations", "destcidrlist") { $0.egress { $0.destinations = list } },
        ]
    }

    static let firewall: [RuleRefusal] = [
        .init("an address that is not there", "ipaddressid") { world in
            world.firewall { $0.publicAddress = world.nobody }
        },
        .init("an address of no network", "ipaddressid") { world in world.firewall { $0.publicAddress = world.loose } },
        .init("a network without firewall", "ipaddressid", .unsupported) { world in
            world.firewall { $0.publicAddress = world.bareAddress }
        },
        .init(
            "ports that overlap", "startport", .conflict, "The range specified, 80-90, conflicts with rule",
            after: { try $0.small.fixture.take($0.firewall()) }
        ) { $0.firewall { $0.traffic.endPort = 90 } },
        .init(
            "all ports where some are", "startport", .conflict, "which has 80-80",
            after: { try $0.small.fixture.take($0.firewall()) }
        ) { $0.firewall { $0.traffic.startPort = nil } },
        .init(
            "all ports twice", "startport", .conflict,
            after: { try $0.small.fixture.take($0.firewall { $0.traffic.startPort = nil }) }
        ) { $0.firewall { $0.traffic.startPort = nil } },
        .init(
            "one of several networks in conflict", "startport", .conflict,
            after: { try $0.small.fixture.take($0.firewall { $0.sources = ["192.0.2.0/24", "192.0.3.0/24"] }) }
        ) { $0.firewall { $0.sources = ["192.0.4.0/24", "192.0.3.0/24"] } },
        .init(
            "ICMP twice", "startport", .conflict, "New rule conflicts with existing rule id=",
            after: { try $0.small.fixture.take($0.firewall { $0.traffic = TrafficText(transport: "icmp") }) }
        ) { $0.firewall { $0.traffic = TrafficText(transport: "1", icmpType: 8, icmpCode: 0) } },
        .init(
            "a protocol twice", "startport", .conflict, "There is already a firewall rule specified with protocol = 47",
            after: { try $0.small.fixture.take($0.firewall { $0.traffic = TrafficText(transport: "47") }) }
        ) { $0.firewall { $0.traffic = TrafficText(transport: "47") } },
        .init("a change of a rule that is not there", "id") { .updateFirewallRule(.init(id: $0.nobody)) },
        .init("a removal of a rule that is not there", "id") { .deleteFirewallRule(.init(id: $0.nobody)) },
        .init(
            "a change into another rule", "startport", .conflict,
            after: { world in
                try world.small.fixture.take(world.firewall())
                try world.small.fixture.take(world.firewall { $0.traffic.startPort = 443 })
            }
        ) { world in
            let https = try #require(world.cloud.firewallRules.values.first { $0.traffic.description == "tcp/443" })
            return .updateFirewallRule(.init(id: https.id, startPort: 70))
        },
        .init("ICMP of a TCP rule", "icmptype", after: { try $0.small.fixture.take($0.firewall()) }) { world in
            .updateFirewallRule(.init(id: try #require(world.cloud.firewallRules.first).key, icmpType: 8))
        },
    ]

    static let egress: [RuleRefusal] = [
        .init("a network that is not there", "networkid") { world in world.egress { $0.network = world.nobody } },
        .init("a network without firewall, egress", "networkid", .unsupported) { world in
            world.egress { $0.network = world.bare }
        },
        .init("sources outside the network", "cidrlist") { $0.egress { $0.sources = ["10.1.2.0/24"] } },
        .init("sources larger than the network", "cidrlist") { $0.egress { $0.sources = ["10.1.0.0/16"] } },
        .init("too many pairs", "destcidrlist") { world in
            world.egress {
                $0.sources = (0..<33).map { "10.1.1.\($0)/32" }
                $0.destinations = (0..<32).map { "192.0.2.\($0)/32" }
            }
        },
        .init("egress twice", "startport", .conflict, after: { try $0.small.fixture.take($0.egress()) }) {
            $0.egress { $0.traffic.startPort = 80 }
        },
        .init("a change of an egress rule that is not there", "id") { .updateEgressRule(.init(id: $0.nobody)) },
        .init("a removal of an egress rule that is not there", "id") { .deleteEgressRule(.init(id: $0.nobody)) },
        .init("a change to sources outside", "cidrlist", after: { try $0.small.fixture.take($0.egress()) }) { world in
            .updateEgressRule(.init(id: try #require(world.cloud.egressRules.first).key, sources: ["10.2.0.0/24"]))
        },
    ]

    static let forwarding: [RuleRefusal] = [
        .init("forwarding of ICMP", "protocol") { $0.forwarding { $0.transport = "icmp" } },
        .init("public port 0", "publicport") { $0.forwarding { $0.publicPort = 0 } },
        .init("private port 0", "privateport") { $0.forwarding { $0.privatePort = 0 } },
        .init("public ports reversed", "publicendport") { $0.forwarding { $0.publicEndPort = 8079 } },
        .init("private ports reversed", "privateendport") { $0.forwarding { $0.privateEndPort = 79 } },
        .init("private ports that do not fit", "privateport") {
            $0.forwarding {
                $0.publicEndPort = 8090
                $0.privatePort = 65_530
            }
        },
        .init(
            "ranges of two sizes", "privateendport", .parameter,
            "Source port and destination port ranges should be of equal sizes."
        ) {
            $0.forwarding {
                $0.publicEndPort = 8090
                $0.privateEndPort = 81
            }
        },
        .init("a guest that is not there", "virtualmachineid") { world in
            world.forwarding { $0.guest = world.nobody }
        },
        .init("another account's guest", "virtualmachineid") { world in world.forwarding { $0.guest = world.alien } },
        .init("a guest on another network", "virtualmachineid") { world in world.forwarding { $0.guest = world.lone } },
        .init("an address that the guest has not", "vmguestip") { $0.forwarding { $0.guestAddress = "10.1.1.51" } },
        .init("no address of the guest", "vmguestip") { $0.forwarding { $0.guestAddress = "web" } },
        .init("an address with static NAT", "ipaddressid", .parameter, "has static nat enabled") { world in
            world.forwarding { $0.publicAddress = world.staticNAT }
        },
        .init("a network without forwarding", "ipaddressid", .unsupported) { world in
            world.forwarding {
                $0.publicAddress = world.bareAddress
                $0.guest = world.lone
            }
        },
        .init("source NAT without conserve mode", "ipaddressid") { world in
            world.forwarding {
                $0.publicAddress = world.strictSource
                $0.guest = world.solo
            }
        },
        .init("another network than the address's", "networkid") { world in
            world.forwarding { $0.network = world.bare }
        },
        .init("a network that the guest is not on", "virtualmachineid") { world in
            world.forwarding {
                $0.publicAddress = world.loose
                $0.network = world.strict
            }
        },
        .init(
            "public ports that overlap", "publicport", .conflict,
            "The range specified, 8000-8100, conflicts with rule",
            after: { try $0.small.fixture.take($0.forwarding()) }
        ) {
            $0.forwarding {
                $0.publicPort = 8000
                $0.publicEndPort = 8100
            }
        },
        .init(
            "a firewall rule that is there already", "openfirewall", .conflict,
            after: { try $0.small.fixture.take($0.firewall { $0.traffic.startPort = 8080 }) }
        ) { $0.forwarding { $0.opensFirewall = true } },
        .init("a change of a forwarding that is not there", "id") { .updatePortForwarding(.init(id: $0.nobody)) },
        .init("a removal of a forwarding that is not there", "id") { .deletePortForwarding(.init(id: $0.nobody)) },
        .init(
            "a change to another account's guest", "virtualmachineid",
            after: { try $0.small.fixture.take($0.forwarding()) }
        ) { world in
            .updatePortForwarding(
                .init(id: try #require(world.cloud.portForwardings.first).key, guest: world.alien))
        },
        .init(
            "a change to ports of another size", "privateendport",
            after: { try $0.small.fixture.take($0.forwarding()) }
        ) { world in
            .updatePortForwarding(
                .init(id: try #require(world.cloud.portForwardings.first).key, privatePort: 1, privateEndPort: 9))
        },
    ]

    static let staticNAT: [RuleRefusal] = [
        .init("static NAT of a source NAT address", "ipaddressid") { world in
            .enableStaticNAT(.init(publicAddress: world.sourceNAT, guest: world.web))
        },
        .init(
            "static NAT of an address with forwarding", "ipaddressid", .conflict,
            after: { try $0.small.fixture.take($0.forwarding()) }
        ) { .enableStaticNAT(.init(publicAddress: $0.plain, guest: $0.web)) },
        .init("static NAT to a second guest", "ipaddressid", .conflict) {
            .enableStaticNAT(.init(publicAddress: $0.staticNAT, guest: $0.web))
        },
        .init("a second static NAT of a guest", "virtualmachineid", .conflict, "already has static nat") {
            .enableStaticNAT(.init(publicAddress: $0.plain, guest: $0.db))
        },
        .init("a network without static NAT", "ipaddressid", .unsupported) {
            .enableStaticNAT(.init(publicAddress: $0.bareAddress, guest: $0.lone))
        },
        .init("static NAT to a guest elsewhere", "virtualmachineid") {
            .enableStaticNAT(.init(publicAddress: $0.plain, guest: $0.lone))
        },
        .init("static NAT to another account's guest", "virtualmachineid") {
            .enableStaticNAT(.init(publicAddress: $0.plain, guest: $0.alien))
        },
        .init("static NAT to an address that the guest has not", "vmguestip") {
            .enableStaticNAT(.init(publicAddress: $0.plain, guest: $0.web, guestAddress: "10.1.1.51"))
        },
        .init("no static NAT to disable", "ipaddressid") { .disableStaticNAT(.init(id: $0.plain)) },
        .init("static NAT of an address that is not there", "ipaddressid") { .disableStaticNAT(.init(id: $0.nobody)) },
    ]

    static let addresses: [RuleRefusal] = [
        .init("a NIC that is not there", "nicid") { .addSecondaryAddress(.init(nic: $0.nobody)) },
        .init("an address in use", "ipaddress") {
            .addSecondaryAddress(.init(nic: try $0.nic($0.web), address: "10.1.1.20"))
        },
        .init("the gateway's address", "ipaddress") {
            .addSecondaryAddress(.init(nic: try $0.nic($0.web), address: "10.1.1.1"))
        },
        .init("an address outside the network", "ipaddress") {
            .addSecondaryAddress(.init(nic: try $0.nic($0.web), address: "10.1.2.1"))
        },
        .init("a secondary address that is not there", "id") { .removeSecondaryAddress(.init(id: $0.nobody)) },
        .init(
            "removing what a forwarding leads to", "id", .parameter, "is associate with the port forwarding rule",
            after: { try $0.small.fixture.take($0.forwarding { $0.guestAddress = "10.1.1.50" }) }
        ) { world in
            .removeSecondaryAddress(
                .init(id: try #require(world.cloud.nics[world.nic(world.web)]?.secondaryAddresses.first).id))
        },
        .init(
            "removing what static NAT leads to", "id", .parameter, "is associate with static NAT rule",
            after: {
                try $0.small.fixture.take(
                    .enableStaticNAT(.init(publicAddress: $0.plain, guest: $0.web, guestAddress: "10.1.1.50")))
            }
        ) { world in
            .removeSecondaryAddress(
                .init(id: try #require(world.cloud.nics[world.nic(world.web)]?.secondaryAddresses.first).id))
        },
        .init(
            "a NIC's 257th secondary address", "nicid", .allocation,
            after: { world in
                let wide = try world.small.network("wide", cidr: "10.8.0.0/16")
                let guest = try world.small.guest("many", on: wide)
                let nic = try world.nic(guest)
                for _ in 0..<256 { try world.small.fixture.take(.addSecondaryAddress(.init(nic: nic))) }
            }
        ) { world in
            let many = try #require(world.cloud.guests.values.first { $0.name == "many" })
            return .addSecondaryAddress(.init(nic: try world.nic(many.id)))
        },
        .init("source NAT by another network's address", "sourcenatipaddress") { world in
            .updateNetwork(
                .init(
                    id: world.net,
                    sourceNATAddress: world.cloud.publicAddresses[world.bareAddress]?.address.description))
        },
        .init("source NAT by a static NAT address", "sourcenatipaddress") { world in
            .updateNetwork(
                .init(
                    id: world.net, sourceNATAddress: world.cloud.publicAddresses[world.staticNAT]?.address.description))
        },
        .init("source NAT by an address of no range", "sourcenatipaddress") { world in
            .updateNetwork(.init(id: world.net, sourceNATAddress: "192.0.2.1"))
        },
    ]

    @Test(arguments: traffic + prefixes + firewall + egress + forwarding + staticNAT + addresses)
    func `is refused by name and changes nothing`(refusal: RuleRefusal) throws {
        var world = try RuleWorld()
        try refusal.before(&world)
        let request = try refusal.request(world)
        let before = world.cloud
        let error = try #require(throws: RequestError.self) { try world.small.fixture.take(request) }
        #expect(error.parameter == refusal.parameter, "\(error)")
        #expect(error.code == refusal.code, "\(error)")
        if let text = refusal.text { #expect(error.text.contains(text), "\(error)") }
        #expect(error.text.utf8.count < 700)
        #expect(!error.text.unicodeScalars.contains { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) })
        #expect(world.cloud == before)
        #expect(world.cloud.violations() == [])
    }

    @Test func `others' objects are out of reach, and the operator's rules are the operator's`() throws {
        var world = try RuleWorld()
        let owned = try world.small.fixture.make(world.firewall())
        let egress = try world.small.fixture.make(world.egress())
        let forwarding = try world.small.fixture.make(world.forwarding())
        let system = try world.small.fixture.make(
            world.firewall {
                $0.publicAddress = world.foreign
                $0.isSystem = true
            })
        let secondary = try #require(world.cloud.nics[world.nic(world.web)]?.secondaryAddresses.first).id
        let forbidden: [Request] = [
            world.firewall(), world.egress(), world.forwarding(), .updateFirewallRule(.init(id: owned)),
            .deleteFirewallRule(.init(id: owned)), .updateEgressRule(.init(id: egress)),
            .deleteEgressRule(.init(id: egress)), .updatePortForwarding(.init(id: forwarding)),
            .deletePortForwarding(.init(id: forwarding)),
            .enableStaticNAT(.init(publicAddress: world.plain, guest: world.alien)),
            .disableStaticNAT(.init(id: world.staticNAT)), .addSecondaryAddress(.init(nic: try world.nic(world.web))),
            .removeSecondaryAddress(.init(id: secondary)),
            // The address is theirs, the rule is not.
            .deleteFirewallRule(.init(id: system)), .updateFirewallRule(.init(id: system, startPort: 1)),
            world.firewall {
                $0.publicAddress = world.foreign
                $0.traffic.startPort = 443
                $0.isSystem = true
            },
        ]
        for request in forbidden {
            #expect(world.small.fixture.refusal(request, as: world.other)?.code == .account, "\(request)")
        }
        let theirs = world.firewall {
            $0.publicAddress = world.foreign
            $0.traffic.startPort = 443
        }
        try world.small.fixture.take(theirs, as: world.other)
        try world.small.fixture.take(.deleteFirewallRule(.init(id: system)))
    }
}
