import CloudModel
import NetworkVocabulary
import Planner

// How clients stay with a member, and how members are found to answer.
extension Draft {
    mutating func createStickiness(_ request: BalancingRequest.CreateStickiness) throws(RequestError) -> [Reference] {
        var rule = try accessibleBalancer(request.rule, "lbruleid")
        guard
            let method = StickinessPolicy.Method.allCases.first(where: {
                $0.rawValue.lowercased() == request.method.lowercased()
            })
        else {
            throw .refused(
                "methodname",
                "Failed to create stickiness policy: the method \(RequestError.excerpt(request.method)) is not one of "
                    + StickinessPolicy.Method.allCases.map(\.rawValue).joined(separator: ", "))
        }
        guard rule.stickiness == nil else {
            throw .refused("lbruleid", "The load balancer rule \(rule.id) has a stickiness policy already")
        }
        let policy = StickinessPolicy(
            id: newID(), name: try name(request.name, "name"),
            description: try text(request.description, "description"), method: method, parameters: request.parameters)
        do throws(StickinessFault) {
            _ = try Planner.stickiness(of: policy)
        } catch {
            throw error.isUnsupported
                ? .unsupported("param", error.text) : invalid("param", error.parameter, error.text)
        }
        rule.stickiness = policy
        try refuseUnbalanced(rule, "lbruleid")
        try put(.loadBalancerRule(rule))
        return [Reference(.loadBalancerRule, rule.id)]
    }

    mutating func createHealthCheck(_ request: BalancingRequest.CreateHealthCheck) throws(RequestError) -> [Reference] {
        var rule = try accessibleBalancer(request.rule, "lbruleid")
        guard rule.healthCheck == nil else {
            throw .refused("lbruleid", "The load balancer rule \(rule.id) has a health check policy already")
        }
        var policy = HealthCheckPolicy(id: newID(), description: try text(request.description, "description"))
        if let path = request.pingPath, !path.isEmpty {
            guard Planner.isPingPath(path) else {
                throw invalid(
                    "pingpath", path,
                    "it is a path from / on, of letters, digits and -._~?=& with at most 255 characters")
            }
            policy.pingPath = path
        }
        policy.interval = try within(1...20_940, request.interval, "intervaltime") ?? policy.interval
        policy.responseTimeout =
            try within(1...60, request.responseTimeout, "responsetimeout") ?? policy.responseTimeout
        policy.healthyThreshold =
            try within(1...100, request.healthyThreshold, "healthythreshold") ?? policy.healthyThreshold
        policy.unhealthyThreshold =
            try within(1...100, request.unhealthyThreshold, "unhealthythreshold") ?? policy.unhealthyThreshold
        rule.healthCheck = policy
        try refuseUnbalanced(rule, "lbruleid")
        try put(.loadBalancerRule(rule))
        return [Reference(.loadBalancerRule, rule.id)]
    }

    /// Without a health check, members are checked as by default: who did not answer has to.
    mutating func deletePolicy(_ request: BalancingRequest.DeletePolicy) throws(RequestError) -> [Reference] {
        guard var rule = cloud.loadBalancerRule(withPolicy: request.id),
            let place = cloud.place(of: rule)
        else { throw unknown("id", request.id) }
        try requireAccess(to: place.account)
        switch request.kind {
        case .stickiness:
            guard rule.stickiness?.id == request.id else { throw unknown("id", request.id) }
            rule.stickiness = nil
        case .healthCheck:
            guard rule.healthCheck?.id == request.id else { throw unknown("id", request.id) }
            rule.healthCheck = nil
        }
        try put(.loadBalancerRule(rule))
        return [Reference(.loadBalancerRule, rule.id)]
    }

    /// What is not there (any more), or not checked, is not found to be anything.
    mutating func note(_ found: [BalancingRequest.MemberHealth]) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        var changed: [Reference] = []
        for health in found {
            guard var member = cloud.loadBalancerMembers[health.member], member.isDown != health.isDown,
                cloud.loadBalancerRules[member.rule]?.check != nil
            else { continue }
            member.isDown = health.isDown
            try put(.loadBalancerMember(member))
            changed.append(Reference(.loadBalancerMember, member.id))
        }
        return changed
    }

    private func within(
        _ bounds: ClosedRange<Int>, _ number: Int?, _ parameter: String
    ) throws(RequestError) -> Int? {
        guard let number else { return nil }
        guard bounds.contains(number) else {
            throw invalid(parameter, "\(number)", "it is from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }
}
