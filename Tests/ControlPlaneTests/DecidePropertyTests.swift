import CloudModel
import ControlPlane
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

/// Who holds what, kept from the changes alone and knowing nothing of the model's indexes.
private struct Holdings {
    private var holders: [String: ObjectID] = [:]
    private var holdings: [ObjectID: Set<String>] = [:]
    /// Numbers and MACs that were ever given; none is given twice, unless somebody chose it.
    private var spent: Set<String> = []
    private(set) var faults: [String] = []
    private static let holdingNothing: Set<RecordKind> = [
        .account, .zone, .physicalNetwork, .publicRange, .networkOffering, .guestRange, .vlanDedication,
    ]
    private var wires: [ObjectID: ObjectID] = [:]

    var isEmpty: Bool { holders.isEmpty }

    mutating func follow(_ change: Change) {
        switch change {
        case .put(.network(let value)):
            hold(value.id, (value.ownSegment ?? value.segment).map { ["segment \(value.physicalNetwork) \($0)"] } ?? [])
        case .put(.publicAddress(let value)): hold(value.id, ["public \(value.range) \(value.address)"])
        case .put(.router(let value)):
            hold(
                value.id,
                ["machine \(value.number)"]
                    + (value.guestAddress.map { ["guest address \(value.network) \($0)"] } ?? [])
                    + ([value.guestLeg] + value.publicLegs.map(\.attachment)).map { "mac \($0.mac)" })
        case .put(.guest(let value)): hold(value.id, ["machine \(value.number)"])
        case .put(.nic(let value)):
            hold(
                value.id,
                value.addresses.map { "guest address \(value.network) \($0)" } + ["mac \(value.attachment.mac)"])
        case .put(.firewallRule(let value)): hold(value.id, ["rule \(value.number)"])
        case .put(.egressRule(let value)): hold(value.id, ["rule \(value.number)"])
        case .put(.portForwarding(let value)):
            hold(
                value.id,
                (value.publicPorts.first...value.publicPorts.last).map {
                    "port \(value.publicAddress) \(value.transport) \($0)"
                })
        case .put(.internalAddress(let value)): hold(value.id, ["guest address \(value.network) \(value.address)"])
        case .put(.loadBalancerRule(let value)):
            let place = value.publicAddress ?? value.internalAddress ?? value.id
            hold(
                value.id,
                [
                    "rule \(value.number)",
                    "port \(place) \(value.transport == .udp ? "udp" : "tcp") \(value.publicPort)",
                ])
        case .put(.loadBalancerMember(let value)):
            hold(value.id, ["rule \(value.number)", "member \(value.rule) \(value.guestAddress)"])
        case .put: break
        case .remove(let kind, let id):
            if holdings[id] == nil, !Self.holdingNothing.contains(kind) {
                faults.append("\(kind) \(id) removed though not there")
            }
            hold(id, [])
            holdings[id] = nil
        }
    }

    private mutating func hold(_ id: ObjectID, _ wanted: [String]) {
        let before = holdings[id] ?? []
        for item in before where !wanted.contains(item) {
            if holders.removeValue(forKey: item) != id {
                faults.append("\(item) released by \(id), which did not hold it")
            }
        }
        for item in wanted where !before.contains(item) {
            if let other = holders.updateValue(id, forKey: item) {
                faults.append("\(item) given to \(id) and to \(other)")
            }
            if item.hasPrefix("mac 02:") || item.hasPrefix("machine") || item.hasPrefix("rule"),
                !spent.insert(item).inserted
            {
                faults.append("\(item) given a second time")
            }
        }
        holdings[id] = Set(wanted)
    }
}

