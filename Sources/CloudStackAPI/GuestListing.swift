import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let listGuests: Command = .list(
        "listVirtualMachines", "Lists machines",
        [
            Parameter("id", .uuid, related: "listVirtualMachines", "only this machine"),
            Parameter("ids", .list, maxLength: 65_536, "only these machines"),
            Parameter("name", "only machines with this in their name"), .zone,
            Parameter("networkid", .uuid, related: "listNetworks", "only machines on this network"),
            Parameter("state", "only Running, Stopped or Destroyed; Present: only those that are not destroyed"),
            .serviceOffering(required: false),
            Parameter("templateid", .uuid, related: "listTemplates", "only machines that started from it"),
            Parameter("hypervisor", "only machines of this hypervisor"),
            Parameter("hostid", .uuid, related: "listHosts", "only machines that run on this host"),
            Parameter("keypair", .string, related: "listSSHKeyPairs", "only machines with this key"),
            Parameter("userdataid", .uuid, related: "listUserData", "only machines that read it"),
            Parameter("forvirtualnetwork", .boolean, "only machines that are, or are not, on an isolated network"),
            Parameter("displayvm", .boolean, "false: only those that plain lists do not show"),
            Parameter("details", .list, "which parts to show: all, min, nics, servoff, tmpl, secgrp, affgrp, group, …"),
            Parameter("userdata", .boolean, "true: with the user data"),
            Parameter("retrieveonlyresourcecount", .boolean, "true: only how many there are"),
        ] + .scope,
        unsupported: [
            "affinitygroupid", "autoscalevmgroupid", "backupofferingid", "extensionid", "gpuenabled", "groupid",
            "haenable", "isoid", "isvnf", "leased", "securitygroupid", "storageid", "userid", "vpcid",
        ]
    ) { call throws(RequestError) in
        let filter = try GuestFilter(call)
        let parts = try GuestParts(call)
        let found = try call.owned(call.cloud.guests, by: \.account).filter { filter.passes($0) }
            .sorted { $0.number < $1.number }
        return try call.page("virtualmachine", found) { $0.rendered(in: call.cloud, parts) }
    }
}

/// Which machines a list is about. Everything that does not depend on the machine is read once.
private struct GuestFilter {
    private let call: Call
    private let ids: Set<ObjectID>
    private let members: Set<ObjectID>?
    private let zone: ObjectID?
    private let offering: ObjectID?
    private let template: ObjectID?
    private let hypervisor: String?
    private let host: ObjectID?
    private let document: ObjectID?
    private let key: String?
    private let states: Set<Guest.State>
    private let isDisplayed: Bool
    private let isOnIsolated: Bool?
    private let name: String?
    private let keyword: String?

    init(_ call: Call) throws(RequestError) {
        self.call = call
        let arguments = call.arguments
        let cloud = call.cloud
        ids = Set(try arguments.ids("ids"))
        members = try call.usableNetwork("networkid")
            .map { Set(cloud.nics(ofNetwork: $0.id).map(\.guest)) }
        zone = try call.listedZone()
        offering = try call.object("serviceofferingid", in: cloud.serviceOfferings)?.id
        template = try call.object("templateid", in: cloud.templates)?.id
        hypervisor = arguments.string("hypervisor")?.lowercased()
        host = try call.object("hostid", in: cloud.hosts)?.id
        document = try call.visible("userdataid", in: cloud.userDataDocuments, by: \.account)?.id
        key = arguments.string("keypair")?.lowercased()
        states = try Self.states(call)
        isDisplayed = arguments.boolean("displayvm") ?? true
        isOnIsolated = arguments.boolean("forvirtualnetwork")
        name = arguments.string("name")?.lowercased()
        keyword = arguments.string("keyword")?.lowercased()
    }

    /// What is destroyed is for administrators to see, unless a setting shows it to users.
    private static func states(_ call: Call) throws(RequestError) -> Set<Guest.State> {
        let seesAll =
            call.caller.isAdministrator || call.cloud.isTrue(.usersSeeDestroyed, for: call.caller.account)
        let visible: Set<Guest.State> = seesAll ? [.running, .stopped, .destroyed] : [.running, .stopped]
        guard let text = call.arguments.string("state") else { return visible }
        if text.lowercased() == "present" { return [.running, .stopped] }
        if let state = visible.first(where: { $0.rawValue.lowercased() == text.lowercased() }) { return [state] }
        // States that machines elsewhere pass through; nothing here is ever in them.
        guard
            ["starting", "stopping", "migrating", "error", "unknown", "shutdown", "expunging", "destroyed"]
                .contains(text.lowercased())
        else { throw .invalid("state", text, call.command) }
        return []
    }

    func passes(_ guest: Guest) -> Bool {
        guard guest.isDisplayed == isDisplayed, states.contains(guest.state), zone == nil || guest.zone == zone,
            ids.isEmpty || ids.contains(guest.id), members.map({ $0.contains(guest.id) }) ?? true
        else { return false }
        return isMadeAsWanted(guest) && isNamedAsWanted(guest)
    }

    private func isMadeAsWanted(_ guest: Guest) -> Bool {
        if let offering, guest.serviceOffering != offering { return false }
        if let template, guest.template != template { return false }
        if let host, call.cloud.host(of: guest)?.id != host { return false }
        if let document, guest.userData?.document != document { return false }
        if let key, !guest.keys.contains(where: { $0.name.lowercased() == key }) { return false }
        if let hypervisor, guest.hypervisor(in: call.cloud).lowercased() != hypervisor { return false }
        if let isOnIsolated {
            let isIsolated = call.cloud.nics(ofGuest: guest.id).contains {
                call.cloud.networks[$0.network].flatMap { call.cloud.networkOfferings[$0.offering] }?.guestType
                    == .isolated
            }
            return isIsolated == isOnIsolated
        }
        return true
    }

    private func isNamedAsWanted(_ guest: Guest) -> Bool {
        if let name, !guest.name.lowercased().contains(name) { return false }
        guard let keyword else { return true }
        return [guest.name, guest.displayName, guest.instanceName].contains { $0.lowercased().contains(keyword) }
    }
}
