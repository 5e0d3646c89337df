import CloudModel
import NetworkVocabulary

// Public addresses that are kept for somebody who does not have them yet.
extension Draft {
    mutating func reserveAddress(_ request: NetworkingRequest.ReserveAddress) throws(RequestError) -> [Reference] {
        let account = try owner(request.account, of: .publicAddress)
        guard let free = cloud.freePublicAddress(withID: request.id), let range = cloud.publicRanges[free.range] else {
            guard let held = cloud.publicAddresses[request.id] else { throw unknown("id", request.id) }
            throw .refused("id", "The IP address \(held.address) is not in Free state")
        }
        _ = try zone(range.zone)
        guard range.isOpen(to: account, in: cloud) else { throw dedicated(free.address, "id") }
        // An address that is reserved keeps the id that it was known by.
        let address = PublicAddress(
            id: free.id, range: free.range, address: free.address, account: account, isSourceNAT: false,
            isReserved: true, isDisplayed: request.isDisplayed ?? true)
        try put(.publicAddress(address))
        return [Reference(.publicAddress, address.id)]
    }

    mutating func releaseReservedAddress(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard let address = cloud.publicAddresses[id] else { throw unknown("id", id) }
        try requireAccess(to: address.account)
        guard address.isReserved else {
            throw .refused("id", "The IP address \(address.address) is not in Reserved state")
        }
        try remove(.publicAddress, id)
        return []
    }

    mutating func updateAddress(_ request: NetworkingRequest.UpdateAddress) throws(RequestError) -> [Reference] {
        guard var address = cloud.publicAddresses[request.id] else { throw unknown("id", request.id) }
        try requireAccess(to: address.account)
        if let isDisplayed = request.isDisplayed { address.isDisplayed = isDisplayed }
        try put(.publicAddress(address))
        return [Reference(.publicAddress, address.id)]
    }

    func dedicated(_ address: IPv4Address, _ parameter: String) -> RequestError {
        .refused(parameter, "The address \(address) is in a range that is kept for others")
    }
}
