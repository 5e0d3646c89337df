import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createAccount(_ request: Request.CreateAccount) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        let name = try name(request.name, "account")
        guard cloud.account(named: name) == nil else {
            throw .refused("account", "The specified account: \(RequestError.excerpt(name)) already exists")
        }
        let account = Account(id: newID(), number: try number(.account), name: name)
        try put(.account(account))
        return [Reference(.account, account.id)]
    }

    mutating func deleteAccount(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let account = cloud.accounts[id] else { throw unknown("id", id) }
        guard account.number != Bootstrap.adminNumber else {
            throw .refused("id", "The account \(account.name) is the system's own and can't be deleted")
        }
        try releasePools(of: id)
        guard !cloud.isReferenced(Reference(.account, id)) else {
            throw .inUse("id", "The account \(account.name) still has networks, guests or public addresses")
        }
        try remove(.account, id)
        return []
    }
}
