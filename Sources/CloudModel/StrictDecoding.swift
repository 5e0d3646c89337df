/// A key as it stands in the text.
private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int? = nil

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// The object's fields; one that `Key` does not have is an error.
    public func container<Key: CodingKey & CaseIterable>(
        refusingUnknown keys: Key.Type
    ) throws -> KeyedDecodingContainer<Key> {
        let known = Set(Key.allCases.map(\.stringValue))
        let unknown = try container(keyedBy: AnyKey.self).allKeys.filter { !known.contains($0.stringValue) }
        if let first = unknown.min(by: { $0.stringValue < $1.stringValue }) {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath + [first], debugDescription: "unknown field \"\(first.stringValue)\""))
        }
        return try container(keyedBy: keys)
    }

    func strict<Value: Decodable, Key: CodingKey & CaseIterable>(_: Value.Type, _ keys: Key.Type) throws -> Value {
        _ = try container(refusingUnknown: keys)
        return try Value(from: self)
    }
}

extension KeyedDecodingContainer {
    func decode(kind key: Key) throws -> RecordKind {
        let text = try decode(String.self, forKey: key)
        guard let kind = RecordKind(rawValue: text) else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self, debugDescription: "unknown kind of record \"\(text)\"")
        }
        return kind
    }
}
