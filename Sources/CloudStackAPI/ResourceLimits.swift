import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let resourceLimits: [Command] = [
        .list(
            "listResourceLimits", "Lists how much of what an account or a domain may have",
            [
                Parameter("resourcetype", .integer, "only of this kind, 0 to 11"),
                Parameter("resourcetypename", "only of the kind of this name: user_vm, public_ip, network …"),
                Parameter("id", .integer, "the same as resourcetype"),
            ] + .scope
        ) { call throws(RequestError) in
            let owner = try call.limited()
            let types = try call.resourceTypes().filter { call.matches($0.rawValue) }
            return try call.page("resourcelimit", types) { owner.rendered($0, in: call.cloud) }
        },
        .change(
            "updateResourceLimit", "Limits how much of what an account or a domain may have", isAsync: false,
            [
                Parameter("resourcetype", .integer, required: true, "of which kind, 0 to 11"),
                Parameter("max", .integer, "how much; -1, as when absent: no limit"), .account,
                Parameter(
                    "domainid", .uuid, related: "listDomains", "without an account: the domain that is limited"),
                .project,
            ], audience: .domainAdmins, unsupported: ["tag"]
        ) { call throws(RequestError) in
            guard let type = try call.resourceTypes().first else { throw .missing("resourcetype", call.command) }
            let owner: IdentityRequest.UpdateLimit.Owner =
                switch try call.limited() {
                case .account(let account): .account(account.id)
                case .domain(let domain): .domain(domain.id)
                }
            return .identity(
                .updateLimit(.init(owner: owner, type: type, limit: call.arguments.integer("max") ?? -1)))
        } reply: { call, outcome in
            guard let type = call.arguments.integer("resourcetype").flatMap({ ResourceType(number: $0) }),
                let object = outcome.reply.object,
                let owner = outcome.cloud.accounts[object.id].map({ Limited.account($0) })
                    ?? outcome.cloud.domains[object.id].map({ .domain($0) })
            else { return .success }
            return ["resourcelimit": .object(owner.rendered(type, in: outcome.cloud))]
        },
        .read(
            "updateResourceCount", "Counts what an account or a domain has; counts are never wrong here",
            [
                Parameter("domainid", .uuid, required: true, related: "listDomains", "the domain"),
                Parameter("resourcetype", .integer, "only of this kind, 0 to 11"), .account, .project,
            ], audience: .domainAdmins, unsupported: ["tag"]
        ) { call throws(RequestError) in
            let owner = try call.limited()
            return [
                "resourcecount": .array(
                    try call.resourceTypes().map { .object(owner.counted($0, in: call.cloud)) })
            ]
        },
    ]
}

/// Whose limits they are.
private enum Limited {
    case account(Account)
    case domain(Domain)

    func rendered(_ type: ResourceType, in cloud: Cloud) -> APIObject {
        var object = owner(type, in: cloud)
        let limits =
            switch self {
            case .account(let account): account.limits
            case .domain(let domain): domain.limits
            }
        object["max"] = .number(limits[type] ?? -1)
        return object
    }

    func counted(_ type: ResourceType, in cloud: Cloud) -> APIObject {
        var object = owner(type, in: cloud)
        let count =
            switch self {
            case .account(let account): cloud.count(of: type, account: account.id)
            case .domain(let domain): cloud.count(of: type, domain: domain.id)
            }
        object["resourcecount"] = .number(count)
        return object
    }

    private func owner(_ type: ResourceType, in cloud: Cloud) -> APIObject {
        let object: APIObject = [
            "resourcetype": .string(String(type.number)), "resourcetypename": .string(type.rawValue),
        ]
        switch self {
        case .account(let account): return object.owned(by: account.id, in: cloud)
        case .domain(let domain): return object.inDomain(domain.id, cloud)
        }
    }
}

extension Call {
    /// The account or project that is named, else the domain, else the caller's account.
    fileprivate func limited() throws(RequestError) -> Limited {
        if arguments.string("account") != nil || arguments.string("projectid") != nil {
            if let account = try account().flatMap({ cloud.accounts[$0] }) { return .account(account) }
        }
        if let domain = try domain().flatMap({ cloud.domains[$0] }) {
            guard caller.mayGovern(domain: domain.id, in: cloud) || command == "listResourceLimits" else {
                throw .denied("Caller does not have permission to operate with the domain \(domain.id)")
            }
            return .domain(domain)
        }
        guard let account = cloud.accounts[caller.account] else { throw .missing("account", command) }
        return .account(account)
    }

    /// The one kind that was asked for, or all.
    fileprivate func resourceTypes() throws(RequestError) -> [ResourceType] {
        if let number = arguments.integer("resourcetype") ?? arguments.integer("id") {
            guard let type = ResourceType(number: number) else {
                throw .invalid("resourcetype", String(number), command, because: "it is from 0 to 11")
            }
            return [type]
        }
        if let name = arguments.string("resourcetypename")?.lowercased() {
            guard let type = ResourceType(rawValue: name) else { throw .invalid("resourcetypename", name, command) }
            return [type]
        }
        return ResourceType.allCases
    }
}
