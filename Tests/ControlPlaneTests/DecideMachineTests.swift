import CloudModel
import ControlPlane
import NetworkVocabulary
import Testing

@Suite struct DecideMachineTests {
    @Test func `a password is served, saved and then gone, and never comes back`() throws {
        var small = try SmallZone()
        let id = try small.guest("web", on: try small.network("net"))
        var guest = try #require(small.fixture.cloud.guests[id])
        guest.password = GuestPassword(secret: Secret("hunter2"))
        try small.fixture.cloud.apply(.put(.guest(guest)))
        try small.fixture.take(.machine(.passwordServed(id)))
        #expect(
            small.fixture.cloud.guests[id]?.password == GuestPassword(secret: Secret("hunter2"), state: .served))
        try small.fixture.take(.machine(.passwordSaved(id)))
        #expect(small.fixture.cloud.guests[id]?.password == GuestPassword(secret: nil, state: .saved))
        for late in [MachineRequest.passwordServed(id), .passwordSaved(id)] {
            #expect(try small.fixture.decided(.machine(late)).changes == [])
        }
        let tenant = Caller(account: guest.account, isRootAdmin: false)
        #expect(small.fixture.refusal(.machine(.passwordSaved(id)), as: tenant)?.code == .account)
    }
}
