import CloudModel
import NetworkVocabulary

/// The offerings that CloudStack's clients look for by name.
extension Bootstrap {
    struct Offering {
        let name: String
        let text: String
        let type: NetworkOffering.GuestType
        let services: [String]
        var provider = ServiceProvider.Name.virtualRouter
        var others: [String: ServiceProvider.Name] = [:]
        var specifies = false
        var isForVPC = false
    }

    private static let basic = ["Dhcp", "Dns", "UserData"]
    private static let tier = basic + ["Gateway", "NetworkACL", "PortForwarding", "SourceNat", "StaticNat", "Vpn"]
    private static let vpcText = "Offering for Isolated Vpc networks with"

    static let offerings: [Offering] = [
        Offering(
            name: "DefaultSharedNetworkOfferingWithSGService",
            text: "Offering for Shared Security group enabled networks", type: .shared,
            services: basic + ["SecurityGroup"], others: ["SecurityGroup": .securityGroups], specifies: true),
        Offering(
            name: "DefaultSharedNetworkOffering", text: "Offering for Shared networks", type: .shared, services: basic,
            specifies: true),
        Offering(
            name: "DefaultIsolatedNetworkOffering",
            text: "Offering for Isolated networks with no Source Nat service", type: .isolated, services: basic,
            specifies: true),
        Offering(
            name: "DefaultIsolatedNetworkOfferingForVpcNetworks", text: "\(vpcText) Source Nat service enabled",
            type: .isolated, services: tier + ["Lb"], provider: .vpcVirtualRouter, isForVPC: true),
        Offering(
            name: "DefaultIsolatedNetworkOfferingForVpcNetworksNoLB",
            text: "\(vpcText) Source Nat service enabled and LB service Disabled", type: .isolated, services: tier,
            provider: .vpcVirtualRouter, isForVPC: true),
        Offering(
            name: "DefaultIsolatedNetworkOfferingForVpcNetworksWithInternalLB",
            text: "\(vpcText) Internal LB support", type: .isolated,
            services: basic + ["Gateway", "Lb", "NetworkACL", "SourceNat"], provider: .vpcVirtualRouter,
            others: ["Lb": .internalLoadBalancer], isForVPC: true),
        Offering(
            name: "QuickCloudNoServices", text: "Offering for QuickCloud with no services", type: .shared, services: [],
            specifies: true),
        Offering(name: "DefaultL2NetworkOffering", text: "Offering for L2 networks", type: .l2, services: []),
        Offering(
            name: "DefaultL2NetworkOfferingVlan", text: "Offering for L2 networks VLAN", type: .l2, services: [],
            specifies: true),
        Offering(
            name: "DefaultL2NetworkOfferingConfigDrive", text: "Offering for L2 networks with config drive user data",
            type: .l2, services: ["UserData"], provider: .configDrive),
        Offering(
            name: "DefaultL2NetworkOfferingConfigDriveVlan",
            text: "Offering for L2 networks with config drive user data VLAN", type: .l2, services: ["UserData"],
            provider: .configDrive, specifies: true),
    ]

    static let diskSizes: [(name: String, gigabytes: Int?)] = [
        ("Small", 5), ("Medium", 20), ("Large", 100), ("Custom", nil),
    ]
}

extension Draft {
    /// Only what is missing: an operator may have changed the rest.
    mutating func putOfferings() throws(RequestError) {
        for plan in Bootstrap.offerings where cloud.networkOffering(named: plan.name) == nil {
            var services: [String: String] = [:]
            for service in plan.services { services[service] = (plan.others[service] ?? plan.provider).rawValue }
            var offering = NetworkOffering(
                id: ObjectID(wellKnown: "networkOffering \(plan.name)"), name: plan.name, displayText: plan.text,
                guestType: plan.type, services: services, egressDefaultAllow: true, isPersistent: false,
                specifiesVLAN: plan.specifies, isEnabled: true, isDefault: true)
            offering.specifiesIPRanges = plan.specifies && plan.type != .l2
            offering.isForVPC = plan.isForVPC
            try put(.networkOffering(offering))
        }
        for (name, isRedundant) in [("Default VPC offering", false), ("Redundant VPC offering", true)]
        where cloud.vpcOffering(named: name) == nil {
            var services: [String: [String]] = [:]
            for service in ServiceProvider.Name.vpcVirtualRouter.services {
                services[service] = [ServiceProvider.Name.vpcVirtualRouter.rawValue]
            }
            services["Lb"]?.append(ServiceProvider.Name.internalLoadBalancer.rawValue)
            var offering = VPCOffering(
                id: ObjectID(wellKnown: "vpcOffering \(name)"), name: name, displayText: name, services: services)
            if isRedundant { offering.capabilities = ["SourceNat": ["RedundantRouter": "true"]] }
            offering.isEnabled = true
            offering.isDefault = true
            try put(.vpcOffering(offering))
        }
    }

    mutating func putDiskOfferings() throws(RequestError) {
        for size in Bootstrap.diskSizes {
            let id = ObjectID(wellKnown: "diskOffering \(size.name)")
            guard cloud.diskOfferings[id] == nil else { continue }
            let text = size.gigabytes.map { "\(size.name) Disk, \($0) GB" } ?? "Custom Disk"
            var offering = DiskOffering(id: id, name: size.name, displayText: text, size: size.gigabytes)
            offering.isDefault = true
            try put(.diskOffering(offering))
        }
    }
}
