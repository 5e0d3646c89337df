public import NetworkVocabulary

/// The settings that plans of routers are made by, of a zone or of all.
extension Setting {
    public static let leaseTime = "dhcp.lease.timeout"
    public static let externalResolvers = "use.external.dns"

    var isPlannedBy: Bool { [Self.leaseTime, Self.externalResolvers, InterfaceMTU.publicSetting].contains(name) }
}

extension Cloud {
    /// Seconds for which guests are given their addresses. Nil is forever: nobody else gets an address while its NIC
    /// is there, and a guest that asks again finds it as it was.
    public func leaseTime(inZone zone: ObjectID) -> UInt32? {
        zonal(Setting.leaseTime, zone).flatMap { UInt32($0) }.flatMap { $0 == 0 ? nil : $0 }
    }

    /// Whether guests are told of the zone's resolvers instead of their router.
    public func usesExternalResolvers(inZone zone: ObjectID) -> Bool {
        zonal(Setting.externalResolvers, zone) == "true"
    }

    private func zonal(_ name: String, _ zone: ObjectID) -> String? {
        settingInForce(name, for: Reference(.zone, zone))
    }

    /// The networks whose plans depend on a setting.
    public func networksPlanned(bySetting id: ObjectID) -> [ObjectID] {
        guard let setting = settings[id], setting.isPlannedBy else { return [] }
        guard let scope = setting.scope else { return Array(networks.keys) }
        return Array(networksByZone[scope.id])
    }
}
