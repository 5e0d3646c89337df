import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createProject(_ request: IdentityRequest.CreateProject) throws(RequestError) -> [Reference] {
        let owner = try owner(request.owner, of: .project)
        guard let account = cloud.accounts[owner], account.type != .project else { throw unknown("account", owner) }
        // Members of a project act for it; nobody makes other people owners of what they did not ask for.
        if owner != caller.account { try requireGovernance(of: account) }
        if let user = request.user, cloud.users[user]?.account != owner { throw unknown("userid", user) }
        let name = try projectName(request.name, for: nil, in: account.domain)
        let number = try number(.account)
        let own = Account(
            id: newID(), number: number, name: "PrjAcct-\(name.prefix(200))-\(number)", domain: account.domain,
            type: .project, created: time)
        let project = Project(
            id: newID(), name: name, displayText: try text(request.displayText, "displaytext"), domain: account.domain,
            account: own.id, members: [.init(account: owner, user: request.user, isAdmin: true)], created: time)
        try put(.account(own))
        try put(.project(project))
        return [Reference(.project, project.id)]
    }

    mutating func updateProject(_ request: IdentityRequest.UpdateProject) throws(RequestError) -> [Reference] {
        var project = try governedProject(request.id, "id")
        if let text = request.name { project.name = try projectName(text, for: project.id, in: project.domain) }
        if let text = request.displayText { project.displayText = try self.text(text, "displaytext") }
        if let id = request.newOwner {
            let account = try memberAccount(id, of: project)
            if request.swapsOwner, request.isAdmin {
                for index in project.members.indices { project.members[index].isAdmin = false }
            }
            project.members.removeAll { $0.account == account.id && $0.user == nil }
            project.members.append(.init(account: account.id, isAdmin: request.isAdmin))
            guard project.members.contains(where: \.isAdmin) else {
                throw .refused("account", "The project \(project.name) needs an owner")
            }
        }
        try put(.project(project))
        return [Reference(.project, project.id)]
    }

    mutating func setProjectState(_ id: ObjectID, _ state: Project.State) throws(RequestError) -> [Reference] {
        var project = try governedProject(id, "id")
        project.state = state
        try put(.project(project))
        if state == .suspended {
            for guest in cloud.guestsByAccount[project.account] where cloud.guests[guest]?.isRunning == true {
                _ = try stopGuest(guest)
            }
        }
        return [Reference(.project, id)]
    }

    mutating func deleteProject(_ id: ObjectID, cleanup: Bool) throws(RequestError) -> [Reference] {
        let project = try governedProject(id, "id")
        if cleanup { try removeBelongings(of: project.account) }
        try remove(.project, id)
        guard !cloud.isReferenced(Reference(.account, project.account)) else {
            throw .refused(
                "id", "The project \(project.name) still has machines, networks or addresses; see cleanup")
        }
        try remove(.account, project.account)
        return []
    }

    mutating func addProjectMember(_ id: ObjectID, _ member: Project.Member) throws(RequestError) -> [Reference] {
        var project = try governedProject(id, "projectid")
        let account = try memberAccount(member.account, of: project)
        if let user = member.user, cloud.users[user]?.account != account.id { throw unknown("userid", user) }
        guard !project.members.contains(where: { $0.account == member.account && $0.user == member.user }) else {
            throw .refused("account", "Account \(account.name) already added to the project id=\(id)")
        }
        project.members.append(member)
        try put(.project(project))
        return [Reference(.project, id)]
    }

    mutating func removeProjectMember(_ id: ObjectID, _ account: ObjectID) throws(RequestError) -> [Reference] {
        let project = try governedProject(id, "projectid")
        guard project.members.contains(where: { $0.account == account }) else {
            throw .refused("account", "Account is not assigned to the project id=\(id)")
        }
        return try removeMembers(of: project) { $0.account == account }
    }

    mutating func removeMembers(
        of project: Project, where isLeaving: (Project.Member) -> Bool
    ) throws(RequestError) -> [Reference] {
        var project = project
        project.members.removeAll(where: isLeaving)
        guard project.members.contains(where: \.isAdmin) else {
            throw .refused("account", "The project \(project.name) needs an owner")
        }
        try put(.project(project))
        return [Reference(.project, project.id)]
    }

    /// A project that the caller is no part of is not there.
    private func governedProject(_ id: ObjectID, _ parameter: String) throws(RequestError) -> Project {
        guard let project = cloud.projects[id] else { throw unknown(parameter, id) }
        guard caller.mayGovern(project, in: cloud) else {
            throw .denied("Caller does not have permission to operate with the project \(id)")
        }
        return project
    }

    /// Somebody who can be a member: of the project's domain or of one above or below it.
    private func memberAccount(_ id: ObjectID, of project: Project) throws(RequestError) -> Account {
        guard let account = cloud.accounts[id], account.type != .project,
            cloud.isDomain(account.domain, within: project.domain)
                || cloud.isDomain(project.domain, within: account.domain)
        else { throw unknown("account", id) }
        return account
    }

    private func projectName(
        _ text: String, for project: ObjectID?, in domain: ObjectID
    ) throws(RequestError) -> String {
        let name = try name(text, "name")
        guard cloud.project(named: name, inDomain: domain).map({ $0.id == project }) ?? true else {
            throw .refused(
                "name", "Project with name \(RequestError.excerpt(name)) already exists in domain id=\(domain)")
        }
        return name
    }
}
