import CloudModel
import NetworkVocabulary

// Options that guests are given beyond those that follow from their networks.
extension Draft {
    /// As they are kept: nil for none.
    func checked(
        _ options: [ExtraDHCPOption], on network: Network, _ parameter: String
    ) throws(RequestError) -> [ExtraDHCPOption]? {
        guard !options.isEmpty else { return nil }
        guard cloud.networkOfferings[network.offering]?.services["Dhcp"] != nil else {
            throw .refused(parameter, "Network \(network.name) has no service Dhcp: nobody gives its guests options")
        }
        try check(options, parameter)
        return options.sorted { $0.code < $1.code }
    }

    func check(_ options: [ExtraDHCPOption], _ parameter: String) throws(RequestError) {
        guard options.count <= DHCPOptionLimits.count else {
            throw .limit(parameter, "There are at most \(DHCPOptionLimits.count) DHCP options")
        }
        for option in options {
            let name = "\(parameter)[0].\(ExtraDHCPOption.name(option.code))"
            guard !ExtraDHCPOption.reserved.contains(option.code) else {
                throw .refused(name, "DHCP option \(option.code) follows from the cloud or belongs to the protocol")
            }
            guard !option.value.unicodeScalars.contains(where: \.isControl), option.bytes != nil else {
                throw invalid(name, option.value, "it is no value of DHCP option \(option.code)")
            }
        }
    }

    /// The guest hears of them with its next renewal.
    mutating func change(
        _ options: [ExtraDHCPOption], of guest: Guest, onNetwork id: ObjectID, _ parameter: String
    ) throws(RequestError) {
        guard let network = cloud.networks[id] else { throw unknown("\(parameter)[0].networkid", id) }
        guard var nic = cloud.nics(ofGuest: guest.id).first(where: { $0.network == id }) else {
            throw .refused(
                "\(parameter)[0].networkid",
                "The virtual machine \(guest.displayName) has no NIC on network \(network.name)")
        }
        nic.dhcpOptions = try checked(options, on: network, parameter)
        try put(.nic(nic))
    }
}

enum DHCPOptionLimits {
    /// They are to fit into a datagram with everything else.
    static let count = 32
}
