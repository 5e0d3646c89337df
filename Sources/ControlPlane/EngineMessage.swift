public import NetworkVocabulary

// What an engine is told, and what it is given to work with.

extension Engine {
    public enum Message: Sendable {
        case request(Request, Caller, dryRun: Bool, @Sendable (SubmissionReport) -> Void)
        case kernel(KernelReport)
        /// Something to remember that is no change of the model.
        case event(Event)
    }

    /// Wall clock and ids, injected so that a run can be repeated.
    public struct Surroundings {
        public var now: () -> Int64
        public var ids: any IDSource
        public init(now: @escaping () -> Int64, ids: any IDSource) {
            self.now = now
            self.ids = ids
        }
    }
}
