public import NetworkVocabulary
public import Ruleset

/// The name of a node: the file name of its namespace under `/run/netns`, or the host.
public struct NodeName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The part of the host's own namespace that Sluice owns: bridges and what joins them.
    public static let host = NodeName("(host)")

    /// What of the host's own namespace is asked about packets that carry other hosts' frames: a table and nothing else.
    public static let underlay = NodeName("(underlay)")

    public let text: String
    public init(_ text: String) { self.text = text }

    public var isHost: Bool { self == .host }
    public var isUnderlay: Bool { self == .underlay }
    /// Whether it has no namespace of its own.
    public var isInHostNamespace: Bool { isHost || isUnderlay }
    public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
    public var description: String { text }
}

/// Everything that one node must be: the compiled answer for a virtual router, an emulated guest, the simulated
/// internet or the host's share.
///
/// Rows are kept by their kernel identity and can be replaced one object at a time; whichever way a plan came about,
/// equal content means equal plans.
public struct NodePlan: Sendable {
    public enum Kind: String, Hashable, Sendable { case host, router, guest, internet }

    public let name: NodeName
    public let kind: Kind
    /// The object that the node stands for; it marks the namespace.
    public let owner: Origin
    public private(set) var rows: [RowKey: Row] = [:]
    public internal(set) var table: Table?
    /// What a router serves its guests; it follows from the frame, as the shape of the table does.
    public var services: GuestServices?
    /// Whom it serves, by the id of the NIC.
    public private(set) var served: [ObjectID: ServedNIC] = [:]
    /// Which rows and elements each object asked for.
    private var keysByObject: [Origin: Set<PlanKey>] = [:]

    /// What the elements of the table's counting sets measure. Follows from the shape of the table.
    public var meters: [SetName: Meter] = [:]
    /// Sets whose elements forbid, or narrow, rather than allow. Follows from the shape of the table.
    public var closingSets: Set<SetName> = []
    /// Maps to source addresses that a connection may keep although a new one would be given another: a guest that gets
    /// an address of its own does not lose what it had begun before.
    public var lastingSources: Set<SetName> = []
    /// Sets of public address, protocol, port and the guest's address there: a connection that leads so may go on although
    /// a new one would not be led there, or nowhere.
    public var lastingTargets: Set<SetName> = []
    /// Sets that choose among lasting targets: nobody lives by what is in them.
    public var choosingSets: Set<SetName> = []

    public init(_ name: NodeName, _ kind: Kind, owner: Origin, table: Table? = nil) {
        self.name = name
        self.kind = kind
        self.owner = owner
        self.table = table
    }

    /// Adds one object's share. Two objects asking for the same kernel object is a defect of the planner; it throws
    /// rather than let the last one win.
    public mutating func add(_ contribution: Contribution) throws(PlanError) {
        for row in contribution.rows {
            if let other = rows[row.key] { throw .contested(row.key, row.origin, other.origin) }
            rows[row.key] = row
            keysByObject[row.origin.object, default: []].insert(.row(row.key))
        }
        for branch in contribution.branches {
            if let other = table?.branches[branch.chain.name] {
                throw .contestedChain(branch.chain.name, branch.origin, other.origin ?? owner)
            }
            table?.branches[branch.chain.name] = branch.chain
            keysByObject[branch.origin.object, default: []].insert(.branch(branch.chain.name))
        }
        for placed in contribution.elements {
            if let other = table?.elements[placed.set]?[placed.key] {
                throw .contestedElement(placed.set, placed.element.origin, other.origin)
            }
            table?.elements[placed.set, default: [:]][placed.key] = placed.element
            keysByObject[placed.element.origin.object, default: []].insert(.element(placed.set, placed.key))
        }
        for nic in contribution.served {
            served[nic.id] = nic
            keysByObject[nic.origin.object, default: []].insert(.served(nic.id))
        }
    }

    /// Replaces one object's share by what it asks for now and says what that changes. Nothing outside the object's
    /// own rows is looked at, so the cost is that of the object and not of the plan.
    public mutating func replace(_ object: Origin, with contribution: Contribution) throws(PlanError) -> PlanDelta {
        try replace([object], with: contribution)
    }

    /// The same for several objects at once, which may hand each other what they have.
    public mutating func replace(
        _ objects: [Origin], with contribution: Contribution
    ) throws(PlanError) -> PlanDelta {
        var delta = PlanDelta(node: name)
        for key in objects.flatMap({ keysByObject.removeValue(forKey: $0) ?? [] }) {
            switch key {
            case .row(let key):
                delta.removedRows[key] = rows.removeValue(forKey: key)
            case .element(let set, let key):
                if let element = table?.elements[set]?.removeValue(forKey: key) {
                    delta.removedElements[set, default: [:]][key] = element
                }
            case .branch(let name): delta.removedBranches[name] = table?.branches.removeValue(forKey: name)
            case .served(let id):
                delta.removedServed[id] = served.removeValue(forKey: id)
            }
        }
        try add(contribution)
        for row in contribution.rows { delta.put(row) }
        for branch in contribution.branches { delta.put(branch.chain) }
        for placed in contribution.elements { delta.put(placed) }
        for nic in contribution.served { delta.put(nic) }
        return delta
    }

