public import NetworkVocabulary

/// The family a table belongs to.
public enum TableFamily: String, Hashable, Sendable {
    case inet, bridge
}

/// One rule with the API object behind it; the origin travels in the kernel's rule comment.
public struct Rule: Hashable, Sendable {
    public var origin: Origin
    public var statements: [Statement]

    public init(_ origin: Origin, _ statements: [Statement]) {
        self.origin = origin
        self.statements = statements
    }
}

/// Where the kernel calls a base chain.
public struct Hook: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable { case filter, nat, route }
    public enum Point: String, Hashable, Sendable { case prerouting, input, forward, output, postrouting }
    public enum Policy: String, Hashable, Sendable { case accept, drop }

    public let kind: Kind
    public let point: Point
    public let priority: Int32
    public let policy: Policy

    public init(_ kind: Kind, _ point: Point, priority: Int32, policy: Policy) {
        self.kind = kind
        self.point = point
        self.priority = priority
        self.policy = policy
    }
}

/// A chain: static in shape, rebuilt whole when one of its rules changes.
public struct Chain: Hashable, Sendable {
    public let name: ChainName
    public let hook: Hook?
    public var rules: [Rule]

    public init(_ name: ChainName, hook: Hook? = nil, rules: [Rule] = []) {
        self.name = name
        self.hook = hook
        self.rules = rules
    }
}

/// A named set, map or verdict map.
public struct SetDeclaration: Hashable, Sendable {
    public enum Yield: Hashable, Sendable {
        case membership
        case values([DataType])
        case verdict
    }

    public let name: SetName
    public let key: [DataType]
    public let yield: Yield
    /// Keys may be ranges and prefixes.
    public let isInterval: Bool
    /// Every element counts the packets and bytes that matched it.
    public let countsElements: Bool
    /// Every element has a rate of its own; beyond it the element is as if it were not there.
    public let limit: RateLimit?
    public let origin: Origin

    public init(
        _ name: SetName, key: [DataType], yield: Yield = .membership, isInterval: Bool = false,
        countsElements: Bool = false, limit: RateLimit? = nil, origin: Origin
    ) {
        self.name = name
        self.key = key
        self.yield = yield
        self.isInterval = isInterval
        self.countsElements = countsElements
        self.limit = limit
        self.origin = origin
    }
}

/// The key of an element: one value for each component of the set's key.
public struct ElementKey: Hashable, Comparable, Sendable {
    public let values: [Value]
    public init(_ values: [Value]) { self.values = values }
    public static func < (a: Self, b: Self) -> Bool { a.values.lexicographicallyPrecedes(b.values) }
}

/// What an element holds beside its key.
public struct Element: Hashable, Sendable {
    public enum Content: Hashable, Sendable {
        case none
        case values([Value])
        case verdict(Verdict)
    }

    public let content: Content
    public let origin: Origin

    public init(_ content: Content = .none, origin: Origin) {
        self.content = content
        self.origin = origin
    }
}

/// A whole table as a value: what the planner wants, or what the kernel holds.
public struct Table: Hashable, Sendable {
    public let family: TableFamily
    public let name: String
    /// Whose table it is: written as the table's comment, compared when the table is read back.
    public var comment: String?
    /// In the order of their declaration; names are unique.
    public var chains: [Chain]
    /// Chains without hooks that come and go with the objects that they are for, as elements do; verdicts of elements lead
    /// to them. None has the name of one in `chains`.
    public var branches: [ChainName: Chain]
    public var sets: [SetName: SetDeclaration]
    public var elements: [SetName: [ElementKey: Element]]

    public init(_ family: TableFamily, _ name: String, comment: String? = nil) {
        self.family = family
        self.name = name
        self.comment = comment
        chains = []
        branches = [:]
        sets = [:]
        elements = [:]
    }

    /// Those that are always there, and the branches by name.
    public var allChains: [Chain] { chains + branches.values.sorted { $0.name < $1.name } }
}
