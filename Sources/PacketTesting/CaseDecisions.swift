import CloudTrace
import NetworkVocabulary
import PacketTrace
import RouterPlan
import Ruleset

// What a step says about who decided, and what was counted.

extension CaseRun {
    func checkDecision(_ kind: String, _ detail: String?, _ step: CaseStep) throws {
        let wanted = "decided by \(kind)\(detail.map { " \($0)" } ?? "")"
        let last = lanes.first?.fate.passages.last
        for lane in lanes where lane.world.tellsDecisions {
            // What the kernel ends before it asks any rule, it does not tell of.
            if kind == "kernel", lane.world is KernelWorld, lane.fate.passages.isEmpty { continue }
            guard let passage = lane.fate.passages.last(where: { $0.node == last?.node }) else {
                throw Mismatch(step: step, lane: lane, expected: wanted, got: ["no router has seen it"])
            }
            if kind == "kernel" {
                // Only the model knows the kernel's own reasons; on the kernel no rule behind the routing was asked.
                let isSo =
                    lane.world is KernelWorld
                    ? passage.rulings.allSatisfy { !$0.isDrop && judging(passage.node).isEarly($0.chain) }
                    : passage.reason.map { detail == nil || "\($0)" == detail } ?? false
                if isSo { continue }
            } else if passage.reason == nil, passage.origin.kind == kind {
                if detail.map({ names(of: passage).contains($0) }) ?? true { continue }
            }
            throw Mismatch(step: step, lane: lane, expected: wanted, got: [describe(passage)])
        }
    }

    private func judging(_ node: NodeName) -> Judging { Judging(cloud.plans[node]?.table) }

    private func names(of passage: Passage) -> [String] {
        cloud.cloud.names(of: passage.origin)
            + (passage.lastWord.map { judging(passage.node).names(of: $0.chain) } ?? [])
    }

    func describe(_ passage: Passage) -> String {
        if let reason = passage.reason { return "kernel \(reason): \(reason.rawValue)" }
        let names = cloud.cloud.names(of: passage.origin)
        let ruling = passage.lastWord.map { ", \($0)" } ?? ""
        return "\(passage.origin.kind)\(names.first.map { " \($0)" } ?? "")\(ruling)"
    }

    func checkCounters(_ kind: String, _ name: String, _ counts: [Meter: UInt64], _ step: CaseStep) throws {
        let objects = cloud.cloud.objects(of: kind, named: name)
        guard objects.count == 1, let object = objects.first else {
            throw error(step, "there are \(objects.count) objects that are \(kind) \(name)")
        }
        for lane in lanes where lane.world.tellsDecisions {
            let found = try lane.world.counts(of: object)
            for (meter, count) in counts.sorted(by: { $0.key < $1.key }) where found[meter] ?? 0 != count {
                throw Mismatch(
                    step: step, lane: lane, expected: "\(kind) \(name) \(meter.rawValue) \(count)",
                    got: ["\(meter.rawValue) \(found[meter] ?? 0)"])
            }
        }
    }
}
