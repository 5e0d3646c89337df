import CloudModel
import NetworkVocabulary

// Further addresses of a guest's NIC.
extension Draft {
    /// The new one is the NIC's last.
    mutating func addSecondaryAddress(_ request: Request.AddSecondaryAddress) throws(RequestError) -> [Reference] {
        guard var nic = cloud.nics[request.nic], let network = cloud.networks[nic.network] else {
            throw unknown("nicid", request.nic)
        }
        // Of the machine's owner: on a shared network the network's is another.
        _ = try guest(nic.guest, "nicid")
        guard nic.secondaryAddresses.count < RuleLimits.secondaryAddresses else {
            throw .limit("nicid", "A NIC has at most \(RuleLimits.secondaryAddresses) secondary addresses")
        }
        guard let address = try address(on: network, request.address, ("nicid", "ipaddress")) else {
            throw .refused("nicid", "Network \(network.name) is a layer 2 network: its guests have no addresses")
        }
        nic.secondaryAddresses.append(SecondaryAddress(id: newID(), address: address))
        try put(.nic(nic))
        return [Reference(.nic, nic.id)]
    }

    mutating func removeSecondaryAddress(_ request: Request.Removal) throws(RequestError) -> [Reference] {
        guard var nic = cloud.nic(withSecondaryAddress: request.id),
            let index = nic.secondaryAddresses.firstIndex(where: { $0.id == request.id })
        else { throw unknown("id", request.id) }
        _ = try guest(nic.guest, "id")
        let address = nic.secondaryAddresses[index].address
        if cloud.portForwardingsByNIC[nic.id].contains(where: { cloud.portForwardings[$0]?.guestAddress == address }) {
            throw .refused(
                "id", "Can't remove the secondary ip \(address) is associate with the port forwarding rule")
        }
        if cloud.loadBalancerMembersByNIC[nic.id].contains(where: {
            cloud.loadBalancerMembers[$0]?.guestAddress == address
        }) {
            throw .refused("id", "Can't remove the secondary ip \(address) is associate with load balancing rule")
        }
        if let holder = cloud.claims[.staticNAT(network: nic.network, address)]?.id {
            throw .refused(
                "id", "Can' remove the ip \(address) is associate with static NAT rule public IP address id \(holder)")
        }
        drains = request.cleanup == .drain
        nic.secondaryAddresses.remove(at: index)
        try put(.nic(nic))
        return [Reference(.nic, nic.id)]
    }
}
