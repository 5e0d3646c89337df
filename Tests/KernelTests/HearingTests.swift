import Testing

@testable import LinuxDataplane

/// When the lane listens to the kernel's announcements.
struct HearingTests {
    /// What was asked of the kernel, and whether it does as asked.
    private final class Ear {
        var asked: [Bool] = []
        var isBroken = false

        func listen(_ on: Bool) throws {
            asked.append(on)
            if isBroken { throw Broken() }
        }
    }

    private struct Broken: Error {}

    /// One piece of work, and whether all must be looked at after it.
    private func attend(
        backlog: Int, isBusy: Bool, hasBuilt: Bool, expecting: Bool, _ hearing: inout Hearing,
        _ place: SourceLocation = #_sourceLocation
    ) {
        let mustLook = hearing.attend(backlog: backlog, isBusy: isBusy, hasBuilt: hasBuilt)
        #expect(mustLook == expecting, sourceLocation: place)
    }

    @Test func `a few nodes, or many that are only looked at, are listened to`() {
        let ear = Ear()
        var hearing = Hearing(listen: ear.listen)
        attend(backlog: 10, isBusy: true, hasBuilt: true, expecting: false, &hearing)
        attend(backlog: 1000, isBusy: true, hasBuilt: false, expecting: false, &hearing)
        attend(backlog: 0, isBusy: false, hasBuilt: true, expecting: false, &hearing)
        #expect(ear.asked.isEmpty)
    }

    @Test func `a crowd is built in silence, and all are looked at once when it stands`() {
        let ear = Ear()
        var hearing = Hearing(listen: ear.listen)
        attend(backlog: 100, isBusy: true, hasBuilt: true, expecting: false, &hearing)
        attend(backlog: 1, isBusy: true, hasBuilt: true, expecting: false, &hearing)
        #expect(ear.asked == [false])
        attend(backlog: 0, isBusy: true, hasBuilt: true, expecting: true, &hearing)
        attend(backlog: 0, isBusy: false, hasBuilt: false, expecting: false, &hearing)
        #expect(ear.asked == [false, true])
    }

    @Test func `when listening cannot be taken up again, everything is looked at until it can`() {
        let ear = Ear()
        var hearing = Hearing(listen: ear.listen)
        _ = hearing.attend(backlog: 100, isBusy: true, hasBuilt: true)
        ear.isBroken = true
        attend(backlog: 0, isBusy: false, hasBuilt: false, expecting: true, &hearing)
        attend(backlog: 0, isBusy: false, hasBuilt: false, expecting: true, &hearing)
        ear.isBroken = false
        attend(backlog: 0, isBusy: false, hasBuilt: false, expecting: true, &hearing)
        attend(backlog: 0, isBusy: false, hasBuilt: false, expecting: false, &hearing)
    }

    @Test func `when it cannot be given up, it goes on`() {
        let ear = Ear()
        var hearing = Hearing(listen: ear.listen)
        ear.isBroken = true
        attend(backlog: 100, isBusy: true, hasBuilt: true, expecting: false, &hearing)
        ear.isBroken = false
        attend(backlog: 0, isBusy: false, hasBuilt: false, expecting: false, &hearing)
        #expect(ear.asked == [false])
    }
}
