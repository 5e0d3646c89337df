import Testing

/// What became of calls to a daemon that may be killed at any moment.
struct Tally {
    private(set) var acknowledged = 0
    private(set) var unanswered = 0
    /// Acknowledged, and killed before the kernel had it.
    private(set) var unfinished = 0

    /// Makes a call. The answer with the job's number is the promise that the change lasts, whether or not there is
    /// somebody left to say that the job is done.
    mutating func make(
        _ command: String, _ parameters: [String: String], _ daemon: DaemonUnderTest
    ) throws -> Bool {
        guard let answer = try? daemon.call(command, parameters) else {
            unanswered += 1
            return false
        }
        let job = try #require(answer.content["jobid"] as? String, "\(command) \(parameters): \(answer)")
        acknowledged += 1
        while let state = try? daemon.call("queryAsyncJobResult", ["jobid": job]) {
            guard let word = state.content["jobstatus"] as? Int, word != 0 else { continue }
            #expect(word == 1, "\(state)")
            return true
        }
        unfinished += 1
        return true
    }
}
