import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let events: [Command] = [
        .list(
            "listEvents", "Lists what happened, newest first",
            [
                Parameter("type", "only events of this type"), Parameter("level", "only INFO, WARN or ERROR"),
                Parameter("resourceid", .uuid, "only about this object"),
                Parameter("startdate", .date, "only from then on"),
                Parameter("enddate", .date, "only up to then"),
            ] + .scope
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let scope = try call.scope()
            let start = arguments.string("startdate").flatMap { Timestamp($0) }
            let end = arguments.string("enddate").flatMap { Timestamp($0) }
            let resource = arguments.id("resourceid")
            var found: [(entry: LedgerEntry, event: Event)] = []
            for entry in call.api.service.recentEvents(limit: 10_000) {
                let time = Timestamp(milliseconds: entry.time)
                // What the system did by itself is for the administrator who asks for everything.
                guard scope.contains(entry.caller), start.map({ $0 <= time }) ?? true,
                    end.map({ time <= $0 }) ?? true
                else { continue }
                for event in entry.events.reversed()
                where arguments.string("type").map({ $0.lowercased() == event.type.lowercased() }) ?? true
                    && arguments.string("level").map({ $0.lowercased() == event.level.rawValue.lowercased() }) ?? true
                    && (resource == nil || event.origin?.id == resource) && call.matches(event.text)
                {
                    found.append((entry, event))
                }
            }
            return try call.page("event", found) { entry, event in
                let object: APIObject = [
                    "type": .string(event.type), "level": .string(event.level.rawValue),
                    "description": .string(event.text), "created": .text(Timestamp(milliseconds: entry.time)),
                    "state": "Completed", "resourceid": .text(event.origin?.id),
                    "resourcetype": .text(event.origin?.kind),
                    "revision": .number(entry.revision.number),
                ]
                return object.owned(by: entry.caller, in: call.cloud)
            }
        }
    ]
}
