import CloudModel
import ControlPlane
import NetworkVocabulary

extension Call {
    /// A job of an earlier run of the daemon. Its change is in the ledger, so it is done: what the kernel had refused would
    /// have been taken back, and what it had not got to yet was done when the daemon came back. As long as its event is at
    /// hand.
    func earlierJob(_ id: ObjectID) -> Jobs.Job? {
        let entry = api.service.recentEvents(limit: 10_000).first {
            ObjectID(of: $0.revision, in: view.installation, part: 0) == id
        }
        guard let entry, let account = entry.caller, let command = api.command(named: entry.command), command.isAsync,
            case .change(_, let render) = command.action
        else { return nil }
        let origin = entry.events.lazy.compactMap(\.origin).first
        let object = origin.flatMap { origin in
            RecordKind(rawValue: origin.kind).map { Reference($0, origin.id) }.flatMap { cloud[$0] == nil ? nil : $0 }
        }
        let owner = cloud.accounts[account]
        let asked = Caller(
            account: account, domain: owner?.domain ?? Domain.root.id, type: owner?.type ?? .user, role: owner?.role)
        let result = render(
            Call(arguments: Arguments(nothingOf: command), caller: asked, view: view, api: api),
            Outcome(reply: Reply(object.map { [$0] } ?? []), changes: [], cloud: cloud))
        return Jobs.Job(
            id: id, command: command.name, caller: asked, created: entry.time, completed: entry.time, state: .done,
            result: result.fields.isEmpty ? .success : result, object: object.map { ($0.kind.rawValue, $0.id) })
    }
}
