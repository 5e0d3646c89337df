import CloudModel
import ControlPlane
import NetworkVocabulary

// What commands of operators have in common.

extension Command {
    /// Deletes one of the kinds that hold nothing of others.
    static func deletion(
        _ name: String, _ description: String, isAsync: Bool = false, of kind: RecordKind, listedBy list: String
    ) -> Command {
        .change(name, description, isAsync: isAsync, [.id(list, "what is to go")], isAdminOnly: true) {
            call throws(RequestError) in
            .infrastructure(.delete(kind, try call.arguments.requiredID("id")))
        } reply: { _, _ in
            .success
        }
    }
}

extension Call {
    /// True for the one word, false for the other, nil when the parameter was not sent.
    func state(_ name: String, _ yes: String, _ no: String) throws(RequestError) -> Bool? {
        guard let text = arguments.string(name) else { return nil }
        switch text.lowercased() {
        case yes.lowercased(): return true
        case no.lowercased(): return false
        default: throw .invalid(name, text, command, because: "it is \(yes) or \(no)")
        }
    }

    /// Whether a value is the one that a filter asks for, whatever its case.
    func agrees(_ filter: String, _ value: String?) -> Bool {
        arguments.string(filter).map { $0.lowercased() == value?.lowercased() } ?? true
    }

    func agrees(_ filter: String, _ value: Bool) -> Bool { arguments.boolean(filter).map { $0 == value } ?? true }

    /// `details[0].key=value`, or `details[0].key=name&details[0].value=value`, whichever the client has. Ansible sends
    /// free fields, others rows.
    func details(_ name: String) -> [String: String]? {
        let rows = arguments.map(name)
        guard !rows.isEmpty else { return nil }
        var details: [String: String] = [:]
        for row in rows {
            if let key = row["key"], let value = row["value"], row.count == 2 {
                details[key] = value
            } else {
                details.merge(row) { $1 }
            }
        }
        return details
    }

    /// Where an offering can be used: `all` and `public` are CloudStack's words for everywhere and everybody.
    func offeringScope() throws(RequestError) -> OfferingScope {
        func ids(_ name: String, _ everything: String) throws(RequestError) -> [ObjectID]? {
            guard let text = arguments.string(name) else { return nil }
            return text.lowercased() == everything ? [] : try arguments.ids(name)
        }
        return OfferingScope(zones: try ids("zoneid", "all"), domains: try ids("domainid", "public"))
    }

    /// Whether an offering can be used in the zone that a list is confined to, and by the caller.
    func isOffered(in zones: [ObjectID], to domains: [ObjectID]) throws(RequestError) -> Bool {
        if let zone = try listedZone(), !zones.isEmpty, !zones.contains(zone) { return false }
        return caller.isRootAdmin || domains.isEmpty
            || domains.contains { domain in cloud.domains(within: domain).contains { $0.id == caller.domain } }
    }

    /// `[i].service` and `[i].provider`.
    func serviceRows() throws(RequestError) -> [ServiceRow] {
        var rows: [ServiceRow] = []
        for row in arguments.map("serviceproviderlist") {
            guard let service = row["service"], let provider = row["provider"] else {
                throw .refused("serviceproviderlist", "Each entry of serviceproviderlist has a service and a provider")
            }
            rows.append(ServiceRow(service: service, provider: provider))
        }
        return rows
    }

    /// `[i].service`, `[i].capabilitytype` and `[i].capabilityvalue`.
    func capabilityRows() throws(RequestError) -> [CapabilityRow] {
        var rows: [CapabilityRow] = []
        for row in arguments.map("servicecapabilitylist") {
            guard let service = row["service"], let type = row["capabilitytype"], let value = row["capabilityvalue"]
            else {
                throw .refused(
                    "servicecapabilitylist",
                    "Each entry of servicecapabilitylist has a service, a capabilitytype and a capabilityvalue")
            }
            rows.append(CapabilityRow(service: service, capability: type, value: value))
        }
        return rows
    }
}

extension APIValue {
    /// Texts by name, absent when there are none.
    static func details(_ details: [String: String]) -> APIValue {
        var object = APIObject()
        for (key, value) in details.sorted(by: { $0.key < $1.key }) { object[key] = .string(value) }
        return .object(object)
    }

    /// `a,b`; absent when there are none.
    static func joined(_ texts: [String]) -> APIValue? { texts.isEmpty ? nil : .string(texts.joined(separator: ",")) }
}

extension APIObject {
    /// Where, and by whom, an offering can be used.
    mutating func scope(zones: [ObjectID], domains: [ObjectID], in cloud: Cloud) {
        self["zoneid"] = .joined(zones.map(\.description))
        self["zone"] = .joined(zones.compactMap { cloud.zones[$0]?.name })
        self["domainid"] = .joined(domains.map(\.description))
        self["domain"] = .joined(domains.map { cloud.path(ofDomain: $0) })
    }

    /// Services with who provides them and what is asked of them, in the order of their names.
    static func services(
        _ services: [String: [String]], _ capabilities: [String: [String: String]]
    ) -> APIValue {
        .array(
            services.sorted { $0.key < $1.key }.map { service, providers in
                .object([
                    "name": .string(service),
                    "provider": .array(providers.map { .object(["name": .string($0)]) }),
                    "capability": .array(
                        (capabilities[service] ?? [:]).sorted { $0.key < $1.key }.map { name, value in
                            .object([
                                "name": .string(name), "value": .string(value), "canchooseservicecapability": false,
                            ])
                        }),
                ])
            })
    }
}
