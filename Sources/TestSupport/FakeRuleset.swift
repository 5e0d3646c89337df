public import Ruleset

/// nftables in memory, with its rules: a transaction happens whole or not at all, nothing is added twice, nothing is
/// removed that is not there or still needed.
public struct FakeRuleset: Hashable, Sendable {
    /// Which step was refused, and why.
    public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        public enum Reason: Hashable, Sendable {
            case notFound, alreadyExists, busy, invalid, stale
        }

        /// The step's position; nil for the transaction as a whole.
        public let operation: Int?
        public let reason: Reason
        public let text: String

        public var description: String { "\(text): \(reason)" }
    }

    private struct Place: Hashable, Sendable {
        let family: TableFamily
        let name: String
    }

    private var tables: [Place: Table] = [:]
    public private(set) var generation: UInt32 = 1

    public init() {}

    /// The table as it is now, its elements under normal keys.
    public func table(_ family: TableFamily, _ name: String) -> Table? { tables[Place(family: family, name: name)] }

    /// Takes all steps or none.
    public mutating func commit(_ transaction: Transaction, expectedGeneration: UInt32? = nil) throws(Refusal) {
        if let expectedGeneration, expectedGeneration != generation {
            throw Refusal(operation: nil, reason: .stale, text: "commit")
        }
        var copy = self
        for (index, operation) in transaction.operations.enumerated() {
            do throws(Failure) {
                try copy.apply(operation, Place(family: transaction.family, name: transaction.table))
            } catch {
                let text = operation.syntax(transaction.family, transaction.table)
                throw Refusal(operation: index, reason: error.reason, text: text)
            }
        }
        copy.generation += transaction.isEmpty ? 0 : 1
        self = copy
    }

    /// The same without the effect.
    public func validate(_ transaction: Transaction) throws(Refusal) {
        var copy = self
        try copy.commit(transaction)
    }

    private struct Failure: Error { let reason: Refusal.Reason }

    private mutating func apply(_ operation: Ruleset.Operation, _ place: Place) throws(Failure) {
        if case .addTable(let comment) = operation {
            if tables[place] == nil { tables[place] = Table(place.family, place.name, comment: comment) }
            return
        }
        guard var table = tables[place] else { throw Failure(reason: .notFound) }
        if case .deleteTable = operation {
            tables[place] = nil
            return
        }
        tables[place] = nil
        try Self.apply(operation, &table)
        tables[place] = table
    }

    private static func apply(_ operation: Ruleset.Operation, _ table: inout Table) throws(Failure) {
        func chain(_ name: ChainName) throws(Failure) -> Int {
            guard let index = table.chains.firstIndex(where: { $0.name == name }) else {
                throw Failure(reason: .notFound)
            }
            return index
        }
        switch operation {
        case .addTable, .deleteTable: break
        case .addChain(let name, let hook):
            if let there = table.chains.first(where: { $0.name == name }) {
                guard there.hook == hook else { throw Failure(reason: .invalid) }
                return
            }
            table.chains.append(Chain(name, hook: hook))
        case .flushChain(let name): table.chains[try chain(name)].rules = []
        case .deleteChain(let name):
            let index = try chain(name)
            table.chains.remove(at: index)
            guard !table.refers(to: name) else { throw Failure(reason: .busy) }
        case .addRule(let name, let rule):
            let index = try chain(name)
            for set in rule.sets where table.sets[set] == nil { throw Failure(reason: .notFound) }
            for case .verdict(let verdict) in rule.statements {
                if let target = verdict.target { _ = try chain(target) }
            }
            table.chains[index].rules.append(rule)
        case .addSet(let declaration):
            guard table.sets[declaration.name] == nil else { throw Failure(reason: .alreadyExists) }
            table.sets[declaration.name] = declaration
        case .deleteSet(let name):
            guard table.sets[name] != nil else { throw Failure(reason: .notFound) }
            guard !table.chains.contains(where: { $0.rules.contains { $0.sets.contains(name) } }) else {
                throw Failure(reason: .busy)
            }
            table.sets[name] = nil
            table.elements[name] = nil
        case .addElements(let set, let elements):
            guard let there = table.sets[set.name] else { throw Failure(reason: .notFound) }
            guard there.shape == set.shape else { throw Failure(reason: .invalid) }
            for item in elements {
                let key = item.key.normal
                guard table.elements[set.name]?[key] == nil else { throw Failure(reason: .alreadyExists) }
                if case .verdict(let verdict) = item.element.content, let target = verdict.target {
                    _ = try chain(target)
                }
                table.elements[set.name, default: [:]][key] = item.element
            }
        case .deleteElements(let set, let keys):
            guard table.sets[set.name] != nil else { throw Failure(reason: .notFound) }
            for key in keys {
                guard table.elements[set.name]?.removeValue(forKey: key.normal) != nil else {
                    throw Failure(reason: .notFound)
                }
            }
            if table.elements[set.name]?.isEmpty == true { table.elements[set.name] = nil }
        }
    }
}

extension Table {
    fileprivate func refers(to chain: ChainName) -> Bool {
        chains.contains { $0.rules.contains { $0.statements.contains { $0.target == chain } } }
            || elements.values.contains {
                $0.values.contains {
                    if case .verdict(let verdict) = $0.content { verdict.target == chain } else { false }
                }
            }
    }

    /// The table in the form in which two equal ones are equal: keys in normal form, chains by name, no empty lists.
    public var comparable: Table {
        var table = self
        table.chains = allChains.sorted { $0.name < $1.name }
        table.branches = [:]
        table.elements = [:]
        for (name, elements) in elements where !elements.isEmpty {
            table.elements[name] = Dictionary(elements.map { ($0.key.normal, $0.value) }) { $1 }
        }
        return table
    }
}

extension Verdict {
    fileprivate var target: ChainName? {
        switch self {
        case .jump(let name), .goto(let name): name
        default: nil
        }
    }
}

extension Statement {
    fileprivate var target: ChainName? {
        if case .verdict(let verdict) = self { verdict.target } else { nil }
    }
}
