import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let projects: [Command] = [
        .change(
            "createProject", "Creates a project", isAsync: true, isCreation: true,
            [
                Parameter("name", required: true, "the project's name"),
                Parameter("displaytext", "what it is for; the name when absent"),
                Parameter("account", "its owner; the caller when absent"),
                Parameter("domainid", .uuid, related: "listDomains", "the owner's domain"),
                Parameter("accountid", .uuid, related: "listAccounts", "instead of the owner's name"),
                Parameter("userid", .uuid, related: "listUsers", "the one user of the owner who is meant"),
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let name = try arguments.required("name")
            let byID = try call.visible("accountid", in: call.cloud.accounts, by: \.id)?.id
            let byName = try call.account()
            return .identity(
                .createProject(
                    IdentityRequest.CreateProject(
                        name: name, displayText: arguments.string("displaytext") ?? name, owner: byID ?? byName,
                        user: arguments.id("userid"))))
        } reply: {
            renderedProject($0, $1)
        },
        .list(
            "listProjects", "Lists projects",
            [
                Parameter("id", .uuid, related: "listProjects", "only this project"),
                Parameter("name", "only the project of this name"),
                Parameter("displaytext", "only projects with this text"),
                Parameter("username", "only projects that the user of this name is a member of"),
                Parameter("state", "only Active or Suspended"), .account, .listedDomain, .listAll, .isRecursive,
            ]
        ) { call throws(RequestError) in
            let projects = try call.visibleProjects()
            return try call.page("project", projects) { $0.rendered(in: call.cloud) }
        },
        .change(
            "updateProject", "Changes a project's texts and owner", isAsync: true,
            [
                .id("listProjects", "the project"), Parameter("name", "its new name"),
                Parameter("displaytext", "what it is for"),
                Parameter("account", "an account that becomes its owner, or what roletype says"),
                Parameter("swapowner", .boolean, "false: owners so far stay"),
                Parameter("roletype", "Admin or Regular, for the account"),
            ], unsupported: ["userid"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let id = try arguments.requiredID("id")
            return .identity(
                .updateProject(
                    IdentityRequest.UpdateProject(
                        id: id, name: arguments.string("name"), displayText: arguments.string("displaytext"),
                        newOwner: try call.member(of: id),
                        swapsOwner: arguments.boolean("swapowner") ?? true,
                        isAdmin: try call.isProjectAdmin() ?? true)))
        } reply: {
            renderedProject($0, $1)
        },
        .change("activateProject", "Lets a project go on", isAsync: true, [.id("listProjects", "the project")]) {
            call throws(RequestError) in
            .identity(.setProjectState(try call.arguments.requiredID("id"), .active))
        } reply: {
            renderedProject($0, $1)
        },
        .change(
            "suspendProject", "Stops a project's machines, and lets nothing new be made in it", isAsync: true,
            [.id("listProjects", "the project")]
        ) { call throws(RequestError) in
            .identity(.setProjectState(try call.arguments.requiredID("id"), .suspended))
        } reply: {
            renderedProject($0, $1)
        },
        .change(
            "deleteProject", "Deletes a project", isAsync: true,
            [
                .id("listProjects", "the project"),
                Parameter("cleanup", .boolean, "true: with its machines, networks and addresses"),
            ]
        ) { call throws(RequestError) in
            .identity(
                .deleteProject(
                    try call.arguments.requiredID("id"), cleanup: call.arguments.boolean("cleanup") ?? false))
        } reply: { _, _ in
            .success
        },
        .change(
            "addAccountToProject", "Makes an account a member of a project", isAsync: true,
            [
                .ofProject, Parameter("account", required: true, "the account's name"),
                Parameter("roletype", "Admin or Regular; Regular when absent"),
            ], unsupported: ["email", "projectroleid"]
        ) { call throws(RequestError) in
            let id = try call.arguments.requiredID("projectid")
            guard let account = try call.member(of: id) else { throw .missing("account", call.command) }
            return .identity(
                .addProjectMember(
                    project: id, Project.Member(account: account, isAdmin: try call.isProjectAdmin() ?? false)))
        } reply: { _, _ in
            .success
        },
        .list(
            "listProjectAccounts", "Lists the members of a project",
            [
                .ofProject, Parameter("account", "only this account"), Parameter("role", "only Admin or Regular"),
                Parameter("userid", .uuid, related: "listUsers", "only this user"),
            ], unsupported: ["projectroleid"]
        ) { call throws(RequestError) in
            guard let project = try call.project() else { throw .missing("projectid", call.command) }
            let name = call.arguments.string("account")?.lowercased()
            let role = call.arguments.string("role")?.lowercased()
            let user = call.arguments.id("userid")
            let members = project.members.filter { member in
                let account = call.cloud.accounts[member.account]?.name ?? ""
                return call.matches(account) && (name == nil || account.lowercased() == name)
                    && (role == nil || member.roleWord.lowercased() == role) && (user == nil || member.user == user)
            }
            return try call.page("projectaccount", members) { $0.rendered(of: project, in: call.cloud) }
        },
        .change(
            "deleteAccountFromProject", "Ends an account's membership in a project", isAsync: true,
            [.ofProject, Parameter("account", required: true, "the account's name")]
        ) { call throws(RequestError) in
            let id = try call.arguments.requiredID("projectid")
            guard let account = try call.member(of: id) else { throw .missing("account", call.command) }
            return .identity(.removeProjectMember(project: id, account: account))
        } reply: { _, _ in
            .success
        },
    ]

    private static func renderedProject(_ call: Call, _ outcome: Outcome) -> APIObject {
        outcome.answer("project", \.projects) { $0.rendered(in: outcome.cloud) }
    }
}

extension Parameter {
    fileprivate static let ofProject = Parameter(
        "projectid", .uuid, required: true, related: "listProjects", "the project")
}

extension Call {
    /// The account of the name in the project's domain, or in the caller's. Nobody learns here who exists: whoever may
    /// not govern the project is refused before anybody is looked for.
    fileprivate func member(of id: ObjectID) throws(RequestError) -> ObjectID? {
        guard let name = arguments.string("account"), let project = cloud.projects[id] else { return nil }
        guard caller.mayGovern(project, in: cloud) else {
            throw .denied("Caller does not have permission to operate with the project \(id)")
        }
        let account =
            cloud.account(named: name, inDomain: project.domain) ?? cloud.account(named: name, inDomain: caller.domain)
        guard let account, account.type != .project else {
            throw .refused("account", "Unable to find account \(APIError.excerpt(name)) in the project's domain")
        }
        return account.id
    }

    fileprivate func isProjectAdmin() throws(RequestError) -> Bool? {
        guard let text = arguments.string("roletype") else { return nil }
        switch text.lowercased() {
        case "admin": return true
        case "regular": return false
        default: throw .invalid("roletype", text, command, because: "it is Admin or Regular")
        }
    }

    /// Projects of which the owners that were asked for are members.
    fileprivate func visibleProjects() throws(RequestError) -> [Project] {
        let scope = try scope()
        if let project = try visible("id", in: cloud.projects, by: \.account) { return [project] }
        let text = arguments.string("displaytext")?.lowercased()
        let state = arguments.string("state")?.lowercased()
        let user = arguments.string("username")?.lowercased()
        return cloud.projects.values.filter { project in
            project.members.contains { member in
                scope.contains(member.account) && (user == nil || names(of: member).contains(user ?? ""))
            } && matches(project.name) && (text == nil || project.displayText.lowercased() == text)
                && (state == nil || project.state.rawValue.lowercased() == state)
                && caller.mayAccess(account: project.account, in: cloud)
        }
    }

    private func names(of member: Project.Member) -> [String] {
        let users = member.user.flatMap { cloud.users[$0] }.map { [$0] } ?? cloud.users(ofAccount: member.account)
        return users.map { $0.name.lowercased() }
    }
}

extension Project.Member {
    fileprivate var roleWord: String { isAdmin ? "Admin" : "Regular" }

    fileprivate func rendered(of project: Project, in cloud: Cloud) -> APIObject {
        let owner = cloud.accounts[account]
        let object: APIObject = [
            "projectid": .text(project.id), "project": .string(project.name), "accountid": .text(account),
            "account": .text(owner?.name), "accounttype": owner.map { .number($0.type.rawValue) },
            "userid": .text(user), "username": .text(user.flatMap { cloud.users[$0]?.name }),
            "role": .string(roleWord),
        ]
        return object.inDomain(owner?.domain ?? project.domain, cloud)
    }
}

extension Project {
    func rendered(in cloud: Cloud) -> APIObject {
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "displaytext": .string(displayText),
            "state": .string(state.rawValue), "projectaccountname": .text(cloud.accounts[account]?.name),
            "created": .moment(created),
            "owner": .array(
                members.filter(\.isAdmin).map { member in
                    .object([
                        "account": .text(cloud.accounts[member.account]?.name), "userid": .text(member.user),
                        "user": .text(member.user.flatMap { cloud.users[$0]?.name }),
                    ])
                }), "tags": .array([]),
        ]
        object = object.inDomain(domain, cloud)
        guard let account = cloud.accounts[account] else { return object }
        return object.counting(account: account, in: cloud)
    }
}
