import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

struct DecideRefusalTests {
    static let names: [Refusal] = ["createZone", "createPhysicalNetwork", "createNetwork", "createNetworkOffering"]
        .flatMap { kind in
            [
                ("an empty name", ""), ("a name of 256 bytes", String(repeating: "ä", count: 128)),
                ("a name of a megabyte", String(repeating: "x", count: 1 << 20)), ("a line feed in a name", "a\nb"),
                ("a carriage return in a name", "a\rb"), ("an escape in a name", "a\u{1b}[2Jb"),
                ("a NUL in a name", "a\0"),
                ("a C1 control in a name", "a\u{9b}b"), ("a line separator in a name", "a\u{2028}b"),
            ].map { what, name in
                Refusal("\(what), \(kind)", "name") { world in
                    switch kind {
                    case "createZone": .createZone(.init(name: name, dns1: "198.51.100.1"))
                    case "createPhysicalNetwork": .createPhysicalNetwork(.init(zone: world.small.zone, name: name))
                    case "createNetwork": try world.network { $0.name = name }
                    default: .createNetworkOffering(.init(name: name, services: ["SourceNat"]))
                    }
                }
            }
        }

    static let zones: [Refusal] = [
        .init("a zone's name in use, whatever its case", "name") { _ in
            .createZone(.init(name: "ZONE", dns1: "198.51.100.1"))
        },
        .init("no address for a resolver", "dns1") { _ in .createZone(.init(name: "new", dns1: "198.51.100.256")) },
        .init("a multicast resolver", "dns2") { _ in
            .createZone(.init(name: "new", dns1: "198.51.100.1", dns2: "224.0.0.1"))
        },
        .init("an octal resolver", "internaldns1") { _ in
            .createZone(.init(name: "new", dns1: "198.51.100.1", internalDNS1: "010.0.0.1"))
        },
        .init("host bits in the guest network", "guestcidraddress") { _ in
            .createZone(.init(name: "new", dns1: "198.51.100.1", guestCIDR: "10.1.1.1/24"))
        },
        .init("a domain with a space", "domain") { _ in
            .createZone(.init(name: "new", dns1: "198.51.100.1", networkDomain: "a b"))
        },
        .init("a zone in use", "id", .inUse) { .deleteZone($0.small.zone) },
        .init("a zone that is not there", "id") { .deleteZone($0.nobody) },
    ]

    static let wires: [Refusal] = [
        .init("VLAN 0", "vlan") { .createPhysicalNetwork(.init(zone: $0.small.zone, name: "new", segments: "0-10")) },
        .init("VLAN 4095", "vlan") {
            .createPhysicalNetwork(.init(zone: $0.small.zone, name: "new", segments: "4000-4095"))
        },
        .init("VNI 0", "vlan") {
            .createPhysicalNetwork(.init(zone: $0.small.zone, name: "new", isolation: "VXLAN", segments: "0"))
        },
        .init("VNI 2^24", "vlan") {
            .createPhysicalNetwork(.init(zone: $0.small.zone, name: "new", isolation: "VXLAN", segments: "16777216"))
        },
        .init("a VLAN range reversed", "vlan") {
            .createPhysicalNetwork(.init(zone: $0.small.zone, name: "new", segments: "20-10"))
        },
        .init("VLAN ranges that overlap", "vlan") {
            .createPhysicalNetwork(.init(zone: $0.small.zone, name: "new", segments: "10-20,20-30"))
        },
        .init("a VLAN range of words", "vlan") {
            .createPhysicalNetwork(.init(zone: $0.small.zone, name: "new", segments: "ten"))
        },
        .init("an unknown isolation", "isolationmethods") {
            .createPhysicalNetwork(.init(zone: $0.small.zone, name: "new", isolation: "GRE"))
        },
        .init("a trunk that is no interface name", "trunk") {
            .createPhysicalNetwork(.init(zone: $0.small.zone, name: "new", trunk: "eth0/../x"))
        },
        .init("a name in use in the zone", "name") { .createPhysicalNetwork(.init(zone: $0.small.zone, name: "Wire")) },
        .init("an unknown zone", "zoneid") { .createPhysicalNetwork(.init(zone: $0.nobody, name: "new")) },
        .init("leaving out a VLAN in use", "vlan", .inUse) {
            .updatePhysicalNetwork(.init(id: $0.small.wire, segments: "101-199"))
        },
        .init("taking in a public range's VLAN", "vlan") {
            .updatePhysicalNetwork(.init(id: $0.small.wire, segments: "40-199"))
        },
        .init("another trunk while in use", "trunk", .inUse) {
            .updatePhysicalNetwork(.init(id: $0.small.wire, trunk: "eth0"))
        },
        .init("a physical network with networks", "id", .inUse) { .deletePhysicalNetwork($0.small.wire) },
    ]

