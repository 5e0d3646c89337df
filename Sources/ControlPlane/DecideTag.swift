public import CloudModel
public import NetworkVocabulary

extension Draft {
    /// On each of the objects. A key that an object has already is refused, as in CloudStack: clients take it away first.
    mutating func createTags(
        _ objects: [Reference], _ tags: [String: String], _ customer: String?
    ) throws(RequestError) -> [Reference] {
        for object in objects {
            try requireTaggable(object)
            for (key, value) in tags.sorted(by: { $0.key < $1.key }) {
                let key = try name(key, "tags")
                guard cloud.tag(key, of: object) == nil else {
                    throw .refused(
                        "tags",
                        "tag \(RequestError.excerpt(key)) already on \(object.kind.rawValue) with id \(object.id)")
                }
                guard cloud.tags(of: object).count < TagLimits.tagsOfAnObject else {
                    throw .limit("tags", "An object has at most \(TagLimits.tagsOfAnObject) tags")
                }
                let customer = try customer.map { text throws(RequestError) in try self.text(text, "customer") }
                try put(.tag(Tag(object, key: key, value: try text(value, "tags"), customer: customer)))
            }
        }
        return objects
    }

    /// All of an object's tags when no key is given.
    mutating func deleteTags(_ objects: [Reference], _ patterns: [String: String?]) throws(RequestError) -> [Reference]
    {
        for object in objects {
            try requireTaggable(object)
            let gone = cloud.tags(of: object).filter { tag in
                patterns.isEmpty || patterns[tag.key].map { $0 == nil || $0 == tag.value } ?? false
            }
            guard !gone.isEmpty || patterns.isEmpty else {
                throw .refused(
                    "tags", "Unable to find any tags which conform to the specified delete parameters on \(object.id)")
            }
            for tag in gone { try remove(.tag, tag.id) }
        }
        return objects
    }

    private func requireTaggable(_ object: Reference) throws(RequestError) {
        guard cloud[object] != nil else { throw unknown("resourceids", object.id) }
        if let owner = cloud.owner(of: object) {
            try requireAccess(to: owner)
        } else {
            try requireRootAdmin()
        }
    }
}

enum TagLimits {
    static let tagsOfAnObject = 50
}

extension Cloud {
    /// Whose the object is, for what belongs to somebody.
    public func owner(of object: Reference) -> ObjectID? {
        switch self[object] {
        case .network(let network): network.account
        case .guest(let guest): guest.account
        case .publicAddress(let address): address.account
        case .router(let router): router.account
        case .template(let template): template.account
        case .project(let project): project.account
        case .sslCertificate(let certificate): certificate.account
        case .nic(let nic): guests[nic.guest]?.account
        case .firewallRule(let rule): publicAddresses[rule.publicAddress]?.account
        case .egressRule(let rule): networks[rule.network]?.account
        case .portForwarding(let rule): publicAddresses[rule.publicAddress]?.account
        case .loadBalancerRule(let rule): place(of: rule)?.account
        default: nil
        }
    }
}
