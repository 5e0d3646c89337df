import NetworkVocabulary
public import RouterPlan
import Ruleset

/// The steps that bring a node from what was observed to what is planned; none when it is there already.
///
/// The order is the promise "fail closed": the ruleset and the policy rules stand before the first link of the node is
/// up, and the links go before their guard does.
public func steps(toReach plan: NodePlan, from observed: Observation) -> [Step] {
    var steps: [Step] = []
    var observed = observed
    if !plan.name.isInHostNamespace {
        if observed.exists, observed.owner != plan.owner {
            // The name is ours but it stands for something that is no more.
            steps.append(.removeNamespace)
            observed = .absent
        }
        if !observed.exists {
            steps.append(.createNamespace(owner: plan.owner))
            observed = .newborn
        } else if observed.lostItsName {
            steps.append(.restoreName)
        }
    }
    if let table = plan.table {
        let delta = observed.table?.differs(from: table) ?? RulesetDelta(replacement: table)
        if !delta.isEmpty { steps.append(.ruleset(delta.transaction(table.family, table.name))) }
    }
    steps += rowSteps(toReach: plan, from: observed)
    // A guard that is not wanted any more goes after what it guarded.
    if plan.table == nil, plan.name.isInHostNamespace, let table = observed.table {
        steps.append(.ruleset(.removingTable(table.family, table.name)))
    }
    return steps
}

/// The steps of a small change to a node that is as planned otherwise. `plan` is the plan after the change.
public func steps(for delta: PlanDelta, of plan: NodePlan) -> [Step] {
    var steps: [Step] = []
    if let table = plan.table {
        var ruleset = RulesetDelta()
        for set in Set(delta.removedElements.keys).union(delta.addedElements.keys) {
            guard let declaration = table.sets[set] else { continue }
            let removed = delta.removedElements[set] ?? [:]
            let added = delta.addedElements[set] ?? [:]
            ruleset.elements[set] = RulesetDelta.ElementChanges(
                declaration, removed: Set(removed.keys).subtracting(added.keys),
                added: added.filter { removed[$0.key] == nil }, changed: added.filter { removed[$0.key] != nil })
        }
        let (removed, added) = (delta.removedBranches, delta.addedBranches)
        ruleset.removedChains = removed.keys.filter { added[$0] == nil }.sorted()
        ruleset.addedChains = added.values.filter { removed[$0.name] == nil }.sorted { $0.name < $1.name }
        ruleset.changedChains = added.values.filter { removed[$0.name] != nil }.sorted { $0.name < $1.name }
        if !ruleset.isEmpty { steps.append(.ruleset(ruleset.transaction(table.family, table.name))) }
    }
    let replaced = Set(delta.addedRows.keys).intersection(delta.removedRows.keys)
    steps += removals(delta.removedRows.filter { !replaced.contains($0.key) }.values.map(\.content))
    steps += additions(
        delta.addedRows.values.filter { !replaced.contains($0.key) },
        changes: delta.addedRows.values.filter { replaced.contains($0.key) })
    return steps
}

extension PlanDelta {
    /// Whether the kernel may drop more than is asked: what hangs on a link goes with it, neighbours go with its
    /// hardware address, routes with its last address, and the secondary addresses of a subnet with its primary one.
    /// Such a change is compared as a whole.
    var takesOthersAlong: Bool {
        removedRows.keys.contains { key in
            switch key {
            case .link: true
            case .address: addedRows[key] == nil
            case .shaper, .neighbour, .policyRule, .route, .sysctl: false
            }
        }
    }
}

/// What hangs on something goes before it. Settings have no absence to return to.
private func removals(_ contents: [Row.Content]) -> [Step] {
    contents.filter { !$0.isSetting }.sorted { $1.key.creationRank < $0.key.creationRank }.map(Step.remove)
}

private func rowSteps(toReach plan: NodePlan, from observed: Observation) -> [Step] {
    // Replacing a link takes along what the kernel holds on it.
    let reborn = Set(
        plan.rows.values.compactMap { row -> InterfaceName? in
            guard case .link(let link) = row.content, case .link(let there)? = observed.contents[row.key] else {
                return nil
            }
            return link.canBecome(from: there) ? nil : link.name
        })
    var contents = observed.contents
    var surplus: [Row.Content] = []
    for (key, content) in observed.contents {
        if case .link(let link) = content, reborn.contains(link.name) {
            surplus.append(content)
            contents[key] = nil
        } else if let link = content.link, reborn.contains(link) {
            contents[key] = nil
        } else if plan.rows[key] == nil, plan.governs(content) {
            surplus.append(content)
        }
    }
    var added: [Row] = []
    var changed: [Row] = []
    var down: [(InterfaceName, Origin)] = []
    for row in plan.allRows {
        guard let there = contents[row.key] else {
            added.append(row)
            continue
        }
        if !row.content.isSatisfied(by: there) { changed.append(row) }
        if case .link(let link) = row.content, observed.linksDown.contains(link.name) {
            down.append((link.name, row.origin))
        }
    }
    let raises = down.sorted { $0.0 < $1.0 }.map { Step.raise($0.0, origin: $0.1) }
    return removals(surplus) + additions(added, changes: changed, raises: raises)
}