    static let ranges: [Refusal] = [
        .init("addresses of another range", "startip") { world in
            world.range {
                $0.gateway = "203.0.113.1"; $0.netmask = "255.255.255.0"; $0.first = "203.0.113.11";
                $0.last = "203.0.113.30"; $0.vlan = nil
            }
        },
        .init("another gateway in the same subnet", "gateway") { world in
            world.range {
                $0.gateway = "203.0.113.2"; $0.netmask = "255.255.255.0"; $0.first = "203.0.113.30"; $0.last = nil;
                $0.vlan = nil
            }
        },
        .init("the subnet of another segment", "vlan") { world in
            world.range {
                $0.gateway = "203.0.113.1"; $0.netmask = "255.255.255.0"; $0.first = "203.0.113.30"; $0.last = nil
            }
        },
        .init("a part of a subnet on the same segment", "netmask") { world in
            world.range {
                $0.gateway = "203.0.113.129"; $0.first = "203.0.113.130"; $0.last = nil; $0.vlan = "untagged"
            }
        },
        .init("a range reversed", "endip") { world in
            world.range {
                $0.last = "192.0.2.129"; $0.first = "192.0.2.131"; $0.gateway = "192.0.2.140"
            }
        },
        .init("the gateway among the addresses", "gateway") { world in world.range { $0.gateway = "192.0.2.135" } },
        .init("the first address outside the subnet", "startip") { world in world.range { $0.first = "192.0.2.120" } },
        .init("the last address the broadcast address", "endip") { world in world.range { $0.last = "192.0.2.255" } },
        .init("the gateway the network address", "gateway") { world in world.range { $0.gateway = "192.0.2.128" } },
        .init("a netmask with holes", "netmask") { world in world.range { $0.netmask = "255.0.255.0" } },
        .init("a subnet of one", "netmask") { world in world.range { $0.netmask = "255.255.255.255" } },
        .init("a loopback gateway", "gateway") { world in world.range { $0.gateway = "127.0.0.1" } },
        .init("VLAN 0", "vlan") { world in world.range { $0.vlan = "0" } },
        .init("VLAN 4095", "vlan") { world in world.range { $0.vlan = "4095" } },
        .init("a VNI on a VLAN wire", "vlan") { world in world.range { $0.vlan = "vxlan://5000" } },
        .init("a VLAN of the guest networks'", "vlan") { world in world.range { $0.vlan = "101" } },
        .init("a subnet that a guest network has", "netmask") { world in
            world.range {
                $0.gateway = "10.8.8.1"; $0.netmask = "255.255.255.0"; $0.first = "10.8.8.9"; $0.last = nil
            }
        },
        .init("an unknown physical network", "physicalnetworkid") { world in
            world.range { $0.physicalNetwork = world.nobody }
        },
        .init("shrinking from under an address", "startip", .inUse) {
            .updatePublicRange(.init(id: $0.small.range, first: "203.0.113.11"))
        },
        .init("deleting a range in use", "id", .inUse) { .deletePublicRange($0.small.range) },
    ]

