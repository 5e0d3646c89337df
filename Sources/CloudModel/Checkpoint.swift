public import NetworkVocabulary

extension Cloud {
    /// Every record, what others refer to first, in an order that depends on nothing but the model.
    public func checkpoint() -> [Record] {
        var records: [Record] = series.map { .series(Series(name: $0.key, next: $0.value)) }
        for type in RecordKind.allCases.compactMap(\.type) { records += type.records(in: self) }
        return records
    }

    /// How many records a checkpoint has, series apart.
    public var objectCount: Int {
        RecordKind.allCases.compactMap(\.type).reduce(0) { $0 + $1.count(in: self) }
    }

    /// The model that the records of a checkpoint make.
    public init(checkpoint records: [Record], revision: Revision) throws(ModelError) {
        self.init()
        for record in records { try apply(.put(record)) }
        self.revision = revision
    }
}
