import RouterPlan

extension Reconciler {
    /// Ports of guests come up only behind the host's rules for them: whether the kernel holds those is asked of the host's
    /// last look. A host without such rules guards nobody.
    func isGuarded(_ plan: NodePlan) -> Bool {
        plan.kind != .guest || nodes[.host]?.plan?.table == nil || isGuardStanding
    }

    func noteGuard(_ plan: NodePlan, _ todo: [Step]) {
        if plan.name.isHost { isGuardStanding = !todo.contains(where: \.isRuleset) }
    }
}
