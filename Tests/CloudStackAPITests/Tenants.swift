import CloudModel
import ControlPlane
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

/// Two domains with their administrators and users, all of whom own one of everything, and a project of two of them.
struct Tenants {
    let client: Client
    let site: Site
    /// By name: `root`, `north` and `south` (administrators), `ann` and `bob` (in north), `eve` (in south), `nobody`.
    private(set) var signers: [String: Signer] = [:]
    private(set) var accounts: [String: ObjectID] = [:]
    private(set) var domains: [String: String] = [:]
    let project: String

    /// Whose things each may see: written down, not asked for.
    static let reach: [String: Set<String>] = [
        "north": ["north", "ann", "bob", "project"], "south": ["south", "eve"],
        "ann": ["ann", "project"], "bob": ["bob"], "eve": ["eve", "project"], "nobody": [],
    ]

    /// With ports that guests share and their certificates only for those who look at them: it is a third more to make.
    init(sharingPorts: Bool = false) throws {
        client = try Client(keymaker: OneKey())
        site = try Site(client)
        _ = try client.call(
            "createVlanIpRange",
            [
                "zoneid": site.zone, "gateway": "203.0.113.1", "netmask": "255.255.255.0", "startip": "203.0.113.100",
                "endip": "203.0.113.199", "vlan": "50",
            ])
        signers["root"] = Signer(name: "root", key: Client.key, secret: Client.secret)
        signers["nobody"] = Signer(name: "nobody", key: nil, secret: "")
        for name in ["north", "south"] {
            domains[name] = id(try client.call("createDomain", ["name": name])["domain"] as? [String: Any] ?? [:])
        }
        for (name, domain, type) in [
            ("north", "north", "2"), ("south", "south", "2"), ("ann", "north", "0"), ("bob", "north", "0"),
            ("eve", "south", "0"),
        ] {
            let made =
                try client.call(
                    "createAccount",
                    [
                        "account": name, "username": name, "password": "\(name)'s", "firstname": name, "lastname": "x",
                        "email": "\(name)@example.com", "accounttype": type, "domainid": domains[domain] ?? "",
                    ])["account"] as? [String: Any] ?? [:]
            accounts[name] = ObjectID(id(made))
            let user = (made["user"] as? [[String: Any]])?.first ?? [:]
            let keys = try client.call("registerUserKeys", ["id": id(user)])["userkeys"] as? [String: String] ?? [:]
            signers[name] = Signer(name: name, key: keys["apikey"], secret: keys["secretkey"] ?? "")
        }
        let ann = try #require(signers["ann"])
        let made = try client.job(ann, "createProject", ["name": "common"])["project"] as? [String: Any] ?? [:]
        project = id(made)
        // Across domains: only the model can do that, and access has to bear it.
        let cloud = client.service.view.cloud
        var common = try #require(ObjectID(project).flatMap { cloud.projects[$0] })
        common.members.append(.init(account: try #require(accounts["eve"]), isAdmin: false))
        var changed = cloud
        try changed.apply(.put(.project(common)))
        accounts["project"] = common.account
        // What certificates are made of is another test's matter.
        for account in accounts.values {
            let material = CertificateMaterial(
                certificate: "c", chain: nil, privateKey: Secret("the-key-of-\(account)"), fingerprint: "f",
                expires: .max)
            try changed.apply(
                .put(
                    .sslCertificate(
                        SSLCertificate(
                            id: ObjectID(wellKnown: "certificate of \(account)"), account: account, name: "c", material)
                    )))
        }
        client.service.restore(changed)
        for name in ["north", "south", "ann", "bob", "eve"] { try furnish(name, [], sharingPorts) }
        try furnish("ann", [("projectid", project)], sharingPorts)
    }

    /// One of everything, by the owner's own doing.
    private func furnish(_ name: String, _ owner: [(String, String)], _ sharingPorts: Bool) throws {
        let signer = try #require(signers[name])
        let owner = Dictionary(uniqueKeysWithValues: owner)
        let offering = try client.list("listNetworkOfferings", "networkoffering")[0]
        let network =
            try client.content(
                signer, "createNetwork",
                ["name": "net-\(name)", "zoneid": site.zone, "networkofferingid": id(offering)].merging(owner) { $1 })[
                "network"] as? [String: Any] ?? [:]
        let guest =
            try client.job(
                signer, "deployVirtualMachine",
                ["zoneid": site.zone, "name": "vm-\(name)", "networkids": id(network)].merging(owner) { $1 })[
                "virtualmachine"] as? [String: Any] ?? [:]
        let address =
            try client.job(signer, "associateIpAddress", ["networkid": id(network)].merging(owner) { $1 })["ipaddress"]
            as? [String: Any] ?? [:]
        let ports = ["protocol": "tcp", "publicport": "80", "privateport": "80", "virtualmachineid": id(guest)]
        _ = try client.job(
            signer, "createPortForwardingRule", ports.merging(["ipaddressid": id(address)]) { $1 })
        _ = try client.job(signer, "createEgressFirewallRule", ["networkid": id(network), "protocol": "udp"])
        guard sharingPorts else { return }
        let rule =
            try client.job(
                signer, "createLoadBalancerRule",
                [
                    "publicipid": id(address), "name": "lb-\(name)", "algorithm": "source", "protocol": "ssl",
                    "publicport": "443", "privateport": "80",
                ])["loadbalancer"] as? [String: Any] ?? [:]
        _ = try client.job(
            signer, "createLoadBalancer",
            [
                "networkid": id(network), "sourceipaddressnetworkid": id(network), "name": "in-\(name)",
                "scheme": "Internal", "algorithm": "source", "sourceport": "90", "instanceport": "90",
            ])
        _ = try client.job(
            signer, "createLoadBalancer",
            [
                "networkid": id(network), "sourceipaddressnetworkid": id(network), "name": "in-\(name)",
                "scheme": "Internal", "algorithm": "source", "sourceport": "90", "instanceport": "90",
            ])
        let account = try #require(accounts[owner.isEmpty ? name : "project"])
        let certificate = try #require(Array(cloud.sslCertificatesByAccount[account]).first)
        _ = try client.job(
            signer, "assignCertToLoadBalancer", ["lbruleid": id(rule), "certid": "\(certificate)"])
    }

    var cloud: Cloud { client.service.view.cloud }

    /// Of the project that is shared: accounts and their users.
    func isMember(_ id: String) -> Bool {
        let id = ObjectID(id)
        return [accounts["ann"], accounts["eve"]].contains(id.flatMap { cloud.users[$0]?.account } ?? id)
    }

    /// The records that belong to others than these, with what hangs on them: whatever mentions an account, and whatever
    /// mentions that, unless it says itself that it is one of these's. Each as JSON, by its id.
    func belongings(beyond reach: Set<String>, in cloud: Cloud) throws -> [String: String] {
        let shared: Set<RecordKind> = [
            .series, .domain, .role, .zone, .physicalNetwork, .publicRange, .networkOffering, .project,
        ]
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var texts: [String: String] = [:]
        for record in cloud.checkpoint() where !shared.contains(record.kind) {
            guard let id = record.reference?.id.description else { continue }
            texts[id] = String(decoding: try encoder.encode(record), as: UTF8.self)
        }
        // A machine of a project names the user who made it, and is not that user's.
        let own = accounts.filter { reach.contains($0.key) }.map { "\"account\":\"\($0.value)\"" }
        texts = texts.filter { !own.contains(where: $0.value.contains) }
        var found: [String: String] = [:]
        var edge = Set(accounts.filter { !reach.contains($0.key) }.values.map(\.description))
        while !edge.isEmpty {
            var next: Set<String> = []
            for (id, text) in texts where found[id] == nil {
                guard edge.contains(id) || edge.contains(where: { text.contains($0) }) else { continue }
                found[id] = text
                next.insert(id)
            }
            edge = next
        }
        return found
    }

    /// An object of the kind that the list command shows, of this owner.
    func object(_ related: String, of name: String) -> String? {
        guard let account = accounts[name] else { return nil }
        let cloud = cloud
        let network = cloud.networks.values.first { $0.account == account }
        let guest = cloud.guests.values.first { $0.account == account }
        let address = cloud.publicAddresses.values.first { $0.account == account && !$0.isSourceNAT }
        let found: ObjectID? =
            switch related {
            case "listNetworks": network?.id
            case "listLoadBalancers":
                cloud.loadBalancerRules.values.first {
                    $0.internalAddress != nil && cloud.place(of: $0)?.account == account
                }?.id
            case "listSslCerts": cloud.sslCertificates.values.first { $0.account == account }?.id
            case "listLoadBalancerRules":
                cloud.loadBalancerRules.values.first { cloud.place(of: $0)?.account == account }?.id
            case "listVirtualMachines": guest?.id
            case "listPublicIpAddresses": address?.id
            case "listRouters": cloud.routers.values.first { $0.account == account }?.id
            case "listNics": cloud.nics.values.first { $0.guest == guest?.id }?.id
            case "listPortForwardingRules":
                cloud.portForwardings.values.first { $0.publicAddress == address?.id }?.id
            case "listFirewallRules", "listIpForwardingRules":
                cloud.firewallRules.values.first { $0.publicAddress == address?.id }?.id
            case "listEgressFirewallRules": cloud.egressRules.values.first { $0.network == network?.id }?.id
            case "listAccounts": account
            case "listUsers": cloud.users.values.first { $0.account == account }?.id
            case "listDomains": cloud.accounts[account]?.domain
            case "listProjects": ObjectID(project)
            default: nil
            }
        return found?.description
    }

    /// Something that nobody owns.
    func shared(_ related: String) -> String? {
        let found: ObjectID? =
            switch related {
            case "listZones": cloud.zones.values.first { _ in true }?.id
            case "listPhysicalNetworks": cloud.physicalNetworks.values.first { _ in true }?.id
            case "listVlanIpRanges": cloud.publicRanges.values.first { _ in true }?.id
            case "listNetworkOfferings": cloud.networkOfferings.values.first { _ in true }?.id
            case "listRoles": cloud.roles.values.first { $0.type == .user }?.id
            default: nil
            }
        return found?.description
    }
}
