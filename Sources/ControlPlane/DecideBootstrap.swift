import CloudModel
import NetworkVocabulary

/// What every installation begins with.
enum Bootstrap {
    static let admin = "admin"
    /// 1 is CloudStack's system account.
    static let adminNumber: UInt64 = 2
    /// The offering of networks that name none. Guests may open connections to the outside.
    static let defaultOffering = "DefaultIsolatedNetworkOfferingWithSourceNatService"
    /// The same with the outside closed to guests until a rule opens it.
    static let denyingOffering = "IsolatedNetworkOfferingWithEgressDeny"
    /// What the virtual router does for isolated networks.
    static let services = [
        "Dhcp", "Dns", "Firewall", "Gateway", "PortForwarding", "SourceNat", "StaticNat", "UserData",
    ]
    static let provider = "VirtualRouter"
}

extension Draft {
    mutating func bootstrap() throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        var account = cloud.account(named: Bootstrap.admin)
        if account == nil {
            while cloud.next(.account) < Bootstrap.adminNumber { _ = try number(.account) }
            let admin = Account(
                id: newID(), number: try number(.account), name: Bootstrap.admin, type: .rootAdmin)
            try put(.account(admin))
            account = admin
        }
        let offerings = [
            (Bootstrap.defaultOffering, "Offering for Isolated networks with Source Nat service enabled", true),
            (
                Bootstrap.denyingOffering, "Offering for Isolated networks whose guests reach the outside by rule only",
                false
            ),
        ]
        let services = Dictionary(uniqueKeysWithValues: Bootstrap.services.map { ($0, Bootstrap.provider) })
        for (name, text, allows) in offerings {
            // One from before the router could do all that it can today learns the rest.
            var offering =
                cloud.networkOffering(named: name)
                ?? NetworkOffering(
                    id: newID(), name: name, displayText: text, guestType: .isolated, services: services,
                    egressDefaultAllow: allows, isPersistent: false, specifiesVLAN: false, isEnabled: true,
                    isDefault: true)
            guard offering.isDefault else { continue }
            offering.services.merge(services) { old, _ in old }
            try put(.networkOffering(offering))
        }
        return account.map { [Reference(.account, $0.id)] } ?? []
    }
}
