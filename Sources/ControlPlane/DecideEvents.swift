public import CloudModel
public import NetworkVocabulary

/// Which events to put away or to forget. Without ids all of the type and of the time are meant.
public struct EventSelection: Hashable, Sendable {
    public var ids: [ObjectID] = []
    public var type: String?
    /// Milliseconds since 1970.
    public var start: Int64?
    /// Now when absent.
    public var end: Int64?

    public init() {}
}

extension Draft {
    /// What happens after this is not meant, whatever its date. Of others' events only those count that the caller may
    /// speak for, whether he names them or not.
    mutating func mark(_ verb: EventMark.Verb, _ selection: EventSelection) throws(RequestError) -> [Reference] {
        guard !selection.ids.isEmpty || selection.type != nil || selection.end != nil else {
            throw .refused("ids", "either ids, type or enddate must be specified")
        }
        guard selection.start == nil || selection.end != nil else {
            throw .refused("enddate", "enddate must be specified with startdate parameter")
        }
        guard selection.start ?? .min <= selection.end ?? .max else {
            throw .refused("startdate", "startdate must not be after enddate")
        }
        let mark = EventMark(
            id: newID(), verb: verb, reach: caller.eventReach, events: selection.ids, type: selection.type,
            start: selection.start,
            end: selection.ids.isEmpty ? min(selection.end ?? time, time) : selection.end ?? .max,
            through: cloud.revision)
        for old in cloud.eventMarks.values where old.isPointless(beside: mark) { try remove(.eventMark, old.id) }
        try put(.eventMark(mark))
        return []
    }
}

extension Caller {
    fileprivate var eventReach: EventMark.Reach {
        switch type {
        case .rootAdmin: .everybody
        case .domainAdmin: .domain(domain)
        default: .account(account)
        }
    }
}

extension EventMark {
    /// The new mark says all that this one does, or lists no longer reach back to what this one is about.
    fileprivate func isPointless(beside new: EventMark) -> Bool {
        if through.number + UInt64(SharedView.eventLimit) * 2 < new.through.number { return true }
        guard verb == new.verb, reach == new.reach, new.events.isEmpty, new.type == nil || new.type == type else {
            return false
        }
        return new.start ?? .min <= start ?? .min && end <= new.end
    }
}

/// What lists leave out, ready to be asked of many events.
public struct EventMarks: Sendable {
    private let cloud: Cloud
    private var named: [ObjectID: [EventMark]] = [:]
    private var others: [EventMark] = []

    public init(_ cloud: Cloud) {
        self.cloud = cloud
        for mark in cloud.eventMarks.values {
            if mark.events.isEmpty { others.append(mark) }
            for id in mark.events { named[id, default: []].append(mark) }
        }
    }

    /// What became of the event; the stronger of two marks counts.
    public func verb(
        for event: ObjectID, _ type: String, at time: Int64, revision: Revision, caller: ObjectID?
    ) -> EventMark.Verb? {
        var found: EventMark.Verb?
        for mark in (named[event] ?? []) + others {
            guard revision <= mark.through, time <= mark.end, mark.start.map({ $0 <= time }) ?? true,
                mark.type.map({ $0.lowercased() == type.lowercased() }) ?? true, covers(mark.reach, caller)
            else { continue }
            if mark.verb == .deleted { return .deleted }
            found = .archived
        }
        return found
    }

    private func covers(_ reach: EventMark.Reach, _ caller: ObjectID?) -> Bool {
        switch reach {
        case .everybody: true
        case .account(let account): caller == account
        case .domain(let domain):
            caller.flatMap { cloud.accounts[$0] }.map { cloud.isDomain($0.domain, within: domain) } ?? false
        }
    }
}
