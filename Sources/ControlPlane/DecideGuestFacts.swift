import CloudModel
import NetworkVocabulary

// What a guest is besides its ports: from what a request names to what the guest keeps.
extension Bootstrap {
    /// Details that say the size of a guest whose offering leaves it open.
    static let sizes: Set<String> = ["cpuNumber", "cpuSpeed", "memory"]
}

extension Draft {
    mutating func take(_ facts: GuestFacts, into guest: inout Guest) throws(RequestError) {
        if let text = facts.displayName { guest.displayName = try name(text, "displayname") }
        guest.isDisplayed = facts.isDisplayed
        guest.serviceOffering = try facts.serviceOffering.map { id throws(RequestError) in
            try serviceOffering(id, guest.zone, facts.details)
        }
        guest.template = try facts.template.map { id throws(RequestError) in try template(id, guest.zone) }
        guest.details = try checked(facts.details)
        guest.userData =
            try facts.userData.map { choice throws(RequestError) in
                try userData(choice, of: guest.account)
            } ?? nil
        guest.keys = try keys(facts.keyPairs, of: guest.account)
        guest.password = try password(facts.password, for: guest)
    }

    func serviceOffering(
        _ id: ObjectID, _ zone: ObjectID, _ details: [String: String]
    ) throws(RequestError) -> ObjectID {
        guard let offering = cloud.serviceOfferings[id] else { throw unknown("serviceofferingid", id) }
        guard !offering.isSystem, offering.isActive else {
            throw .refused("serviceofferingid", "Service offering \(offering.name) is not for guests")
        }
        guard offering.zones.isEmpty || offering.zones.contains(zone) else {
            throw .refused("serviceofferingid", "Service offering \(offering.name) is not available in the zone")
        }
        let open = [("cpuNumber", offering.cpuNumber), ("cpuSpeed", offering.cpuSpeed), ("memory", offering.memory)]
        for (name, fixed) in open {
            switch (fixed, details[name]) {
            case (nil, let text): try checkSize(text, name)
            case (.some, nil): break
            case (.some, .some):
                throw .refused("details", "\(name) is what service offering \(offering.name) says and cannot be chosen")
            }
        }
        return id
    }

    private func checkSize(_ text: String?, _ name: String) throws(RequestError) {
        guard let text else { throw .missing("details[0].\(name)", command) }
        guard let number = Int(text), (1...1_000_000_000).contains(number) else {
            throw invalid("details[0].\(name)", text, "it is a number from 1")
        }
    }

    func template(_ id: ObjectID, _ zone: ObjectID) throws(RequestError) -> ObjectID {
        guard let template = cloud.templates[id] else { throw unknown("templateid", id) }
        guard template.isUsable(in: zone) else {
            throw .refused("templateid", "Template \(template.name) is not available in the zone")
        }
        if !template.isPublic { try requireAccess(to: template.account) }
        return id
    }

    /// Notes of a client: at most so many, and short.
    func checked(_ details: [String: String]) throws(RequestError) -> [String: String] {
        guard details.count <= 100 else { throw .limit("details", "A guest has at most 100 details") }
        for (name, value) in details {
            let parameter = "details[0].\(RequestError.excerpt(name))"
            _ = try self.name(name, parameter)
            guard value.utf8.count <= 4_096 else { throw .tooLong(parameter, limit: 4_096) }
            guard !value.unicodeScalars.contains(where: { $0.isControl && $0 != "\n" && $0 != "\r" }) else {
                throw invalid(parameter, value, "control characters are not allowed")
            }
        }
        return details
    }

    // MARK: User data

    /// Bytes of user data, decoded.
    private var userDataLimit: Int { min(max(0, cloud.number(.userDataLength)), 1_048_576) }

    /// Nil for none.
    func userData(_ choice: UserDataChoice, of account: ObjectID) throws(RequestError) -> UserData? {
        let details = Dictionary(
            uniqueKeysWithValues: try checked(choice.details.mapValues(\.revealed)).map { ($0, Secret($1)) })
        if let id = choice.document {
            guard choice.content == nil else {
                throw .refused("userdataid", "Both userdata and userdataid inputs are not allowed")
            }
            guard let document = cloud.userDataDocuments[id] else { throw unknown("userdataid", id) }
            guard document.account == account else {
                throw .refused("userdataid", "The user data \(document.name) is not of the guest's account")
            }
            for name in details.keys.sorted() where !document.parameters.contains(name) {
                throw .refused(
                    "userdatadetails", "The user data \(document.name) has no variable \(RequestError.excerpt(name))")
            }
            return UserData(document: id, details: details)
        }
        guard let content = choice.content else { return nil }
        return UserData(content: try self.content(content, "userdata"), details: details)
    }

