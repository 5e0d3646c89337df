import CloudModel
import ControlPlane
import NetworkVocabulary

// How clients stay with a member, and how members are found to answer. Replies wrap a rule's policies, of which it has one
// of a kind, in a list.

extension Command {
    static let balancerPolicies: [Command] = [
        .change(
            "createLBStickinessPolicy", "Lets clients of a rule stay with one machine", isAsync: true, isCreation: true,
            [
                .rule(required: true), Parameter("methodname", required: true, "LbCookie, AppCookie or SourceBased"),
                Parameter("name", required: true, "its name"), Parameter("description", "what it is for"),
                Parameter("param", .map, "the method's parameters: [i].name and [i].value"), .displayed,
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed()
            var parameters: [String: String] = [:]
            for row in arguments.map("param") {
                guard let name = row["name"], parameters.updateValue(row["value"] ?? "", forKey: name) == nil else {
                    throw .invalid("param", row["name"] ?? "", call.command, because: "each name stands there once")
                }
            }
            return .balancing(
                .createStickiness(
                    .init(
                        rule: try arguments.requiredID("lbruleid"), name: try arguments.required("name"),
                        description: arguments.string("description") ?? "",
                        method: try arguments.required("methodname"), parameters: parameters)))
        } reply: { _, outcome in
            outcome.answer("stickinesspolicies", \.loadBalancerRules) { $0.stickinessPolicies(in: outcome.cloud) }
        },
        .list(
            "listLBStickinessPolicies", "Lists how clients of rules stay with one machine",
            [
                .rule(required: false), Parameter("id", .uuid, related: "listLBStickinessPolicies", "only this policy"),
                .displayed,
            ]
        ) { call throws(RequestError) in
            let found = try call.rules(withPolicy: \.stickiness?.id)
            return try call.page("stickinesspolicies", found) { $0.stickinessPolicies(in: call.cloud) }
        },
        .change(
            "updateLBStickinessPolicy", "Shows a policy; nothing of it can be changed here", isAsync: true,
            [.id("listLBStickinessPolicies", "the policy"), .displayed], unsupported: ["customid"]
        ) { call throws(RequestError) in
            try call.unchanged(\.stickiness?.id)
        } reply: { _, outcome in
            outcome.answer("stickinesspolicies", \.loadBalancerRules) { $0.stickinessPolicies(in: outcome.cloud) }
        },
        .change(
            "deleteLBStickinessPolicy", "Lets clients of a rule go to any machine", isAsync: true,
            [.id("listLBStickinessPolicies", "the policy")]
        ) { call throws(RequestError) in
            .balancing(.deletePolicy(.init(.stickiness, try call.arguments.requiredID("id"))))
        } reply: { _, _ in
            .success
        },
        .change(
            "createLBHealthCheckPolicy", "Has the machines of a rule checked", isAsync: true, isCreation: true,
            [
                .rule(required: true), Parameter("description", "what it is for"),
                Parameter("pingpath", "HTTP asks for this; absent: that a connection can be made is enough"),
                Parameter("intervaltime", .integer, "seconds between two checks; 5 when absent"),
                Parameter("responsetimeout", .integer, "seconds to wait for an answer; 2 when absent"),
                Parameter("healthythreshold", .integer, "answers in a row that make a machine well; 2 when absent"),
                Parameter("unhealthythreshold", .integer, "failures in a row that make it unwell; 1 when absent"),
                .displayed,
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed()
            return .balancing(
                .createHealthCheck(
                    .init(
                        rule: try arguments.requiredID("lbruleid"), description: arguments.string("description") ?? "",
                        pingPath: arguments.string("pingpath"), interval: arguments.integer("intervaltime"),
                        responseTimeout: arguments.integer("responsetimeout"),
                        healthyThreshold: arguments.integer("healthythreshold"),
                        unhealthyThreshold: arguments.integer("unhealthythreshold"))))
        } reply: { _, outcome in
            outcome.answer("healthcheckpolicies", \.loadBalancerRules) { $0.healthCheckPolicies(in: outcome.cloud) }
        },
        .list(
            "listLBHealthCheckPolicies", "Lists how the machines of rules are checked",
            [
                .rule(required: false),
                Parameter("id", .uuid, related: "listLBHealthCheckPolicies", "only this policy"), .displayed,
            ]
        ) { call throws(RequestError) in
            let found = try call.rules(withPolicy: \.healthCheck?.id)
            return try call.page("healthcheckpolicies", found) { $0.healthCheckPolicies(in: call.cloud) }
        },
        .change(
            "updateLBHealthCheckPolicy", "Shows a policy; nothing of it can be changed here", isAsync: true,
            [.id("listLBHealthCheckPolicies", "the policy"), .displayed], unsupported: ["customid"]
        ) { call throws(RequestError) in
            try call.unchanged(\.healthCheck?.id)
        } reply: { _, outcome in
            outcome.answer("healthcheckpolicies", \.loadBalancerRules) { $0.healthCheckPolicies(in: outcome.cloud) }
        },
        .change(
            "deleteLBHealthCheckPolicy", "Has the machines of a rule checked no longer", isAsync: true,
            [.id("listLBHealthCheckPolicies", "the policy")]
        ) { call throws(RequestError) in
            .balancing(.deletePolicy(.init(.healthCheck, try call.arguments.requiredID("id"))))
        } reply: { _, _ in
            .success
        },
    ]
}

extension Parameter {
    fileprivate static func rule(required: Bool) -> Parameter {
        Parameter("lbruleid", .uuid, required: required, related: "listLoadBalancerRules", "the rule")
    }
}

extension Call {
    /// The rules that have a policy of a kind, as the caller asked for and may see.
    fileprivate func rules(withPolicy policy: (LoadBalancerRule) -> ObjectID?) throws(RequestError)
        -> [LoadBalancerRule]
    {
        guard arguments.boolean("fordisplay") ?? true else { return [] }
        let rule = try visible("lbruleid", in: cloud.loadBalancerRules, by: balancerOwner)?.id
        let id = arguments.id("id")
        if let id, cloud.loadBalancerRule(withPolicy: id).map({ policy($0) == id && mayLookAt($0) }) != true {
            throw .unknown("id", id: id.description, command)
        }
        return Array(cloud.loadBalancerRules.values).filter { candidate in
            policy(candidate) != nil && (rule == nil || candidate.id == rule) && (id == nil || policy(candidate) == id)
                && mayLookAt(candidate)
        }.sorted { $0.number < $1.number }
    }

    private func balancerOwner(_ rule: LoadBalancerRule) -> ObjectID? {
        cloud.place(of: rule)?.account
    }

    private func mayLookAt(_ rule: LoadBalancerRule) -> Bool {
        balancerOwner(rule).map { caller.mayAccess(account: $0, in: cloud) } ?? false
    }

    fileprivate func unchanged(_ policy: (LoadBalancerRule) -> ObjectID?) throws(RequestError) -> Request {
        try arguments.requireDisplayed()
        let id = try arguments.requiredID("id")
        guard let rule = cloud.loadBalancerRule(withPolicy: id), policy(rule) == id,
            mayLookAt(rule)
        else { throw .unknown("id", id: id.description, command) }
        return .balancing(.updateRule(.init(id: rule.id)))
    }
}

extension LoadBalancerRule {
    fileprivate func stickinessPolicies(in cloud: Cloud) -> APIObject {
        var object = policyHead(in: cloud)
        object["name"] = stickiness.map { .string($0.name) }
        object["description"] = stickiness.map { .string($0.description) }
        object["state"] = "Active"
        object["stickinesspolicy"] = .array(
            [stickiness].compactMap(\.self).map { policy in
                var parameters: APIObject = [:]
                for (name, value) in policy.parameters { parameters[name] = .string(value) }
                return .object([
                    "id": .text(policy.id), "name": .string(policy.name), "description": .string(policy.description),
                    "methodname": .string(policy.method.rawValue), "params": .object(parameters), "state": "Active",
                    "fordisplay": true,
                ])
            })
        return object
    }

    fileprivate func healthCheckPolicies(in cloud: Cloud) -> APIObject {
        var object = policyHead(in: cloud)
        object["healthcheckpolicy"] = .array(
            [healthCheck].compactMap(\.self).map { policy in
                .object([
                    "id": .text(policy.id), "description": .string(policy.description),
                    "pingpath": policy.pingPath.map { .string($0) }, "healthcheckinterval": .number(policy.interval),
                    "responsetime": .number(policy.responseTimeout),
                    // So spelled in CloudStack.
                    "healthcheckthresshold": .number(policy.healthyThreshold),
                    "unhealthcheckthresshold": .number(policy.unhealthyThreshold), "state": "Active",
                    "fordisplay": true,
                ])
            })
        return object
    }

    private func policyHead(in cloud: Cloud) -> APIObject {
        let place = cloud.place(of: self)
        let object: APIObject = [
            "lbruleid": .text(id), "zoneid": .text(place?.zone),
        ]
        return object.owned(by: place?.account, in: cloud)
    }
}
