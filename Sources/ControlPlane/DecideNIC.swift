import CloudModel
import NetworkVocabulary

/// The parameters of a request that ask for a port: what an error names.
struct NICParameters {
    let network: String
    let address: String
    let mac: String
    let dhcpOptions: String
    let namespace: String
}

// Ports of guests, which come, go and change while their guests run.
extension Draft {
    /// The guest's ports are the others' no business: they keep their numbers, addresses and packets.
    mutating func addNIC(_ request: NetworkingRequest.AddNIC) throws(RequestError) -> [Reference] {
        let parameters = NICParameters(
            network: "networkid", address: "ipaddress", mac: "macaddress", dhcpOptions: "dhcpoptions",
            namespace: "hostnamespace")
        let guest = try guest(request.guest, "virtualmachineid")
        guard guest.state != .destroyed else {
            throw .refused("virtualmachineid", "The virtual machine \(guest.instanceName) is destroyed")
        }
        guard let network = cloud.networks[request.network] else {
            throw unknown(parameters.network, request.network)
        }
        try refuseForeign(network, to: guest.account, guest.zone, parameters.network)
        guard cloud.claims[.nic(guest: guest.id, network: network.id)] == nil else {
            throw .refused(
                parameters.network,
                "A NIC already exists for VM:\(guest.instanceName) in network: \(network.name)")
        }
        guard cloud.guest(named: guest.name, onNetwork: network.id) == nil else {
            throw .refused(
                parameters.network,
                "The vm with hostName \(guest.name) already exists in network \(network.name)")
        }
        let nics = cloud.nics(ofGuest: guest.id)
        guard nics.count < NICLimits.nics else {
            throw .limit(parameters.network, "A virtual machine has at most \(NICLimits.nics) NICs")
        }
        if guest.isRunning { try implement(network.id, parameters.network) }
        let delivery = try self.delivery(ofNextPort: request.delivery, of: guest, among: nics)
        let taken = Set(nics.map(\.index))
        let index = (0...nics.count).first { !taken.contains($0) } ?? nics.count
        try plug(
            guest, cloud.networks[network.id] ?? network, index: index, isDefault: nics.isEmpty,
            address: request.address, mac: request.mac, dhcpOptions: request.dhcpOptions, delivery,
            parameters)
        return [Reference(.guest, guest.id)]
    }

    mutating func removeNIC(_ request: NetworkingRequest.GuestNIC) throws(RequestError) -> [Reference] {
        let (guest, nic, network) = try nic(request)
        guard !nic.isDefault else {
            throw .refused(
                "nicid",
                "Unable to remove nic from \(guest.instanceName) in \(network.name), nic is default.")
        }
        try refuseRules(on: nic, "remove nic from \(guest.instanceName) in \(network.name)", "nicid")
        try remove(.nic, nic.id)
        return [Reference(.guest, guest.id)]
    }

    mutating func makeNICDefault(_ request: NetworkingRequest.GuestNIC) throws(RequestError) -> [Reference] {
        var (guest, nic, network) = try nic(request)
        guard !nic.isDefault else {
            throw .refused(
                "nicid",
                "Cannot set nic \(nic.id) as default: it is the default nic of \(guest.instanceName) already")
        }
        guard network.gateway != nil else {
            throw .refused("nicid", "Network \(network.name) has no gateway: no nic on it can be the default one")
        }
        for var other in cloud.nics(ofGuest: guest.id) where other.isDefault {
            other.isDefault = false
            try put(.nic(other))
        }
        nic.isDefault = true
        try put(.nic(nic))
        return [Reference(.guest, guest.id)]
    }

    /// Connections of the old address end. Rules that lead to it would lead nowhere, so it stays while there are any.
    mutating func changeNICAddress(_ request: NetworkingRequest.ChangeNICAddress) throws(RequestError) -> [Reference] {
        guard var nic = cloud.nics[request.nic], let network = cloud.networks[nic.network] else {
            throw unknown("nicid", request.nic)
        }
        let guest = try guest(nic.guest, "nicid")
        if let text = request.address, try address(text, "ipaddress") == nic.address {
            return [Reference(.guest, guest.id)]
        }
        if let text = request.address, nic.secondaryAddresses.contains(where: { $0.address.description == text }) {
            throw .refused("ipaddress", "The address \(text) is a secondary one of the nic")
        }
        if let held = nic.address, !rules(leadingTo: held, of: nic).isEmpty {
            throw .refused(
                "nicid",
                "Unable to change the address \(held) of \(guest.instanceName), nic has associated Port forwarding or "
                    + "Load balancer or Static NAT rules.")
        }
        guard let address = try address(on: network, request.address, ("nicid", "ipaddress")) else {
            throw .refused("nicid", "Network \(network.name) is a layer 2 network: its guests have no addresses")
        }
        nic.address = address
        try put(.nic(nic))
        return [Reference(.guest, guest.id)]
    }

