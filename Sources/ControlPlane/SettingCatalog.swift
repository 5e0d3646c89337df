public import CloudModel
public import NetworkVocabulary

/// A setting of CloudStack's that clients may read and write.
///
/// Sluice acts by few of them. Those say `isHonoured` and take effect at once; the others are kept for clients that list,
/// write and compare them, say so in their description, and are never shown as dynamic.
public struct KnownSetting: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case boolean = "Boolean", number = "Number", decimal = "Decimal", string = "String"
    }

    public let name: String
    public let category: String
    public let kind: Kind
    public let defaultValue: String
    /// Besides the whole installation: the kind of object that it can be set for.
    public let scope: RecordKind?
    public let isHonoured: Bool
    public let description: String

    init(
        _ name: String, _ category: String, _ kind: Kind, _ defaultValue: String, of scope: RecordKind? = nil,
        isHonoured: Bool = false, _ description: String
    ) {
        self.name = name
        self.category = category
        self.kind = kind
        self.defaultValue = defaultValue
        self.scope = scope
        self.isHonoured = isHonoured
        self.description = description
    }

    public static let pageSize = KnownSetting(
        "default.page.size", "Advanced", .number, "500", isHonoured: true,
        "Objects on a page when a client names no size, and at most when it does")

    public static let expungeDelay = KnownSetting(
        "expunge.delay", "Advanced", .number, "86400", isHonoured: true, "Seconds until a destroyed machine is expunged"
    )
    public static let expungeInterval = KnownSetting(
        "expunge.interval", "Advanced", .number, "86400", isHonoured: true,
        "Seconds between looks for machines to expunge")
    public static let usersExpunge = KnownSetting(
        "allow.user.expunge.recover.vm", "Advanced", .boolean, "false", of: .account, isHonoured: true,
        "Whether users may expunge and recover their machines")
    public static let usersSeeDestroyed = KnownSetting(
        "allow.user.view.destroyed.vm", "Advanced", .boolean, "false", of: .account, isHonoured: true,
        "Whether users see their destroyed machines")
    public static let userDataLength = KnownSetting(
        "vm.userdata.max.length", "Advanced", .number, "32768", isHonoured: true,
        "Bytes of user data, before it is base64; a mebibyte at most")

    public static let usersChooseMTU = KnownSetting(
        "allow.end.users.to.specify.vr.mtu", "Advanced", .boolean, "false", of: .zone, isHonoured: true,
        "Whether users may say what MTU their networks have")
    public static let privateMTU = KnownSetting(
        InterfaceMTU.privateSetting, "Advanced", .number, "\(InterfaceMTU.usual)", of: .zone, isHonoured: true,
        "What guest networks' wires carry: the largest MTU of a network, which on VXLAN has 50 bytes less")
    public static let publicMTU = KnownSetting(
        InterfaceMTU.publicSetting, "Advanced", .number, "\(InterfaceMTU.usual)", of: .zone, isHonoured: true,
        "What public networks' wires carry: the largest MTU of routers' public interfaces, on VXLAN with 50 bytes less")

    static let idleNetworkInterval = KnownSetting(
        "network.gc.interval", "Network", .number, "600", isHonoured: true,
        "Seconds between looks for networks to shut down")
    static let idleNetworkWait = KnownSetting(
        "network.gc.wait", "Network", .number, "600", isHonoured: true,
        "Seconds that a network without machines is kept")

    static let leaseTime = KnownSetting(
        Setting.leaseTime, "Network", .number, "0", of: .zone, isHonoured: true,
        "Seconds for which guests are given their addresses; 0 is forever")

    /// By the type of the alert: what share of a pool may be given out before administrators are told.
    static let capacityThresholds: [String: KnownSetting] = [
        "ALERT.NETWORK.PUBLICIP": threshold(
            "zone.virtualnetwork.publicip.capacity.notificationthreshold", "public addresses"),
        "ALERT.NETWORK.DIRECTPUBLICIP": threshold(
            "zone.directnetwork.publicip.capacity.notificationthreshold", "addresses of a shared network"),
        "ALERT.NETWORK.VLAN": threshold("zone.vlan.capacity.notificationthreshold", "VLANs or VNIs"),
    ]

    private static func threshold(_ name: String, _ what: String) -> KnownSetting {
        KnownSetting(
            name, "Alert", .decimal, "0.75", of: .zone, isHonoured: true,
            "Share of the \(what) from which an alert is raised")
    }

    public static let all: [KnownSetting] =
        [
            KnownSetting(
                "account.cleanup.interval", "Advanced", .number, "86400", "Seconds between cleanups of accounts"),
            KnownSetting(
                "agent.load.threshold", "Advanced", .decimal, "0.7",
                "Share of the average load at which agents are moved"),
            KnownSetting(
                "allow.public.user.templates", "Advanced", .boolean, "true", of: .account,
                "Whether users may make public templates"),
            KnownSetting("consoleproxy.sslEnabled", "Console Proxy", .boolean, "false", "Whether consoles speak TLS"),
            KnownSetting(
                "cpu.overprovisioning.factor", "Advanced", .decimal, "1.0", of: .cluster,
                "How often the processors of a cluster are given out"),
            pageSize,
            KnownSetting(
                "enable.dynamic.scale.vm", "Advanced", .boolean, "false", of: .zone, "Whether machines may grow"),
            expungeDelay, expungeInterval, usersExpunge, usersSeeDestroyed, userDataLength,
            KnownSetting(
                "guest.domain.suffix", "Network", .string, "cs.internal", of: .zone,
                "The domain of networks without one"),
            KnownSetting("hypervisor.list", "Advanced", .string, "Simulator", "Hypervisors that templates may be for"),
            KnownSetting("instance.name", "Advanced", .string, "VM", "The end of machines' internal names"),
            idleNetworkInterval, idleNetworkWait, leaseTime, usersChooseMTU, privateMTU, publicMTU,
            KnownSetting(
                "network.loadbalancer.haproxy.stats.visibility", "Network", .string, "global",
                "Who may see the load balancers' statistics"),
            KnownSetting(
                "storage.overprovisioning.factor", "Storage", .decimal, "2.0", of: .storagePool,
                "How often the room of a pool is given out"),
            KnownSetting(
                Setting.externalResolvers, "Network", .boolean, "false", of: .zone, isHonoured: true,
                "Whether guests are told to ask the zone's resolvers instead of their router"),
            KnownSetting(
                "vm.allocation.algorithm", "Advanced", .string, "random", of: .account,
                "How a host is chosen for a machine"
            ),
            KnownSetting(
                "vmware.recycle.hung.wokervm", "Advanced", .boolean, "false", "Whether hung workers are recycled"),
        ] + capacityThresholds.values.sorted { $0.name < $1.name }

    public static func named(_ name: String) -> KnownSetting? {
        all.first { $0.name.lowercased() == name.lowercased() }
    }
}

extension Cloud {
    /// What holds for the scope: the value that it was given, the installation's, or the default.
    public func value(of setting: KnownSetting, for scope: Reference? = nil) -> String {
        settingInForce(setting.name, for: scope) ?? setting.defaultValue
    }

    /// Of a setting that is a number; the default's where somebody wrote none.
    public func number(_ setting: KnownSetting) -> Int { Int(value(of: setting)) ?? Int(setting.defaultValue) ?? 0 }

    public func isTrue(_ setting: KnownSetting, for account: ObjectID) -> Bool {
        value(of: setting, for: Reference(.account, account)).lowercased() == "true"
    }
}
