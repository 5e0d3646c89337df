public import CloudModel
public import NetworkVocabulary

/// What a request comes to in this cloud, for this caller, at this time (milliseconds since 1970): the changes and the
/// reply, or why not. Touches nothing; the same arguments give the same decision.
public func decide(
    _ request: Request, caller: Caller, in cloud: Cloud, at time: Int64, ids: inout some IDSource
) throws(RequestError) -> Decision {
    var draft = Draft(request.command, caller, cloud, time, ids)
    defer { ids = draft.ids }
    let objects = try draft.take(request)
    return Decision(
        changes: try draft.finish(), reply: Reply(objects, secret: draft.secret), drains: draft.drains,
        examined: draft.examined)
}

/// A decision in the making: the cloud as it will be, and the changes that lead there. Each step sees those before it.
struct Draft<IDs: IDSource> {
    /// The command that errors name; a cloud file takes many.
    var command: String
    let caller: Caller
    /// Milliseconds since 1970, for what is dated.
    let time: Int64
    private(set) var cloud: Cloud
    /// Whether connections that go on without their rule may finish.
    var drains = false
    /// Networks of which everything in the kernel is to be looked at again.
    var examined: Set<ObjectID> = []
    /// What only the caller is told.
    var secret: Secret?
    fileprivate(set) var ids: IDs
    private var changes: [Change] = []
    private let before: Cloud

    init(_ command: String, _ caller: Caller, _ cloud: Cloud, _ time: Int64, _ ids: IDs) {
        self.command = command
        self.caller = caller
        self.time = time
        self.cloud = cloud
        self.before = cloud
        self.ids = ids
    }

    /// What is as it should be already is no change.
    mutating func put(_ record: Record) throws(RequestError) {
        if let object = record.reference, cloud[object] == record { return }
        try step(.put(record))
    }

    /// What is attached to the object goes before it.
    mutating func remove(_ kind: RecordKind, _ id: ObjectID) throws(RequestError) {
        for note in cloud.annotations(of: Reference(kind, id)) { try step(.remove(note.kind, note.id)) }
        try step(.remove(kind, id))
    }

    private mutating func step(_ change: Change) throws(RequestError) {
        do throws(ModelError) {
            try cloud.apply(change)
        } catch {
            throw .model(error)
        }
        changes.append(change)
    }

    mutating func newID() -> ObjectID { ids.next() }

    /// The next number of a series. Series are written once a decision, however many numbers were taken.
    mutating func number(_ name: Series.Name) throws(RequestError) -> UInt64 {
        let number = cloud.next(name)
        do throws(ModelError) {
            try cloud.apply(.put(.series(Series(name: name, next: number + 1))))
        } catch {
            throw .model(error)
        }
        return number
    }

    /// One that nobody has, chosen ones among them.
    mutating func newMAC() throws(RequestError) -> MACAddress {
        var mac = MACAddress(locallyAdministered: try number(.mac))
        while cloud.claims[.mac(mac)] != nil { mac = MACAddress(locallyAdministered: try number(.mac)) }
        return mac
    }

    func finish() throws(RequestError) -> [Change] {
        let series = Series.Name.allCases.filter { before.next($0) != cloud.next($0) }
        return changes + series.map { .put(.series(Series(name: $0, next: cloud.next($0)))) }
    }
}

extension Draft {
    /// Takes the steps of a request and returns the objects to answer with.
    mutating func take(_ request: Request) throws(RequestError) -> [Reference] {
        command = request.command
        switch request {
        case .bootstrap: return try bootstrap()
        case .createAccount(let request): return try createAccount(request)
        case .deleteAccount(let id): return try deleteAccount(id)
        case .identity(let request): return try take(request)
        case .createZone(let request): return try createZone(request)
        case .updateZone(let request): return try updateZone(request)
        case .deleteZone(let id): return try deleteZone(id)
        case .createPhysicalNetwork(let request): return try createPhysicalNetwork(request)
        case .updatePhysicalNetwork(let request): return try updatePhysicalNetwork(request)
        case .deletePhysicalNetwork(let id): return try deletePhysicalNetwork(id)
        case .createPublicRange(let request): return try createPublicRange(request)
        case .updatePublicRange(let request): return try updatePublicRange(request)
        case .deletePublicRange(let id): return try deletePublicRange(id)
        case .createNetworkOffering(let request): return try createNetworkOffering(request)
        case .updateNetworkOffering(let request): return try updateNetworkOffering(request)
        case .deleteNetworkOffering(let id): return try deleteNetworkOffering(id)
        case .createNetwork(let request): return try createNetwork(request)
        case .updateNetwork(let request): return try updateNetwork(request)
        case .deleteNetwork(let id): return try deleteNetwork(id)
        case .acquirePublicAddress(let request): return try acquirePublicAddress(request)
        case .releasePublicAddress(let id): return try releasePublicAddress(id)
        case .startRouter(let id): return try setRouter(id, running: true)
        case .stopRouter(let id): return try setRouter(id, running: false)
        case .deployGuest(let request): return try deployGuest(request)
        case .startGuest(let id): return try startGuest(id)
        case .stopGuest(let id): return try stopGuest(id)
        case .destroyGuest(let id, let expunges): return try destroyGuest(id, expunges: expunges)
        case .machine(let request): return try take(request)
        case .createFirewallRule(let request): return try createFirewallRule(request)
        case .updateFirewallRule(let request): return try updateFirewallRule(request)
        case .deleteFirewallRule(let request): return try deleteFirewallRule(request)
        case .createEgressRule(let request): return try createEgressRule(request)
        case .updateEgressRule(let request): return try updateEgressRule(request)
        case .deleteEgressRule(let request): return try deleteEgressRule(request)
        case .createPortForwarding(let request): return try createPortForwarding(request)
        case .updatePortForwarding(let request): return try updatePortForwarding(request)
        case .deletePortForwarding(let request): return try deletePortForwarding(request)
        case .balancing(let request): return try balance(request)
        case .enableStaticNAT(let request): return try enableStaticNAT(request)
        case .disableStaticNAT(let request): return try disableStaticNAT(request)
        case .addSecondaryAddress(let request): return try addSecondaryAddress(request)
        case .removeSecondaryAddress(let request): return try removeSecondaryAddress(request)
        case .networking(let request): return try take(request)
        case .applyCloud(let request): return try applyCloud(request)
        case .infrastructure(let request): return try take(request)
        }
    }
}