/// Additions and changes in the order in which the kernel takes them: rules that deny before links, links before
/// addresses, everything that guards a link before it is up, and routes when it is.
private func additions(_ added: [Row], changes: [Row], raises: [Step] = []) -> [Step] {
    let unordered =
        added.map { (row: $0, step: Step.add($0)) } + changes.map { (row: $0, step: Step.change($0)) }
    let ordered = unordered.sorted { a, b in
        let (rankA, rankB) = (a.row.creationRank, b.row.creationRank)
        return rankA == rankB ? a.row.key < b.row.key : rankA < rankB
    }
    var steps: [Step] = []
    var pending = raises
    for (row, step) in ordered {
        if row.key.creationRank >= RowKey.firstRankOnRaisedLinks {
            steps += pending
            pending = []
        }
        steps.append(step)
        if case .add = step, case .link(let link) = row.content {
            pending.append(.raise(link.name, origin: row.origin))
        }
    }
    return steps + pending
}

extension NodePlan {
    private var hasPolicyRules: Bool { rows.keys.contains { if case .policyRule = $0 { true } else { false } } }

    /// The rows, and where a namespace has no policy rules of its own the kernel's: without them it routes nothing.
    fileprivate var allRows: [Row] {
        if name.isInHostNamespace || hasPolicyRules { return Array(rows.values) }
        return rows.values + Observation.newborn.contents.values.map { Row($0, origin: owner) }
    }

    /// Whether the absence of a row means that nothing may be there.
    fileprivate func governs(_ content: Row.Content) -> Bool {
        switch content {
        case .sysctl: false
        case .policyRule: hasPolicyRules || Observation.newborn.contents[content.key] == nil
        // The loopback is there in every namespace and cannot be removed.
        case .link(let link): link.kind != .loopback
        case .shaper, .address, .neighbour, .route: true
        }
    }
}

extension RowKey {
    static let firstRankOnRaisedLinks = 5

    var creationRank: Int {
        switch self {
        case .policyRule: 0
        case .sysctl: 1
        case .link: 2
        case .shaper: 3
        case .address: 4
        case .neighbour: 5
        case .route: 6
        }
    }
}

extension Row {
    /// Within its kind, what others need comes first: bridges before their ports, connected routes before those through
    /// a gateway.
    fileprivate var creationRank: Int {
        let base = key.creationRank * 10
        switch content {
        case .link(let link):
            switch link.kind {
            case .loopback, .bridge: return base
            case .leg, .bridgeLink, .vlan, .vxlan, .tap, .plug, .foreign: return base + 1
            }
        case .route(let route): return base + (route.gateway == nil ? 0 : 1)
        case .shaper, .address, .neighbour, .policyRule, .sysctl: return base
        }
    }
}

extension Row.Content {
    var isSetting: Bool {
        if case .sysctl = self { true } else { false }
    }

    /// The link that this row goes with.
    var link: InterfaceName? {
        switch self {
        case .shaper(let shaper): shaper.link
        case .address(let address): address.link
        case .neighbour(let neighbour): neighbour.link
        case .route(let route): route.link
        case .link, .policyRule, .sysctl: nil
        }
    }

    /// Whether what is there is what is wanted; what the plan leaves open is not compared.
    public func isSatisfied(by there: Row.Content) -> Bool {
        switch (self, there) {
        case (.link(let wanted), .link(let there)):
            wanted.canBecome(from: there) && wanted.mtu == there.mtu && (wanted.mac == nil || wanted.mac == there.mac)
                && wanted.bridge == there.bridge && wanted.kind == there.kind
                && wanted.settings.allSatisfy { there.settings[$0] == $1 }
        case (.route(let wanted), .route(let there)):
            wanted.gateway == there.gateway && wanted.link == there.link
                && (wanted.source == nil || wanted.source == there.source)
        default: self == there
        }
    }
}

extension Link {
    /// Whether a link of this kind can be changed into the wanted one, or must be made anew.
    fileprivate func canBecome(from there: Link) -> Bool {
        switch (kind, there.kind) {
        case (.loopback, .loopback), (.bridge, .bridge): true
        case (.leg(let hostEnd, _), .leg(let other, _)): hostEnd == other
        case (.bridgeLink(let peer, _), .bridgeLink(let other, _)): peer == other
        case (.tap, .tap): true
        case (.vlan, .vlan), (.plug, .plug): kind == there.kind
        case (.vxlan(let vni, let underlay, let flood), .vxlan(let other, let beneath, let there)):
            vni == other && underlay == beneath && (flood == .group) == (there == .group)
        default: false
        }
    }
}
