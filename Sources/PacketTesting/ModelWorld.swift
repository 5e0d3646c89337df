import CloudTrace
import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import Ruleset

/// The routers of a cloud as the evaluator has them.
final class ModelWorld: World {
    let name = "model"
    let tellsDecisions = true
    private var traced: TracedCloud
    private var judging: [NodeName: Judging] = [:]
    private var counted: [Origin: [Meter: UInt64]] = [:]

    private let mutant: Mutant?

    init(_ cloud: CaseCloud, _ mutant: Mutant? = nil) {
        self.mutant = mutant
        traced = TracedCloud(
            cloud.wiring, routers: cloud.routers.map { mutant?.applied(to: $0) ?? $0 }, isServed: false)
        judge(cloud.routers)
    }

    var wiring: Wiring { traced.wiring }

    private func judge(_ routers: [NodePlan]) {
        judging = Dictionary(routers.map { ($0.name, Judging($0.table)) }) { first, _ in first }
    }

    func follow(_ cloud: CaseCloud, _ following: CaseCloud.Following) {
        traced.follow(
            cloud.wiring, routers: cloud.routers.map { mutant?.applied(to: $0) ?? $0 }, drains: following.drains)
        judge(cloud.routers)
    }

    func advance(by seconds: Int) { traced.advance(by: .seconds(seconds)) }
    /// Nothing runs here that could end.
    func restart() {}
    func kill() {}

    func counts(of object: Origin) -> [Meter: UInt64] { counted[object] ?? [:] }

    func rulesets() -> String {
        traced.plans.map { "# \($0.name)\n\($0.table.map { "\($0)" } ?? "none")" }.joined(separator: "\n")
    }

    func send(_ frames: [Frame], at port: Wiring.Port) throws -> Fate {
        let journey = traced.send(frames, at: port)
        var fate = Fate(arrivals: journey.arrivals, isPortArbitrary: journey.isPortArbitrary)
        for hop in journey.hops {
            guard let plan = traced.plan(hop.node) else { continue }
            fate.passages.append(passage(hop.trace, plan))
        }
        return fate
    }

    private func passage(_ trace: Trace, _ plan: NodePlan) -> Passage {
        var passage = Passage(node: plan.name, origin: trace.decidedBy, trace: trace)
        for step in trace.steps {
            let ruling: Passage.Ruling
            switch (step.place, step.action) {
            case (.rule(let site), .verdict(.accept)), (.rule(let site), .translated):
                ruling = .init(chain: site.chain, rule: site.rule, isDrop: false)
            case (.rule(let site), .verdict(.drop)), (.rule(let site), .rejected):
                ruling = .init(chain: site.chain, rule: site.rule, isDrop: true)
            case (.policy(_, let chain), .policy(.drop)): ruling = .init(chain: chain, rule: nil, isDrop: true)
            default: continue
            }
            passage.rulings.append(ruling)
            guard judging[plan.name]?.judges(ruling.chain) == true else { continue }
            passage.lastWord = ruling
            // Whose refused port it was no counter of the kernel says.
            if case .rejected = step.action {
                passage.origin = plan.owner
            } else {
                passage.origin = step.origin ?? plan.owner
            }
        }
        // Nor does one say whose element it was in a set without counters.
        if passage.origin != plan.owner, let last = passage.lastWord, let rule = plan.rule(behind: last),
            plan.countingSets(of: rule).isEmpty
        {
            passage.origin = rule.origin
        }
        if case .dropped(.kernel(let reason)) = trace.outcome { passage.reason = reason }
        for case .element(let set, let key, let origin) in trace.counted {
            guard let meter = plan.meters[set] else { continue }
            passage.moved.insert(MeteredElement(set, key))
            counted[origin.object, default: [:]][meter, default: 0] += 1
        }
        return passage
    }
}
