import ControlPlane
import NetworkVocabulary
import Synchronization

/// The asynchronous jobs of this run of the daemon. Bounded: the oldest finished ones make room.
final class Jobs: Sendable {
    struct Job: Sendable {
        enum State: Sendable {
            case pending
            case done
            case failed(APIError)
        }

        let id: ObjectID
        let command: String
        let caller: Caller
        let created: Int64
        var completed: Int64?
        var state: State
        /// What the synchronous reply would hold.
        var result: APIObject
        var object: (kind: String, id: ObjectID)?
    }

    private struct Table {
        var jobs: [ObjectID: Job] = [:]
        /// In the order of creation; ids of discarded jobs may linger.
        var order: [ObjectID] = []
        var first = 0
    }

    private let table = Mutex(Table())
    let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    /// A place for a job, or false when all places are taken by jobs that are not finished.
    func begin(_ id: ObjectID, command: String, caller: Caller, at time: Int64) -> Bool {
        table.withLock { table in
            if table.jobs.count >= capacity {
                // Finished jobs are near the front; a job that takes long is passed over.
                guard
                    let oldest = table.order[table.first...].firstIndex(where: { id in
                        guard let job = table.jobs[id] else { return true }
                        if case .pending = job.state { return false }
                        return true
                    })
                else { return false }
                table.jobs[table.order[oldest]] = nil
                table.order.swapAt(oldest, table.first)
                table.first += 1
                if table.jobs.count >= capacity { return false }
            }
            if table.first > capacity {
                table.order.removeFirst(table.first)
                table.first = 0
            }
            table.order.append(id)
            table.jobs[id] = Job(
                id: id, command: command, caller: caller, created: time, state: .pending, result: [:])
            return true
        }
    }

    /// The job is known by its lasting name from now on.
    func rename(_ id: ObjectID, to new: ObjectID) {
        table.withLock { table in
            guard new != id, let job = table.jobs.removeValue(forKey: id) else { return }
            table.jobs[new] = job.renamed(new)
            if let place = table.order.lastIndex(of: id) { table.order[place] = new }
        }
    }

    /// The request was refused: its answer was an error, and nobody knows the job.
    func discard(_ id: ObjectID) {
        table.withLock { table in
            table.jobs[id] = nil
            if table.order.last == id { table.order.removeLast() }
        }
    }

    func update(_ id: ObjectID, _ body: (inout Job) -> Void) {
        table.withLock { table in
            guard var job = table.jobs[id] else { return }
            body(&job)
            table.jobs[id] = job
        }
    }

    /// Newest first.
    var all: [Job] {
        table.withLock { table in table.order[table.first...].reversed().compactMap { table.jobs[$0] } }
    }

    subscript(id: ObjectID) -> Job? { table.withLock { $0.jobs[id] } }

    var count: Int { table.withLock { $0.jobs.count } }
}

extension Jobs.Job {
    fileprivate func renamed(_ id: ObjectID) -> Self {
        Self(
            id: id, command: command, caller: caller, created: created, completed: completed, state: state,
            result: result, object: object)
    }

    func rendered() -> APIObject {
        var reply: APIObject = [
            "accountid": .text(caller.account), "userid": .text(caller.user), "cmd": .string(command),
            "created": .text(Timestamp(milliseconds: created)),
            "jobid": .text(id),
        ]
        reply["completed"] = completed.map { .text(Timestamp(milliseconds: $0)) }
        if let object {
            reply["jobinstancetype"] = .string(object.kind)
            reply["jobinstanceid"] = .text(object.id)
        }
        reply["jobprocstatus"] = 0
        switch state {
        case .pending:
            reply["jobstatus"] = 0
            reply["jobresultcode"] = 0
        case .done:
            reply["jobstatus"] = 1
            reply["jobresultcode"] = 0
            reply["jobresulttype"] = "object"
            reply["jobresult"] = .object(result)
        case .failed(let error):
            reply["jobstatus"] = 2
            reply["jobresultcode"] = .number(error.status)
            reply["jobresulttype"] = "object"
            reply["jobresult"] = .object([
                "errorcode": .number(error.status), "errortext": .string(error.text),
            ])
        }
        return reply
    }
}
