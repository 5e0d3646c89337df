public import NetworkVocabulary

/// Who alone gets members of a pool.
public enum Dedication: Hashable, Sendable {
    case account(ObjectID)
    /// Accounts of the domain and of those below it.
    case domain(ObjectID)
}

extension Dedication {
    public func admits(_ account: ObjectID, in cloud: Cloud) -> Bool {
        switch self {
        case .account(let owner): owner == account
        case .domain(let domain):
            cloud.accounts[account].map { cloud.isDomain($0.domain, within: domain) } ?? false
        }
    }

    var reference: Reference {
        switch self {
        case .account(let id): Reference(.account, id)
        case .domain(let id): Reference(.domain, id)
        }
    }
}

extension Dedication: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case account, domain }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        if let account = try container.decodeIfPresent(ObjectID.self, forKey: .account) {
            self = .account(account)
        } else {
            self = .domain(try container.decode(ObjectID.self, forKey: .domain))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .account(let id): try container.encode(id, forKey: .account)
        case .domain(let id): try container.encode(id, forKey: .domain)
        }
    }
}