    /// Base64 of not too much. What it says is not repeated in errors.
    func content(_ content: Secret, _ parameter: String) throws(RequestError) -> Secret {
        guard content.revealed.utf8.count <= userDataLimit * 3 / 2 else {
            throw .tooLong(parameter, limit: userDataLimit * 4 / 3)
        }
        guard let bytes = Base64.decode(content.revealed), !bytes.isEmpty else {
            throw .refused(parameter, "User data is not base64 encoded")
        }
        guard bytes.count <= userDataLimit else {
            throw .refused(parameter, "User data has \(bytes.count) bytes; the limit is \(userDataLimit)")
        }
        return content
    }

    mutating func registerUserData(_ request: MachineRequest.RegisterUserData) throws(RequestError) -> [Reference] {
        let account = try owner(request.account)
        let name = try name(request.name, "name")
        guard cloud.userDataDocument(named: name, ofAccount: account) == nil else {
            throw .refused(
                "name", "A userdata with name \(RequestError.excerpt(name)) already exists for this account.")
        }
        for parameter in request.parameters { _ = try self.name(parameter, "params") }
        let document = UserDataDocument(
            id: newID(), account: account, name: name, content: try content(request.content, "userdata"),
            parameters: request.parameters, created: time)
        try put(.userData(document))
        return [Reference(.userData, document.id)]
    }

    mutating func deleteUserData(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard let document = cloud.userDataDocuments[id] else { throw unknown("id", id) }
        try requireAccess(to: document.account)
        guard cloud.guestsByUserData[id].isEmpty else {
            throw .inUse("id", "The user data \(document.name) is in use by virtual machines")
        }
        try remove(.userData, id)
        return []
    }

    // MARK: Keys

    func keys(_ names: [String], of account: ObjectID) throws(RequestError) -> [NamedKey] {
        var keys: [NamedKey] = []
        for name in names where !keys.contains(where: { $0.name.lowercased() == name.lowercased() }) {
            guard let pair = cloud.sshKeyPair(named: name, ofAccount: account) else {
                // Clients look for these words.
                throw .refused("keypairs", "Not all specified keyparis exist")
            }
            keys.append(NamedKey(name: pair.name, key: pair.key))
        }
        return keys
    }

    mutating func registerKeyPair(_ request: MachineRequest.RegisterKeyPair) throws(RequestError) -> [Reference] {
        let account = try owner(request.account)
        let name = try name(request.name, "name")
        guard cloud.sshKeyPair(named: name, ofAccount: account) == nil else {
            throw .refused("name", "A key pair with name '\(RequestError.excerpt(name))' already exists.")
        }
        // Never repeated in the error: some send the private half by mistake.
        guard let key = SSHPublicKey(request.publicKey) else {
            throw .refused("publickey", "Public key is invalid")
        }
        guard cloud.claims[.sshKey(account: account, key.description)] == nil else {
            throw .refused("publickey", "A key pair with key '\(key.fingerprint)' already exists for this account.")
        }
        let pair = SSHKeyPair(id: newID(), account: account, name: name, key: key, created: time)
        try put(.sshKeyPair(pair))
        secret = request.privateKey
        return [Reference(.sshKeyPair, pair.id)]
    }

    mutating func deleteKeyPair(_ name: String, _ account: ObjectID?) throws(RequestError) -> [Reference] {
        let owner = try owner(account)
        guard let pair = cloud.sshKeyPair(named: name, ofAccount: owner) else {
            let account = cloud.accounts[owner]?.name ?? "\(owner)"
            throw .refused(
                "name",
                "A key pair with name '\(RequestError.excerpt(name))' does not exist for account \(account).")
        }
        try remove(.sshKeyPair, pair.id)
        return []
    }

    // MARK: Passwords

    /// What the guest has from now on where its template's guests ask for a password, and nothing where they do not. The
    /// caller is told.
    mutating func password(_ new: NewPassword?, for guest: Guest) throws(RequestError) -> GuestPassword? {
        guard guest.template.flatMap({ cloud.templates[$0] })?.isPasswordEnabled == true else {
            guard new?.isChosen != true else {
                throw .refused("password", "The template of the virtual machine is not password enabled")
            }
            return nil
        }
        guard let new else { return guest.password }
        guard (1...255).contains(new.secret.revealed.utf8.count),
            new.secret.revealed.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw .refused("password", "A password is 1 to 255 printable ASCII characters") }
        secret = new.secret
        let isReadable = guest.keys.contains { $0.key == new.key }
        return GuestPassword(secret: new.secret, encrypted: isReadable ? new.encrypted : nil)
    }
}
