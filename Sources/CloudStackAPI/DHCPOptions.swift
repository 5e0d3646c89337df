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
    func dhcpOptionsByNetwork() throws(RequestError) -> [ObjectID: DHCPOptionRow] {
        let name = Parameter.dhcpOptionsByNetwork.name
        var all: [ObjectID: [(index: Int, fields: [String: String])]] = [:]
        for (index, sent) in arguments.rows(name) {
            var fields = sent
            guard let text = fields.removeValue(forKey: "networkid") else {
                throw .missing("\(name)[\(index)].networkid", command)
            }
            guard let network = ObjectID(text) else {
                throw .unknown("\(name)[\(index)].networkid", id: text, command)
            }
            all[network, default: []].append((index, fields))
        }
        var options: [ObjectID: DHCPOptionRow] = [:]
        for (network, rows) in all { options[network] = try dhcpOptions(rows, name) }
        return options
    }

    /// The rows are one list, which has the number of the first of them.
    func dhcpOptions(
        _ rows: [(index: Int, fields: [String: String])], _ name: String
    ) throws(RequestError) -> DHCPOptionRow {
        for (index, fields) in rows {
            for word in fields.keys.sorted() where ExtraDHCPOption.code(named: word) == nil {
                throw .invalid("\(name)[\(index)]", word, command, because: "an option is dhcp: and its number")
            }
        }
        let all: [String: String] = rows.reduce(into: [:]) { $0.merge($1.fields) { $1 } }
        // `dhcp:66` and `dhcp:066` are one.
        let options: [ExtraDHCPOption] = [ExtraDHCPOption](details: all).reduce(into: []) {
            if $0.last?.code != $1.code { $0.append($1) }
        }
        return DHCPOptionRow(options, number: rows.first?.index ?? 0)
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