    /// Follows a change that another copy of this plan went through.
    public mutating func apply(_ delta: PlanDelta) {
        for row in delta.removedRows.values {
            rows[row.key] = nil
            forget(.row(row.key), of: row.origin)
        }
        for (set, elements) in delta.removedElements {
            for (key, element) in elements {
                table?.elements[set]?[key] = nil
                forget(.element(set, key), of: element.origin)
            }
        }
        for chain in delta.removedBranches.values {
            table?.branches[chain.name] = nil
            forget(.branch(chain.name), of: chain.origin ?? owner)
        }
        for chain in delta.addedBranches.values {
            table?.branches[chain.name] = chain
            keysByObject[(chain.origin ?? owner).object, default: []].insert(.branch(chain.name))
        }
        for row in delta.addedRows.values {
            rows[row.key] = row
            keysByObject[row.origin.object, default: []].insert(.row(row.key))
        }
        for (set, elements) in delta.addedElements {
            for (key, element) in elements {
                table?.elements[set, default: [:]][key] = element
                keysByObject[element.origin.object, default: []].insert(.element(set, key))
            }
        }
        for (id, nic) in delta.removedServed {
            served[id] = nil
            forget(.served(id), of: nic.origin)
        }
        for (id, nic) in delta.addedServed {
            served[id] = nic
            keysByObject[nic.origin.object, default: []].insert(.served(id))
        }
    }

    private mutating func forget(_ key: PlanKey, of origin: Origin) {
        keysByObject[origin.object]?.remove(key)
        if keysByObject[origin.object]?.isEmpty == true { keysByObject[origin.object] = nil }
    }

    /// The plan with these elements in its metered sets, and no others there.
    public func metering(_ elements: [SetName: [ElementKey: Element]]) -> NodePlan {
        var plan = self
        for set in meters.keys { plan.table?.elements[set] = elements[set] ?? [:] }
        return plan
    }

    /// The plan with another table.
    public func with(table: Table) -> NodePlan {
        var plan = self
        plan.table = table
        return plan
    }

    /// The plan without some of its rows.
    public func without(_ keys: Set<RowKey>) -> NodePlan {
        var plan = self
        for key in keys { plan.rows[key] = nil }
        return plan
    }

    /// The elements that an object asked for.
    public func elements(of object: Origin) -> [MeteredElement] {
        (keysByObject[object] ?? []).compactMap { key in
            if case .element(let set, let key) = key { MeteredElement(set, key) } else { nil }
        }
    }

    /// The objects that this plan has rows of.
    public var objects: Set<Origin> { Set(keysByObject.keys) }
}

extension NodePlan: Hashable {
    public static func == (a: Self, b: Self) -> Bool {
        a.name == b.name && a.kind == b.kind && a.owner == b.owner && a.rows == b.rows
            && a.table?.withoutEmptySets == b.table?.withoutEmptySets && a.services == b.services
            && a.served == b.served
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(rows)
    }
}

extension Table {
    /// A set that lost its last element equals one that never had any.
    fileprivate var withoutEmptySets: Table {
        var copy = self
        copy.elements = elements.filter { !$0.value.isEmpty }
        return copy
    }
}

/// What one object asks of one node.
public struct Contribution: Sendable {
    public struct PlacedElement: Sendable {
        public let set: SetName
        public let key: ElementKey
        public let element: Element
    }

    /// A chain for an object alone.
    public struct Branch: Sendable {
        public let chain: Chain
        public let origin: Origin
    }

    public var rows: [Row] = []
    public var branches: [Branch] = []
    public var elements: [PlacedElement] = []
    public var served: [ServedNIC] = []

    public init() {}

    public mutating func add(_ content: Row.Content, _ origin: Origin) { rows.append(Row(content, origin: origin)) }

    /// A chain of one rule, to which verdicts of elements lead.
    public mutating func add(_ statements: [Statement], asBranch name: ChainName, _ origin: Origin) {
        branches.append(Branch(chain: Chain(name, rules: [Rule(origin, statements)]), origin: origin))
    }

    public mutating func add(_ key: [Value], _ content: Element.Content = .none, to set: SetName, _ origin: Origin) {
        elements.append(PlacedElement(set: set, key: ElementKey(key), element: Element(content, origin: origin)))
    }
}

/// A row, an element or a branch of a plan.
enum PlanKey: Hashable, Sendable {
    case row(RowKey)
    case element(SetName, ElementKey)
    case branch(ChainName)
    case served(ObjectID)
}

extension Chain {
    /// Of a branch: the object that it is for.
    fileprivate var origin: Origin? { rules.first?.origin }
}

extension NodePlan {
    /// The table that decides which packets of the underlay are opened.
    public static let underlayGuard = (family: TableFamily.inet, name: "sluice")

    /// The table in the host's namespace that guards the ports of guests.
    public static let portGuard = (family: TableFamily.bridge, name: "sluice")
}
