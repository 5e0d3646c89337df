import NetworkVocabulary

/// A table as the kernel holds it, read back in the same terms that `Table` is lowered to.
///
/// Comments stay text: what others put into our table need not carry an origin.
public struct KernelTable: Hashable, Sendable {
    public var family: TableFamily
    public var name: String
    public var comment: String?
    /// In the kernel's order.
    public var chains: [KernelChain]
    public var sets: [SetName: KernelSet]

    public init(
        _ family: TableFamily, _ name: String, comment: String? = nil, chains: [KernelChain] = [],
        sets: [SetName: KernelSet] = [:]
    ) {
        self.family = family
        self.name = name
        self.comment = comment
        self.chains = chains
        self.sets = sets
    }
}

/// A chain that was read back.
public struct KernelChain: Hashable, Sendable {
    public enum Attachment: Hashable, Sendable {
        case regular
        case base(Hook)
        /// A hook that chains of ours never have.
        case foreign(String)
    }

    public var name: ChainName
    public var attachment: Attachment
    public var rules: [KernelRule]

    public init(_ name: ChainName, _ attachment: Attachment, rules: [KernelRule] = []) {
        self.name = name
        self.attachment = attachment
        self.rules = rules
    }
}

/// A rule that was read back, without its handle and its counters' values.
public struct KernelRule: Hashable, Sendable {
    public var comment: String?
    public var expressions: [Expression]

    public init(comment: String?, _ expressions: [Expression]) {
        self.comment = comment
        self.expressions = expressions
    }
}

/// A named set that was read back.
public struct KernelSet: Hashable, Sendable {
    /// Type and flags as a declaration has them; nil for sets that we would never declare.
    public struct Shape: Hashable, Sendable {
        public var key: [DataType]
        public var yield: SetDeclaration.Yield
        public var isInterval: Bool
        public var countsElements: Bool
        public var limit: RateLimit?

        public init(
            key: [DataType], yield: SetDeclaration.Yield, isInterval: Bool, countsElements: Bool,
            limit: RateLimit? = nil
        ) {
            self.limit = limit
            self.key = key
            self.yield = yield
            self.isInterval = isInterval
            self.countsElements = countsElements
        }
    }

    public struct Entry: Hashable, Sendable {
        public var content: Element.Content
        public var comment: String?

        public init(_ content: Element.Content, comment: String?) {
            self.content = content
            self.comment = comment
        }
    }

    public var shape: Shape?
    public var comment: String?
    /// Under normal keys.
    public var elements: [ElementKey: Entry]
    /// Elements that could not be read as values of the set's type.
    public var unreadable: Int

    public init(
        _ shape: Shape?, comment: String?, elements: [ElementKey: Entry] = [:], unreadable: Int = 0
    ) {
        self.shape = shape
        self.comment = comment
        self.elements = elements
        self.unreadable = unreadable
    }
}

/// Packets and bytes that an element or a rule has matched.
public struct Counters: Hashable, Sendable {
    public var packets: UInt64
    public var bytes: UInt64

    public init(packets: UInt64, bytes: UInt64) {
        self.packets = packets
        self.bytes = bytes
    }
}

extension SetDeclaration {
    public var shape: KernelSet.Shape {
        KernelSet.Shape(
            key: key, yield: yield, isInterval: isInterval, countsElements: countsElements, limit: limit)
    }
}

extension Chain {
    /// Its rules as the kernel holds them.
    public func inKernel(_ family: TableFamily) -> [KernelRule] {
        rules.map { KernelRule(comment: $0.origin.description, $0.expressions(in: family)) }
    }
}

extension Table {
    /// What the kernel holds when it holds exactly this table.
    public var inKernel: KernelTable {
        var table = KernelTable(family, name, comment: comment)
        table.chains = allChains.map { chain in
            KernelChain(chain.name, chain.hook.map { .base($0) } ?? .regular, rules: chain.inKernel(family))
        }
        for (name, declaration) in sets {
            var set = KernelSet(declaration.shape, comment: declaration.origin.description)
            for (key, element) in elements[name] ?? [:] {
                set.elements[key.normal] = KernelSet.Entry(element.content, comment: element.origin.description)
            }
            table.sets[name] = set
        }
        return table
    }
}
