import CloudModel
import ControlPlane
import NetworkVocabulary

/// Which parts of machines a reply shows: `details` of listVirtualMachines.
struct GuestParts {
    var template = true
    var offering = true
    var nics = true
    /// User data is long, and may be secret: it is shown to those who ask.
    var userData = false

    init() {}

    init(_ call: Call) throws(RequestError) {
        let words = call.arguments.list("details").map { $0.lowercased() }
        let known: Set = [
            "all", "group", "nics", "stats", "secgrp", "tmpl", "servoff", "diskoff", "backoff", "iso", "volume", "min",
            "affgrp", "topology",
        ]
        for word in words where !known.contains(word) {
            throw .refused("details", "The details parameter contains a non permitted value: \(APIError.excerpt(word))")
        }
        if !words.isEmpty, !words.contains("all") {
            template = words.contains("tmpl")
            offering = words.contains("servoff")
            nics = words.contains("nics")
        }
        userData = call.arguments.boolean("userdata") ?? false
    }
}

extension Guest {
    /// `password` is for who has just set it.
    func rendered(in cloud: Cloud, _ parts: GuestParts = GuestParts(), password: Secret? = nil) -> APIObject {
        let nics = cloud.nics(ofGuest: id)
        let publicAddress = nics.lazy.compactMap { cloud.staticNATAddress(of: $0) }.first
        let template = template.flatMap { cloud.templates[$0] }
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "displayname": .string(displayName),
            "instancename": .string(instanceName), "userid": .text(user),
            "username": .text(user.flatMap { cloud.users[$0]?.name }),
            "created": created == 0 ? nil : .text(Timestamp(milliseconds: created)), "zoneid": .text(zone),
            "zonename": .text(cloud.zones[zone]?.name), "state": .string(state.rawValue), "haenable": false,
            "hypervisor": .string(hypervisor(in: cloud)), "displayvm": .boolean(isDisplayed),
            "isdynamicallyscalable": false, "deleteprotection": false,
            "passwordenabled": .boolean(template?.isPasswordEnabled ?? false), "port": .string(port.rawValue),
            "ipaddress": .text(nics.first { $0.isDefault }?.address),
            "publicip": .text(publicAddress?.address), "publicipid": .text(publicAddress?.id),
            "keypairs": keys.isEmpty ? nil : .string(keys.map(\.name).joined(separator: ",")),
            "details": details.isEmpty ? nil : .object(APIObject(details)),
            "password": password.map { .string($0.revealed) },
            "nic": .array(parts.nics ? nics.map { .object($0.rendered(in: cloud)) } : []),
            "securitygroup": .array([]), "affinitygroup": .array([]), "tags": cloud.renderedTags(of: reference),
        ]
        if parts.template, let template { object.add(template, osType: cloud.osTypes[template.osType]) }
        if parts.offering, let offering = serviceOffering.flatMap({ cloud.serviceOfferings[$0] }) {
            object.add(offering, details)
        }
        if let host = cloud.host(of: self) {
            object["hostid"] = .text(host.id)
            object["hostname"] = .string(host.name)
        }
        object.add(userData, in: cloud, withContent: parts.userData)
        return object.owned(by: account, in: cloud)
    }

    /// CloudStack's word for what plays the machine.
    func hypervisor(in cloud: Cloud) -> String {
        template.flatMap { cloud.templates[$0] }?.hypervisor ?? "Simulator"
    }
}

extension APIObject {
    /// Names that users gave, in their order.
    init(_ texts: [String: String]) {
        self.init()
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) { self[name] = .string(text) }
    }

    fileprivate mutating func add(_ template: Template, osType: OSType?) {
        self["templateid"] = .text(template.id)
        self["templatename"] = .string(template.name)
        self["templatedisplaytext"] = .string(template.displayText)
        self["templatetype"] = .string(template.type)
        self["templateformat"] = .string(template.format)
        self["guestosid"] = .text(template.osType)
        self["ostypeid"] = .text(template.osType)
        self["osdisplayname"] = .text(osType?.name)
        self["rootdeviceid"] = 0
        self["rootdevicetype"] = "ROOT"
    }

    /// What the offering leaves open is in the guest's details.
    fileprivate mutating func add(_ offering: ServiceOffering, _ details: [String: String]) {
        self["serviceofferingid"] = .text(offering.id)
        self["serviceofferingname"] = .string(offering.name)
        let sizes = [
            ("cpunumber", offering.cpuNumber, "cpuNumber"), ("cpuspeed", offering.cpuSpeed, "cpuSpeed"),
            ("memory", offering.memory, "memory"),
        ]
        for (key, fixed, detail) in sizes {
            self[key] = (fixed ?? details[detail].flatMap { Int($0) }).map { .number($0) }
        }
    }

    fileprivate mutating func add(_ userData: UserData?, in cloud: Cloud, withContent: Bool) {
        guard let userData else { return }
        if let document = userData.document.flatMap({ cloud.userDataDocuments[$0] }) {
            self["userdataid"] = .text(document.id)
            self["userdataname"] = .string(document.name)
        }
        guard withContent else { return }
        self["userdata"] = cloud.content(of: userData).map { .string($0.revealed) }
        if !userData.details.isEmpty {
            // A text that holds an object: clients take it for a text.
            self["userdatadetails"] = .string(APIObject(userData.details.mapValues(\.revealed)).json)
        }
    }
}

extension Cloud {
    /// Where a running machine is said to be: the host of its zone's inventory, if there is one. There is one host in fact.
    func host(of guest: Guest) -> Host? {
        guard guest.isRunning else { return nil }
        for pod in referrers(.pod, of: .zone)[guest.zone] {
            for cluster in referrers(.cluster, of: .pod)[pod] {
                if let host = referrers(.host, of: .cluster)[cluster].first(where: { _ in true }) { return hosts[host] }
            }
        }
        return nil
    }
}
