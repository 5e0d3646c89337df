import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    /// `archiveEvents` and `deleteEvents`, which differ in what becomes of the events.
    static func marking(_ name: String, _ verb: EventMark.Verb, _ description: String) -> Command {
        .change(
            name, description, isAsync: false,
            [
                Parameter("ids", .list, maxLength: 65_536, "these events"), Parameter("type", "all of this type"),
                Parameter("startdate", .date, "only from then on; with enddate"),
                Parameter("enddate", .date, "only up to then"),
            ]
        ) { call throws(RequestError) in
            var selection = EventSelection()
            selection.ids = try call.markedEvents()
            selection.type = call.arguments.string("type")
            if let type = selection.type, !Event.types.contains(where: { $0.lowercased() == type.lowercased() }) {
                throw .refused("type", "There are no events of type \(APIError.excerpt(type))")
            }
            selection.start = call.arguments.string("startdate").flatMap { Timestamp($0)?.firstMillisecond }
            selection.end = call.arguments.string("enddate").flatMap { Timestamp($0, isEnd: true)?.lastMillisecond }
            return .infrastructure(.markEvents(verb, selection))
        } reply: { _, _ in
            .success
        }
    }
}

extension Call {
    /// All or none: one that is not there, or that the caller may not speak for, spoils the request.
    fileprivate func markedEvents() throws(RequestError) -> [ObjectID] {
        let ids = try arguments.ids("ids")
        guard !ids.isEmpty else { return [] }
        let marks = EventMarks(cloud)
        var missing = Set(ids)
        for entry in api.service.recentEvents(limit: 10_000) {
            guard entry.caller.map({ caller.mayAccess(account: $0, in: cloud) }) ?? caller.isRootAdmin else { continue }
            for event in shownEvents(of: entry, marks) { missing.remove(event.id) }
            if missing.isEmpty { return ids }
        }
        let first = ids.first { missing.contains($0) }
        throw .unknown("ids", id: first?.description ?? "", command)
    }
}
