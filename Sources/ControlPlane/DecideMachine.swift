import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func take(_ request: MachineRequest) throws(RequestError) -> [Reference] {
        switch request {
        case .passwordServed(let id): return try note(.served, guest: id)
        case .passwordSaved(let id): return try note(.saved, guest: id)
        }
    }

    /// A password goes one way: what was saved is not served again, whatever comes late.
    private mutating func note(_ state: GuestPassword.State, guest id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var guest = cloud.guests[id] else { throw unknown("id", id) }
        guard var password = guest.password, password.state != .saved else { return [Reference(.guest, id)] }
        password.state = state
        if state == .saved { password.secret = nil }
        guest.password = password
        try put(.guest(guest))
        return [Reference(.guest, id)]
    }
}
