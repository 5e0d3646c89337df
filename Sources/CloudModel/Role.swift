public import NetworkVocabulary

/// Which commands somebody may use. The four built-in roles need no rules: the commands say whom they are for. Others have
/// rules, of which the first that matches decides, and allow nothing beyond what their type could.
public struct Role: Hashable, Codable, Sendable {
    public enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
        case rootAdmin = "Admin"
        case resourceAdmin = "ResourceAdmin"
        case domainAdmin = "DomainAdmin"
        case user = "User"
    }

    /// A line of a role: a command's name, in which `*` stands for anything.
    public struct Permission: Hashable, Codable, Sendable {
        public let id: ObjectID
        public let rule: String
        public var isAllowed: Bool
        public let description: String?

        public init(id: ObjectID, rule: String, isAllowed: Bool, description: String? = nil) {
            self.id = id
            self.rule = rule
            self.isAllowed = isAllowed
            self.description = description
        }

        enum CodingKeys: String, CodingKey, CaseIterable {
            case id, rule, isAllowed, description
        }
    }

    public let id: ObjectID
    public var name: String
    public var type: Kind
    public var description: String?
    public var isPublic: Bool
    /// In the order in which they are asked.
    public var permissions: [Permission]

    public init(
        id: ObjectID, name: String, type: Kind, description: String? = nil, isPublic: Bool = true,
        permissions: [Permission] = []
    ) {
        self.id = id
        self.name = name
        self.type = type
        self.description = description
        self.isPublic = isPublic
        self.permissions = permissions
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, type, description, isPublic, permissions
    }
}

extension Role {
    /// The same in every cloud, in the order of CloudStack's internal numbers, by which clients may name them: 1 to 4.
    public static let builtIn: [Role] = zip(
        1...,
        [
            (Kind.rootAdmin, "Root Admin"), (.resourceAdmin, "Resource Admin"), (.domainAdmin, "Domain Admin"),
            (.user, "User"),
        ]
    ).map { number, role in
        Role(
            id: ObjectID(random: 0x524f_4c45, UInt64(number)), name: role.1, type: role.0,
            description: "Default \(role.1.lowercased()) role")
    }

    public var isBuiltIn: Bool { Role.builtIn.contains { $0.id == id } }

    public static func builtIn(_ type: Kind) -> Role { builtIn[Kind.allCases.firstIndex(of: type) ?? 3] }

    /// A project's account has no powers of its own.
    public static func builtIn(for type: Account.Kind) -> Role {
        switch type {
        case .rootAdmin: builtIn(.rootAdmin)
        case .resourceAdmin: builtIn(.resourceAdmin)
        case .domainAdmin: builtIn(.domainAdmin)
        case .user, .project: builtIn(.user)
        }
    }

    /// What the rules say of a command; nil where none matches.
    public func verdict(on command: String) -> Bool? {
        permissions.first { $0.matches(command) }?.isAllowed
    }
}

extension Role.Permission {
    /// Whatever the case, as CloudStack compares.
    func matches(_ command: String) -> Bool {
        let pieces = rule.lowercased().split(separator: "*", omittingEmptySubsequences: false)
        var rest = Substring(command.lowercased())
        guard pieces.count > 1 else { return rest == rule.lowercased() }
        guard rest.hasPrefix(pieces[0]) else { return false }
        rest.removeFirst(pieces[0].count)
        for piece in pieces[1...].dropLast() where !piece.isEmpty {
            guard let found = rest.firstRange(of: piece) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.hasSuffix(pieces[pieces.count - 1])
    }
}

extension Role: CloudObject {
    static var kind: RecordKind { .role }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Role>> { \.roles }
    var record: Record { .role(self) }

    func claims(in cloud: Cloud) -> [Claim] {
        [.roleName(name.lowercased())] + permissions.map { .rolePermission($0.id) }
    }

    func contradiction(in cloud: Cloud, replacing old: Role?) -> String? {
        if let old, old.type != type, cloud.isReferenced(reference) { return "its type cannot change while it is used" }
        if isBuiltIn, old.map({ $0 != self }) ?? false { return "a built-in role cannot change" }
        return nil
    }
}

extension Cloud {
    public func role(named name: String) -> Role? { claims[.roleName(name.lowercased())].flatMap { roles[$0.id] } }

    /// The role that has the rule.
    public func role(withPermission id: ObjectID) -> Role? {
        claims[.rolePermission(id)].flatMap { roles[$0.id] }
    }
}
