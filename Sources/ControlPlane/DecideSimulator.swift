import CloudModel
import NetworkVocabulary

/// The cloud of the simulator profile: what the tests of Ansible's and Terraform's CloudStack modules expect to find. The
/// networks of its advanced zones are real.
enum SimulatorCloud {
    struct Plan {
        let zone: String
        let dns: String
        let pod: String
        let podEnd: String
        /// Ends of names: `C0-adv`.
        let suffix: String
        /// By cluster: the number of hosts, and of pools.
        let clusters: [(hosts: Int, pools: Int)]
        /// Advanced zones have a public range.
        let publicSubnet: (network: String, vlan: String)?
    }

    static let plans = [
        Plan(
            zone: "Sandbox-simulator-basic", dns: "8.8.8.8", pod: "POD0-basic", podEnd: "172.16.15.254",
            suffix: "-basic", clusters: [(2, 1)], publicSubnet: nil),
        Plan(
            zone: "Sandbox-simulator-advanced", dns: "10.147.28.7", pod: "POD0-adv", podEnd: "172.16.15.200",
            suffix: "-adv", clusters: [(2, 2), (1, 1)], publicSubnet: ("192.168.2", "50")),
        // Beside the other zone the simulated internet needs a net of its own for this one.
        Plan(
            zone: "Sandbox-simulator", dns: "10.147.28.6", pod: "POD0", podEnd: "172.16.15.200", suffix: "",
            clusters: [(2, 2), (1, 1)], publicSubnet: ("192.168.3", "51")),
    ]

    static let template = "CentOS 5.6 (64-bit) no GUI (Simulator)"

    /// What CloudStack's test image sets.
    static let settings = [
        "hypervisor.list": "Simulator", "expunge.delay": "20", "expunge.interval": "20", "network.gc.interval": "20",
        "network.gc.wait": "20", "account.cleanup.interval": "20", "default.page.size": "500",
        "guest.domain.suffix": "sandbox.simulator", "instance.name": "QA", "vm.allocation.algorithm": "random",
        "enable.dynamic.scale.vm": "true",
    ]
}

extension Draft {
    mutating func buildSimulator() throws(RequestError) -> [Reference] {
        _ = try bootstrap()
        for plan in SimulatorCloud.plans { try build(plan) }
        for (name, value) in SimulatorCloud.settings.sorted(by: { $0.key < $1.key }) {
            _ = try configure(name, nil, value)
        }
        guard let account = cloud.account(named: Bootstrap.admin),
            let osType = cloud.osType(named: "CentOS 5.6 (64-bit)")
        else { return [] }
        let name = SimulatorCloud.template
        var template = Template(
            id: ObjectID(wellKnown: "template \(name)"), name: name, displayText: name, account: account.id,
            osType: osType.id, hypervisor: Bootstrap.hypervisor, format: "VHD")
        template.isFeatured = true
        template.type = "BUILTIN"
        template.size = 2_147_483_648
        template.sortKey = -1
        try put(.template(template))
        return [Reference(.template, template.id)]
    }

    private mutating func build(_ plan: SimulatorCloud.Plan) throws(RequestError) {
        var request = Request.CreateZone(name: plan.zone, dns1: plan.dns, internalDNS1: plan.dns)
        request.networkType = plan.publicSubnet == nil ? "Basic" : "Advanced"
        guard let zone = try createZone(request).first?.id else { return }
        try buildWires(plan, zone)
        var pod = PodFields()
        pod.name = plan.pod
        pod.gateway = "172.16.15.1"
        pod.netmask = "255.255.255.0"
        pod.first = "172.16.15.2"
        pod.last = plan.podEnd
        guard let pod = try createPod(zone, pod).first?.id else { return }
        try buildHosts(plan, zone, pod)
    }

    private mutating func buildWires(_ plan: SimulatorCloud.Plan, _ zone: ObjectID) throws(RequestError) {
        let isBasic = plan.publicSubnet == nil
        var wire = PhysicalNetwork(
            unconfigured: newID(), zone: zone, name: "Sandbox-pnet", isolation: isBasic ? .l3 : .vlan,
            segmentRanges: isBasic ? [] : try segments("100-200", .vlan, "vlan"))
        wire.isEnabled = true
        for kind in isBasic ? [TrafficType.Kind.guest, .management] : [.guest, .management, .public] {
            wire.put(TrafficType(kind, on: wire.id))
        }
        let providers: [ServiceProvider.Name] =
            isBasic ? [.virtualRouter, .securityGroups] : [.virtualRouter, .vpcVirtualRouter, .internalLoadBalancer]
        for name in providers { wire.put(ServiceProvider(name, on: wire.id, isEnabled: true)) }
        try put(.physicalNetwork(wire))
        guard let (net, vlan) = plan.publicSubnet else { return }
        _ = try createPublicRange(
            Request.CreatePublicRange(
                physicalNetwork: wire.id, gateway: "\(net).1", netmask: "255.255.255.0", first: "\(net).2",
                last: "\(net).200", vlan: vlan))
    }

    private mutating func buildHosts(
        _ plan: SimulatorCloud.Plan, _ zone: ObjectID, _ pod: ObjectID
    ) throws(RequestError) {
        var pools = 0
        for (index, size) in plan.clusters.enumerated() {
            let cluster = Cluster(
                id: newID(), pod: pod, name: "C\(index)\(plan.suffix)", hypervisor: Bootstrap.hypervisor)
            try put(.cluster(cluster))
            for number in 0..<size.hosts {
                let host = "\(cluster.name.lowercased())/h\(number)"
                let last = UInt32(201 + index * 10 + number)
                try put(
                    .host(
                        Host(
                            id: newID(), cluster: cluster.id, name: "http://sim/\(host)",
                            address: IPv4Address(bits: 0xac10_0f00 | last))))
            }
            for _ in 0..<size.pools {
                let name = "PS\(pools)\(plan.suffix)"
                pools += 1
                try put(
                    .storagePool(
                        StoragePool(
                            id: newID(), zone: zone, cluster: cluster.id, role: .primary, name: name,
                            url: "nfs://10.147.28.6/export/home/sandbox/\(name.lowercased())")))
            }
        }
        let url = "nfs://10.147.28.6/export/home/sandbox/sstor\(plan.suffix)"
        try put(
            .storagePool(
                StoragePool(id: newID(), zone: zone, cluster: nil, role: .secondary, name: url, url: url)))
    }
}
