import LoadBalancer
import NetworkVocabulary
import Testing

@Suite struct `A member's health` {
    private func check(rise: Int, fall: Int) -> MemberCheck {
        MemberCheck(
            member: ObjectID(random: 0, 1), address: IPv4Address(10, 1, 1, 1), port: 80, intervalSeconds: 1,
            timeoutSeconds: 1, rise: rise, fall: fall, isDown: false)
    }

    @Test func `changes after as many in a row as are asked for, and not before`() {
        var health = MemberHealth(isDown: false)
        let check = check(rise: 3, fall: 2)
        // What it is asked, and whether it changes its mind. One that answers now and then begins anew.
        let story: [(answers: Bool, changes: Bool)] = [
            (false, false), (true, false), (false, false), (false, true),
            (false, false), (true, false), (true, false), (false, false), (true, false), (true, false), (true, true),
        ]
        var isDown = false
        for (step, (answers, changes)) in story.enumerated() {
            let hasChanged = health.take(answers: answers, check)
            #expect(hasChanged == changes, "step \(step)")
            if changes { isDown.toggle() }
            #expect(health.isDown == isDown, "step \(step)")
        }
    }
}
