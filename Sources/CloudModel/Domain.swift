public import NetworkVocabulary

/// A branch of the tree of tenants. What a domain's administrator may see and do ends at its edge.
public struct Domain: Hashable, Codable, Sendable {
    public let id: ObjectID
    /// Nil for ROOT only.
    public let parent: ObjectID?
    public var name: String
    public var networkDomain: String?
    /// Milliseconds since 1970; 0 where nobody knows.
    public let created: Int64
    /// Limits for everything below the domain; what is absent is not limited.
    public var limits: [ResourceType: Int]

    public init(
        id: ObjectID, parent: ObjectID?, name: String, networkDomain: String? = nil, created: Int64 = 0,
        limits: [ResourceType: Int] = [:]
    ) {
        self.id = id
        self.parent = parent
        self.name = name
        self.networkDomain = networkDomain
        self.created = created
        self.limits = limits
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, parent, name, networkDomain, created, limits
    }
}

extension Domain {
    /// The same in every cloud, so that what was written before there were domains is at home in it.
    public static let root = Domain(id: ObjectID(random: 0x524f_4f54, 1), parent: nil, name: "ROOT")
}

extension Domain: CloudObject {
    static var kind: RecordKind { .domain }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Domain>> { \.domains }
    var record: Record { .domain(self) }

    var references: [Reference] { parent.map { [Reference(.domain, $0)] } ?? [] }

    func claims(in cloud: Cloud) -> [Claim] { [.domainName(parent: parent ?? id, name.lowercased())] }

    func contradiction(in cloud: Cloud, replacing old: Domain?) -> String? {
        if let old, old.parent != parent { return "its parent cannot change" }
        if (parent == nil) != (id == Domain.root.id) { return "only ROOT is without a parent" }
        return nil
    }

    /// Parents first.
    static func records(in cloud: Cloud) -> [Record] {
        cloud.domains(within: root.id).map { .domain($0) }
    }
}

extension Cloud {
    public func domain(named name: String, below parent: ObjectID) -> Domain? {
        claims[.domainName(parent: parent, name.lowercased())].flatMap { domains[$0.id] }
    }

    /// By `ROOT/a/b`, `/a/b` or `a/b`; whatever the case, and with or without slashes at the ends.
    public func domain(path: String) -> Domain? {
        var names = path.split(separator: "/").map(String.init)
        if names.first?.lowercased() == Domain.root.name.lowercased() { names.removeFirst() }
        var domain = domains[Domain.root.id]
        for name in names {
            guard let parent = domain?.id else { return nil }
            domain = self.domain(named: name, below: parent)
        }
        return domain
    }

    /// The domain and those above it, ROOT last.
    public func lineage(ofDomain id: ObjectID) -> [Domain] {
        var line: [Domain] = []
        var next: ObjectID? = id
        while let domain = next.flatMap({ domains[$0] }) {
            line.append(domain)
            next = domain.parent
        }
        return line
    }

    /// `ROOT/a/b`.
    public func path(ofDomain id: ObjectID) -> String {
        lineage(ofDomain: id).reversed().map(\.name).joined(separator: "/")
    }

    public func isDomain(_ id: ObjectID, within ancestor: ObjectID) -> Bool {
        lineage(ofDomain: id).contains { $0.id == ancestor }
    }

    /// The domain and all below it, parents before children.
    public func domains(within id: ObjectID) -> [Domain] {
        var found = domains[id].map { [$0] } ?? []
        var next = 0
        while next < found.count {
            found += referrers(.domain, of: .domain)[found[next].id].compactMap { domains[$0] }
            next += 1
        }
        return found
    }

    public func accounts(inDomain id: ObjectID) -> [Account] {
        referrers(.account, of: .domain)[id].compactMap { accounts[$0] }
    }
}