    static let offerings: [Refusal] = [
        .init("a name in use", "name") { _ in .createNetworkOffering(.init(name: "Disabled", services: ["SourceNat"]))
        },
        .init("no services", "supportedservices") { _ in .createNetworkOffering(.init(name: "new", services: [])) },
        .init("a service not offered yet", "supportedservices", .unsupported) { _ in
            .createNetworkOffering(.init(name: "new", services: ["Teleport"]))
        },
        .init("another provider", "serviceproviderlist", .unsupported) { _ in
            .createNetworkOffering(.init(name: "new", services: ["SourceNat"], providers: ["SourceNat": "Netscaler"]))
        },
        .init("a provider for nothing", "serviceproviderlist") { _ in
            .createNetworkOffering(
                .init(name: "new", services: ["SourceNat"], providers: ["Firewall": "VirtualRouter"]))
        },
        .init("a router as the gateway of a shared network", "supportedservices") { _ in
            .createNetworkOffering(.init(name: "new", guestType: "Shared", services: ["SourceNat"]))
        },
        .init("a kind of network that there is not", "guestiptype") { _ in
            .createNetworkOffering(.init(name: "new", guestType: "Basic", services: ["SourceNat"]))
        },
        .init("a negative rate", "networkrate") { _ in
            .createNetworkOffering(.init(name: "new", services: ["SourceNat"], rate: -2))
        },
        .init("a rate that no wire has", "networkrate") { _ in
            .createNetworkOffering(.init(name: "new", services: ["SourceNat"], rate: 100_001))
        },
        .init("deleting a default offering", "id") { .deleteNetworkOffering(try $0.small.fixture.offering()) },
    ]

    static let networks: [Refusal] = [
        .init("an unknown offering", "networkofferingid") { world in try world.network { $0.offering = world.nobody } },
        .init("a disabled offering", "networkofferingid") { world in try world.network { $0.offering = world.disabled }
        },
        .init("an unknown zone", "zoneid") { world in try world.network { $0.zone = world.nobody } },
        .init("an unknown account", "account") { world in try world.network { $0.account = world.nobody } },
        .init("an unknown physical network", "physicalnetworkid") { world in
            try world.network { $0.physicalNetwork = world.nobody }
        },
        .init("host bits", "cidr") { world in try world.network { $0.cidr = "10.1.1.1/24" } },
        .init("no network at all", "cidr") { world in try world.network { $0.cidr = "10.1.1.0" } },
        .init("a length of 33", "cidr") { world in try world.network { $0.cidr = "10.1.1.0/33" } },
        .init("too small", "cidr") { world in try world.network { $0.cidr = "10.1.1.0/30" } },
        .init("too large", "cidr") { world in try world.network { $0.cidr = "10.0.0.0/7" } },
        .init("multicast", "cidr") { world in try world.network { $0.cidr = "224.1.0.0/16" } },
        .init("loopback", "cidr") { world in try world.network { $0.cidr = "127.0.0.0/8" } },
        .init("this network", "cidr") { world in try world.network { $0.cidr = "0.0.0.0/8" } },
        .init("link-local", "cidr") { world in try world.network { $0.cidr = "169.254.0.0/16" } },
        .init("the public subnet", "cidr") { world in try world.network { $0.cidr = "203.0.0.0/16" } },
        .init("the public subnet by netmask", "netmask") { world in
            try world.network {
                $0.gateway = "203.0.113.1"; $0.netmask = "255.255.255.0"
            }
        },
        .init("a gateway outside", "gateway") { world in
            try world.network {
                $0.cidr = "10.1.1.0/24"; $0.gateway = "10.1.2.1"
            }
        },
        .init("the network address as gateway", "gateway") { world in
            try world.network {
                $0.cidr = "10.1.1.0/24"; $0.gateway = "10.1.1.0"
            }
        },
        .init("the broadcast address as gateway", "gateway") { world in
            try world.network {
                $0.gateway = "10.1.1.255"; $0.netmask = "255.255.255.0"
            }
        },
        .init("a netmask without gateway", "gateway") { world in try world.network { $0.netmask = "255.255.255.0" } },
        .init("a gateway without netmask", "netmask") { world in try world.network { $0.gateway = "10.1.1.1" } },
        .init("a guest range outside", "guestvmcidr") { world in
            try world.network {
                $0.cidr = "10.1.1.0/24"; $0.guestCIDR = "10.1.2.0/25"
            }
        },
        .init("a guest range larger than the network", "guestvmcidr") { world in
            try world.network {
                $0.cidr = "10.1.1.0/24"; $0.guestCIDR = "10.1.0.0/16"
            }
        },
        .init("a guest range with host bits", "guestvmcidr") { world in
            try world.network {
                $0.cidr = "10.1.1.0/24"; $0.guestCIDR = "10.1.1.1/25"
            }
        },
        .init("a domain that is none", "networkdomain") { world in try world.network { $0.networkDomain = "-a.example" }
        },
        .init("deleting a network with guests", "id", .inUse) { .deleteNetwork($0.full) },
        .init("deleting a network that is not there", "id") { .deleteNetwork($0.nobody) },
    ]

