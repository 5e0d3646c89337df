import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let domains: [Command] = [
        .change(
            "createDomain", "Creates a domain", isAsync: false,
            [
                Parameter("name", required: true, "the domain's name, without slashes"),
                Parameter("parentdomainid", .uuid, related: "listDomains", "the domain above; ROOT when absent"),
                Parameter("networkdomain", "the domain of networks that name none"),
            ], audience: .domainAdmins, unsupported: ["domainid"]
        ) { call throws(RequestError) in
            // A domain administrator's own, which is the top of what they see.
            .identity(
                .createDomain(
                    name: try call.arguments.required("name"),
                    parent: call.arguments.id("parentdomainid") ?? call.caller.domain,
                    networkDomain: call.arguments.string("networkdomain")))
        } reply: { _, outcome in
            outcome.answer("domain", \.domains) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listDomains", "Lists domains",
            [
                Parameter("id", .uuid, related: "listDomains", "only this domain"),
                Parameter("name", "only the domain of this name"),
                Parameter("level", .integer, "only so many below ROOT, which is at 0"), .listAll,
            ], audience: .domainAdmins
        ) { call throws(RequestError) in
            let level = call.arguments.integer("level")
            let domains = try call.visibleDomains().filter { domain in
                call.matches(domain.name)
                    && (level == nil || level == call.cloud.lineage(ofDomain: domain.id).count - 1)
            }
            return try call.page("domain", domains) { $0.rendered(in: call.cloud) }
        },
        .list(
            "listDomainChildren", "Lists the domains below a domain",
            [
                Parameter("id", .uuid, related: "listDomains", "the domain; the caller's own when absent"),
                Parameter("name", "only the domain of this name"), .isRecursive, .listAll,
            ], audience: .domainAdmins
        ) { call throws(RequestError) in
            let top = try call.domain("id") ?? call.caller.domain
            let isRecursive = call.arguments.boolean("isrecursive") ?? call.arguments.boolean("listall") ?? false
            let domains = call.cloud.domains(within: top).filter {
                call.matches($0.name) && $0.id != top && (isRecursive || $0.parent == top)
            }
            return try call.page("domain", domains) { $0.rendered(in: call.cloud) }
        },
        .change(
            "updateDomain", "Changes a domain's name and the domain of its networks", isAsync: false,
            [
                .id("listDomains", "the domain"), Parameter("name", "its new name"),
                Parameter("networkdomain", "the domain of networks that name none; empty: none"),
            ], audience: .domainAdmins
        ) { call throws(RequestError) in
            .identity(
                .updateDomain(
                    IdentityRequest.UpdateDomain(
                        id: try call.arguments.requiredID("id"), name: call.arguments.string("name"),
                        networkDomain: call.arguments.text("networkdomain"))))
        } reply: { _, outcome in
            outcome.answer("domain", \.domains) { $0.rendered(in: outcome.cloud) }
        },
        .change(
            "deleteDomain", "Deletes a domain", isAsync: true,
            [
                .id("listDomains", "the domain"),
                Parameter("cleanup", .boolean, "true: with all accounts, projects and domains in it"),
            ], audience: .domainAdmins
        ) { call throws(RequestError) in
            .identity(
                .deleteDomain(
                    try call.arguments.requiredID("id"), cleanup: call.arguments.boolean("cleanup") ?? false))
        } reply: { _, _ in
            .success
        },
    ]
}

extension Call {
    fileprivate func visibleDomains() throws(RequestError) -> [Domain] {
        if let id = try domain("id") { return cloud.domains[id].map { [$0] } ?? [] }
        let top = caller.isRootAdmin ? Domain.root.id : caller.domain
        return arguments.boolean("listall") ?? false
            ? cloud.domains(within: top) : cloud.domains[top].map { [$0] } ?? []
    }
}

extension Domain {
    func rendered(in cloud: Cloud) -> APIObject {
        let object: APIObject = [
            "id": .text(id), "name": .string(name), "path": .string(cloud.path(ofDomain: id)),
            "level": .number(cloud.lineage(ofDomain: id).count - 1), "parentdomainid": .text(parent),
            "parentdomainname": .text(parent.flatMap { cloud.domains[$0]?.name }),
            "haschild": .boolean(!cloud.referrers(.domain, of: .domain)[id].isEmpty),
            "networkdomain": .text(networkDomain), "state": "Active", "created": .moment(created),
        ]
        return object.counting(limits) { cloud.count(of: $0, domain: id) }
    }
}
