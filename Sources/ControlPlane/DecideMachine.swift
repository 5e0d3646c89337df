import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func take(_ request: MachineRequest) throws(RequestError) -> [Reference] {
        switch request {
        case .updateGuest(let request): return try updateGuest(request)
        case .rebootGuest(let id): return try rebootGuest(id)
        case .recoverGuest(let id): return try recoverGuest(id)
        case .expungeGuest(let id): return try expungeGuest(id)
        case .expungeOverdue: return try expungeOverdue()
        case .changeOffering(let request): return try changeOffering(request)
        case .restoreGuest(let request): return try restoreGuest(request)
        case .migrateGuest(let id): return try migrateGuest(id)
        case .resetPassword(let id, let password): return try resetPassword(id, password)
        case .resetKeys(let request): return try resetKeys(request)
        case .resetUserData(let id, let choice): return try resetUserData(id, choice)
        case .passwordServed(let id): return try note(.served, guest: id)
        case .passwordSaved(let id): return try note(.saved, guest: id)
        case .registerUserData(let request): return try registerUserData(request)
        case .deleteUserData(let id): return try deleteUserData(id)
        case .registerKeyPair(let request): return try registerKeyPair(request)
        case .deleteKeyPair(let name, let account): return try deleteKeyPair(name, account)
        }
    }

    /// A guest that is there to be worked with: the caller's to touch, and not destroyed.
    func livingGuest(_ id: ObjectID, _ parameter: String = "id") throws(RequestError) -> Guest {
        let guest = try guest(id, parameter)
        guard guest.destroyed == nil else {
            throw .refused(parameter, "The virtual machine \(guest.displayName) is in the state Destroyed")
        }
        return guest
    }

    /// What a guest reads when it starts changes while it does not run.
    private func stoppedGuest(_ id: ObjectID, for what: String) throws(RequestError) -> Guest {
        let guest = try livingGuest(id)
        guard !guest.isRunning else {
            throw .refused("id", "Vm \(guest.displayName) should be stopped to do \(what)")
        }
        return guest
    }

    private mutating func updateGuest(_ request: MachineRequest.UpdateGuest) throws(RequestError) -> [Reference] {
        var guest = try livingGuest(request.id)
        if let text = request.name {
            let name = try hostName(text, "name")
            for nic in cloud.nics(ofGuest: guest.id) {
                try refuseTakenName(name, on: nic.network, except: guest.id)
            }
            guest.name = name
        }
        if let text = request.displayName { guest.displayName = try self.name(text, "displayname") }
        if let isDisplayed = request.isDisplayed { guest.isDisplayed = isDisplayed }
        if let details = request.details { guest.details = try checked(details) }
        if let choice = request.userData { guest.userData = try userData(choice, of: guest.account) }
        try put(.guest(guest))
        for (network, options) in request.dhcpOptions.sorted(by: { $0.key < $1.key }) {
            try change(options, of: guest, onNetwork: network, "dhcpoptionsnetworklist")
        }
        return [Reference(.guest, guest.id)]
    }

    func refuseTakenName(_ name: String, on network: ObjectID, except guest: ObjectID? = nil) throws(RequestError) {
        guard let holder = cloud.guest(named: name, onNetwork: network), holder.id != guest else { return }
        throw .refused(
            "name",
            "The vm with hostName \(name) already exists in network \(cloud.networks[network]?.name ?? "\(network)")")
    }

    /// Whatever plays the machine starts it again by itself; its ports, which are all of it that is here, stay as they
    /// are. What remains is that it was asked for.
    private func rebootGuest(_ id: ObjectID) throws(RequestError) -> [Reference] {
        let guest = try livingGuest(id)
        guard guest.isRunning else {
            throw .refused("id", "Unable to reboot the virtual machine \(guest.displayName), which does not run")
        }
        return [Reference(.guest, id)]
    }

    private mutating func changeOffering(_ request: MachineRequest.ChangeOffering) throws(RequestError) -> [Reference] {
        var guest = try livingGuest(request.guest)
        guard request.isScaling || !guest.isRunning else {
            throw .refused(
                "id",
                "Unable to upgrade virtual machine \(guest.displayName): it is running; stop it first, or scale it")
        }
        let details = guest.details.filter { !Bootstrap.sizes.contains($0.key) }
            .merging(request.details) { $1 }
        guest.serviceOffering = try serviceOffering(request.offering, guest.zone, details)
        guest.details = try checked(details)
        try put(.guest(guest))
        return [Reference(.guest, guest.id)]
    }

    private mutating func restoreGuest(_ request: MachineRequest.RestoreGuest) throws(RequestError) -> [Reference] {
        var guest = try livingGuest(request.guest, "virtualmachineid")
        if let template = request.template { guest.template = try self.template(template, guest.zone) }
        guest.password = try password(request.password, for: guest)
        try put(.guest(guest))
        return [Reference(.guest, guest.id)]
    }

    private func migrateGuest(_ id: ObjectID) throws(RequestError) -> [Reference] {
        let guest = try livingGuest(id, "virtualmachineid")
        throw .refused(
            "hostid", "Unable to migrate the virtual machine \(guest.displayName): there is no other host to go to")
    }

    // MARK: What the guest reads

    private mutating func resetPassword(_ id: ObjectID, _ new: NewPassword) throws(RequestError) -> [Reference] {
        var guest = try livingGuest(id)
        guard guest.template.flatMap({ cloud.templates[$0] })?.isPasswordEnabled == true else {
            throw RequestError.refused(
                "id",
                "Fail to reset password for the virtual machine, the template is not password enabled"
            ).inJob
        }
        guard !guest.isRunning else {
            throw RequestError.refused("id", "Vm \(guest.displayName) should be stopped to do password reset").inJob
        }
        guest.password = try password(new, for: guest)
        try put(.guest(guest))
        return [Reference(.guest, id)]
    }

    private mutating func resetKeys(_ request: MachineRequest.ResetKeys) throws(RequestError) -> [Reference] {
        var guest = try stoppedGuest(request.guest, for: "SSH Key reset")
        guard !request.keyPairs.isEmpty else { throw .missing("keypair", command) }
        guest.keys = try keys(request.keyPairs, of: guest.account)
        // What was encrypted for the old key is of no use to the new one's owner.
        guest.password = try password(request.password, for: guest)
        try put(.guest(guest))
        return [Reference(.guest, guest.id)]
    }

    private mutating func resetUserData(_ id: ObjectID, _ choice: UserDataChoice?) throws(RequestError) -> [Reference] {
        var guest = try stoppedGuest(id, for: "UserData reset")
        guest.userData =
            try choice.map { choice throws(RequestError) in try userData(choice, of: guest.account) } ?? nil
        try put(.guest(guest))
        return [Reference(.guest, id)]
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
