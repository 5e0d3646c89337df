public import NetworkVocabulary

/// A word about an object that its users attach to it.
public struct Tag: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let object: Annotated
    public let key: String
    public var value: String
    public var customer: String?

    /// An object has each key once, so that the tag's id follows from both.
    public init(_ object: Reference, key: String, value: String, customer: String? = nil) {
        self.object = Annotated(object)
        id = Tag.id(self.object, key)
        self.key = key
        self.value = value
        self.customer = customer
    }

    static func id(_ object: Annotated, _ key: String) -> ObjectID {
        ObjectID(wellKnown: "tag \(key) of \(object.kind.rawValue) \(object.id)")
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, object, key, value, customer
    }
}

extension Tag: CloudObject {
    static var kind: RecordKind { .tag }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Tag>> { \.tags }
    var record: Record { .tag(self) }

    func contradiction(in cloud: Cloud, replacing old: Tag?) -> String? {
        if id != Tag.id(object, key) { return "its id is not that of its object and key" }
        return cloud[object.reference] == nil ? "what it is about is not there" : nil
    }

    func index(_ edit: IndexEdit, in cloud: inout Cloud) {
        cloud.annotations.edit(edit, reference, of: object.reference)
    }
}

/// What its users may attach tags to.
public protocol Taggable: Sendable {
    var reference: Reference { get }
}

extension Zone: Taggable { public var reference: Reference { Reference(.zone, id) } }
extension Network: Taggable { public var reference: Reference { Reference(.network, id) } }
extension PublicAddress: Taggable { public var reference: Reference { Reference(.publicAddress, id) } }
extension Guest: Taggable { public var reference: Reference { Reference(.guest, id) } }
extension NIC: Taggable { public var reference: Reference { Reference(.nic, id) } }
extension Project: Taggable {
    public var reference: Reference { Reference(.project, id) }
}
extension Template: Taggable { public var reference: Reference { Reference(.template, id) } }
extension FirewallRule: Taggable { public var reference: Reference { Reference(.firewallRule, id) } }
extension EgressRule: Taggable { public var reference: Reference { Reference(.egressRule, id) } }
extension PortForwarding: Taggable { public var reference: Reference { Reference(.portForwarding, id) } }
extension LoadBalancerRule: Taggable { public var reference: Reference { Reference(.loadBalancerRule, id) } }

extension Cloud {
    /// What is attached to the object, which goes with it.
    public func annotations(of object: Reference) -> [Reference] { Array(annotations[object]) }

    /// In the order of their keys.
    public func tags(of object: Reference) -> [Tag] {
        annotations[object].compactMap { $0.kind == .tag ? tags[$0.id] : nil }.sorted { $0.key < $1.key }
    }

    public func tag(_ key: String, of object: Reference) -> Tag? { tags[Tag.id(Annotated(object), key)] }
}
