import CloudModel
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

struct RecordCodingTests {
    @Test func `a change is short readable JSON`() throws {
        let sample = try SampleCloud()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = { (change: Change) in String(decoding: try encoder.encode(change), as: UTF8.self) }
        #expect(
            try text(.put(.osType(OSType(id: sample.zone.id, name: "Debian 12", category: "Debian")))) == """
                {"put":"osType","value":{"category":"Debian","id":"\(sample.zone.id)","name":"Debian 12"}}
                """)
        #expect(
            try text(.remove(.publicRange, sample.range.id)) == """
                {"id":"\(sample.range.id)","remove":"publicRange"}
                """)
    }

    /// The ledger has them beside its entries: one that is not read back is a ledger that is not read back.
    @Test(arguments: RecordKind.allCases)
    func `every kind of object makes an origin that is read back`(_ kind: RecordKind) {
        let origin = Origin(kind.rawValue, ObjectID(random: 1, 2))
        #expect(Origin(origin.description) == origin)
    }

    @Test func `every record comes back as it was`() throws {
        var sample = try SampleCloud()
        var records = sample.cloud.checkpoint()
        let attachment = Attachment(mac: MACAddress(locallyAdministered: 5), shard: 3)
        let address = sample.ids.next()
        let nic = sample.ids.next()
        let forwarding = sample.ids.next()
        let ports = try #require(PortRange(80, 90))
        let prefixes = ["192.0.2.0/24", "0.0.0.0/0"].compactMap { IPPrefix($0) }
        for traffic in ["all", "tcp", "tcp/80-90", "udp/53", "icmp", "icmp/8", "icmp/3/4", "47"] {
            records.append(
                .firewallRule(
                    FirewallRule(
                        id: sample.ids.next(), number: 7, publicAddress: address,
                        traffic: try #require(Traffic(traffic)), sources: prefixes, isSystem: traffic == "all",
                        forwarding: traffic == "tcp" ? forwarding : nil)))
            records.append(
                .egressRule(
                    EgressRule(
                        id: sample.ids.next(), number: 8, network: sample.network.id,
                        traffic: try #require(Traffic(traffic)), sources: prefixes, destinations: prefixes,
                        isSystem: traffic == "all")))
        }
        var bare = sample.offering
        bare.conservesAddresses = false
        var held = try sample.nic(IPv4Address(10, 1, 1, 12))
        held.secondaryAddresses = [SecondaryAddress(id: sample.ids.next(), address: IPv4Address(10, 1, 1, 50))]
        let user = User(
            id: sample.ids.next(), account: sample.account.id, name: "ann", firstName: "A", timeZone: "UTC",
            state: .locked, apiKey: "key", secretKey: Secret("s"), passwordHash: Secret("h"), created: 5)
        var limited = sample.account
        (limited.limits, limited.state, limited.networkDomain) = (
            [.instance: 5, .publicAddress: 0], .locked, "x.example"
        )
        records += [
            .user(user), .account(limited),
            .domain(
                Domain(
                    id: sample.ids.next(), parent: Domain.root.id, name: "d", networkDomain: "d.example", created: 3,
                    limits: [.network: 7])),
            .role(
                Role(
                    id: sample.ids.next(), name: "r", type: .domainAdmin, description: "d", isPublic: false,
                    permissions: [.init(id: sample.ids.next(), rule: "list*", isAllowed: false, description: "d")])),
            .project(
                Project(
                    id: sample.ids.next(), name: "p", displayText: "P", domain: Domain.root.id,
                    account: sample.ids.next(), state: .suspended,
                    members: [
                        .init(account: sample.account.id, isAdmin: true),
                        .init(account: sample.account.id, user: user.id, isAdmin: false),
                    ], created: 4)),
            .loadBalancerRule(
                LoadBalancerRule(
                    id: forwarding, number: 9, slot: 3, publicAddress: address, name: "web", description: "all of it",
                    transport: .tcpProxy, algorithm: .leastConnections, publicPort: 80, privatePort: 8080,
                    sources: prefixes,
                    stickiness: StickinessPolicy(
                        id: sample.ids.next(), name: "s", method: .ownCookie, parameters: ["cookie-name": "c"]),
                    healthCheck: HealthCheckPolicy(id: sample.ids.next(), pingPath: "/up"))),
            .loadBalancerMember(
                LoadBalancerMember(
                    id: sample.ids.next(), number: 10, rule: forwarding, nic: nic,
                    guestAddress: IPv4Address(10, 1, 1, 9), isDown: true)),
            .portForwarding(
                PortForwarding(
                    id: forwarding, publicAddress: address, transport: .udp, publicPorts: ports, privatePorts: ports,
                    nic: nic, guestAddress: IPv4Address(10, 1, 1, 9), sources: prefixes)),
            .publicAddress(
                PublicAddress(
                    id: address, range: sample.range.id, address: IPv4Address(203, 0, 113, 11),
                    account: sample.account.id, network: sample.network.id, isSourceNAT: false,
                    staticNAT: StaticNAT(nic: nic, guestAddress: IPv4Address(10, 1, 1, 9)))),
            .guestRange(
                GuestRange(
                    id: sample.ids.next(), network: sample.network.id,
                    addresses: try #require(IPv4Range("10.1.1.10-10.1.1.19")))),
            .vlanDedication(
                VLANDedication(
                    id: sample.ids.next(), physicalNetwork: sample.wire.id,
                    segments: try #require(SegmentRange("100-101")), dedication: .account(sample.account.id))),
            .vlanDedication(
                VLANDedication(
                    id: sample.ids.next(), physicalNetwork: sample.wire.id,
                    segments: try #require(SegmentRange("102")), dedication: .domain(Domain.root.id))),
            .network(
                Network(
                    id: sample.ids.next(), number: 9, name: "l2", displayText: "", account: sample.account.id,
                    zone: sample.zone.id, physicalNetwork: sample.wire.id, offering: sample.offering.id, guestType: .l2,
                    cidr: nil, gateway: nil, state: .allocated, ownSegment: .untagged,
                    audience: .domain(Domain.root.id, withSubdomains: false), isolatesPorts: true,
                    dns1: IPv4Address(192, 0, 2, 1), mtu: 1500, restarts: 3)),
            .publicRange(
                PublicRange(
                    id: sample.ids.next(), zone: sample.zone.id, physicalNetwork: sample.wire.id, number: 8,
                    segment: .untagged, subnet: sample.range.subnet, gateway: sample.range.gateway,
                    addresses: sample.range.addresses, dedication: .account(sample.account.id), isForSystem: true,
                    ipv6: .init(
                        prefix: try #require(IPv6Prefix("2001:db8::/64")),
                        gateway: try #require(IPv6Address("2001:db8::1")),
                        addresses: IPv6Range("2001:db8::10-2001:db8::20")))),
            .networkOffering(bare), .nic(held),
            .nic(try sample.nic(IPv4Address(10, 1, 1, 9))),
            .publicAddress(
                PublicAddress(
                    id: sample.ids.next(), range: sample.range.id, address: IPv4Address(203, 0, 113, 10),
                    account: sample.account.id, network: sample.network.id, isSourceNAT: true)),
            .router(
                VirtualRouter(
                    id: sample.ids.next(), number: 4, name: "r-4-VM", zone: sample.zone.id, account: sample.account.id,
                    network: sample.network.id, isRunning: true, guestLeg: attachment,
                    publicLegs: [.init(index: 1, range: sample.range.id, attachment: attachment)])),
        ]
        records += try machineRecords(&sample)
        records += try sample.inventoryRecords() + sample.reshapedRecords()
        #expect(Set(records.map(\.kind)) == Set(RecordKind.allCases))
        for record in records {
            let change = Change.put(record)
            #expect(try JSONDecoder().decode(Change.self, from: JSONEncoder().encode(change)) == change)
            #expect(try JSONDecoder().decode(Record.self, from: JSONEncoder().encode(record)) == record)
        }
    }

    /// A guest with all that it can have, and what it refers to.
    private func machineRecords(_ sample: inout SampleCloud) throws -> [Record] {
        let key = try #require(SSHPublicKey("ssh-ed25519 \(SSHPublicKeyTests.ed25519)"))
        let osType = OSType(id: sample.ids.next(), name: "Debian", category: "Debian")
        var offering = ServiceOffering(id: sample.ids.next(), name: "Small", displayText: "small")
        offering.cpuNumber = 1
        offering.throughput.maxIOPS = 5
        var template = Template(
            id: sample.ids.next(), name: "t", displayText: "t", account: sample.account.id, osType: osType.id,
            hypervisor: "KVM", format: "QCOW2")
        template.isPasswordEnabled = true
        let document = UserDataDocument(
            id: sample.ids.next(), account: sample.account.id, name: "d", content: Secret("QUJD"), parameters: ["a"],
            created: 7)
        func guest(_ userData: UserData, _ password: GuestPassword) -> Record {
            .guest(
                Guest(
                    id: sample.ids.next(), number: 9, name: "full", instanceName: "i-2-9-VM",
                    account: sample.account.id,
                    zone: sample.zone.id, port: .none, isRunning: false, destroyed: 8, displayName: "Full",
                    isDisplayed: false, user: sample.ids.next(), created: 4, serviceOffering: offering.id,
                    template: template.id, details: ["a": "b"], userData: userData,
                    keys: [NamedKey(name: "k", key: key)], password: password))
        }
        return [
            .osType(osType), .serviceOffering(offering), .template(template), .userData(document),
            .sshKeyPair(SSHKeyPair(id: sample.ids.next(), account: sample.account.id, name: "k", key: key, created: 3)),
            guest(UserData(document: document.id, details: ["x": Secret("y")]), GuestPassword(secret: Secret("pw"))),
            guest(
                UserData(content: Secret("QUJD")), GuestPassword(secret: nil, state: .saved, encrypted: "QUJD")),
        ]
    }

    @Test(arguments: [NIC.Delivery.tap, NamespaceName("jar").map { .namespace($0) }].compactMap(\.self))
    func `a port keeps what it may and what it is`(delivery: NIC.Delivery) throws {
        let sample = try SampleCloud()
        let nic = NIC(
            id: sample.guest.id, guest: sample.guest.id, network: sample.network.id, index: 3,
            address: IPv4Address(10, 1, 1, 9),
            secondaryAddresses: [SecondaryAddress(id: sample.zone.id, address: IPv4Address(10, 1, 1, 10))],
            attachment: Attachment(mac: MACAddress(2, 0, 0, 0, 0, 9), shard: 1), isDefault: true, allowsSpoofing: true,
            dhcpOptions: [ExtraDHCPOption(code: 66, value: "boot.example")], delivery: delivery)
        let data = try JSONEncoder().encode(Record.nic(nic))
        #expect(try JSONDecoder().decode(Record.self, from: data) == .nic(nic))
    }

    @Test func `a guest from before guests were more than ports is read as one that has nothing else`() throws {
        let sample = try SampleCloud()
        let data = try JSONEncoder().encode(Record.guest(sample.guest))
        var fields = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let value = try #require(fields["value"] as? [String: Any])
        let old = ["id", "number", "name", "instanceName", "account", "zone", "port", "isRunning"]
        fields["value"] = value.filter { old.contains($0.key) }
        #expect(value.count > old.count)
        let before = try JSONSerialization.data(withJSONObject: fields)
        #expect(try JSONDecoder().decode(Record.self, from: before) == .guest(sample.guest))
        #expect(sample.guest.displayName == "web" && sample.guest.isDisplayed && sample.guest.state == .stopped)
    }

    @Test func `an offering from before there were rates is unlimited`() throws {
        let json = #"""
            {"id":"6e0c0000-0000-4000-8000-000000000001","name":"o","displayText":"o","guestType":"Isolated","services":{},
            "egressDefaultAllow":true,"isPersistent":false,"specifiesVLAN":false,"isEnabled":true,"isDefault":false}
            """#
        let offering = try JSONDecoder().decode(NetworkOffering.self, from: Data(json.utf8))
        #expect(offering.rate == nil)
        #expect(!String(decoding: try JSONEncoder().encode(offering), as: UTF8.self).contains("rate"))
    }

    @Test func `what was written before there were rules is read as without them`() throws {
        var sample = try SampleCloud()
        let nic = try sample.nic(IPv4Address(10, 1, 1, 9))
        let id = "6e0c0000-0000-4000-8000-000000000001"
        let offering = try JSONDecoder().decode(
            Record.self,
            from: Data(
                #"""
                {"record":"networkOffering","value":{"id":"\#(id)","name":"o","displayText":"o","guestType":"Isolated",\#
                "services":{"SourceNat":"VirtualRouter"},"egressDefaultAllow":true,"isPersistent":false,\#
                "specifiesVLAN":false,"isEnabled":true,"isDefault":true}}
                """#.utf8))
        guard case .networkOffering(let offering) = offering else {
            Issue.record("\(offering)")
            return
        }
        #expect(offering.conservesAddresses)
        // An address and a NIC, without the fields that came later.
        for (record, later) in [
            (
                Record.publicAddress(
                    PublicAddress(
                        id: sample.ids.next(), range: sample.range.id, address: IPv4Address(203, 0, 113, 10),
                        account: sample.account.id, network: sample.network.id, isSourceNAT: true)), "staticNAT"
            ), (.nic(nic), "secondaryAddresses"),
        ] {
            var fields = try #require(
                JSONSerialization.jsonObject(with: JSONEncoder().encode(record)) as? [String: Any])
            var value = try #require(fields["value"] as? [String: Any])
            value[later] = nil
            fields["value"] = value
            let data = try JSONSerialization.data(withJSONObject: fields)
            #expect(!String(decoding: data, as: UTF8.self).contains(later))
            #expect(try JSONDecoder().decode(Record.self, from: data) == record)
        }
    }

    @Test(arguments: [
        (#"{"put":"teleporter","value":{}}"#, "teleporter"),
        (#"{"put":"account","value":{"id":"ID","number":2,"name":"a","colour":"red"}}"#, "colour"),
        (#"{"remove":"account","id":"ID","why":"because"}"#, "why"),
        (#"{"remove":"teleporter","id":"ID"}"#, "teleporter"),
        (
            #"{"put":"nic","value":{"id":"ID","guest":"ID","network":"ID","index":0,"address":"10.1.1.2","#
                + #""attachment":{"mac":"02:00:00:00:00:01","shard":0,"speed":9},"isDefault":true}}"#, "speed"
        ),
    ])
    func `what a newer program wrote is refused by name`(json: String, word: String) {
        let text = json.replacingOccurrences(of: "ID", with: "6e0c0000-0000-4000-8000-000000000001")
        #expect {
            try JSONDecoder().decode(Change.self, from: Data(text.utf8))
        } throws: { error in
            "\(error)".contains(word)
        }
    }
}
