import CloudStackAPI
import Foundation
import Testing

/// A reply with the types that it has on the wire: clients written in typed languages refuse a number for a text, and a
/// text for a number.
enum Wire: Decodable {
    case null, boolean(Bool), number(Int), string(String)
    case array([Wire])
    case object([String: Wire])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let values = try? container.decode([Wire].self) {
            self = .array(values)
        } else {
            self = .object(try container.decode([String: Wire].self))
        }
    }

    subscript(key: String) -> Wire? {
        if case .object(let fields) = self { fields[key] } else { nil }
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var keys: [String] { if case .object(let fields) = self { fields.keys.sorted() } else { [] } }
    var list: [Wire] { if case .array(let values) = self { values } else { [] } }

    /// In the letters of the field tables.
    private var letter: String {
        switch self {
        case .null: "null"
        case .boolean: "b"
        case .number: "i"
        case .string: ""
        case .array: "[]"
        case .object: "{}"
        }
    }

    /// What of the object is not as a table of CloudStack's fields has it: `name` is a text, `name:i` a number, `name:b`
    /// true or false, `name:[]` a list.
    func departures(from table: String) -> [String] {
        var types: [String: String] = [:]
        for field in table.split(separator: " ") {
            let parts = field.split(separator: ":", maxSplits: 1).map(String.init)
            types[parts[0]] = parts.count == 2 ? parts[1] : ""
        }
        return keys.compactMap { key in
            guard let type = types[key] else { return "\(key) is not a field" }
            let letter = self[key]?.letter ?? ""
            return letter == type ? nil : "\(key) is '\(letter)' and not '\(type)'"
        }
    }
}

/// The fields of CloudStack 4.22 (cloudstack-go's types), and after the bar what Sluice adds.
enum FieldTable {
    static let firewallRule =
        "cidrlist destcidrlist endport:i icmpcode:i icmptype:i id ipaddress ipaddressid networkid protocol startport:i "
        + "state tags:[] fordisplay:b traffictype " + "type"
    static let portForwardingRule =
        "id ipaddress ipaddressid networkid privateendport privateport protocol publicendport publicport state tags:[] "
        + "virtualmachinedisplayname virtualmachineid virtualmachinename vmguestip cidrlist fordisplay:b"
    static let ipForwardingRule =
        "id ipaddress ipaddressid privateendport privateport protocol publicendport publicport state tags:[] "
        + "virtualmachineid cidrlist fordisplay:b networkid virtualmachinedisplayname virtualmachinename vmguestip"
    static let publicAddress =
        "account allocated associatednetworkid domain id ipaddress isportable:b issourcenat:b isstaticnat:b issystem:b "
        + "networkid project projectid state tags:[] virtualmachineid vmipaddress vpcid zoneid zonename "
        + "associatednetworkname domainid domainpath fordisplay:b forprovider:b forsystemvms:b forvirtualnetwork:b "
        + "hasannotations:b hasrules:b networkname physicalnetworkid purpose virtualmachinedisplayname "
        + "virtualmachinename virtualmachinetype vlanid vlanname vpcname " + passage
    /// Sluice's own.
    static let passage = "receivedbytes:i sentbytes:i receivedpackets:i sentpackets:i lasthit"
    static let nic =
        "gateway id ipaddress isdefault:b macaddress netmask networkid secondaryip:[] virtualmachineid vpcid adaptertype "
        + "broadcasturi deviceid extradhcpoption:[] ip6address ip6cidr ip6gateway ipaddresses:[] isolatedpvlan:i "
        + "isolatedpvlantype isolationuri mtu:i networkname publicip publicipid traffictype type vlanid:i vpcname "
        // Ours.
        + "device hostdevice hostnamespace path port"
    static let secondaryAddress = "id ipaddress networkid nicid virtualmachineid"
    static let virtualMachine =
        "account affinitygroup:[] bootmode boottype cpunumber:i cpuspeed:i cpuused created deleteprotection:b details:{} "
        + "diskofferingid diskofferingname displayname domain domainid group haenable:b hostid hostname hypervisor id "
        + "instancename ipaddress isdynamicallyscalable:b isoname keypairs memory:i name nic:[] ostypeid password "
        + "passwordenabled:b project projectid publicip publicipid rootdeviceid:i rootdevicetype securitygroup:[] "
        + "serviceofferingid serviceofferingname state tags:[] templatedisplaytext templateid templatename userdata "
        + "userdatadetails userdataid userdataname username zoneid zonename displayvm:b domainpath "
        + "forvirtualnetwork:b groupid guestosid osdisplayname templateformat templatetype userid vmtype " + "port"
    static let sshKeyPair = "account domain domainid fingerprint id name privatekey project projectid domainpath"
    static let userData =
        "account accountid domain domainid id name params project projectid userdata domainpath"
    static let networkOffering =
        "availability conservemode:b created details:{} displaytext domain domainid egressdefaultpolicy:b fornsx:b "
        + "forvpc:b guestiptype id internetprotocol isdefault:b ispersistent:b maxconnections:i name networkmode "
        + "networkrate:i routingmode service:[] serviceofferingid specifyasnumber:b specifyipranges:b specifyvlan:b "
        + "state tags traffictype zone zoneid"
}

extension Client {
    /// What the envelope of a reply holds.
    func wire(_ command: String, _ parameters: [String: String] = [:]) throws -> Wire {
        let reply = get(Client.encoded(parameters.merging(["command": command, "response": "json"]) { $1 }))
        let envelope = try JSONDecoder().decode(Wire.self, from: Data(reply.body.utf8))
        guard reply.status == 200, envelope.keys == ["\(command.lowercased())response"],
            let content = envelope["\(command.lowercased())response"]
        else { throw Refused(status: reply.status, text: reply.description ?? reply.body) }
        return content
    }

    /// What the job of an asynchronous command came to. Answers of commands that make something carry the id at once,
    /// those of others do not.
    func finished(_ command: String, _ parameters: [String: String] = [:], makes key: String? = nil) throws -> Wire {
        let started = try wire(command, parameters)
        #expect(started.keys == (key == nil ? ["jobid"] : ["id", "jobid"]), "\(command)")
        let job = try wire("queryAsyncJobResult", ["jobid": started["jobid"]?.text ?? ""])
        guard case .number(1)? = job["jobstatus"], let result = job["jobresult"] else {
            throw Refused(status: 200, text: "\(job)")
        }
        guard let key else { return result }
        #expect(result.keys == [key] && result[key]?["id"]?.text == started["id"]?.text, "\(command)")
        return result[key] ?? .null
    }
}
