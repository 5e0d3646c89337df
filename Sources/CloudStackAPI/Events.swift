import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let events: [Command] = [
        .list(
            "listEvents", "Lists what happened, newest first",
            [
                Parameter("id", .uuid, related: "listEvents", "only this event"),
                Parameter("type", "only events of this type"), Parameter("level", "only INFO, WARN or ERROR"),
                Parameter("state", "only Scheduled, Started or Completed"),
                Parameter("resourceid", .uuid, "only about this object"),
                Parameter("resourcetype", "only about objects of this kind"),
                Parameter("startid", .uuid, related: "listEvents", "only this event and those that followed from it"),
                Parameter("startdate", .date, "only from then on"),
                Parameter("enddate", .date, "only up to then"),
                Parameter("archived", .boolean, "those that were archived instead of the others"),
            ] + .scope, unsupported: ["duration", "entrytime"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let scope = try call.scope()
            let start = arguments.string("startdate").flatMap { Timestamp($0) }
            let end = arguments.string("enddate").flatMap { Timestamp($0, isEnd: true) }
            let words = ["type", "level", "state", "resourcetype"].compactMap { name in
                arguments.string(name).map { (name, $0.lowercased()) }
            }
            let isArchived = arguments.boolean("archived") ?? false
            let marks = EventMarks(call.cloud)
            var found: [ShownEvent] = []
            for entry in call.api.service.recentEvents(limit: 10_000) {
                // What the system did by itself is for the administrator who asks for everything.
                guard scope.contains(entry.caller) else { continue }
                found += call.shownEvents(of: entry, marks).filter { event in
                    let time = Timestamp(milliseconds: event.time)
                    return event.isArchived == isArchived && words.allSatisfy { event.word($0)?.lowercased() == $1 }
                        && start.map { $0 <= time } ?? true && end.map { time <= $0 } ?? true
                        && call.matches(event.text)
                }
            }
            if let resource = arguments.id("resourceid") { found = found.filter { $0.origin?.id == resource } }
            if let id = arguments.id("id") { found = found.filter { $0.id == id } }
            if let id = arguments.id("startid") { found = found.filter { $0.id == id || $0.parent == id } }
            return try call.page("event", found) { $0.rendered(in: call.cloud) }
        },
        .read("listEventTypes", "Lists the types of events that there can be") { _ throws(RequestError) in
            [
                "count": .number(Event.types.count),
                "eventtype": .array(Event.types.map { .object(["name": .string($0)]) }),
            ]
        },
        .marking("archiveEvents", .archived, "Puts events away: they are listed with archived=true only"),
        .marking("deleteEvents", .deleted, "Takes events out of all lists; the ledger keeps them for its time"),
        .list(
            "listAlerts", "Lists what the administrator should know, newest first",
            [
                Parameter("id", .uuid, related: "listAlerts", "only this alert"),
                Parameter("name", "only alerts of this name"), Parameter("type", "only alerts of this type"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let type = call.arguments.string("type")?.lowercased()
            let id = call.arguments.id("id")
            let marks = EventMarks(call.cloud)
            var found: [ShownEvent] = []
            for entry in call.api.service.recentEvents(limit: 10_000) where entry.caller == nil {
                found += call.shownEvents(of: entry, marks).filter { event in
                    event.level != .info && (id == nil || event.id == id) && call.matches(event.type)
                        && (type == nil || event.type.lowercased() == type)
                }
            }
            return try call.page("alert", found) { event in
                [
                    "id": .text(event.id), "name": .string(event.type), "type": .string(event.type),
                    "description": .string(event.text), "sent": .text(Timestamp(milliseconds: event.time)),
                ]
            }
        },
    ]
}

/// An event as it is listed: what a request of an asynchronous command did is three of them, of which the first is the
/// others' parent.
struct ShownEvent {
    enum State: String, CaseIterable {
        case scheduled = "Scheduled"
        case started = "Started"
        case completed = "Completed"
    }

    let id: ObjectID
    let parent: ObjectID?
    let type: String
    let level: Event.Level
    let state: State
    let text: String
    let time: Int64
    let origin: Origin?
    let caller: ObjectID?
    let revision: Revision
    let isArchived: Bool

    func word(_ name: String) -> String? {
        switch name {
        case "type": type
        case "level": level.rawValue
        case "state": state.rawValue
        default: origin?.kind
        }
    }

    func rendered(in cloud: Cloud) -> APIObject {
        let object: APIObject = [
            "id": .text(id), "parentid": .text(parent), "type": .string(type), "level": .string(level.rawValue),
            "description": .string(text), "created": .text(Timestamp(milliseconds: time)),
            "state": .string(state.rawValue), "resourceid": .text(origin?.id), "resourcetype": .text(origin?.kind),
            "resourcename": .text(
                origin.flatMap { origin in
                    RecordKind(rawValue: origin.kind).flatMap { cloud[Reference($0, origin.id)]?.displayName }
                }),
            "username": .text(
                caller.flatMap { cloud.users(ofAccount: $0).first?.name } ?? (caller == nil ? "system" : nil)),
            "archived": .boolean(isArchived), "revision": .number(revision.number),
        ]
        return object.owned(by: caller, in: cloud)
    }
}

extension Call {
    /// Newest first, without those that were deleted.
    func shownEvents(of entry: LedgerEntry, _ marks: EventMarks) -> [ShownEvent] {
        var all: [ShownEvent] = []
        for (index, event) in entry.events.enumerated() {
            let isAsync = entry.caller != nil && api.isAsync(entry.command)
            let id = { (state: ShownEvent.State) in
                ObjectID(of: entry.revision, in: view.installation, part: index * 3 + state.place + 1)
            }
            let job = api.jobs[ObjectID(of: entry.revision, in: view.installation, part: 0)]
            for state in isAsync ? ShownEvent.State.allCases : [.completed] {
                var (text, level) = (event.text, event.level)
                if state == .completed, let job {
                    if case .pending = job.state { continue }
                    if case .failed(let error) = job.state { (text, level) = ("\(text): \(error.text)", .error) }
                }
                let time = state == .completed ? job?.completed ?? entry.time : entry.time
                let verb = marks.verb(
                    for: id(state), event.type, at: time, revision: entry.revision, caller: entry.caller)
                guard verb != .deleted else { continue }
                all.append(
                    ShownEvent(
                        id: id(state), parent: isAsync && state != .scheduled ? id(.scheduled) : nil, type: event.type,
                        level: level, state: state, text: text, time: time, origin: event.origin,
                        caller: entry.caller, revision: entry.revision, isArchived: verb == .archived))
            }
        }
        return all.reversed()
    }
}

extension ShownEvent.State {
    fileprivate var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension ObjectID {
    /// What belongs to an entry of the ledger has an id that follows from it: the same after a restart, and of no other
    /// installation. Part 0 is the entry's job, the others are its events.
    init(of entry: Revision, in installation: ObjectID, part: Int) {
        // SplitMix64's mixing: neighbours have nothing in common.
        func mixed(_ value: UInt64) -> UInt64 {
            var z = value &+ 0x9e37_79b9_7f4a_7c15
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        let seed = mixed(installation.high ^ mixed(entry.number))
        self.init(
            random: mixed(seed ^ UInt64(truncatingIfNeeded: part)),
            mixed(seed ^ installation.low ^ ~UInt64(truncatingIfNeeded: part)))
    }
}
