public import NetworkVocabulary
public import Ruleset

/// What the counter of a set's element says about the object that is the element's origin.
public enum Meter: String, Hashable, Comparable, Sendable, CaseIterable {
    /// Packets and bytes towards guests.
    case received
    /// Packets and bytes from guests.
    case sent
    /// Packets and bytes that the rule decided about: the first ones of connections, or what it stopped.
    case matched
    /// Connections that came to nothing: the member refused them, or broke them off.
    case failed
    /// Frames that a guest's port did not let through, either way.
    case refused

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

public struct MeterCount: Hashable, Sendable {
    public var packets: UInt64
    public var bytes: UInt64

    public init(packets: UInt64 = 0, bytes: UInt64 = 0) {
        self.packets = packets
        self.bytes = bytes
    }

    public static func + (a: Self, b: Self) -> Self {
        Self(packets: a.packets &+ b.packets, bytes: a.bytes &+ b.bytes)
    }
}

/// An element that counts.
public struct MeteredElement: Hashable, Sendable {
    public let set: SetName
    public let key: ElementKey

    public init(_ set: SetName, _ key: ElementKey) {
        self.set = set
        self.key = key
    }
}

/// What the elements of one object have counted together since they were made.
public struct MeterReading: Hashable, Sendable {
    public let object: Origin
    public let meter: Meter
    public let count: MeterCount
    /// The part of it whose elements go away now, so that the next reading is without it.
    public let leaving: MeterCount

    public init(_ object: Origin, _ meter: Meter, _ count: MeterCount, leaving: MeterCount = MeterCount()) {
        self.object = object
        self.meter = meter
        self.count = count
        self.leaving = leaving
    }
}

extension NodePlan {
    /// The counting elements.
    public var meteredElements: [MeteredElement] {
        meters.keys.flatMap { set in (table?.elements[set] ?? [:]).keys.map { MeteredElement(set, $0) } }
    }

    /// The counting elements of these objects.
    public func meteredElements(of objects: Set<Origin>) -> [MeteredElement] {
        objects.flatMap { object in
            elements(of: object).filter { meters[$0.set] != nil }
        }
    }

    /// Counts summed up by object. `lost` are elements about to go, which the plan may be without already.
    public func readings(
        _ counts: [MeteredElement: MeterCount], losing lost: [SetName: [ElementKey: Element]] = [:]
    ) -> [MeterReading] {
        struct Sum {
            var count = MeterCount()
            var leaving = MeterCount()
        }
        struct Place: Hashable {
            let object: Origin
            let meter: Meter
        }
        var sums: [Place: Sum] = [:]
        for (element, count) in counts {
            let goes = lost[element.set]?[element.key]
            guard let meter = meters[element.set],
                let object = (goes ?? table?.elements[element.set]?[element.key])?.origin.object
            else { continue }
            let place = Place(object: object, meter: meter)
            sums[place, default: Sum()].count = (sums[place]?.count ?? MeterCount()) + count
            if goes != nil { sums[place, default: Sum()].leaving = (sums[place]?.leaving ?? MeterCount()) + count }
        }
        return sums.map { MeterReading($0.object, $0.meter, $1.count, leaving: $1.leaving) }
            .sorted { ($0.object, $0.meter) < ($1.object, $1.meter) }
    }
}
