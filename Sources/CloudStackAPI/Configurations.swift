import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let configurations: [Command] = [
        .list(
            "listConfigurations", "Lists settings",
            [
                Parameter("name", "only the setting of this name"),
                Parameter("category", "only of this category"),
            ] + settingScopes, isAdminOnly: true
        ) { call throws(RequestError) in
            let scope = try call.settingScope()
            let found = KnownSetting.all.filter {
                call.matches($0.name) && call.agrees("category", $0.category)
                    && (scope == nil || $0.scope == scope?.kind)
            }
            return try call.page("configuration", found) { $0.rendered(for: scope, in: call.cloud) }
        },
        .change(
            "updateConfiguration", "Gives a setting a value", isAsync: false,
            [
                Parameter("name", required: true, "the setting's name"),
                Parameter("value", maxLength: 4_095, "its value; as if it had never been set when absent"),
            ] + settingScopes, isAdminOnly: true
        ) { call throws(RequestError) in
            .infrastructure(
                .configure(
                    name: try call.arguments.required("name"), scope: try call.settingScope(),
                    value: call.arguments.text("value")))
        } reply: { call, outcome in
            call.answer(outcome)
        },
        .change(
            "resetConfiguration", "Takes back the value that a setting was given", isAsync: false,
            [Parameter("name", required: true, "the setting's name")] + settingScopes, isAdminOnly: true
        ) { call throws(RequestError) in
            .infrastructure(
                .configure(
                    name: try call.arguments.required("name"), scope: try call.settingScope(), value: nil))
        } reply: { call, outcome in
            call.answer(outcome)
        },
    ]

    private static let settingScopes = [
        Parameter("zoneid", .uuid, related: "listZones", "for this zone"),
        Parameter("clusterid", .uuid, related: "listClusters", "for this cluster"),
        Parameter("storageid", .uuid, related: "listStoragePools", "for this pool"),
        Parameter("accountid", .uuid, related: "listAccounts", "for this account"),
        Parameter("domainid", .uuid, related: "listDomains", "for this domain"),
    ]
}

extension Call {
    /// The object that settings are asked for; nil for the whole installation.
    fileprivate func settingScope() throws(RequestError) -> Reference? {
        let scopes = [
            try object("zoneid", in: cloud.zones).map { Reference(.zone, $0.id) },
            try object("clusterid", in: cloud.clusters).map { Reference(.cluster, $0.id) },
            try object("storageid", in: cloud.storagePools).map { Reference(.storagePool, $0.id) },
            try object("accountid", in: cloud.accounts).map { Reference(.account, $0.id) },
            try object("domainid", in: cloud.domains).map { Reference(.domain, $0.id) },
        ].compactMap(\.self)
        guard scopes.count <= 1 else {
            throw .refused(
                nil, "Config parameters can only be set for one of zoneid, clusterid, storageid, accountid and domainid"
            )
        }
        return scopes.first
    }

    fileprivate func answer(_ outcome: Outcome) -> APIObject {
        guard let setting = arguments.string("name").flatMap(KnownSetting.named) else { return [:] }
        let scope = (try? settingScope()) ?? nil
        return ["configuration": .object(setting.rendered(for: scope, in: outcome.cloud))]
    }
}

extension KnownSetting {
    fileprivate func rendered(for scope: Reference?, in cloud: Cloud) -> APIObject {
        [
            "name": .string(name), "category": .string(category), "value": .string(cloud.value(of: self, for: scope)),
            "defaultvalue": .string(defaultValue), "type": .string(kind.rawValue),
            "description": .string(
                isHonoured ? description : "\(description). Kept for clients: Sluice does not act by it"),
            "displaytext": .string(name), "isdynamic": .boolean(isHonoured), "component": "sluice", "group": "Sluice",
            "subgroup": .string(isHonoured ? "Honoured" : "Kept"), "scope": scope.map { .string($0.kind.scopeWord) },
        ]
    }
}

extension RecordKind {
    fileprivate var scopeWord: String { self == .storagePool ? "storagepool" : rawValue }
}