    /// A new port of the guest on the network.
    mutating func plug(
        _ guest: Guest, _ network: Network, index: Int, isDefault: Bool, address: String?, mac: String?,
        dhcpOptions: DHCPOptionRow, _ delivery: NIC.Delivery?, _ parameters: NICParameters
    ) throws(RequestError) {
        if let namespace = delivery?.namespace, cloud.claims[.namespaceDevice(namespace, index)] != nil {
            throw .refused(
                parameters.namespace,
                "The namespace \(namespace) has an eth\(index) already, of another virtual machine")
        }
        let options = try checked(dhcpOptions, on: network, parameters.dhcpOptions)
        let address = try self.address(on: network, address, (parameters.network, parameters.address))
        let shard = try freeShard(.network(network.id), parameters.network)
        let chosen = try mac.map { text throws(RequestError) in try freeMAC(text, parameters.mac) }
        let mac = if let chosen { chosen } else { try newMAC() }
        let maySpoof = cloud.networkOfferings[network.offering]?.allowsSpoofing == true
        try put(
            .nic(
                NIC(
                    id: newID(), guest: guest.id, network: network.id, index: index, address: address,
                    attachment: Attachment(mac: mac, shard: shard), isDefault: isDefault,
                    allowsSpoofing: maySpoof ? true : nil, dhcpOptions: options,
                    delivery: delivery)))
    }

    /// A free address of the network, the one asked for if one is; nil where there are none.
    func address(
        on network: Network, _ text: String?, _ parameters: (network: String, address: String)
    ) throws(RequestError) -> IPv4Address? {
        if let text { return try guestAddress(text, on: network, parameters.address) }
        guard network.cidr != nil else { return nil }
        guard let free = cloud.freeGuestAddress(in: network.id) else {
            throw .noFreeAddress(
                parameters.network,
                "Insufficient address capacity: unable to acquire Guest IP address for network \(network.name)")
        }
        return free
    }

    private func guestAddress(
        _ text: String, on network: Network, _ parameter: String
    ) throws(RequestError) -> IPv4Address {
        let address = try address(text, parameter)
        guard let cidr = network.cidr else {
            throw .refused(parameter, "Network \(network.name) is a layer 2 network: its guests have no addresses")
        }
        let pools = cloud.guestPools(ofNetwork: network)
        guard cidr.hosts.contains(address) else {
            throw invalid(parameter, text, "it is no host address of network \(cidr)")
        }
        guard pools.contains(where: { $0.contains(address) }) else {
            let ranges = pools.map(\.description).joined(separator: ", ")
            throw invalid(parameter, text, "it is outside the guest range \(ranges)")
        }
        guard address != network.gateway else { throw invalid(parameter, text, "it is the gateway's") }
        guard cloud.claims[.guestAddress(network: network.id, address)] == nil else {
            throw .refused(parameter, "The address \(address) is in use in network \(network.name)")
        }
        return address
    }

    /// MAC addresses are told apart in the whole cloud: they name a port wherever they are seen.
    private func freeMAC(_ text: String, _ parameter: String) throws(RequestError) -> MACAddress {
        guard let mac = MACAddress(text) else {
            throw invalid(parameter, text, "it is not a MAC address such as 02:00:00:00:00:01")
        }
        guard !mac.isMulticast, mac.bits != 0 else { throw invalid(parameter, text, "no port can have it") }
        // Never given to guests: the outside's.
        guard mac.bits >> 32 != NICLimits.reservedMACs else { throw invalid(parameter, text, "it is reserved") }
        guard cloud.claims[.mac(mac)] == nil else {
            throw .refused(parameter, "The mac address \(mac) is already in use")
        }
        return mac
    }

    private func nic(_ request: NetworkingRequest.GuestNIC) throws(RequestError) -> (Guest, NIC, Network) {
        let guest = try guest(request.guest, "virtualmachineid")
        guard let nic = cloud.nics[request.nic], let network = cloud.networks[nic.network] else {
            throw unknown("nicid", request.nic)
        }
        guard nic.guest == guest.id else {
            throw .refused("nicid", "The nic \(nic.id) is not of virtual machine \(guest.instanceName)")
        }
        return (guest, nic, network)
    }

    private func refuseRules(on nic: NIC, _ deed: String, _ parameter: String) throws(RequestError) {
        guard nic.addresses.allSatisfy({ rules(leadingTo: $0, of: nic).isEmpty }) else {
            throw .refused(
                parameter,
                "Unable to \(deed), nic has associated Port forwarding or Load balancer or Static NAT rules.")
        }
    }

    private func rules(leadingTo address: IPv4Address, of nic: NIC) -> [Reference] {
        let forwards = cloud.portForwardingsByNIC[nic.id].filter {
            cloud.portForwardings[$0]?.guestAddress == address
        }
        let members = cloud.loadBalancerMembersByNIC[nic.id].filter {
            cloud.loadBalancerMembers[$0]?.guestAddress == address
        }
        let publicAddresses = cloud.publicAddressesByNIC[nic.id].filter {
            cloud.publicAddresses[$0]?.staticNAT?.guestAddress == address
        }
        return forwards.map { Reference(.portForwarding, $0) } + members.map { Reference(.loadBalancerMember, $0) }
            + publicAddresses.map { Reference(.publicAddress, $0) }
    }

    /// Who may put a port on the network.
    func refuseForeign(
        _ network: Network, to account: ObjectID, _ zone: ObjectID, _ parameter: String
    ) throws(RequestError) {
        guard network.zone == zone else {
            throw .refused(parameter, "Network \(network.name) is not in zone \(cloud.zones[zone]?.name ?? "")")
        }
        guard network.isOpen(to: account, in: cloud) else {
            let whose =
                network.audience == .owner
                ? "it is not of account \(cloud.accounts[account]?.name ?? "")" : "it is shared with another domain"
            throw .denied(
                "Unable to use network with id= \(network.id), permission denied: \(whose)", by: parameter)
        }
    }
}

enum NICLimits {
    /// As many as a machine commonly has slots for.
    static let nics = 32
    /// 02:ff and on.
    static let reservedMACs: UInt64 = 0x02ff
}
