public import NetworkVocabulary
public import Ruleset

/// Two objects that ask for one and the same thing of the kernel. The model should have refused the second.
public enum PlanError: Error, Hashable, Sendable {
    case contested(RowKey, Origin, Origin)
    case contestedElement(SetName, Origin, Origin)
    case contestedChain(ChainName, Origin, Origin)
}

extension PlanError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .contested(let key, let one, let other): "\(one) and \(other) both ask for \(key)"
        case .contestedChain(let name, let one, let other): "\(one) and \(other) both ask for the chain \(name)"
        case .contestedElement(let set, let one, let other): "\(one) and \(other) both ask for one element of \(set)"
        }
    }
}

extension RowKey: CustomStringConvertible {
    public var description: String {
        switch self {
        case .sysctl(let path): "sysctl \(path)"
        case .link(let name): "link \(name)"
        case .shaper(let link): "shaper dev \(link)"
        case .address(let link, let address): "address \(address) dev \(link)"
        case .neighbour(let link, let address): "neighbour \(address) dev \(link)"
        case .route(let table, let destination): "route \(destination) table \(table)"
        case .policyRule(let family, let priority): "rule \(priority) \(family.rawValue)"
        }
    }
}
