import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

/// What operators ask for that has nothing to do with one network or another.
struct DecideInfrastructureTests {
    private struct World {
        var fixture: DecideFixture
        let zone: ObjectID

        init() throws {
            fixture = try DecideFixture()
            zone = try fixture.make(.createZone(.init(name: "west", dns1: "198.51.100.1")))
        }

        mutating func wire(_ name: String = "wire", segments: String? = "100-199") throws -> ObjectID {
            var request = Request.CreatePhysicalNetwork(zone: zone, name: name, segments: segments)
            request.isReady = false
            return try fixture.make(.createPhysicalNetwork(request))
        }

        func refusal(_ request: InfrastructureRequest) -> RequestError? { fixture.refusal(.infrastructure(request)) }

        mutating func take(_ request: InfrastructureRequest) throws { try fixture.take(.infrastructure(request)) }

        var network: Request {
            get throws {
                let offering = try #require(
                    fixture.cloud.networkOffering(named: "DefaultIsolatedNetworkOfferingWithSourceNatService"))
                return .createNetwork(.init(name: "blue", zone: zone, offering: offering.id))
            }
        }
    }

    @Test func `a network needs a physical network that is enabled and carries Guest traffic`() throws {
        var world = try World()
        let wire = try world.wire()
        #expect(try world.fixture.refusal(world.network)?.parameter == "networkofferingid")
        try world.take(.addTrafficType(physicalNetwork: wire, kind: "guest", labels: [:]))
        #expect(try world.fixture.refusal(world.network)?.parameter == "networkofferingid")
        var enabling = Request.UpdatePhysicalNetwork(id: wire)
        enabling.isEnabled = true
        try world.fixture.take(.updatePhysicalNetwork(enabling))
        #expect(try world.fixture.refusal(world.network) == nil)
    }

    @Test func `a network is implemented only where its providers are enabled, and keeps them`() throws {
        var world = try World()
        let wire = try world.wire()
        for kind in ["Guest", "Public"] {
            try world.take(.addTrafficType(physicalNetwork: wire, kind: kind, labels: [:]))
        }
        var enabling = Request.UpdatePhysicalNetwork(id: wire)
        enabling.isEnabled = true
        try world.fixture.take(.updatePhysicalNetwork(enabling))
        try world.fixture.take(
            .createPublicRange(
                .init(
                    physicalNetwork: wire, gateway: "203.0.113.1", netmask: "255.255.255.0", first: "203.0.113.10",
                    last: "203.0.113.20")))
        let network = try world.fixture.make(world.network)
        let deploy = Request.deployGuest(.init(zone: world.zone, name: "web", nics: [.init(network: network)]))
        #expect(world.fixture.refusal(deploy)?.code == .unavailable)

        let provider = try #require(world.fixture.cloud.physicalNetworks[wire]?.provider(.virtualRouter))
        // As in CloudStack the element is configured before its provider can be enabled.
        #expect(world.refusal(.setProvider(provider.id, isEnabled: true))?.parameter == "state")
        try world.take(.configureElement(try #require(provider.element).id, isEnabled: true))
        try world.take(.setProvider(provider.id, isEnabled: true))
        try world.fixture.take(deploy)
        #expect(world.fixture.cloud.networks[network]?.state == .implemented)
        #expect(world.refusal(.setProvider(provider.id, isEnabled: false))?.code == .inUse)
        #expect(world.refusal(.deleteProvider(provider.id))?.code == .inUse)
        #expect(world.fixture.cloud.violations() == [])
    }

    @Test func `the label of Guest traffic is the trunk, of which there is one on each wire`() throws {
        var world = try World()
        let first = try world.wire("one")
        let second = try world.wire("two")
        try world.take(
            .addTrafficType(physicalNetwork: first, kind: "Guest", labels: [.kvm: "eth1", .xen: "any thing"]))
        #expect(world.fixture.cloud.physicalNetworks[first]?.trunk == InterfaceName("eth1"))
        #expect(
            world.refusal(.addTrafficType(physicalNetwork: second, kind: "Public", labels: [.kvm: "eth1"]))?.parameter
                == "kvmnetworklabel")
        #expect(
            world.refusal(.addTrafficType(physicalNetwork: second, kind: "Public", labels: [.kvm: "no/name"]))?
                .parameter == "kvmnetworklabel")
        // Guest and public traffic of one wire may go the same way.
        try world.take(.addTrafficType(physicalNetwork: first, kind: "Public", labels: [.kvm: "eth1"]))
        let type = try #require(world.fixture.cloud.physicalNetworks[first]?.traffic(.guest))
        try world.take(.deleteTrafficType(type.id))
        #expect(world.fixture.cloud.physicalNetworks[first]?.trunk == nil)
        #expect(
            world.refusal(.addTrafficType(physicalNetwork: second, kind: "Guest", labels: [.kvm: "eth1"]))?.parameter
                == "kvmnetworklabel")
        #expect(world.fixture.cloud.violations() == [])
    }

    @Test func `the tags of an offering choose the physical network`() throws {
        var world = try World()
        var tagged = Request.CreatePhysicalNetwork(zone: world.zone, name: "fast", segments: "300-399")
        tagged.tags = ["ssd", "fast"]
        try world.fixture.take(.createPhysicalNetwork(.init(zone: world.zone, name: "slow", segments: "100-199")))
        let fast = try world.fixture.make(.createPhysicalNetwork(tagged))
        var request = Request.CreateNetworkOffering(name: "fast", services: ["SourceNat"], isEnabled: true)
        request.tags = ["fast"]
        let offering = try world.fixture.make(.createNetworkOffering(request))
        // Without tags there are two to choose from.
        #expect(try world.fixture.refusal(world.network)?.parameter == "physicalnetworkid")
        let network = try world.fixture.make(.createNetwork(.init(name: "n", zone: world.zone, offering: offering)))
        #expect(world.fixture.cloud.networks[network]?.physicalNetwork == fast)
    }

    @Test func `nothing can be deployed in a Basic zone`() throws {
        var world = try World()
        var basic = Request.CreateZone(name: "basic", dns1: "198.51.100.1")
        basic.networkType = "basic"
        let zone = try world.fixture.make(.createZone(basic))
        #expect(world.fixture.cloud.zones[zone]?.hasSecurityGroups == true)
        let offering = try #require(world.fixture.cloud.networkOfferings.first).key
        let refusal = world.fixture.refusal(.createNetwork(.init(name: "n", zone: zone, offering: offering)))
        #expect(refusal?.code == .unsupported && refusal?.parameter == "zoneid")
    }

    @Test func `a pod ends where its subnet ends, and others of the zone keep off it`() throws {
        var world = try World()
        var fields = PodFields()
        (fields.name, fields.gateway, fields.netmask) = ("rack", "10.100.10.1", "255.255.255.0")
        fields.first = "10.100.10.101"
        try world.take(.createPod(zone: world.zone, fields))
        let pod = try #require(world.fixture.cloud.pod(named: "RACK", inZone: world.zone))
        #expect(pod.addresses == IPv4Range("10.100.10.101-10.100.10.254"))
        #expect(world.refusal(.createPod(zone: world.zone, fields))?.parameter == "name")
        fields.name = "other"
        #expect(world.refusal(.createPod(zone: world.zone, fields))?.parameter == "startip")
        fields.first = "10.100.10.1"
        fields.last = "10.100.10.2"
        #expect(world.refusal(.createPod(zone: world.zone, fields))?.parameter == "gateway")
        #expect(world.fixture.refusal(.deleteZone(world.zone))?.code == .inUse)
        try world.take(.delete(.pod, pod.id))
        try world.fixture.take(.deleteZone(world.zone))
    }

    @Test func `an object's tags and settings go with it`() throws {
        var world = try World()
        let zone = Reference(.zone, world.zone)
        try world.take(.createTags([zone], ["color": "blue"], customer: nil))
        try world.take(.configure(name: "use.external.dns", scope: zone, value: "TRUE"))
        #expect(world.fixture.cloud.setting("use.external.dns", of: zone) == "true")
        #expect(world.refusal(.createTags([zone], ["color": "red"], customer: nil))?.parameter == "tags")
        #expect(world.refusal(.deleteTags([zone], ["color": "red"]))?.parameter == "tags")
        #expect(world.refusal(.configure(name: "use.external.dns", scope: zone, value: "maybe"))?.parameter == "value")
        #expect(
            world.refusal(.configure(name: "agent.load.threshold", scope: zone, value: "1"))?.parameter == "name")
        try world.fixture.take(.deleteZone(world.zone))
        #expect(world.fixture.cloud.tags.isEmpty && world.fixture.cloud.settings.isEmpty)
        #expect(world.fixture.cloud.violations() == [])
    }

    @Test func `sizes that were deleted do not come back with the next start`() throws {
        var world = try World()
        let size = try #require(world.fixture.cloud.diskOfferings.first).key
        let machine = try #require(world.fixture.cloud.serviceOfferings.values.first { !$0.isSystem }).id
        try world.take(.delete(.diskOffering, size))
        try world.take(.delete(.serviceOffering, machine))
        #expect(try world.fixture.take(.bootstrap).changes == [])
        let system = try #require(world.fixture.cloud.serviceOfferings.values.first { $0.isSystem }).id
        #expect(world.refusal(.delete(.serviceOffering, system))?.parameter == "id")
    }

    @Test func `others than the administrator change no infrastructure`() throws {
        var world = try World()
        let tenant = try world.fixture.make(.createAccount(.init(name: "tenant")))
        let caller = Caller(account: tenant, isRootAdmin: false)
        let requests: [InfrastructureRequest] = [
            .createPod(zone: world.zone, PodFields()), .configure(name: "instance.name", scope: nil, value: "x"),
            .createServiceOffering(MachineOfferingFields()),
            .createTags([Reference(.zone, world.zone)], ["a": "b"], customer: nil),
        ]
        for request in requests {
            #expect(world.fixture.refusal(.infrastructure(request), as: caller)?.code == .account)
        }
    }

    @Test func `the simulator's cloud holds what clients' suites look for`() throws {
        var fixture = try DecideFixture()
        try fixture.take(.infrastructure(.buildSimulator))
        let cloud = fixture.cloud
        #expect(
            cloud.zones.values.map(\.name).sorted()
                == ["Sandbox-simulator", "Sandbox-simulator-advanced", "Sandbox-simulator-basic"])
        #expect(cloud.clusters.values.map(\.name).sorted() == ["C0", "C0-adv", "C0-basic", "C1", "C1-adv"])
        #expect(cloud.templates.values.contains { $0.name == "CentOS 5.6 (64-bit) no GUI (Simulator)" })
        #expect(cloud.violations() == [])
        let zone = try #require(cloud.zone(named: "Sandbox-simulator-advanced")).id
        let offering = try #require(
            cloud.networkOffering(named: "DefaultIsolatedNetworkOfferingWithSourceNatService"))
        #expect(offering.availability == .required)
        let network = try fixture.make(.createNetwork(.init(name: "n", zone: zone, offering: offering.id)))
        try fixture.take(.deployGuest(.init(zone: zone, name: "vm", nics: [.init(network: network)])))
        #expect(fixture.cloud.networks[network]?.segment == Segment("vlan://100"))
    }
}
