public import NetworkVocabulary

/// Why a table cannot be what it says: found before the kernel is asked.
public enum RulesetError: Error, Hashable, Sendable {
    /// A name that nft would read as something else, or not at all.
    case badName(String)
    case duplicateChain(ChainName)
    /// A branch that the kernel would enter by itself.
    case hookedBranch(ChainName)
    /// A comment that nft cannot hold: longer than 128 bytes, or with characters that end a quotation.
    case badComment(String)
    case unknownChain(ChainName, Origin)
    /// Base chains are entered by hooks only.
    case jumpToBaseChain(ChainName, Origin)
    /// Jumps that lead back to where they began.
    case loop([ChainName])
    case unknownSet(SetName, Origin)
    /// Elements of a set that is not declared.
    case undeclaredElements(SetName)
    /// A declaration that the kernel or nft could not hold.
    case badDeclaration(SetName, reason: String)
    /// An element whose key or content is of another form than its set's declaration.
    case elementMismatch(SetName, ElementKey, Origin)
    /// A prefix or a range in a set that holds single values.
    case needsInterval(SetName, ElementKey, Origin)
    case overlap(SetName, ElementKey, ElementKey)
    /// A field of a header that the rule has not made sure of.
    case unsureHeader(Field, Origin)
    /// A statement that no packet can be judged by, and why.
    case badStatement(String, Origin, reason: String)
}

extension RulesetError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .badName(let name): "\"\(name)\" is no name for nft"
        case .duplicateChain(let name): "two chains are named \(name)"
        case .hookedBranch(let name): "\(name) comes and goes and can have no hook"
        case .badComment(let text): "\"\(text)\" is no comment for nft"
        case .unknownChain(let name, let origin): "there is no chain \(name) [\(origin)]"
        case .jumpToBaseChain(let name, let origin): "\(name) is a base chain and cannot be jumped to [\(origin)]"
        case .loop(let names): "jumps go in a circle: \(names.map(\.text).joined(separator: " → "))"
        case .unknownSet(let name, let origin): "there is no set \(name) [\(origin)]"
        case .undeclaredElements(let name): "there are elements for \(name), which is not declared"
        case .badDeclaration(let name, let reason): "\(name) cannot be declared: \(reason)"
        case .elementMismatch(let name, let key, let origin): "\(key) does not fit \(name) [\(origin)]"
        case .needsInterval(let name, let key, let origin): "\(key) is a range and \(name) holds none [\(origin)]"
        case .overlap(let name, let a, let b): "\(a) and \(b) of \(name) overlap"
        case .unsureHeader(let field, let origin):
            "\(field.syntax(in: .inet)) is read before the rule knows the packet has it [\(origin)]"
        case .badStatement(let text, let origin, let reason): "\(text): \(reason) [\(origin)]"
        }
    }
}
