import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let guestLife: [Command] = [
        .change(
            "updateVirtualMachine", "Changes what a machine is called and what is noted about it", isAsync: false,
            [
                .id("listVirtualMachines", "the machine"),
                Parameter("name", "its host name, by which others on its networks find it"),
                Parameter("displayname", "what people call it"),
                Parameter("displayvm", .boolean, "false: plain lists do not show it"),
                Parameter("details", .map, maxLength: 4_096, "details[0].name=value: in place of those that were"),
                Parameter("cleanupdetails", .boolean, "true: all details go"), .dhcpOptionsByNetwork,
            ] + Parameter.userData,
            unsupported: [
                "haenable", "ostypeid", "isdynamicallyscalable", "instancename", "extraconfig", "customid", "group",
                "securitygroupids", "securitygroupnames", "deleteprotection", "leaseduration", "leaseexpiryaction",
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let details = arguments.fields("details")
            let cleans = arguments.boolean("cleanupdetails") == true
            return .machine(
                .updateGuest(
                    .init(
                        id: try arguments.requiredID("id"), name: arguments.string("name"),
                        displayName: arguments.string("displayname"), isDisplayed: arguments.boolean("displayvm"),
                        details: cleans ? [:] : details.isEmpty ? nil : details,
                        userData: try call.userDataChoice(), dhcpOptions: try call.dhcpOptionsByNetwork())))
        } reply: {
            renderedGuest($0, $1)
        },
        .change(
            "rebootVirtualMachine", "Starts a running machine again", isAsync: true,
            [
                .id("listVirtualMachines", "the machine"), Parameter("forced", .boolean, "makes no difference here"),
            ]
        ) { call throws(RequestError) in
            .machine(.rebootGuest(try call.arguments.requiredID("id")))
        } reply: {
            renderedGuest($0, $1)
        },
        .change(
            "recoverVirtualMachine", "Brings a destroyed machine back, stopped", isAsync: false,
            [.id("listVirtualMachines", "the machine")]
        ) { call throws(RequestError) in
            .machine(.recoverGuest(try call.arguments.requiredID("id")))
        } reply: {
            renderedGuest($0, $1)
        },
        .change(
            "expungeVirtualMachine", "Removes a destroyed machine for good", isAsync: true,
            [.id("listVirtualMachines", "the machine")]
        ) { call throws(RequestError) in
            .machine(.expungeGuest(try call.arguments.requiredID("id")))
        } reply: { _, _ in
            .success
        },
        .change(
            "changeServiceForVirtualMachine", "Gives a stopped machine another size", isAsync: false,
            [
                .id("listVirtualMachines", "the machine"), .serviceOffering(required: true),
                Parameter(
                    "details", .map, "details[0].cpuNumber, cpuSpeed and memory, where the offering leaves them open"),
            ], unsupported: ["automigrate", "maxiops", "miniops", "shrinkok"]
        ) { call throws(RequestError) in
            .machine(.changeOffering(try call.changeOfOffering(isScaling: false)))
        } reply: {
            renderedGuest($0, $1)
        },
        .change(
            "scaleVirtualMachine", "Gives a machine another size, running or not", isAsync: true,
            [
                .id("listVirtualMachines", "the machine"), .serviceOffering(required: true),
                Parameter(
                    "details", .map, "details[0].cpuNumber, cpuSpeed and memory, where the offering leaves them open"),
            ], unsupported: ["automigrate", "maxiops", "miniops", "shrinkok"]
        ) { call throws(RequestError) in
            .machine(.changeOffering(try call.changeOfOffering(isScaling: true)))
        } reply: { _, _ in
            .success
        },
        .change(
            "restoreVirtualMachine", "Sets a machine up again from its template, or from another", isAsync: true,
            [
                Parameter("virtualmachineid", .uuid, required: true, related: "listVirtualMachines", "the machine"),
                Parameter("templateid", .uuid, related: "listTemplates", "its own when absent"),
            ], unsupported: ["details", "diskofferingid", "expunge", "rootdisksize"]
        ) { call throws(RequestError) in
            let id = try call.arguments.requiredID("virtualmachineid")
            return .machine(
                .restoreGuest(
                    .init(
                        guest: id, template: call.arguments.id("templateid"),
                        password: call.newPassword(for: call.cloud.guests[id]?.keys.map(\.key) ?? []))))
        } reply: {
            renderedGuest($0, $1)
        },
        .change(
            "migrateVirtualMachine", "Moves a machine to another host, if there is one", isAsync: true,
            [
                Parameter("virtualmachineid", .uuid, required: true, related: "listVirtualMachines", "the machine"),
                Parameter("hostid", .uuid, related: "listHosts", "the host"),
            ], isAdminOnly: true, unsupported: ["storageid"]
        ) { call throws(RequestError) in
            .machine(.migrateGuest(try call.arguments.requiredID("virtualmachineid")))
        } reply: {
            renderedGuest($0, $1)
        },
    ]

    /// The machine that the call was about, as it is now, with what only the caller is told.
    static func renderedGuest(_ call: Call, _ outcome: Outcome) -> APIObject {
        let id = call.arguments.id("id") ?? call.arguments.id("virtualmachineid")
        guard let id, let guest = outcome.cloud.guests[id] else { return .success }
        return ["virtualmachine": .object(guest.rendered(in: outcome.cloud, password: outcome.reply.secret))]
    }
}

extension Parameter {
    static func serviceOffering(required: Bool) -> Parameter {
        Parameter(
            "serviceofferingid", .uuid, required: required, related: "listServiceOfferings", "how large it is")
    }

    static let userData: [Parameter] = [
        Parameter("userdata", maxLength: 1_048_576, "what the machine reads as its user data, in base64"),
        Parameter("userdataid", .uuid, related: "listUserData", "instead of userdata: what is kept under a name"),
        Parameter(
            "userdatadetails", .map, maxLength: 4_096, "userdatadetails[0].name=value: further leaves of its metadata"),
    ]
}

extension Arguments {
    /// All the fields of a map's rows in one.
    func fields(_ name: String) -> [String: String] {
        map(name).reduce(into: [:]) { all, row in all.merge(row) { $1 } }
    }
}

extension Call {
    fileprivate func changeOfOffering(isScaling: Bool) throws(RequestError) -> MachineRequest.ChangeOffering {
        MachineRequest.ChangeOffering(
            guest: try arguments.requiredID("id"), offering: try arguments.requiredID("serviceofferingid"),
            details: arguments.fields("details"), isScaling: isScaling)
    }

    /// Nil when the call says nothing of user data.
    func userDataChoice() throws(RequestError) -> UserDataChoice? {
        let document = arguments.id("userdataid")
        let content = arguments.string("userdata").map { Secret($0) }
        let details = arguments.fields("userdatadetails").mapValues { Secret($0) }
        guard document != nil || content != nil else {
            guard details.isEmpty else { throw .missing("userdata", command) }
            return nil
        }
        return UserDataChoice(content: content, document: document, details: details)
    }

    /// A password, and the same for the owner of the first of the keys that something can be encrypted with.
    func newPassword(for keys: [SSHPublicKey], chosen: String? = nil) -> NewPassword {
        let keymaker = api.surroundings.keymaker
        let secret = chosen.map { Secret($0) } ?? keymaker.makePassword()
        for key in keys {
            guard let encrypted = keymaker.encrypt(secret, for: key) else { continue }
            return NewPassword(secret, encrypted: Base64.encode(encrypted), key: key, isChosen: chosen != nil)
        }
        return NewPassword(secret, isChosen: chosen != nil)
    }
}
