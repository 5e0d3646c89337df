public import NetworkVocabulary

/// A value that somebody gave a setting, for the whole installation or for one object. Settings that nobody touched have
/// no record.
public struct Setting: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let name: String
    public var value: String
    /// The zone, account, … that it is for; nil for everything.
    public let scope: Annotated?

    /// A scope has each setting once, so that its id follows from both.
    public init(name: String, scope: Annotated?, value: String) {
        id = Setting.id(name, scope)
        self.name = name
        self.scope = scope
        self.value = value
    }

    static func id(_ name: String, _ scope: Annotated?) -> ObjectID {
        ObjectID(wellKnown: "setting \(name) of \(scope.map { "\($0.kind.rawValue) \($0.id)" } ?? "all")")
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, value, scope
    }
}

/// The object that a tag or a setting is about. It is no reference: such things go with the object and keep nothing from
/// going.
public struct Annotated: Hashable, Codable, Sendable {
    public let kind: RecordKind
    public let id: ObjectID

    public init(_ object: Reference) {
        kind = object.kind
        id = object.id
    }

    public var reference: Reference { Reference(kind, id) }

    private enum CodingKeys: String, CodingKey, CaseIterable { case kind, id }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        kind = try container.decode(kind: .kind)
        id = try container.decode(ObjectID.self, forKey: .id)
    }
}

extension Setting: CloudObject {
    static var kind: RecordKind { .setting }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Setting>> { \.settings }
    var record: Record { .setting(self) }

    func contradiction(in cloud: Cloud, replacing old: Setting?) -> String? {
        if id != Setting.id(name, scope) { return "its id is not that of its name and scope" }
        return scope.flatMap { cloud[$0.reference] == nil ? "what it is for is not there" : nil }
    }

    func index(_ edit: IndexEdit, in cloud: inout Cloud) {
        if let scope { cloud.annotations.edit(edit, reference, of: scope.reference) }
    }
}

extension Cloud {
    /// The value that the setting was given for the scope itself, wider scopes apart.
    public func setting(_ name: String, of scope: Reference? = nil) -> String? {
        settings[Setting.id(name, scope.map { Annotated($0) })]?.value
    }

    /// The value that holds for the scope: its own, or the whole installation's. Nil where neither was given one.
    public func settingInForce(_ name: String, for scope: Reference?) -> String? {
        scope.flatMap { setting(name, of: $0) } ?? setting(name)
    }
}
