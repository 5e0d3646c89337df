import CloudModel
import NetworkVocabulary

// The end of a guest comes in two steps: destroyed, it is stopped and keeps its addresses and rules, and may be recovered;
// expunged, it is gone with all of them.
extension Draft {
    mutating func destroyGuest(_ id: ObjectID, expunges: Bool) throws(RequestError) -> [Reference] {
        var guest = try guest(id)
        if expunges {
            try requireExpunging("expunge")
            try expunge(id)
            return []
        }
        if guest.destroyed == nil {
            guest.isRunning = false
            guest.destroyed = time
        }
        try put(.guest(guest))
        return [Reference(.guest, id)]
    }

    mutating func recoverGuest(_ id: ObjectID) throws(RequestError) -> [Reference] {
        var guest = try guest(id)
        try requireExpunging("id")
        guard guest.destroyed != nil else {
            throw .refused("id", "Unable to recover the virtual machine \(guest.displayName), which is not destroyed")
        }
        guest.destroyed = nil
        try put(.guest(guest))
        return [Reference(.guest, id)]
    }

    mutating func expungeGuest(_ id: ObjectID) throws(RequestError) -> [Reference] {
        let guest = try guest(id)
        try requireExpunging("id")
        guard guest.destroyed != nil else {
            throw .refused("id", "Please destroy vm with specified id before expunging")
        }
        try expunge(id)
        return []
    }

    mutating func expungeOverdue() throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        let delay = Int64(cloud.number(.expungeDelay)) * 1_000
        for guest in cloud.guests.values where guest.destroyed.map({ time - $0 >= delay }) ?? false {
            try expunge(guest.id)
        }
        return []
    }

    /// Users do not end guests for good, nor bring them back, unless a setting lets them.
    private func requireExpunging(_ parameter: String) throws(RequestError) {
        guard caller.isAdministrator || cloud.isTrue(.usersExpunge, for: caller.account) else {
            throw .denied(
                "Parameter \(parameter) can be passed by Admin only. Or when the allow.user.expunge.recover.vm key is set."
            )
        }
    }

    /// Its addresses go back to their networks, and rules that lead to it go. The networks stay as they are, and public
    /// addresses theirs, with the firewall rules that nothing else brought.
    mutating func expunge(_ id: ObjectID) throws(RequestError) {
        for nic in cloud.nicsByGuest[id] {
            for rule in cloud.portForwardingsByNIC[nic] { try removeForwarding(rule) }
            try removeFromBalancers(nic)
            for address in cloud.publicAddressesByNIC[nic] { try endStaticNAT(address) }
            try remove(.nic, nic)
        }
        try remove(.guest, id)
    }
}
