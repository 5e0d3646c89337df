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
    static let services = ["Firewall", "Gateway", "SourceNat"]
    static let provider = "VirtualRouter"
}

extension Draft {
    mutating func bootstrap() throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        var account = cloud.account(named: Bootstrap.admin)
        if account == nil {
            while cloud.next(.account) < Bootstrap.adminNumber { _ = try number(.account) }
            let admin = Account(id: newID(), number: try number(.account), name: Bootstrap.admin)
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
        for (name, text, allows) in offerings where cloud.networkOffering(named: name) == nil {
            try put(
                .networkOffering(
                    NetworkOffering(
                        id: newID(), name: name, displayText: text, guestType: .isolated,
                        services: Dictionary(uniqueKeysWithValues: Bootstrap.services.map { ($0, Bootstrap.provider) }),
                        egressDefaultAllow: allows, isPersistent: false, specifiesVLAN: false, isEnabled: true,
                        isDefault: true)))
        }
        return account.map { [Reference(.account, $0.id)] } ?? []
    }
}
