public import CloudModel

/// Network services by CloudStack's names: what can be asked of each beyond its name.
public struct NetworkService: Hashable, Sendable {
    public let name: String
    /// The capability, the values that the router honours, and whether an offering may choose between them.
    public let capabilities: [Capability]

    public struct Capability: Hashable, Sendable {
        public let name: String
        public let values: [String]
        public let isChosen: Bool

        init(_ name: String, _ values: [String], isChosen: Bool = false) {
            self.name = name
            self.values = values
            self.isChosen = isChosen
        }
    }

    init(_ name: String, _ capabilities: [Capability] = []) {
        self.name = name
        self.capabilities = capabilities
    }

    public static let all: [NetworkService] = [
        NetworkService(
            "Connectivity",
            [
                Capability("DistributedRouter", ["true", "false"], isChosen: true),
                Capability("RegionLevelVPC", ["true", "false"], isChosen: true),
                Capability("StretchedL2Subnet", ["false"], isChosen: true),
            ]),
        NetworkService("Dhcp", [Capability("DhcpAccrossMultipleSubnets", ["false"])]),
        NetworkService("Dns", [Capability("AllowDnsSuffixModification", ["true"])]),
        NetworkService(
            "Firewall",
            [
                Capability("MultipleIps", ["true"]), Capability("SupportedEgressProtocols", ["tcp,udp,icmp,all"]),
                Capability("SupportedProtocols", ["tcp,udp,icmp"]),
                Capability("SupportedTrafficDirection", ["ingress,egress"]),
                Capability("TrafficStatistics", ["per public ip"]),
            ]),
        NetworkService("Gateway"),
        NetworkService(
            "Lb",
            [
                Capability("ElasticLb", ["false"], isChosen: true), Capability("InlineMode", ["false"], isChosen: true),
                Capability("LbSchemes", ["Public", "Internal"], isChosen: true),
                Capability("SupportedLBIsolation", ["dedicated"], isChosen: true),
                Capability("SupportedLbAlgorithms", ["roundrobin,leastconn,source"]),
                Capability("SupportedProtocols", ["tcp,udp,tcp-proxy"]),
            ]),
        NetworkService("NetworkACL", [Capability("SupportedProtocols", ["tcp,udp,icmp"])]),
        NetworkService("PortForwarding"),
        NetworkService("SecurityGroup"),
        NetworkService(
            "SourceNat",
            [
                Capability("RedundantRouter", ["false"], isChosen: true),
                Capability("SupportedSourceNatTypes", ["peraccount"], isChosen: true),
            ]),
        NetworkService(
            "StaticNat",
            [
                Capability("AssociatePublicIP", ["false"], isChosen: true),
                Capability("ElasticIp", ["false"], isChosen: true),
            ]),
        NetworkService("UserData"),
        NetworkService("Vpn", [Capability("SupportedVpnTypes", ["pptp,l2tp,ipsec"])]),
    ]

    /// Whatever the case of its letters.
    public static func named(_ text: String) -> NetworkService? {
        all.first { $0.name.lowercased() == text.lowercased() }
    }

    func capability(_ text: String) -> Capability? { capabilities.first { $0.name.lowercased() == text.lowercased() } }

    /// Those who can provide it.
    public var providers: [ServiceProvider.Name] { ServiceProvider.Name.allCases.filter { $0.services.contains(name) } }
}

extension Draft {
    /// Services of an offering, in CloudStack's spelling whatever the caller's.
    func services(_ names: [String]) throws(RequestError) -> [NetworkService] {
        var services: [NetworkService] = []
        for text in names {
            guard let service = NetworkService.named(text) else {
                throw .unsupported("supportedservices", "Service \(RequestError.excerpt(text)) is not supported")
            }
            if !services.contains(service) { services.append(service) }
        }
        return services
    }

    /// Who provides what, as rows say it; each must be able to.
    func providers(
        _ rows: [ServiceRow], of services: [NetworkService]
    ) throws(RequestError) -> [String: [ServiceProvider.Name]] {
        var providers: [String: [ServiceProvider.Name]] = [:]
        for row in rows {
            guard let service = services.first(where: { $0.name.lowercased() == row.service.lowercased() }) else {
                throw .refused(
                    "serviceproviderlist",
                    "Service \(RequestError.excerpt(row.service)) is not one of the offering's services")
            }
            guard let name = ServiceProvider.Name(anyCase: row.provider), name.services.contains(service.name) else {
                throw .unsupported(
                    "serviceproviderlist",
                    "Provider \(RequestError.excerpt(row.provider)) is not supported for \(service.name)")
            }
            if providers[service.name]?.contains(name) != true { providers[service.name, default: []].append(name) }
        }
        return providers
    }

    /// By service and capability. What the router would not honour is refused.
    func capabilities(
        _ rows: [CapabilityRow], of services: [NetworkService]
    ) throws(RequestError) -> [String: [String: String]] {
        var chosen: [String: [String: String]] = [:]
        for row in rows {
            guard let service = services.first(where: { $0.name.lowercased() == row.service.lowercased() }) else {
                throw .refused(
                    "servicecapabilitylist",
                    "Service \(RequestError.excerpt(row.service)) is not one of the offering's services")
            }
            guard let capability = service.capability(row.capability) else {
                throw .refused(
                    "servicecapabilitylist",
                    "Capability \(RequestError.excerpt(row.capability)) is not one of service \(service.name)")
            }
            let value = row.value.lowercased()
            guard let known = capability.values.first(where: { $0.lowercased() == value }) else {
                throw .unsupported(
                    "servicecapabilitylist",
                    "Capability \(service.name)/\(capability.name) can't be \(RequestError.excerpt(row.value)) here")
            }
            chosen[service.name, default: [:]][capability.name] = known
        }
        return chosen
    }
}
