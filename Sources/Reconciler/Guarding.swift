import RouterPlan

extension Reconciler {
    /// Ports of guests come up only behind the host's rules for them: whether the kernel holds those is asked of the host's
    /// last look. A host without such rules guards nobody.
    func isGuarded(_ plan: NodePlan) -> Bool {
        if plan.name.isHost { return isUnderlayGuarded }
        return plan.kind != .guest || nodes[.host]?.plan?.table == nil || isGuardStanding
    }

    /// Nothing comes in from other hosts but behind the rules for that.
    var isUnderlayGuarded: Bool { nodes[.underlay]?.plan == nil || nodes[.underlay]?.isSettled == true }

    func noteGuard(_ plan: NodePlan, _ todo: [Step]) {
        if plan.name.isHost { isGuardStanding = !todo.contains(where: \.isRuleset) }
    }
}
