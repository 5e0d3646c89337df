public import NetworkVocabulary

/// An element with its key.
public struct KeyedElement: Hashable, Sendable {
    public let key: ElementKey
    public let element: Element

    public init(_ key: ElementKey, _ element: Element) {
        self.key = key
        self.element = element
    }
}

/// One step of a transaction.
///
/// Elements of one set travel together: thousands of them are one operation and few messages.
public enum Operation: Hashable, Sendable {
    case addTable(comment: String?)
    case deleteTable
    case addChain(ChainName, Hook?)
    /// Removes the chain's rules, not the chain.
    case flushChain(ChainName)
    case deleteChain(ChainName)
    /// At the end of its chain.
    case addRule(ChainName, Rule)
    case addSet(SetDeclaration)
    case deleteSet(SetName)
    case addElements(SetDeclaration, [KeyedElement])
    case deleteElements(SetDeclaration, [ElementKey])

    /// The API object behind the step, where there is one. Elements have their own origins besides their set's.
    public var origin: Origin? {
        switch self {
        case .addTable, .deleteTable, .addChain, .flushChain, .deleteChain, .deleteSet: nil
        case .addRule(_, let rule): rule.origin
        case .addSet(let set): set.origin
        case .addElements(let set, let elements): elements.count == 1 ? elements[0].element.origin : set.origin
        case .deleteElements(let set, _): set.origin
        }
    }

    /// The step as a command in nft syntax.
    public func syntax(_ family: TableFamily, _ table: String) -> String {
        let place = "\(family.rawValue) \(table)"
        switch self {
        case .addTable(let comment):
            return "add table \(place)" + (comment.map { " { comment \"\($0)\"; }" } ?? "")
        case .deleteTable: return "delete table \(place)"
        case .addChain(let name, let hook):
            return "add chain \(place) \(name)" + (hook.map { " { \($0) }" } ?? "")
        case .flushChain(let name): return "flush chain \(place) \(name)"
        case .deleteChain(let name): return "delete chain \(place) \(name)"
        case .addRule(let chain, let rule): return "add rule \(place) \(chain) \(rule.syntax(in: family))"
        case .addSet(let set):
            return "add \(set.keyword) \(place) \(set.name) { \(set.lines.joined(separator: " ")) }"
        case .deleteSet(let name): return "delete set \(place) \(name)"
        case .addElements(let set, let elements):
            let list = elements.map { $0.element.syntax($0.key) }.joined(separator: ", ")
            return "add element \(place) \(set.name) { \(list) }"
        case .deleteElements(let set, let keys):
            return "delete element \(place) \(set.name) { \(keys.map(\.description).joined(separator: ", ")) }"
        }
    }
}

/// Steps that the kernel takes all or none, between two packets: a value that prints itself as the nft script of the
/// same meaning.
public struct Transaction: Hashable, Sendable {
    public let family: TableFamily
    public let table: String
    public var operations: [Operation]

    public init(_ family: TableFamily, _ table: String, _ operations: [Operation] = []) {
        self.family = family
        self.table = table
        self.operations = operations
    }

    public var isEmpty: Bool { operations.isEmpty }

    /// The table as wanted, whatever is there now. Adding before deleting is how nftables spells "delete if it is
    /// there". Counters start at zero and everything that others put into the table is gone.
    public static func replacingEverything(with table: Table) -> Transaction {
        var transaction = Transaction(table.family, table.name, [.addTable(comment: nil), .deleteTable])
        transaction.operations += RulesetDelta.Creation(table: table).operations
        return transaction
    }

    /// Takes the table away, whether or not it is there.
    public static func removingTable(_ family: TableFamily, _ name: String) -> Transaction {
        Transaction(family, name, [.addTable(comment: nil), .deleteTable])
    }
}

extension Transaction: CustomStringConvertible {
    /// One command a line.
    public var description: String { operations.map { $0.syntax(family, table) + "\n" }.joined() }
}
