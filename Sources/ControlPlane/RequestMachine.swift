public import NetworkVocabulary

/// What can be asked of machines, besides deploying, starting, stopping and destroying them.
public enum MachineRequest: Hashable, Sendable {
    /// The guest was told its password.
    case passwordServed(ObjectID)
    /// The guest has said that it keeps its password: it is forgotten here.
    case passwordSaved(ObjectID)

    /// The command as CloudStack's API spells it; our own where CloudStack has none.
    var command: String {
        switch self {
        case .passwordServed: "passwordServed"
        case .passwordSaved: "passwordSaved"
        }
    }

    /// In CloudStack's spelling where it has the event; nil for what is no doing of a user's.
    var eventType: String? {
        switch self {
        case .passwordServed, .passwordSaved: nil
        }
    }
}
