public import CloudModel
public import NetworkVocabulary

extension Cloud {
    /// How many of a kind an account has.
    public func count(of type: ResourceType, account id: ObjectID) -> Int {
        switch type {
        case .instance: guestsByAccount[id].count
        case .publicAddress: referrers(.publicAddress, of: .account)[id].count
        case .network: networksByAccount[id].count
        case .project: projects(withMember: id).count { $0.members.contains { $0.account == id && $0.isAdmin } }
        // What is inventory only, or not there, is not counted.
        case .volume, .snapshot, .template, .vpc, .cpu, .memory, .primaryStorage, .secondaryStorage: 0
        }
    }

    /// How many of a kind the accounts of a domain and of those below it have.
    public func count(of type: ResourceType, domain id: ObjectID) -> Int {
        domains(within: id).reduce(0) { sum, domain in
            sum + referrers(.account, of: .domain)[domain.id].reduce(0) { $0 + count(of: type, account: $1) }
        }
    }
}

extension Draft {
    /// One more of the kind must fit the limits of the account, of its domain and of all domains above.
    func requireRoom(for type: ResourceType, account id: ObjectID) throws(RequestError) {
        guard let account = cloud.accounts[id], account.type != .rootAdmin else { return }
        if let limit = account.limits[type] {
            let count = cloud.count(of: type, account: id)
            guard count < limit else {
                throw .limit(
                    nil,
                    "Maximum amount of resources of Type = '\(type.rawValue)' for Account Name = \(account.name) in Domain "
                        + "Id = \(account.domain) is exceeded: Account Resource Limit = \(limit), Current Account Resource "
                        + "Amount = \(count), Requested Resource Amount = 1.")
            }
        }
        for domain in cloud.lineage(ofDomain: account.domain) {
            guard let limit = domain.limits[type] else { continue }
            let count = cloud.count(of: type, domain: domain.id)
            guard count < limit else {
                throw .limit(
                    nil,
                    "Maximum amount of resources of Type = '\(type.rawValue)' for Domain Id = \(domain.id) is exceeded: "
                        + "Domain Resource Limit = \(limit), Current Domain Resource Amount = \(count), Requested Resource "
                        + "Amount = 1.")
            }
        }
    }

    mutating func updateLimit(_ request: IdentityRequest.UpdateLimit) throws(RequestError) -> [Reference] {
        guard request.limit >= -1 else { throw invalid("max", String(request.limit), "it is -1 or more") }
        let limit = request.limit == -1 ? nil : request.limit
        switch request.owner {
        case .account(let id):
            guard var account = cloud.accounts[id] else { throw unknown("account", id) }
            try requireGovernance(of: account)
            guard caller.isRootAdmin || id != caller.account else { throw .denied("Nobody sets their own limits") }
            try requireWithin(account.domain, request.type, request.limit)
            account.limits[request.type] = limit
            try put(.account(account))
            return [Reference(.account, id)]
        case .domain(let id):
            guard var domain = cloud.domains[id] else { throw unknown("domainid", id) }
            // A domain's limits are set from above.
            try requireGovernance(ofDomain: domain.parent ?? id)
            if let parent = domain.parent { try requireWithin(parent, request.type, request.limit) }
            domain.limits[request.type] = limit
            try put(.domain(domain))
            return [Reference(.domain, id)]
        }
    }

    /// Nothing below a domain may be given more than the domain has.
    private func requireWithin(_ domain: ObjectID, _ type: ResourceType, _ limit: Int) throws(RequestError) {
        for domain in cloud.lineage(ofDomain: domain) {
            guard let most = domain.limits[type], limit > most else { continue }
            throw .refused(
                "max", "Maximum \(type.rawValue) limit for domain \(domain.name) is \(most); \(limit) is more than that"
            )
        }
    }
}
