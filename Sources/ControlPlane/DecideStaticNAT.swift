import CloudModel
import NetworkVocabulary

// Public addresses that are a guest's in both directions.
extension Draft {
    mutating func enableStaticNAT(_ request: Request.EnableStaticNAT) throws(RequestError) -> [Reference] {
        var address = try accessibleAddress(request.publicAddress, "ipaddressid")
        guard !address.isSourceNAT else {
            throw .refused(
                "ipaddressid",
                "Can't enable static, ip address with specified id \(address.id) is a sourceNat ip address")
        }
        guard cloud.portForwardingsByAddress[address.id].isEmpty else {
            throw .conflict(
                "ipaddressid",
                "Failed to enable static nat for the ip address \(address.address) as it already has PortForwarding "
                    + "rules assigned")
        }
        guard cloud.loadBalancerRulesByAddress[address.id].isEmpty else {
            throw .conflict(
                "ipaddressid",
                "Failed to enable static nat for the ip address \(address.address) as it already has LoadBalancing "
                    + "rules assigned")
        }
        let guest = try forwardingGuest(request.guest, address)
        let network = try ruleNetwork(request.network, address, guest)
        try require("StaticNat", of: network, "ipaddressid")
        let (nic, guestAddress) = try target(guest, request.guestAddress, network)
        if let held = address.staticNAT, held.nic != nic.id {
            throw .conflict(
                "ipaddressid",
                "Failed to enable static for the ip address \(address.address) and vm id=\(guest.id) as it's already "
                    + "assigned to another vm")
        }
        if let other = cloud.claims[.staticNAT(network: network.id, guestAddress)]?.id, other != address.id {
            throw .conflict(
                "virtualmachineid",
                "Failed to enable static nat on the ip \(address.address) as the vm \(guest.name) is already associated "
                    + "with another public ip with Id \(other): \(guestAddress) already has static nat")
        }
        // Never as the source NAT address of a network that has none yet: then it could not be the guest's.
        address = try associate(address, with: network, isFirst: false, "networkid")
        address.staticNAT = StaticNAT(nic: nic.id, guestAddress: guestAddress)
        try put(.publicAddress(address))
        return [Reference(.publicAddress, address.id)]
    }

    /// Its firewall rules go with it, as in CloudStack: whatever the address is used for next starts closed. The
    /// operator's own stay.
    mutating func disableStaticNAT(_ request: Request.Removal) throws(RequestError) -> [Reference] {
        let address = try accessibleAddress(request.id, "ipaddressid")
        guard address.staticNAT != nil else {
            throw .refused("ipaddressid", "Specified IP address id \(address.id) is not associated with any vm Id")
        }
        drains = request.cleanup == .drain
        for id in cloud.firewallRulesByAddress[address.id] where cloud.firewallRules[id]?.isSystem == false {
            try remove(.firewallRule, id)
        }
        try endStaticNAT(address.id)
        return [Reference(.publicAddress, address.id)]
    }

    /// The address stays the network's, and its firewall rules stay.
    mutating func endStaticNAT(_ id: ObjectID) throws(RequestError) {
        guard var address = cloud.publicAddresses[id] else { return }
        address.staticNAT = nil
        try put(.publicAddress(address))
    }
}
