import CloudModel

/// Decisions that wait for their common append, and the model that they lead to.
struct EngineBatch {
    struct Item {
        let caller: Caller?
        let command: String
        let decision: Decision
        let before: Cloud
        let after: Cloud
        let inverse: [Change]?
        let event: Event?
        let report: (@Sendable (SubmissionReport) -> Void)?
    }

    var cloud: Cloud
    var items: [Item] = []
    var events: [Event] = []
}
