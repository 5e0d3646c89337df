import CloudModel
import ControlPlane
import NetworkVocabulary

extension ResourceType {
    /// How the fields of accounts, domains and projects begin: `vmlimit`, `vmavailable`, `vmtotal`.
    fileprivate var field: String {
        switch self {
        case .instance: "vm"
        case .publicAddress: "ip"
        case .primaryStorage: "primarystorage"
        case .secondaryStorage: "secondarystorage"
        case .volume, .snapshot, .template, .project, .network, .vpc, .cpu, .memory: rawValue
        }
    }
}

extension APIObject {
    /// With what there may be of each kind, what there is, and what is left. Limits are texts in CloudStack, counts numbers.
    func counting(_ limits: [ResourceType: Int], _ count: (ResourceType) -> Int) -> APIObject {
        var object = self
        for type in ResourceType.allCases {
            let total = count(type)
            let limit = limits[type]
            object[type.field + "limit"] = .string(limit.map(String.init) ?? "Unlimited")
            object[type.field + "total"] = .number(total)
            object[type.field + "available"] = .string(limit.map { String(max(0, $0 - total)) } ?? "Unlimited")
        }
        return object
    }

    func counting(account: Account, in cloud: Cloud) -> APIObject {
        var object = counting(account.limits) { cloud.count(of: $0, account: account.id) }
        let running = cloud.guestsByAccount[account.id].count { cloud.guests[$0]?.isRunning == true }
        object["vmrunning"] = .number(running)
        object["vmstopped"] = .number(cloud.guestsByAccount[account.id].count - running)
        return object
    }
}
