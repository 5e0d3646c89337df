import NetworkVocabulary
import RouterPlan

extension Reconciler {
    static func pause(afterFailures count: Int) -> Duration {
        .milliseconds(min(100 << min(count - 1, 9), 30_000))
    }

    func performTogether(_ steps: [Step], _ name: NodeName) throws(DataplaneError) -> [DataplaneError] {
        try dataplane.perform(steps, on: name)
        return []
    }

    /// The host is everybody's: what one object cannot have must not keep another from what it needs. Steps of
    /// different objects are taken apart, in order, and an object's later steps are left when an earlier one failed.
    ///
    /// A guest's port that the host itself has is opened only behind the rules for it.
    func performApart(_ steps: [Step], of plan: NodePlan, without objects: Set<Origin>) -> [DataplaneError] {
        var isUnguarded = false
        let isUnderlayGuarded = isUnderlayGuarded
        var failures: [DataplaneError] = []
        var failed = objects
        // The rules that guard ports come first. What goes, goes then and together, unless one of it cannot.
        let rules = steps.prefix { $0.isRuleset }
        let removals = steps.dropFirst(rules.count).prefix { if case .remove = $0 { true } else { false } }
        var haveGone = false
        for (index, step) in steps.enumerated() {
            if index == rules.count, !removals.isEmpty {
                haveGone = (try? dataplane.perform(Array(removals), on: .host)) != nil
            }
            if haveGone, removals.indices.contains(index) { continue }
            let object = step.origin?.object
            if let object, failed.contains(object) { continue }
            if let object, case .raise(let name, _) = step, case .link(let link)? = plan.rows[.link(name)]?.content,
                isUnguarded && link.isGuestPort || !isUnderlayGuarded && link.isOverUnderlay
            {
                failures.append(
                    DataplaneError(
                        operation: "\(step)", origin: object, reason: "the rules that guard it are not in the kernel"))
                failed.insert(object)
                continue
            }
            do {
                try dataplane.perform([step], on: .host)
            } catch {
                failures.append(error.origin == nil ? error.attributed(to: object) : error)
                if let object { failed.insert(object) }
                if step.isRuleset { isUnguarded = true }
            }
        }
        return failures
    }
}

extension Step {
    var isRuleset: Bool { if case .ruleset = self { true } else { false } }
}