    static let guests: [Refusal] = [
        .init("an unknown network", "iptonetworklist[1].networkid") { world in
            world.guest { $0.nics.append(.init(network: world.nobody)) }
        },
        .init("a network twice", "iptonetworklist[1].networkid") { world in
            world.guest { $0.nics.append(.init(network: world.full)) }
        },
        .init("two default NICs", "iptonetworklist") { world in
            world.guest {
                $0.nics = [.init(network: world.full, isDefault: true), .init(network: world.bare, isDefault: true)]
            }
        },
        .init("an address in use", "iptonetworklist[0].ip") { world in world.guest { $0.nics[0].address = "10.1.1.2" }
        },
        .init("the gateway's address", "iptonetworklist[0].ip") { world in
            world.guest { $0.nics[0].address = "10.1.1.1" }
        },
        .init("an address outside", "iptonetworklist[0].ip") { world in world.guest { $0.nics[0].address = "10.1.2.9" }
        },
        .init("the broadcast address", "iptonetworklist[0].ip") { world in
            world.guest { $0.nics[0].address = "10.1.1.255" }
        },
        .init("no address", "iptonetworklist[0].ip") { world in world.guest { $0.nics[0].address = "10.1.1" } },
        .init("a network without free addresses", "iptonetworklist[0].networkid", .insufficientCapacity) { world in
            world.guest {
                $0.nics[0] = .init(network: world.idle); $0.starts = false
            }
        },
        .init("a name in use on the network", "name") { world in world.guest { $0.name = "WEB" } },
        .init("a name that no host can have", "name") { world in world.guest { $0.name = "a_b" } },
        .init("a name of 64 bytes", "name") { world in world.guest { $0.name = String(repeating: "x", count: 64) } },
        .init("an unknown zone", "zoneid") { world in world.guest { $0.zone = world.nobody } },
        .init("an unknown account", "account") { world in world.guest { $0.account = world.nobody } },
        .init("destroying a guest that is not there", "id") { .destroyGuest($0.nobody) },
        .init("starting a guest that is not there", "id") { .startGuest($0.nobody) },
        .init("stopping a router that is not there", "id") { .stopRouter($0.nobody) },
    ]

