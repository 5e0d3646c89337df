public import CloudModel
public import NetworkVocabulary
public import RouterPlan

/// What an object has counted by one meter since it was made.
public struct MeterTally: Hashable, Sendable {
    /// Never falls, whatever becomes of the elements that count.
    public var total: MeterCount
    /// What the kernel's elements had counted at the last reading, those that were about to go left out.
    public var last: MeterCount
    /// Milliseconds since 1970, by the wall clock, at the reading that found more than the one before.
    public var lastHit: Int64?

    public init(total: MeterCount = MeterCount(), last: MeterCount = MeterCount(), lastHit: Int64? = nil) {
        self.total = total
        self.last = last
        self.lastHit = lastHit
    }

    /// Takes in a reading; returns what came since the last one. Elements that count less than they did were made anew,
    /// and all of what they say is new.
    mutating func take(_ reading: MeterReading, at time: Int64) -> MeterCount {
        let began = reading.count.packets < last.packets || reading.count.bytes < last.bytes
        let gain = began ? reading.count : reading.count.without(last)
        last = reading.count.without(reading.leaving)
        add(gain, at: time)
        return gain
    }

    mutating func add(_ gain: MeterCount, at time: Int64) {
        guard !gain.isZero else { return }
        total = total + gain
        lastHit = time
    }
}

/// One object's counts. Written to the ledger as a whole, so that a total and the reading it rests on never part.
public struct TrafficRecord: Hashable, Sendable {
    public let object: Origin
    public private(set) var tallies: [Meter: MeterTally]

    public init(_ object: Origin, _ tallies: [Meter: MeterTally] = [:]) {
        self.object = object
        self.tallies = tallies
    }

    public subscript(meter: Meter) -> MeterTally {
        get { tallies[meter] ?? MeterTally() }
        set { tallies[meter] = newValue }
    }

    public var lastHit: Int64? { tallies.values.compactMap(\.lastHit).max() }
}

/// What everything has counted, as of one moment. A copy costs nothing.
public struct TrafficTotals: Sendable {
    public internal(set) var records = SortedMap<ObjectID, TrafficRecord>()
    /// When the kernel was last read, in milliseconds since 1970; nil when it was not since the start.
    public internal(set) var measured: Int64?
    /// Milliseconds that members took to answer lately; of those of whom it is known.
    public internal(set) var responseTimes = SortedMap<ObjectID, Int>()

    public init() {}

    /// Nothing was counted of what is not there.
    public subscript(object: ObjectID) -> TrafficCounts {
        records[object].map { TrafficCounts($0) } ?? TrafficCounts()
    }
}

/// What an object has counted, as users are told it.
public struct TrafficCounts: Hashable, Sendable {
    /// Towards guests.
    public var receivedPackets: UInt64 = 0
    public var receivedBytes: UInt64 = 0
    /// From guests.
    public var sentPackets: UInt64 = 0
    public var sentBytes: UInt64 = 0
    /// What a rule decided about.
    public var matchedPackets: UInt64 = 0
    public var matchedBytes: UInt64 = 0
    /// Connections to a member that came to nothing.
    public var failures: UInt64 = 0
    /// What a guest's port did not let through.
    public var refusedPackets: UInt64 = 0
    public var refusedBytes: UInt64 = 0
    /// Milliseconds since 1970; nil for never.
    public var lastHit: Int64?

    init() {}

    fileprivate init(_ record: TrafficRecord) {
        (receivedPackets, receivedBytes) = (record[.received].total.packets, record[.received].total.bytes)
        (sentPackets, sentBytes) = (record[.sent].total.packets, record[.sent].total.bytes)
        (matchedPackets, matchedBytes) = (record[.matched].total.packets, record[.matched].total.bytes)
        failures = record[.failed].total.packets
        (refusedPackets, refusedBytes) = (record[.refused].total.packets, record[.refused].total.bytes)
        lastHit = record.lastHit
    }
}

/// Adds up what the kernel's elements count, over edits of rules, restarts of routers and of the daemon.
///
/// A reading says what the elements of one object count together. They begin at nothing whenever they are made, so a
/// total is the sum of what readings grew by. A network's and an account's totals grow with those of their public
/// addresses, a load balancer rule's with those of its members, at the same moment: who goes takes nothing away.
public struct TrafficBook: Sendable {
    /// Whose traffic an object carries.
    fileprivate enum Place {
        case address(network: ObjectID, account: ObjectID)
        /// A member's load balancer rule.
        case balancer(ObjectID)

        /// Whose totals grow with it.
        var owners: [Origin] {
            switch self {
            case .address(let network, let account):
                [Origin(RecordKind.network.rawValue, network), Origin(RecordKind.account.rawValue, account)]
            case .balancer(let rule): [Origin(RecordKind.loadBalancerRule.rawValue, rule)]
            }
        }
    }

