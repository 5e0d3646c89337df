import CloudModel
import NetworkVocabulary
import Testing

extension SampleCloud {
    /// A record of each kind that operators list and refer to, with no field as it is by itself.
    func inventoryRecords() throws -> [Record] {
        let pod = Pod(
            id: ObjectID(wellKnown: "pod"), zone: zone.id, name: "rack",
            subnet: try #require(IPv4Prefix("192.0.2.0/24")),
            gateway: IPv4Address(192, 0, 2, 1), addresses: try #require(IPv4Range("192.0.2.2-192.0.2.9")))
        let cluster = Cluster(id: ObjectID(wellKnown: "cluster"), pod: pod.id, name: "c", hypervisor: "KVM")
        var offering = VPCOffering(
            id: ObjectID(wellKnown: "vpc"), name: "v", displayText: "w", services: ["Lb": ["VpcVirtualRouter"]])
        offering.capabilities = ["SourceNat": ["RedundantRouter": "true"]]
        offering.zones = [zone.id]
        offering.isEnabled = true
        var disk = DiskOffering(id: ObjectID(wellKnown: "disk"), name: "d", displayText: "e", size: nil)
        disk.tags = "fast"
        disk.throughput.maxIOPS = 9
        disk.isActive = false
        return [
            .pod(pod), .cluster(cluster), .vpcOffering(offering), .diskOffering(disk),
            .host(
                Host(
                    id: ObjectID(wellKnown: "host"), cluster: cluster.id, name: "h", address: IPv4Address(192, 0, 2, 3))
            ),
            .storagePool(
                StoragePool(
                    id: ObjectID(wellKnown: "pool"), zone: zone.id, cluster: cluster.id, role: .primary, name: "p",
                    url: "nfs://h/p")),
            .storageNetworkRange(
                StorageNetworkRange(
                    id: ObjectID(wellKnown: "range"), pod: pod.id, gateway: IPv4Address(192, 0, 2, 1),
                    subnet: pod.subnet, addresses: pod.addresses, vlan: VLANID(7))),
            .publicIPv6Range(
                PublicIPv6Range(
                    id: ObjectID(wellKnown: "range of IPv6"), zone: zone.id, physicalNetwork: network.physicalNetwork,
                    segment: .untagged,
                    part: IPv6Part(
                        prefix: try #require(IPv6Prefix("2001:db8::/64")),
                        gateway: try #require(IPv6Address("2001:db8::1")),
                        addresses: IPv6Range("2001:db8::10-2001:db8::1f")), isForSystem: true)),
            .setting(Setting(name: "s", scope: Annotated(Reference(.zone, zone.id)), value: "v")),
            .setting(Setting(name: "s", scope: nil, value: "v")),
            .sslCertificate(
                SSLCertificate(
                    id: ObjectID(wellKnown: "certificate"), account: account.id, name: "c",
                    CertificateMaterial(
                        certificate: "C", chain: "D", privateKey: Secret("k"), fingerprint: "F", expires: 1))),
            .internalAddress(
                InternalAddress(
                    id: ObjectID(wellKnown: "internal"), network: network.id, address: IPv4Address(10, 1, 1, 99))),
            .tag(Tag(Reference(.network, network.id), key: "k", value: "v", customer: "c")),
            .eventMark(
                EventMark(
                    id: ObjectID(wellKnown: "mark"), verb: .archived, reach: .domain(Domain.root.id), events: [],
                    type: "VM.START", start: 1, end: 2, through: Revision(3))),
            .eventMark(
                EventMark(
                    id: ObjectID(wellKnown: "other mark"), verb: .deleted, reach: .everybody, events: [zone.id],
                    type: nil,
                    start: nil, end: .max, through: Revision(3))),
        ]
    }

    /// Records from before with fields that came later, changed.
    func reshapedRecords() -> [Record] {
        var zone = zone
        zone.networkType = .basic
        zone.ipv6DNS1 = IPv6Address("2001:db8::1")
        zone.internalDNS2 = IPv4Address(192, 0, 2, 7)
        zone.hasSecurityGroups = true
        zone.details = ["a": "b"]
        var wire = PhysicalNetwork(
            unconfigured: wire.id, zone: zone.id, name: "w", isolation: .vxlan, segmentRanges: [])
        var traffic = TrafficType(.public, on: wire.id)
        traffic.labels = ["kvm": "eth0", "xen": "x"]
        wire.put(traffic)
        wire.put(ServiceProvider(.virtualRouter, on: wire.id, isEnabled: true))
        wire.tags = ["t"]
        wire.speed = "1G"
        wire.broadcastDomainRange = "POD"
        var offering = offering
        offering.capabilities = ["SourceNat": ["SupportedSourceNatTypes": "peraccount"]]
        offering.tags = ["t"]
        offering.availability = .required
        offering.maxConnections = 300
        offering.zones = [zone.id]
        offering.specifiesIPRanges = true
        return [.zone(zone), .physicalNetwork(wire), .networkOffering(offering)]
    }
}
