import NetworkVocabulary
import RouterPlan
import Ruleset

extension Reconciler {
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
        tickets = first.tickets + next.tickets.filter { !first.tickets.contains($0) }
        drains = first.drains
        revokes = first.revokes || next.revokes
    }
}

/// The steps of one change. What takes something away says so in the same transaction.
func steps(for piece: Reconciler.Piece, of plan: NodePlan) -> [Step] {
    var delta = piece.delta
    if piece.revokes {
        delta.addedElements[NodePlan.pendingRevocations] = [NodePlan.revocationKey: Element(origin: plan.owner)]
    }
    return steps(for: delta, of: plan)
}
