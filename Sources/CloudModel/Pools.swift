import NetworkVocabulary

// What pools have given out, as objects come and go.

extension SortedMap where Key == ObjectID, Value == NumberSet {
    mutating func edit(_ edit: IndexEdit, _ number: UInt32, in pool: ObjectID) {
        var numbers = self[pool] ?? NumberSet()
        switch edit {
        case .insert: numbers.insert(number)
        case .remove: numbers.remove(number)
        }
        self[pool] = numbers.isEmpty ? nil : numbers
    }
}

extension Relation {
    mutating func edit(_ edit: IndexEdit, _ member: Member, of owner: Owner) {
        switch edit {
        case .insert: insert(member, of: owner)
        case .remove: remove(member, of: owner)
        }
    }
}

extension Cloud {
    /// Counts a port on the bridge of a public range or of a guest network.
    mutating func edit(_ edit: IndexEdit, _ attachment: Attachment, range: ObjectID?, network: ObjectID) {
        guard let bridge = range.map({ publicRanges[$0]?.bridge }) ?? .network(network) else { return }
        var shards = portsInUse[bridge] ?? ShardCounts()
        switch edit {
        case .insert: shards.add(attachment.shard)
        case .remove: shards.remove(attachment.shard)
        }
        portsInUse[bridge] = shards.isEmpty ? nil : shards
    }
}
