import CloudModel
import NetworkVocabulary

// Options that guests are given beyond those that follow from their networks.
extension Draft {
    /// As they are kept: nil for none.
    func checked(
        _ row: DHCPOptionRow, on network: Network, _ parameter: String
    ) throws(RequestError) -> [ExtraDHCPOption]? {
        guard !row.options.isEmpty else { return nil }
        guard cloud.networkOfferings[network.offering]?.services["Dhcp"] != nil else {
            throw .refused(parameter, "Network \(network.name) has no service Dhcp: nobody gives its guests options")
        }
        try check(row, parameter)
        return row.options.sorted { $0.code < $1.code }
    }

    func check(_ row: DHCPOptionRow, _ parameter: String) throws(RequestError) {
        guard row.options.count <= DHCPOptionLimits.count else {
            throw .limit(parameter, "There are at most \(DHCPOptionLimits.count) DHCP options")
        }
        for option in row.options {
            let name = "\(parameter)[\(row.number)].\(ExtraDHCPOption.name(option.code))"
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
        _ row: DHCPOptionRow, of guest: Guest, onNetwork id: ObjectID, _ parameter: String
    ) throws(RequestError) {
        let name = "\(parameter)[\(row.number)].networkid"
        guard let network = cloud.networks[id] else { throw unknown(name, id) }
        guard var nic = cloud.nics(ofGuest: guest.id).first(where: { $0.network == id }) else {
            throw .refused(
                name,
                "The virtual machine \(guest.displayName) has no NIC on network \(network.name)")
        }
        nic.dhcpOptions = try checked(row, on: network, parameter)
        try put(.nic(nic))
    }
}

enum DHCPOptionLimits {
    /// They are to fit into a datagram with everything else.
    static let count = 32
}
