/// What a reply is made of, before it is JSON or XML. Objects keep the order in which they were filled.
public indirect enum APIValue: Sendable, Hashable {
    case string(String)
    case integer(Int64)
    case boolean(Bool)
    case array([APIValue])
    case object(APIObject)
}

extension APIValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral {
    public init(stringLiteral text: String) { self = .string(text) }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }

    /// The text of an id, an address or anything else that has one.
    public static func text(_ value: some CustomStringConvertible) -> APIValue { .string(value.description) }

    public static func text(_ value: (some CustomStringConvertible)?) -> APIValue? {
        value.map { .string($0.description) }
    }

    public static func number(_ value: some BinaryInteger) -> APIValue { .integer(Int64(clamping: value)) }
}

/// Fields of a reply. A field without a value is absent: clients take `null` for something else.
public struct APIObject: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    public private(set) var fields: [(key: String, value: APIValue)] = []

    public init() {}

    /// A literal has each of its keys once: nothing is looked for.
    public init(dictionaryLiteral elements: (String, APIValue?)...) {
        fields.reserveCapacity(elements.count)
        for case (let key, let value?) in elements { fields.append((key, value)) }
        assert(Set(fields.map(\.key)).count == fields.count, "a key twice in \(fields.map(\.key))")
    }

    public subscript(key: String) -> APIValue? {
        get { fields.first { $0.key == key }?.value }
        set {
            let index = fields.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): fields[index].value = value
            case (let index?, nil): fields.remove(at: index)
            case (nil, let value?): fields.append((key, value))
            case (nil, nil): break
            }
        }
    }

    public static func == (a: Self, b: Self) -> Bool {
        a.fields.count == b.fields.count
            && zip(a.fields, b.fields).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }

    public func hash(into hasher: inout Hasher) {
        for field in fields {
            hasher.combine(field.key)
            hasher.combine(field.value)
        }
    }
}
