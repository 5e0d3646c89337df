import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let users: [Command] = [
        .change(
            "createUser", "Creates a user of an account", isAsync: false,
            [
                Parameter("account", required: true, "the account's name"),
                Parameter("username", required: true, "the user's name"),
                Parameter("password", required: true, "the user's password"),
                Parameter("firstname", required: true, "the user's first name"),
                Parameter("lastname", required: true, "the user's last name"),
                Parameter("email", required: true, "where to write to the user"),
                Parameter("domainid", .uuid, related: "listDomains", "the account's domain"),
                Parameter("timezone", "where the user lives"),
            ], audience: .domainAdmins, isCostly: true, unsupported: ["userid"]
        ) { call throws(RequestError) in
            guard let account = try call.account() else { throw .missing("account", call.command) }
            if let role = call.cloud.accounts[account].flatMap({ call.cloud.roles[$0.role] }) {
                try call.requireGrantable(role)
            }
            return .identity(.createUser(account: account, try call.newUser()))
        } reply: {
            renderedUser($0, $1)
        },
        .list(
            "listUsers", "Lists users",
            [
                Parameter("id", .uuid, related: "listUsers", "only this user"),
                Parameter("username", "only the user of this name"),
                Parameter("accounttype", .integer, "only 0: users, 1: root administrators, 2: domain administrators"),
                Parameter("state", "only enabled, disabled or locked"), .account, .listedDomain, .listAll, .isRecursive,
            ]
        ) { call throws(RequestError) in
            let type = try call.accountType()
            let name = call.arguments.string("username")?.lowercased()
            let state = call.arguments.string("state")?.lowercased()
            let users = try call.owned(call.cloud.users, by: \.account).filter {
                call.matches($0.name) && (name == nil || $0.name.lowercased() == name)
                    && (type == nil || call.cloud.accounts[$0.account]?.type == type)
                    && (state == nil || $0.state.rawValue == state)
            }
            return try call.page("user", users) { $0.rendered(in: call.cloud, for: call.caller) }
        },
        .read(
            "getUser", "Shows the user that an API key is of",
            [Parameter("userapikey", required: true, "the API key")], audience: .domainAdmins
        ) { call throws(RequestError) in
            let key = try call.arguments.required("userapikey")
            guard let user = call.cloud.user(apiKey: key), call.caller.mayAccess(account: user.account, in: call.cloud)
            else { throw .refused("userapikey", "User is not found for the API key") }
            return ["user": .object(user.rendered(in: call.cloud, for: call.caller))]
        },
        .change(
            "updateUser", "Changes a user's names, password and keys", isAsync: false,
            [
                .id("listUsers", "the user"), Parameter("username", "its new name"),
                Parameter("firstname", "its first name"), Parameter("lastname", "its last name"),
                Parameter("email", "where to write to it"), Parameter("timezone", "where it lives"),
                Parameter("password", "its new password"),
                Parameter("currentpassword", "its password so far: needed by those who change their own"),
                Parameter("userapikey", "its API key; together with usersecretkey"),
                Parameter("usersecretkey", "what signs for the API key"),
            ], isCostly: true, unsupported: ["mandate2fa"]
        ) { call throws(RequestError) in
            try call.userUpdate()
        } reply: {
            renderedUser($0, $1)
        },
        .change(
            "enableUser", "Lets a user in again", isAsync: false, [.id("listUsers", "the user")],
            audience: .domainAdmins
        ) { call throws(RequestError) in
            .identity(.setUserState(try call.arguments.requiredID("id"), .enabled))
        } reply: {
            renderedUser($0, $1)
        },
        .change(
            "disableUser", "Keeps a user out", isAsync: true, [.id("listUsers", "the user")], audience: .domainAdmins
        ) { call throws(RequestError) in
            .identity(.setUserState(try call.arguments.requiredID("id"), .disabled))
        } reply: {
            renderedUser($0, $1)
        },
        .change(
            "lockUser", "Keeps a user out for some time", isAsync: false, [.id("listUsers", "the user")],
            audience: .domainAdmins
        ) { call throws(RequestError) in
            .identity(.setUserState(try call.arguments.requiredID("id"), .locked))
        } reply: {
            renderedUser($0, $1)
        },
        .change(
            "deleteUser", "Deletes a user", isAsync: false, [.id("listUsers", "the user")], audience: .domainAdmins
        ) { call throws(RequestError) in
            .identity(.deleteUser(try call.arguments.requiredID("id")))
        } reply: { _, _ in
            .success
        },
        .change(
            "registerUserKeys", "Draws new keys for a user; those before are no longer good", isAsync: false,
            [.id("listUsers", "the user")]
        ) { call throws(RequestError) in
            try call.requireKeys(of: try call.arguments.requiredID("id"))
            return .identity(
                .registerUserKeys(
                    try call.arguments.requiredID("id"), apiKey: call.api.surroundings.drawKey(),
                    secretKey: Secret(call.api.surroundings.drawKey())))
        } reply: { call, outcome in
            outcome.answer("userkeys", \.users) { $0.renderedKeys }
        },
        .read("getUserKeys", "Shows a user's keys", [.id("listUsers", "the user")]) { call throws(RequestError) in
            let id = try call.arguments.requiredID("id")
            try call.requireKeys(of: id)
            return ["userkeys": .object(call.cloud.users[id]?.renderedKeys ?? [:])]
        },
    ]

    private static func renderedUser(_ call: Call, _ outcome: Outcome) -> APIObject {
        outcome.answer("user", \.users) { $0.rendered(in: outcome.cloud, for: call.caller) }
    }
}

