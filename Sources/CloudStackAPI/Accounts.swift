import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let accounts: [Command] = [
        .change(
            "createAccount", "Creates an account with its first user", isAsync: false,
            [
                Parameter("account", "the account's name; the user's when absent"),
                Parameter("username", required: true, "the user's name"),
                Parameter("password", required: true, "the user's password"),
                Parameter("firstname", required: true, "the user's first name"),
                Parameter("lastname", required: true, "the user's last name"),
                Parameter("email", required: true, "where to write to the user"),
                Parameter("domainid", .uuid, related: "listDomains", "the account's domain; ROOT when absent"),
                Parameter("accounttype", .integer, "0: user, 1: root administrator, 2: domain administrator"),
                .role, Parameter("networkdomain", "the domain of networks that name none"),
                Parameter("timezone", "where the user lives"),
            ], audience: .domainAdmins, isCostly: true, unsupported: ["accountid", "userid"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let role = try call.grantableRole()
            let user = try call.newUser()
            return .createAccount(
                Request.CreateAccount(
                    name: arguments.string("account") ?? user.name, domain: arguments.id("domainid"), role: role?.id,
                    type: try call.accountType() ?? .user, networkDomain: arguments.string("networkdomain"), user: user)
            )
        } reply: { call, outcome in
            outcome.answer("account", \.accounts) { $0.rendered(in: outcome.cloud, for: call.caller) }
        },
        .list(
            "listAccounts", "Lists accounts",
            [
                Parameter("id", .uuid, related: "listAccounts", "only this account"),
                Parameter("name", "only the account of this name"),
                Parameter("accounttype", .integer, "only 0: users, 1: root administrators, 2: domain administrators"),
                Parameter("state", "only enabled, disabled or locked"), .listedDomain, .listAll, .isRecursive,
            ]
        ) { call throws(RequestError) in
            let type = try call.accountType()
            let state = call.arguments.string("state")?.lowercased()
            let accounts = try call.owned(call.cloud.accounts, by: \.id).filter {
                $0.type != .project && call.matches($0.name) && (type == nil || $0.type == type)
                    && (state == nil || $0.state.rawValue == state)
            }
            return try call.page("account", accounts.sorted { $0.number < $1.number }) {
                $0.rendered(in: call.cloud, for: call.caller)
            }
        },
        .change(
            "updateAccount", "Changes an account's name, role and the domain of its networks", isAsync: false,
            .namedAccount + [
                Parameter("newname", "its new name"), .role,
                Parameter("networkdomain", "the domain of networks that name none; empty: none"),
            ], audience: .domainAdmins
        ) { call throws(RequestError) in
            .identity(
                .updateAccount(
                    IdentityRequest.UpdateAccount(
                        id: try call.namedAccount(), name: call.arguments.string("newname"),
                        networkDomain: call.arguments.text("networkdomain"), role: try call.grantableRole()?.id)))
        } reply: {
            renderedAccount($0, $1)
        },
        .change(
            "enableAccount", "Lets the users of an account in again", isAsync: false, .namedAccount,
            audience: .domainAdmins
        ) { call throws(RequestError) in
            .identity(.setAccountState(try call.namedAccount(), .enabled))
        } reply: {
            renderedAccount($0, $1)
        },
        .change(
            "disableAccount", "Keeps the users of an account out; disabled, its machines stop too", isAsync: true,
            .namedAccount + [Parameter("lock", .boolean, required: true, "true: its machines go on")],
            audience: .domainAdmins
        ) { call throws(RequestError) in
            .identity(
                .setAccountState(
                    try call.namedAccount(), call.arguments.boolean("lock") ?? false ? .locked : .disabled))
        } reply: {
            renderedAccount($0, $1)
        },
        .change(
            "lockAccount", "Keeps the users of an account out; its machines go on", isAsync: false,
            [
                Parameter("account", required: true, "the account's name"),
                Parameter("domainid", .uuid, required: true, related: "listDomains", "its domain"),
            ], audience: .domainAdmins
        ) { call throws(RequestError) in
            .identity(.setAccountState(try call.namedAccount(), .locked))
        } reply: {
            renderedAccount($0, $1)
        },
        .change(
            "deleteAccount", "Deletes an account with all that it owns", isAsync: true,
            [.id("listAccounts", "the account")], audience: .domainAdmins
        ) { call throws(RequestError) in
            .deleteAccount(try call.arguments.requiredID("id"))
        } reply: { _, _ in
            .success
        },
    ]

    private static func renderedAccount(_ call: Call, _ outcome: Outcome) -> APIObject {
        outcome.answer("account", \.accounts) { $0.rendered(in: outcome.cloud, for: call.caller) }
    }
}

