import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

/// Networks of all kinds as a file has them, and as a file is made of them.
struct CloudFileKindTests {
    private static let text = """
        {
          "zones": [{
            "name": "east", "dns1": "198.51.100.1",
            "physicalNetworks": [{"name": "wire", "segments": ["100-199"]}],
            "publicRanges": [{
              "segment": "50", "subnet": "203.0.113.0/24", "gateway": "203.0.113.1",
              "addresses": "203.0.113.10-203.0.113.20"
            }]
          }],
          "networkOfferings": [
            {"name": "served", "guestType": "Shared", "specifiesSegment": true,
             "services": {"Dhcp": "VirtualRouter", "Dns": "VirtualRouter"}},
            {"name": "bare", "guestType": "L2", "services": {}},
            {"name": "named", "guestType": "L2", "specifiesSegment": true, "services": {}}
          ],
          "accounts": [{"name": "acme"}],
          "networks": [
            {"name": "front", "zone": "east", "cidr": "10.1.1.0/24", "dns1": "192.0.2.53", "dns2": "192.0.2.54"},
            {"name": "square", "zone": "east", "offering": "served", "segment": "98", "cidr": "10.9.0.0/24",
             "gateway": "10.9.0.1", "ranges": ["10.9.0.10-10.9.0.19", "10.9.0.30-10.9.0.39"], "isolatesPorts": true},
            {"name": "own", "zone": "east", "account": "acme", "offering": "served", "segment": "untagged",
             "cidr": "10.9.0.0/24", "gateway": "10.9.0.1", "ranges": ["10.9.0.10-10.9.0.19"], "access": "account"},
            {"name": "bare", "zone": "east", "offering": "bare"},
            {"name": "named", "zone": "east", "offering": "named", "segment": "96"}
          ],
          "guests": [
            {"name": "web", "nics": [
              {"network": "front", "address": "10.1.1.10"}, {"network": "square", "address": "10.9.0.15"},
              {"network": "bare"}
            ]},
            {"name": "app", "account": "acme", "nics": [{"network": "square"}, {"network": "own"}]},
            {"name": "idle", "running": false, "nics": [{"network": "named"}]}
          ]
        }
        """

    private func apply(_ text: String, to fixture: inout DecideFixture, prunes: Bool = false) throws -> Decision {
        try fixture.take(.applyCloud(.init(file: try CloudFile(json: text), prunes: prunes)))
    }

    @Test func `what is exported is what was brought about, whatever the kind`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let told = CloudFile(describing: fixture.cloud)
        #expect(told.networks.count == 5 && told.guests.count == 3 && told.networkOfferings.count == 3)
        #expect(told.guests.map(\.nics.count).sorted() == [1, 2, 3])
        let json = try #require(told.json())
        #expect(try apply(json, to: &fixture, prunes: true).changes == [])
        var other = try DecideFixture()
        _ = try apply(json, to: &other)
        #expect(CloudFile(describing: other.cloud) == told)
        let square = try #require(other.cloud.networks.values.first { $0.name == "square" })
        #expect(square.ownSegment?.description == "vlan://98" && square.isolatesPorts)
        #expect(other.cloud.guestRanges(ofNetwork: square.id).count == 2)
        #expect(other.cloud.networks.values.first { $0.name == "own" }?.audience == .owner)
        #expect(other.cloud.networks.values.first { $0.name == "front" }?.dns2?.description == "192.0.2.54")
    }

    /// What the file would take a NIC from is not in it.
    @Test func `what a file cannot say is left out, with the guests that have part in it`() throws {
        var fixture = try DecideFixture()
        _ = try apply(Self.text, to: &fixture)
        let zone = try #require(fixture.cloud.zones.values.first { _ in true }).id
        let offering = try #require(fixture.cloud.networkOffering(named: "served")).id
        let narrow = try fixture.make(
            .createNetwork(
                .init(
                    name: "narrow", zone: zone, offering: offering, gateway: "10.8.0.1", netmask: "255.255.255.0",
                    kind: .init(
                        segment: "95", first: "10.8.0.10", last: "10.8.0.19", includesSubdomains: false))))
        let guest = try #require(fixture.cloud.guests.values.first { $0.name == "idle" }).id
        _ = try fixture.take(.networking(.addNIC(.init(guest: guest, network: narrow))))
        // Of another domain: the file's accounts are ROOT's.
        let north = try fixture.make(
            .identity(.createDomain(name: "north", parent: Domain.root.id, networkDomain: nil)))
        let far = Account(id: ObjectID(random: 8, 1), number: 50, name: "far", domain: north)
        try fixture.cloud.apply(.put(.account(far)))
        try fixture.cloud.apply(.put(.series(Series(name: .account, next: 60))))
        _ = try fixture.make(
            .createNetwork(
                .init(name: "far", zone: zone, offering: try fixture.offering(), account: far.id, cidr: "10.1.1.0/24")))
        let told = CloudFile(describing: fixture.cloud)
        #expect(!told.accounts.contains { $0.name == "far" } && !told.networks.contains { $0.name == "far" })
        #expect(!told.networks.contains { $0.name == "narrow" } && !told.guests.contains { $0.name == "idle" })
        #expect(try apply(try #require(told.json()), to: &fixture).changes == [])
        #expect(fixture.cloud.nics(ofGuest: guest).count == 2)
    }

    @Test
    func `a wire keeps the interface and the peers of its public traffic when the file is right about the guests'`()
        throws
    {
        var small = try SmallZone()
        let wire = try small.fixture.make(
            .createPhysicalNetwork(
                .init(zone: small.zone, name: "other", isolation: "VXLAN", segments: "200-299")))
        let guests = try #require(small.fixture.cloud.physicalNetworks[wire]?.traffic(.guest)).id
        _ = try small.fixture.take(
            .infrastructure(.updateTrafficType(guests, labels: [.kvm: "eth1"], peers: ["198.51.100.2"])))
        _ = try small.fixture.make(
            .createPublicRange(
                .init(
                    physicalNetwork: wire, gateway: "192.0.2.1", netmask: "255.255.255.0", first: "192.0.2.10",
                    vlan: "vxlan://60")))
        let json = try #require(CloudFile(describing: small.fixture.cloud).json())
        #expect(try apply(json, to: &small.fixture).changes == [])
        #expect(small.fixture.cloud.physicalNetworks[wire]?.publicTrunk == nil)
        #expect(small.fixture.cloud.physicalNetworks[wire]?.traffic(.public)?.peers == [])
        #expect(small.fixture.cloud.physicalNetworks[wire]?.trunk?.rawValue == "eth1")
    }
}