struct DecidePropertyTests {
    @Test(arguments: [1, 2, 3] as [UInt64], [false, true])
    func `any sequence of requests leaves a whole cloud that the log and checkpoints give again`(
        seed: UInt64, withRules: Bool
    )
        throws
    {
        var fixture = try DecideFixture(seed: seed)
        var requests = RandomRequests(seed: seed, withRules: withRules)
        var holdings = Holdings()
        var accepted = 0
        var refused: [RequestError.Code: Int] = [:]
        var made: [RecordKind: Int] = [:]
        var checkpoint: (records: [Record], taken: Int)?
        for step in 0..<1_500 {
            let request = requests.next(in: fixture.cloud)
            let before = fixture.cloud
            let expected = Result { try fixture.decided(request) }
            #expect(fixture.cloud == before)
            do {
                let decision = try fixture.take(request)
                accepted += 1
                #expect(try expected.get() == decision)
                for change in decision.changes { holdings.follow(change) }
                count(request, in: &made)
                try expectWayBack(from: fixture.cloud, to: before, decision.changes)
            } catch let error as RequestError {
                refused[error.code, default: 0] += 1
                #expect(error.code != .internal, "\(request): \(error)")
                #expect(error.parameter != nil, "\(request): \(error)")
            }
            let violations = fixture.cloud.violations()
            guard violations == [], holdings.faults == [] else {
                Issue.record("step \(step), \(request): \(violations) \(holdings.faults)")
                return
            }
            if step == 600 { checkpoint = (fixture.cloud.checkpoint(), fixture.log.count) }
        }
        // The sequence is worth something only when both happen a lot.
        #expect(accepted > 200)
        #expect(refused[.parameter, default: 0] > 50)
        if withRules {
            #expect(refused[.conflict, default: 0] > 0)
            #expect(made.count > 6 && made.values.allSatisfy { $0 > 3 }, "\(made)")
        } else {
            #expect(refused[.inUse, default: 0] > 10)
            #expect(refused[.insufficientCapacity, default: 0] > 0)
        }

        var folded = Cloud()
        for change in fixture.log { try folded.apply(change) }
        folded.revision = fixture.cloud.revision
        #expect(folded == fixture.cloud)

        let (records, taken) = try #require(checkpoint)
        let decoded = try JSONDecoder().decode([Record].self, from: JSONEncoder().encode(records))
        var restored = try Cloud(checkpoint: decoded, revision: .zero)
        for change in fixture.log.dropFirst(taken) { try restored.apply(change) }
        restored.revision = fixture.cloud.revision
        #expect(restored == fixture.cloud)

        // Everything taken down: everything back in its pool.
        for guest in fixture.cloud.guests.keys {
            for change in try fixture.take(.destroyGuest(guest)).changes { holdings.follow(change) }
        }
        for network in fixture.cloud.networks.keys {
            for change in try fixture.take(.deleteNetwork(network)).changes { holdings.follow(change) }
        }
        for address in fixture.cloud.publicAddresses.keys {
            let isReserved = fixture.cloud.publicAddresses[address]?.isReserved ?? false
            let release: Request =
                isReserved ? .networking(.releaseReservedAddress(address)) : .releasePublicAddress(address)
            for change in try fixture.take(release).changes { holdings.follow(change) }
        }
        #expect(holdings.faults == [])
        #expect(holdings.isEmpty)
        #expect(fixture.cloud.violations() == [])
        for range in fixture.cloud.publicRanges.keys { #expect(fixture.cloud.addressesInUse(inRange: range) == 0) }
        for wire in fixture.cloud.physicalNetworks.keys { #expect(fixture.cloud.segmentsInUse(on: wire) == 0) }
    }

    private func count(_ request: Request, in made: inout [RecordKind: Int]) {
        switch request {
        case .createFirewallRule: made[.firewallRule, default: 0] += 1
        case .createEgressRule: made[.egressRule, default: 0] += 1
        case .createPortForwarding: made[.portForwarding, default: 0] += 1
        case .balancing(.createRule): made[.loadBalancerRule, default: 0] += 1
        case .balancing(.assign): made[.loadBalancerMember, default: 0] += 1
        case .enableStaticNAT: made[.publicAddress, default: 0] += 1
        case .addSecondaryAddress: made[.nic, default: 0] += 1
        default: break
        }
    }

    /// Steps back, last first, lead to the model before; and every change survives being written.
    private func expectWayBack(from cloud: Cloud, to before: Cloud, _ changes: [Change]) throws {
        var forth = before
        let inverse = try changes.map { try forth.apply($0) }
        forth.revision = cloud.revision
        #expect(forth == cloud)
        for change in inverse.reversed() { try forth.apply(change) }
        forth.revision = before.revision
        #expect(forth == before)
        #expect(try JSONDecoder().decode([Change].self, from: JSONEncoder().encode(changes)) == changes)
    }
}
