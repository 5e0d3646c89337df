import CloudModel
import NetworkVocabulary

extension Draft {
    /// What operators run is theirs alone; tags and events are everybody's.
    mutating func take(_ request: InfrastructureRequest) throws(RequestError) -> [Reference] {
        switch request {
        case .createTags(let objects, let tags, let customer): return try createTags(objects, tags, customer)
        case .deleteTags(let objects, let patterns): return try deleteTags(objects, patterns)
        case .markEvents(let verb, let selection): return try mark(verb, selection)
        default: try requireRootAdmin()
        }
        switch request {
        case .createPod(let zone, let fields): return try createPod(zone, fields)
        case .updatePod(let id, let fields): return try updatePod(id, fields)
        case .addTrafficType(let id, let kind, let labels, let peers):
            return try addTrafficType(id, kind, labels, peers)
        case .updateTrafficType(let id, let labels, let peers): return try updateTrafficType(id, labels, peers)
        case .deleteTrafficType(let id): return try deleteTrafficType(id)
        case .addProvider(let id, let name): return try addProvider(id, name)
        case .setProvider(let id, let isEnabled): return try setProvider(id, isEnabled)
        case .deleteProvider(let id): return try deleteProvider(id)
        case .createElement(let provider): return try createElement(provider)
        case .configureElement(let id, let isEnabled): return try configureElement(id, isEnabled)
        case .createPublicIPv6Range(let wire, let text, let vlan, let isForSystem):
            return try createPublicIPv6Range(on: wire, text, vlan, isForSystem: isForSystem)
        case .createStorageRange(let pod, let fields): return try createStorageRange(pod, fields)
        case .updateStorageRange(let id, let fields): return try updateStorageRange(id, fields)
        case .createServiceOffering(let fields): return try createServiceOffering(fields)
        case .updateServiceOffering(let id, let fields): return try updateServiceOffering(id, fields)
        case .createDiskOffering(let fields): return try createDiskOffering(fields)
        case .updateDiskOffering(let id, let fields): return try updateDiskOffering(id, fields)
        case .createVPCOffering(let fields): return try createVPCOffering(fields)
        case .updateVPCOffering(let id, let fields): return try updateVPCOffering(id, fields)
        case .updateTemplate(let id, let fields): return try updateTemplate(id, fields)
        case .configure(let name, let scope, let value): return try configure(name, scope, value)
        case .delete(let kind, let id): return try delete(kind, id)
        case .buildSimulator: return try buildSimulator()
        case .createTags, .deleteTags, .markEvents: return []
        }
    }

    private mutating func delete(_ kind: RecordKind, _ id: ObjectID) throws(RequestError) -> [Reference] {
        let object = Reference(kind, id)
        guard InfrastructureRequest.deletions[kind] != nil, let record = cloud[object] else { throw unknown("id", id) }
        let name = record.displayName ?? ""
        guard !record.isOfEveryInstallation else { throw .refused("id", "\(name) is of every installation and stays") }
        guard !cloud.isReferenced(object) else {
            throw .inUse("id", "\(name) can't be deleted while others refer to it")
        }
        try remove(kind, id)
        return []
    }

    /// Zones of an offering, which must be there. An empty list is every zone.
    func zones(_ scope: OfferingScope) throws(RequestError) -> [ObjectID]? {
        for id in scope.zones ?? [] where cloud.zones[id] == nil { throw unknown("zoneid", id) }
        return scope.zones
    }
}

extension Record {
    /// What routers and VPCs are made of when nobody says otherwise cannot be deleted.
    fileprivate var isOfEveryInstallation: Bool {
        switch self {
        case .serviceOffering(let offering): offering.isDefault && offering.isSystem
        case .vpcOffering(let offering): offering.isDefault
        default: false
        }
    }
}