    static let addresses: [Refusal] = [
        .init("an unknown network", "networkid") { .acquirePublicAddress(.init(network: $0.nobody)) },
        .init("neither network nor zone", "zoneid") { _ in .acquirePublicAddress(.init()) },
        .init("an address that no range has", "ipaddress") {
            .acquirePublicAddress(.init(network: $0.full, address: "203.0.113.99"))
        },
        .init("an address in use", "ipaddress") {
            .acquirePublicAddress(.init(network: $0.full, address: "203.0.113.10"))
        },
        .init("releasing a source NAT address", "id") { world in
            .releasePublicAddress(try #require(world.small.fixture.cloud.sourceNATAddress(ofNetwork: world.full)).id)
        },
        .init("releasing an address that is not there", "id") { .releasePublicAddress($0.nobody) },
        .init("deleting the administrator's account", "id") { .deleteAccount($0.small.fixture.admin.account) },
        .init("an account's name in use", "account") { _ in .createAccount(.init(name: "Admin")) },
    ]

    @Test(arguments: names + zones + wires + ranges + offerings + networks + guests + addresses)
    func `is refused by name and changes nothing`(refusal: Refusal) throws {
        let world = try RefusingWorld()
        let error = try #require(world.small.fixture.refusal(try refusal.request(world)))
        #expect(error.parameter == refusal.parameter, "\(error)")
        #expect(error.code == refusal.code, "\(error)")
        // Errors are shown and logged: short, one line.
        #expect(error.text.utf8.count < 700)
        #expect(!error.text.unicodeScalars.contains { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) })
    }

    @Test func `pools that are empty are named and give nothing`() throws {
        var small = try SmallZone(segments: "100-101", last: "203.0.113.11")
        let networks = try ["a", "b", "c"].map { try small.network($0) }
        _ = try small.guest("web", on: networks[0])
        // The second network's address is not source NAT's alone to give.
        let second = try small.fixture.make(.acquirePublicAddress(.init(network: networks[0])))
        let noAddress = try #require(
            small.fixture.refusal(
                .deployGuest(.init(zone: small.zone, name: "db", nics: [.init(network: networks[1])]))))
        #expect(noAddress.code == .insufficientCapacity)
        #expect(noAddress.exceptionCode == 4320)
        try small.fixture.take(.releasePublicAddress(second))
        _ = try small.guest("db", on: networks[1])
        let before = small.fixture.cloud
        let noSegment = try #require(
            small.fixture.refusal(
                .deployGuest(.init(zone: small.zone, name: "x", nics: [.init(network: networks[2])]))))
        #expect(noSegment.code == .insufficientCapacity)
        #expect(noSegment.exceptionCode == 4330)
        #expect(small.fixture.cloud == before)
        // More room helps, while everything is in use.
        try small.fixture.take(.updatePhysicalNetwork(.init(id: small.wire, segments: "100-102")))
        try small.fixture.take(.updatePublicRange(.init(id: small.range, last: "203.0.113.12")))
        _ = try small.guest("x", on: networks[2])
        #expect(small.fixture.cloud.networks[networks[2]]?.segment?.description == "vlan://102")
    }

    @Test func `the texts are the ones that clients look for`() throws {
        let world = try RefusingWorld()
        let missing = try #require(world.small.fixture.refusal(.acquirePublicAddress(.init())))
        #expect(missing.text == "Unable to execute API command associateipaddress due to missing parameter zoneid")
        let unknown = try #require(world.small.fixture.refusal(.deleteNetwork(world.nobody)))
        #expect(
            unknown.text.contains(
                "Invalid parameter id value=\(world.nobody) due to incorrect long value format, or entity does not exist"
            ))
        #expect(unknown.exceptionCode == 4350)
        let long = try #require(
            world.small.fixture.refusal(try world.network { $0.name = String(repeating: "x", count: 300) }))
        #expect(long.text == "Value greater than max allowed length 255 for param: name")
    }

    @Test func `an ordinary account acts for itself alone`() throws {
        var world = try RefusingWorld()
        let tenant = Caller(
            account: try world.small.fixture.make(.createAccount(.init(name: "tenant"))), isRootAdmin: false)
        let own = try world.small.fixture.make(try world.network { _ in }, as: tenant)
        #expect(world.small.fixture.cloud.networks[own]?.account == tenant.account)
        let forbidden: [Request] = [
            .deleteNetwork(world.bare), .destroyGuest(world.web), .stopGuest(world.web),
            .acquirePublicAddress(.init(network: world.bare)), .deleteZone(world.small.zone),
            .createAccount(.init(name: "another")),
            try world.network { $0.account = world.small.fixture.admin.account },
        ]
        for request in forbidden {
            #expect(world.small.fixture.refusal(request, as: tenant)?.code == .account, "\(request)")
        }
        let guest = world.guest { $0.account = tenant.account }
        #expect(world.small.fixture.refusal(guest, as: tenant)?.parameter == "iptonetworklist[0].networkid")
        try world.small.fixture.take(.deleteNetwork(own), as: tenant)
    }
}
