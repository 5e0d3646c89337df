public import NetworkVocabulary

extension Cloud {
    /// Takes one step and returns the step back. A change that would break an invariant throws and leaves the model as
    /// it was. The cost does not grow with the model.
    @discardableResult
    public mutating func apply(_ change: Change) throws(ModelError) -> Change {
        switch change {
        case .put(.series(let new)):
            let old = Series(name: new.name, next: next(new.name))
            series[new.name] = new.next <= 1 ? nil : new.next
            return .put(.series(old))
        case .put(let record):
            guard let object = record.object else { throw .series }
            return try put(object, record)
        case .remove(let kind, let id):
            guard let type = kind.type else { throw .series }
            return try remove(type, id)
        }
    }

    /// All the changes of one ledger entry or none of them.
    public mutating func apply(_ changes: [Change], revision: Revision) throws(ModelError) {
        var next = self
        for change in changes { try next.apply(change) }
        next.revision = revision
        self = next
    }

    private mutating func put<Object: CloudObject>(_ new: Object, _ record: Record) throws(ModelError) -> Change {
        let old = self[keyPath: Object.table][new.id]
        try check(new, record, replacing: old)
        if let old { forget(old) }
        self[keyPath: Object.table][new.id] = new
        remember(new)
        return old.map { .put($0.record) } ?? .remove(Object.kind, new.id)
    }

    private mutating func remove<Object: CloudObject>(_: Object.Type, _ id: ObjectID) throws(ModelError) -> Change {
        let object = Reference(Object.kind, id)
        guard let old = self[keyPath: Object.table][id] else { throw .missing(object) }
        if let times = referenceCounts[object] { throw .referenced(object, times: times) }
        guard annotations[object].isEmpty else { throw .referenced(object, times: annotations[object].count) }
        forget(old)
        self[keyPath: Object.table][id] = nil
        return .put(old.record)
    }

    private func check<Object: CloudObject>(
        _ new: Object, _ record: Record, replacing old: Object?
    ) throws(ModelError) {
        for target in new.references where self[target] == nil { throw .dangling(target, in: new.reference) }
        if let why = new.contradiction(in: self, replacing: old) { throw .inconsistent(new.reference, why) }
        for (claim, holder) in allClaims(of: new) {
            if let other = claims[claim], other != holder { throw .taken(claim, by: other) }
        }
        if let other = conflict(of: record) {
            throw .inconsistent(new.reference, "\(other) speaks of the same traffic")
        }
    }

    /// What the object holds alone, and what others hold by it: a guest's name on a network is the guest's, though it is
    /// the NIC that brings it there.
    private func allClaims(of object: some CloudObject) -> [(Claim, Reference)] {
        object.claims(in: self).map { ($0, object.reference) } + object.claimsOfOthers(in: self)
    }
}

// What follows from each object, added when it comes and taken away when it goes.
extension Cloud {
    /// For what a cloud begins with, which needs no checking.
    mutating func add<Object: CloudObject>(_ object: Object) {
        self[keyPath: Object.table][object.id] = object
        remember(object)
    }

    private mutating func remember(_ object: some CloudObject) {
        for target in object.references {
            referenceCounts[target] = (referenceCounts[target] ?? 0) + 1
            relate(.insert, object, to: target)
        }
        for (claim, holder) in allClaims(of: object) { claims[claim] = holder }
        object.index(.insert, in: &self)
        rememberSpots(of: object.record)
    }

    private mutating func relate<Object: CloudObject>(_ edit: IndexEdit, _ object: Object, to target: Reference) {
        let kinship = Kinship(target.kind, Object.kind)
        var referrers = relations[kinship] ?? Referrers()
        referrers.edit(edit, object.id, of: target.id)
        relations[kinship] = referrers.isEmpty ? nil : referrers
    }

    private mutating func forget(_ object: some CloudObject) {
        for target in object.references {
            let count = (referenceCounts[target] ?? 0) - 1
            referenceCounts[target] = count > 0 ? count : nil
            relate(.remove, object, to: target)
        }
        for (claim, _) in allClaims(of: object) { claims[claim] = nil }
        object.index(.remove, in: &self)
        forgetSpots(of: object.record)
    }
}