extension Parameter {
    fileprivate static let role = Parameter(
        "roleid", .string, related: "listRoles", "what its users may do; says more than the type")
}

extension [Parameter] {
    fileprivate static let namedAccount: [Parameter] = [
        Parameter("id", .uuid, related: "listAccounts", "the account"),
        Parameter("account", "instead of the id: the account's name"),
        Parameter("domainid", .uuid, related: "listDomains", "with the name: the account's domain"),
    ]
}

extension Call {
    /// The account that `id`, or `account` with `domainid`, name.
    fileprivate func namedAccount() throws(RequestError) -> ObjectID {
        if let id = arguments.id("id") { return id }
        guard let account = try account() else { throw .missing("id", command) }
        return account
    }

    func accountType() throws(RequestError) -> Account.Kind? {
        guard let number = arguments.integer("accounttype") else { return nil }
        guard let type = Account.Kind(rawValue: number), type != .project else {
            throw .invalid("accounttype", String(number), command)
        }
        return type
    }

    /// The role that `roleid` names: by its id or, as old clients do, by the number of a built-in one.
    func role(_ parameter: String = "roleid") throws(RequestError) -> Role? {
        guard let text = arguments.string(parameter) else { return nil }
        if let number = Int(text), Role.builtIn.indices.contains(number - 1) { return Role.builtIn[number - 1] }
        guard let role = ObjectID(text).flatMap({ cloud.roles[$0] }) else {
            throw .unknown(parameter, id: text, command)
        }
        return role
    }

    /// The same, if the caller may do all that the role allows: nobody gives away more than they have.
    fileprivate func grantableRole() throws(RequestError) -> Role? {
        let named = try role()
        let typed = try accountType().map { Role.builtIn(for: $0) }
        guard let role = named ?? typed else { return nil }
        try requireGrantable(role)
        return role
    }

    func requireGrantable(_ role: Role) throws(RequestError) {
        let own = cloud.roles[caller.role]
        for command in Command.all where command.isAllowed(by: role) {
            guard let own, command.isAllowed(by: own) else {
                throw .denied("The role \(role.name) allows more than the caller's, such as \(command.name)")
            }
        }
    }

    func newUser() throws(RequestError) -> IdentityRequest.NewUser {
        IdentityRequest.NewUser(
            name: try arguments.required("username"), firstName: try arguments.required("firstname"),
            lastName: try arguments.required("lastname"), email: try arguments.required("email"),
            timeZone: arguments.string("timezone"), passwordHash: try passwordHash("password"))
    }

    func passwordHash(_ parameter: String) throws(RequestError) -> Secret? {
        guard let password = arguments.string(parameter) else { return nil }
        guard let hash = api.surroundings.passwords.hash(password) else {
            throw RequestError(.internal, exceptionCode: 4250, parameter: parameter, "The password can't be hashed")
        }
        return hash
    }
}

extension Account {
    func rendered(in cloud: Cloud, for caller: Caller) -> APIObject {
        let role = cloud.roles[role]
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "accounttype": .number(type.rawValue), "roleid": .text(self.role),
            "rolename": .text(role?.name), "roletype": .text(role?.type.rawValue), "state": .string(state.rawValue),
            "networkdomain": .text(networkDomain), "created": .moment(created),
            "isdefault": .boolean(number == 2), "iscleanuprequired": false, "accountdetails": .object([:]),
        ]
        object = object.inDomain(domain, cloud).counting(account: self, in: cloud)
        object["user"] = .array(
            cloud.users(ofAccount: id).map { .object($0.rendered(in: cloud, for: caller)) })
        return object
    }
}

extension APIValue {
    /// Milliseconds since 1970; nothing for what nobody knows.
    static func moment(_ milliseconds: Int64) -> APIValue? {
        milliseconds == 0 ? nil : .text(Timestamp(milliseconds: milliseconds))
    }
}
