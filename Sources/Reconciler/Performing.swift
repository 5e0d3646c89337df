import NetworkVocabulary
import RouterPlan

extension Reconciler {
    func performTogether(_ steps: [Step], _ name: NodeName) throws(DataplaneError) -> [DataplaneError] {
        try dataplane.perform(steps, on: name)
        return []
    }

    /// The host is everybody's: what one object cannot have must not keep another from what it needs. Steps of
    /// different objects are taken apart, in order, and an object's later steps are left when an earlier one failed.
    func performApart(_ steps: [Step], without objects: Set<Origin>) -> [DataplaneError] {
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
            do {
                try dataplane.perform([step], on: .host)
            } catch {
                failures.append(error.origin == nil ? error.attributed(to: object) : error)
                if let object { failed.insert(object) }
            }
        }
        return failures
    }
}

extension Step {
    var isRuleset: Bool { if case .ruleset = self { true } else { false } }
}