    public private(set) var totals = TrafficTotals()
    /// Objects whose records are not yet as written.
    private(set) var unwritten: Set<ObjectID> = []
    /// Objects whose records are to be forgotten by the ledger too.
    private(set) var dropped: Set<Origin> = []
    /// Something that counted went away: the kernel cannot say it again.
    private(set) var isUrgent = false
    /// Removed objects, whose last readings may be on their way, and how many sweeps they have seen.
    private var leaving: [ObjectID: Int] = [:]
    private var formerPlaces: [ObjectID: Place] = [:]

    public init() {}

    /// Goes on from what was written. What is not in the cloud any more was removed before its record was.
    public init(_ records: [TrafficRecord], _ cloud: Cloud) {
        for record in records {
            totals.records[record.object.id] = record
            if !cloud.holds(record.object) { leaving[record.object.id] = 0 }
        }
    }

    /// Takes in what a node's elements have counted.
    public mutating func take(_ readings: [MeterReading], at time: Int64, in cloud: Cloud) {
        totals.measured = max(time, totals.measured ?? time)
        for reading in readings {
            let id = reading.object.id
            let known = totals.records[id]
            guard known != nil || cloud.holds(reading.object) || leaving[id] != nil else { continue }
            var record = known ?? TrafficRecord(reading.object)
            let before = record[reading.meter]
            let gain = record[reading.meter].take(reading, at: time)
            guard record[reading.meter] != before else { continue }
            put(record)
            if !reading.leaving.isZero { isUrgent = true }
            guard !gain.isZero, let place = place(of: reading.object, in: cloud) else { continue }
            for owner in place.owners {
                var sum = totals.records[owner.id] ?? TrafficRecord(owner)
                sum[reading.meter].add(gain, at: time)
                put(sum)
            }
        }
    }

    /// Takes in how long members of a router took to answer; of those that are not named it is not known.
    mutating func take(responseTimes times: [ObjectID: Int], of members: Set<ObjectID>) {
        for member in members { totals.responseTimes[member] = times[member] }
    }

    /// Notes what a change removes. What it counted last is not read yet.
    mutating func follow(_ changes: [Change], from before: Cloud) {
        for change in changes {
            switch change {
            case .remove(let kind, let id):
                guard kind.isCounted else { continue }
                leaving[id] = 0
                totals.responseTimes[id] = nil
                formerPlaces[id] =
                    before.publicAddresses[id].flatMap(Place.init)
                    ?? before.loadBalancerMembers[id].map { .balancer($0.rule) }
            case .put(.publicAddress(let address)) where address.network == nil:
                formerPlaces[address.id] = before.publicAddresses[address.id].flatMap(Place.init)
                if formerPlaces[address.id] != nil { leaving[address.id] = 0 }
            case .put: continue
            }
        }
    }

    /// Forgets removed objects once their last readings must have come: those that were removed before the sweep before
    /// this one.
    mutating func sweep(_ cloud: Cloud) {
        for (id, sweeps) in leaving {
            if sweeps == 0 {
                leaving[id] = 1
                continue
            }
            leaving[id] = nil
            formerPlaces[id] = nil
            // It may have been put back.
            guard let object = totals.records[id]?.object, !cloud.holds(object) else { continue }
            totals.records[id] = nil
            unwritten.remove(id)
            dropped.insert(object)
        }
    }

    /// What the ledger does not hold yet.
    var changes: [TrafficRecord] { unwritten.sorted().compactMap { totals.records[$0] } }

    mutating func noteWritten() {
        unwritten = []
        dropped = []
        isUrgent = false
    }

    private mutating func put(_ record: TrafficRecord) {
        totals.records[record.object.id] = record
        unwritten.insert(record.object.id)
        dropped.remove(record.object)
    }

    private func place(of object: Origin, in cloud: Cloud) -> Place? {
        switch object.kind {
        case RecordKind.publicAddress.rawValue:
            cloud.publicAddresses[object.id].flatMap(Place.init) ?? formerPlaces[object.id]
        case RecordKind.loadBalancerMember.rawValue:
            cloud.loadBalancerMembers[object.id].map { .balancer($0.rule) } ?? formerPlaces[object.id]
        default: nil
        }
    }
}

extension TrafficBook.Place {
    fileprivate init?(_ address: PublicAddress) {
        guard let network = address.network else { return nil }
        self = .address(network: network, account: address.account)
    }
}

extension RecordKind {
    /// Objects that have a record of what passed.
    fileprivate var isCounted: Bool {
        switch self {
        case .account, .network, .publicAddress, .firewallRule, .egressRule, .portForwarding, .loadBalancerRule,
            .loadBalancerMember, .nic:
            true
        default: false
        }
    }
}

extension Cloud {
    fileprivate func holds(_ object: Origin) -> Bool {
        guard let kind = RecordKind(rawValue: object.kind), kind.isCounted else { return false }
        return self[Reference(kind, object.id)] != nil
    }
}

extension MeterCount {
    public var isZero: Bool { packets == 0 && bytes == 0 }

    /// What is left of it; nothing where the other is more.
    func without(_ other: Self) -> Self {
        Self(
            packets: packets - min(packets, other.packets), bytes: bytes - min(bytes, other.bytes))
    }
}