extension Call {
    /// Whoever holds a user's keys is that user: they are for the user itself, and for administrators who may do all that
    /// the user may.
    fileprivate func requireKeys(of id: ObjectID) throws(RequestError) {
        guard let user = cloud.users[id], let account = cloud.accounts[user.account],
            caller.mayAccess(account: account.id, in: cloud)
        else { throw .unknown("id", id: id.description, command) }
        if user.id == caller.user { return }
        guard caller.mayGovern(domain: account.domain, in: cloud), account.type != .rootAdmin || caller.isRootAdmin
        else { throw .denied("Caller does not have permission to operate with the keys of user \(id)") }
        if let role = cloud.roles[account.role] { try requireGrantable(role) }
    }

    fileprivate func userUpdate() throws(RequestError) -> Request {
        let id = try arguments.requiredID("id")
        var keys: IdentityRequest.UpdateUser.Keys?
        switch (arguments.string("userapikey"), arguments.string("usersecretkey")) {
        case (let key?, let secret?): keys = .init(apiKey: key, secretKey: Secret(secret))
        case (nil, nil): break
        case (nil, _?): throw .missing("userapikey", command)
        case (_?, nil): throw .missing("usersecretkey", command)
        }
        let changesCredentials = keys != nil || arguments.string("password") != nil
        if changesCredentials { try requireKeys(of: id) }
        if arguments.string("password") != nil, id == caller.user, let hash = cloud.users[id]?.passwordHash {
            // A session that somebody left open is not enough to take the account over.
            guard let current = arguments.string("currentpassword") else { throw .missing("currentpassword", command) }
            guard api.surroundings.passwords.matches(current, hash) else {
                throw .refused("currentpassword", "Current password is incorrect")
            }
        }
        return .identity(
            .updateUser(
                IdentityRequest.UpdateUser(
                    id: id, name: arguments.string("username"), firstName: arguments.string("firstname"),
                    lastName: arguments.string("lastname"), email: arguments.string("email"),
                    timeZone: arguments.text("timezone"), passwordHash: try passwordHash("password"), keys: keys)))
    }
}

extension User {
    fileprivate var renderedKeys: APIObject {
        ["apikey": .text(apiKey), "secretkey": secretKey.map { .string($0.revealed) }]
    }

    func rendered(in cloud: Cloud, for caller: Caller) -> APIObject {
        let owner = cloud.accounts[account]
        let role = owner.flatMap { cloud.roles[$0.role] }
        let isOwn = id == caller.user
        let isGoverned = owner.map { caller.mayGovern(domain: $0.domain, in: cloud) } ?? false
        var object: APIObject = [
            "id": .text(id), "username": .string(name), "firstname": .string(firstName), "lastname": .string(lastName),
            "email": .string(email), "timezone": .text(timeZone), "state": .string(state.rawValue),
            "created": .moment(created), "accounttype": .number(owner?.type.rawValue ?? 0), "roleid": .text(role?.id),
            "rolename": .text(role?.name), "roletype": .text(role?.type.rawValue), "usersource": "native",
            "iscallerchilddomain": .boolean(owner.map { $0.domain != caller.domain && isGoverned } ?? false),
            "isdefault": .boolean(owner?.number == 2 && name == owner?.name), "is2faenabled": false,
            "is2famandated": false,
        ]
        if isOwn || isGoverned { object["apikey"] = .text(apiKey) }
        object["accountid"] = .text(account)
        return object.owned(by: account, in: cloud)
    }
}
