/// Why a change cannot follow the model it is applied to. Decide never lets these happen to a request; they guard the
/// model against a damaged ledger and against decide itself.
public enum ModelError: Error, Hashable, Sendable {
    /// The object to remove is not there.
    case missing(Reference)
    /// It refers to something that is not there.
    case dangling(Reference, in: Reference)
    /// Something refers to it.
    case referenced(Reference, times: Int)
    /// What it claims is held by another object.
    case taken(Claim, by: Reference)
    /// The object contradicts itself or what it refers to.
    case inconsistent(Reference, String)
    /// Series are not objects and cannot be removed.
    case series
}

extension ModelError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing(let object): "there is no \(object)"
        case .dangling(let target, let object): "\(object) refers to a missing \(target)"
        case .referenced(let object, let times): "\(object) is referred to \(times) times"
        case .taken(let claim, let holder): "\(claim) is held by \(holder)"
        case .inconsistent(let object, let why): "\(object): \(why)"
        case .series: "a series cannot be removed"
        }
    }
}
