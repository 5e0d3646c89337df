import CloudModel
import NetworkVocabulary

/// Tells administrators of pools that are running out before somebody is refused. One alert when a pool passes its
/// threshold, one more when nothing of it is left, and word when it has recovered; what was told before a restart is
/// not told again.
///
/// Looks at the pools that changes touched, and at all of them when settings or pools themselves changed.
struct CapacityWatch {
    enum Stage: Int, Comparable {
        case ordinary, high, exhausted

        static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

        var level: Event.Level {
            switch self {
            case .ordinary: .info
            case .high: .warning
            case .exhausted: .error
            }
        }

        init(_ level: Event.Level) {
            switch level {
            case .info: self = .ordinary
            case .warning: self = .high
            case .error: self = .exhausted
            }
        }
    }

    private var stages: [Reference: Stage] = [:]
    private var touched: Set<Reference> = []
    private var isAllDue = true

    /// - Parameter told: what the ledger remembers, newest first.
    init(_ told: [LedgerEntry]) {
        for event in told.flatMap({ $0.events.reversed() }) {
            guard KnownSetting.capacityThresholds[event.type] != nil, let origin = event.origin,
                let kind = RecordKind(rawValue: origin.kind)
            else { continue }
            let pool = Reference(kind, origin.id)
            if stages[pool] == nil { stages[pool] = Stage(event.level) }
        }
    }

    mutating func follow(_ changes: [Change], from before: Cloud, to after: Cloud) {
        for change in changes {
            for cloud in [before, after] {
                switch change.touchedPools(in: cloud) {
                case .all: isAllDue = true
                case .some(let pools): touched.formUnion(pools)
                }
            }
        }
    }

    /// What there is to tell, once.
    mutating func news(in cloud: Cloud) -> [Event] {
        guard isAllDue || !touched.isEmpty else { return [] }
        let due = isAllDue ? Set(cloud.capacityPools).union(stages.keys) : touched
        isAllDue = false
        touched = []
        return due.sorted().compactMap { tell($0, in: cloud) }
    }

    private mutating func tell(_ object: Reference, in cloud: Cloud) -> Event? {
        guard let pool = CapacityPool(object, in: cloud) else {
            stages[object] = nil
            return nil
        }
        let old = stages[object] ?? .ordinary
        let new = pool.stage(after: old)
        guard new != old else { return nil }
        stages[object] = new
        return Event(
            type: pool.type, level: new.level, origin: Origin(object.kind.rawValue, object.id), text: pool.text(new))
    }
}

/// Something of which there is only so much, and how much of it is given out.
private struct CapacityPool {
    let type: String
    let name: String
    let used: Int
    let total: Int
    let threshold: Double

    /// Nil for what has no pool, and for pools of nothing.
    init?(_ object: Reference, in cloud: Cloud) {
        let zone: ObjectID
        switch cloud[object] {
        case .zone(let value):
            let ranges = cloud.publicRanges.values.filter {
                $0.zone == value.id && $0.dedication == nil && !$0.isForSystem
            }
            (type, zone) = ("ALERT.NETWORK.PUBLICIP", value.id)
            name = "public addresses of zone \(value.name)"
            used = ranges.reduce(0) { $0 + cloud.addressesInUse(inRange: $1.id) }
            total = ranges.reduce(0) { $0 + $1.addresses.count }
        case .publicRange(let range):
            guard range.dedication != nil else { return nil }
            (type, zone) = ("ALERT.NETWORK.PUBLICIP", range.zone)
            name = "public addresses of the dedicated range \(range.addresses)"
            used = cloud.addressesInUse(inRange: range.id)
            total = range.addresses.count
        case .network(let network):
            guard network.guestType == .shared else { return nil }
            let pools = cloud.guestPools(ofNetwork: network)
            (type, zone) = ("ALERT.NETWORK.DIRECTPUBLICIP", network.zone)
            name = "addresses of the shared network \(network.name)"
            used = pools.reduce(0) { $0 + cloud.addressesInUse(inNetwork: network.id, within: $1) }
            total = pools.reduce(0) { $0 + $1.count }
        case .physicalNetwork(let wire):
            (type, zone) = ("ALERT.NETWORK.VLAN", wire.zone)
            name = "\(wire.isolation.rawValue)s of physical network \(wire.name)"
            used = wire.segmentRanges.reduce(0) { $0 + cloud.segmentsInUse(on: wire.id, in: $1) }
            total = wire.segmentRanges.reduce(0) { $0 + Int($1.last - $1.first) + 1 }
        default: return nil
        }
        guard total > 0 else { return nil }
        let setting = KnownSetting.capacityThresholds[type]
        threshold = setting.flatMap { Double(cloud.value(of: $0, for: Reference(.zone, zone))) } ?? 0.75
    }

    /// A pool that goes back and forth over a threshold is told of once: it must come well below it first.
    func stage(after old: CapacityWatch.Stage) -> CapacityWatch.Stage {
        let share = Double(used) / Double(total)
        let reached: CapacityWatch.Stage = used >= total ? .exhausted : share >= threshold ? .high : .ordinary
        if reached >= old { return reached }
        let isRelaxed = share <= 0.95 * (old == .exhausted ? 1 : threshold)
        return isRelaxed ? reached : old
    }

    func text(_ stage: CapacityWatch.Stage) -> String {
        let share = "\(used) of \(total) \(name) are given out"
        switch stage {
        case .ordinary: return "\(share): as many as usual again"
        case .high: return "\(share), which is \(Int(100 * Double(used) / Double(total))) %: they are running out"
        case .exhausted: return "\(share): none is left"
        }
    }
}

extension Cloud {
    /// All that can run out, as the objects that operators would enlarge.
    fileprivate var capacityPools: [Reference] {
        zones.keys.map { Reference(.zone, $0) } + publicRanges.keys.map { Reference(.publicRange, $0) }
            + physicalNetworks.keys.map { Reference(.physicalNetwork, $0) }
            + networks.values.filter { $0.guestType == .shared }.map { Reference(.network, $0.id) }
    }
}

private enum TouchedPools {
    case all
    case some([Reference])
}

extension Change {
    fileprivate func touchedPools(in cloud: Cloud) -> TouchedPools {
        let object: Reference? =
            switch self {
            case .put(let record): record.reference
            case .remove(let kind, let id): Reference(kind, id)
            }
        switch object.flatMap({ cloud[$0] }) {
        case .setting, .physicalNetwork, .publicRange, .guestRange, .zone: return .all
        case .publicAddress(let address):
            let zone = cloud.publicRanges[address.range].map { [Reference(.zone, $0.zone)] } ?? []
            return .some([Reference(.publicRange, address.range)] + zone)
        case .nic(let nic): return .some([Reference(.network, nic.network)])
        case .network(let network):
            return .some([Reference(.network, network.id), Reference(.physicalNetwork, network.physicalNetwork)])
        default: return .some([])
        }
    }
}
