import CloudModel
import ControlPlane
import NetworkVocabulary

// `dhcpoptionsnetworklist[0].networkid=…&dhcpoptionsnetworklist[0].dhcp:66=…`: what machines are told by DHCP beyond what
// follows from their networks.

extension Parameter {
    static let dhcpOptionsByNetwork = Parameter(
        "dhcpoptionsnetworklist", .map, maxLength: 1_024,
        "[i].networkid and [i].dhcp:66=value: what DHCP tells the machine there too")
}

extension Call {
    /// The rows of one network are one list.
    func dhcpOptionsByNetwork() throws(RequestError) -> [ObjectID: [ExtraDHCPOption]] {
        let name = Parameter.dhcpOptionsByNetwork.name
        var all: [ObjectID: [String: String]] = [:]
        for var row in arguments.map(name) {
            guard let text = row.removeValue(forKey: "networkid") else {
                throw .missing("\(name)[0].networkid", command)
            }
            guard let network = ObjectID(text) else { throw .unknown("\(name)[0].networkid", id: text, command) }
            all[network, default: [:]].merge(row) { $1 }
        }
        var options: [ObjectID: [ExtraDHCPOption]] = [:]
        for (network, row) in all { options[network] = try dhcpOptions(row, name) }
        return options
    }

    func dhcpOptions(_ row: [String: String], _ name: String) throws(RequestError) -> [ExtraDHCPOption] {
        for word in row.keys.sorted() where ExtraDHCPOption.code(named: word) == nil {
            throw .invalid("\(name)[0]", word, command, because: "an option is dhcp: and its number")
        }
        // `dhcp:66` and `dhcp:066` are one.
        return [ExtraDHCPOption](details: row).reduce(into: []) { if $0.last?.code != $1.code { $0.append($1) } }
    }
}

extension NIC {
    /// In CloudStack each has an id; here it follows from what it is.
    var renderedDHCPOptions: APIValue {
        .array(
            (dhcpOptions ?? []).map { option in
                .object([
                    "id": .text(ObjectID(wellKnown: "DHCP option \(option.code) of \(id)")), "nicid": .text(id),
                    "code": .number(Int(option.code)), "value": .string(option.value),
                ])
            })
    }
}
