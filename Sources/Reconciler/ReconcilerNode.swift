import NetworkVocabulary
import RouterPlan
import Ruleset

extension Reconciler {
    /// What is wanted of a node and what is known of it.
    struct Node {
        /// What the kernel holds while the node is settled.
        var plan: NodePlan?
        /// What it was before it was withdrawn: what it counted is read before it goes.
        var lastPlan: NodePlan?
        var isSettled = false
        /// Set from a kernel event until the node is verified again.
        var isDisturbed = false
        /// Changes since the node was last settled, to be made one after the other; only while it is.
        var pending: [Piece] = []
        var waiting: [Waiting] = []
        var failures = 0
        var isQueued = false

        /// The objects whose shares somebody waits for.
        var awaited: Set<Origin> { Set(waiting.compactMap(\.object)) }

        /// The whole of what is wanted becomes the plan.
        mutating func takePending() {
            for piece in pending { plan?.apply(piece.delta) }
            pending = []
        }

        /// Nobody waits for these any more; of several orders of one change only for those that are done.
        mutating func answer(_ tickets: [Ticket]) {
            var done = tickets
            waiting.removeAll { waiting in
                guard let index = done.firstIndex(of: waiting.ticket) else { return false }
                done.remove(at: index)
                return true
            }
        }
    }

    /// Who waits for a node, and for which object's share of it; nil means the whole node.
    struct Waiting {
        let ticket: Ticket
        let object: Origin?
        let drains: Bool
    }

    /// A change to a settled node that is made alone. Changes that only open travel together; one that takes something
    /// away goes by itself, so that whoever asked for it is told what it ended.
    struct Piece {
        var delta: PlanDelta
        var tickets: [Ticket]
        let drains: Bool
        let revokes: Bool

        init(_ delta: PlanDelta, _ ticket: Ticket?, drains: Bool, revokes: Bool) {
            self.delta = delta
            tickets = ticket.map { [$0] } ?? []
            self.drains = drains
            self.revokes = revokes
        }

        func travels(with next: Piece) -> Bool {
            if !revokes, !next.revokes { return true }
            return tickets == next.tickets && drains == next.drains
        }
    }
}

extension Reconciler.Node {
    /// Takes the next change, with those that travel with it, into the plan.
    mutating func takePiece() -> Reconciler.Piece? {
        guard var piece = pending.first else { return nil }
        let followers = pending.dropFirst().prefix { piece.travels(with: $0) }
        for next in followers {
            piece = Reconciler.Piece(joining: piece, next)
        }
        pending.removeFirst(1 + followers.count)
        plan?.apply(piece.delta)
        return piece
    }
}

extension Reconciler.Piece {
    fileprivate init(joining first: Self, _ next: Self) {
        delta = first.delta.followed(by: next.delta)
        // A ticket as often as there are pieces of it: who waits counts them.
        tickets = first.tickets + next.tickets
        drains = first.drains
        revokes = first.revokes || next.revokes
    }
}

/// The steps of one change. What takes something away says so in the same transaction, unless an earlier one's word still
/// stands: the kernel would refuse the second.
func steps(for piece: Reconciler.Piece, of plan: NodePlan, isNoted: Bool) -> [Step] {
    var delta = piece.delta
    if piece.revokes, !isNoted {
        delta.addedElements[NodePlan.pendingRevocations] = [NodePlan.revocationKey: Element(origin: plan.owner)]
    }
    return steps(for: delta, of: plan)
}
