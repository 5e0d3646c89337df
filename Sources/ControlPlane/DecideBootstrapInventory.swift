import CloudModel
import NetworkVocabulary

/// What clients find to deploy with on every installation. What can be deleted is put once, with the first operating
/// systems, which cannot; of the rest only what is missing, for an operator may have changed it.
extension Bootstrap {
    /// What runs the emulated guests, in the word that CloudStack has for such a thing.
    static let hypervisor = "Simulator"
    static let template = "Emulated guest"

    static let osTypes: [(name: String, category: String)] = [
        ("Other (64-bit)", "Other"), ("Debian GNU/Linux 12 (64-bit)", "Debian"),
        ("Debian GNU/Linux 7(64-bit)", "Debian"),
        ("CentOS 5.6 (64-bit)", "CentOS"), ("CentOS 7", "CentOS"), ("Ubuntu 24.04 LTS", "Ubuntu"),
    ]

    static let machineSizes: [(name: String, speed: Int, memory: Int)] = [
        ("Small Instance", 500, 512), ("Medium Instance", 1_000, 1_024),
    ]

    /// By the kind of machine that the system makes of it.
    static let systemOfferings: [(type: String, name: String)] = [
        ("domainrouter", "System Offering For Software Router"),
        ("internalloadbalancervm", "System Offering For Internal LB VM"),
        ("consoleproxy", "System Offering For Console Proxy"),
        ("secondarystoragevm", "System Offering For Secondary Storage VM"),
        ("elasticloadbalancervm", "System Offering For Elastic LB VM"),
    ]
}

extension Draft {
    mutating func putInventory(_ account: ObjectID) throws(RequestError) {
        if cloud.osTypes.isEmpty {
            for size in Bootstrap.machineSizes {
                try putMissing(offering(size.name, speed: size.speed, memory: size.memory))
            }
            try putDiskOfferings()
        }
        for type in Bootstrap.osTypes where cloud.osType(named: type.name) == nil {
            try put(
                .osType(OSType(id: .init(wellKnown: "osType \(type.name)"), name: type.name, category: type.category)))
        }
        for system in Bootstrap.systemOfferings {
            var offering = offering(system.name, speed: 500, memory: 256)
            offering.systemVMType = system.type
            try putMissing(offering)
        }
        let osType = ObjectID(wellKnown: "osType \(Bootstrap.osTypes[0].name)")
        var template = Template(
            id: .init(wellKnown: "template \(Bootstrap.template)"), name: Bootstrap.template,
            displayText: "A network namespace that plays the machine", account: account, osType: osType,
            hypervisor: Bootstrap.hypervisor, format: "RAW")
        template.type = "BUILTIN"
        template.isFeatured = true
        if cloud.templates[template.id] == nil { try put(.template(template)) }
    }

    private mutating func putMissing(_ offering: ServiceOffering) throws(RequestError) {
        if cloud.serviceOfferings[offering.id] == nil { try put(.serviceOffering(offering)) }
    }

    private func offering(_ name: String, speed: Int, memory: Int) -> ServiceOffering {
        var offering = ServiceOffering(
            id: .init(wellKnown: "serviceOffering \(name)"), name: name, displayText: name)
        offering.cpuNumber = 1
        offering.cpuSpeed = speed
        offering.memory = memory
        offering.isDefault = true
        return offering
    }
}
