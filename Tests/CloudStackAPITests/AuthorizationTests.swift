import CloudModel
import CloudStackAPI
import ControlPlane
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

/// Every command, by everybody, with everybody's ids. What others add to the table of commands is covered as it comes.
@Suite struct `Whatever somebody asks for` {
    static let names = ["root", "north", "south", "ann", "bob", "eve", "nobody"]

    /// Plausible values for all parameters that are required, and ids of `owner` where objects are named.
    private func parameters(
        of command: Command, _ tenants: Tenants, owner: String, optional: Bool
    ) -> [String: String] {
        var values: [String: String] = [:]
        for parameter in command.parameters where parameter.isRequired || optional && parameter.kind == .uuid {
            let related = parameter.related ?? ""
            switch parameter.kind {
            case .uuid:
                values[parameter.name] =
                    tenants.object(related, of: owner) ?? tenants.shared(related)
                    ?? "6e0c1f7a-1111-4222-8333-444455556666"
            case .integer: values[parameter.name] = "1"
            case .boolean: values[parameter.name] = "true"
            case .date: values[parameter.name] = "2026-11-20T12:36:26+0000"
            case .list: values[parameter.name] = tenants.object(related, of: owner) ?? "x"
            case .map: break
            case .string:
                values[parameter.name] =
                    switch parameter.name {
                    case "account", "username": owner
                    case "name": "name-\(command.name.lowercased())"
                    case "protocol": "tcp"
                    case "permission": "allow"
                    case "userapikey": tenants.signers[owner]?.key ?? "x"
                    default: "x"
                    }
            }
        }
        return values
    }

    /// What is sent besides, and whether ids are named where none has to be.
    private static let variations: [([String: String], Bool)] = [
        ([:], false), ([:], true), (["listall": "true", "isrecursive": "true"], false),
        (["projectid": "-1", "listall": "true"], false),
    ]

    /// Members of a project see who the others are, and who made its machines.
    private static let namesMembers: Set<String> = [
        "listProjectAccounts", "listVirtualMachines", "updateVirtualMachine",
    ]

    @Test(arguments: names)
    func `shows and changes nothing of those whom they are not over`(name: String) throws {
        let tenants = try Tenants(sharingPorts: true)
        let signer = try #require(tenants.signers[name])
        let reach = Tenants.reach[name] ?? Set(tenants.accounts.keys)
        let before = tenants.cloud
        let others = try tenants.belongings(beyond: reach, in: before)
        let secrets =
            before.users.values.compactMap { $0.secretKey?.revealed }.filter { $0 != signer.secret }
            + before.sslCertificates.values.map(\.privateKey.revealed)
        var successes: Set<String> = []
        for command in Command.all {
            for owner in ["ann", "bob", "eve", "north", "project"] {
                for (extra, optional) in Self.variations {
                    var parameters = parameters(of: command, tenants, owner: owner, optional: optional)
                    parameters.merge(extra) { $1 }
                    let reply = tenants.client.signed(signer, command.name, parameters)
                    let what = "\(command.name) \(parameters): \(reply.status) \(reply.description ?? "")"
                    #expect(Self.statuses.contains(reply.status), "\(what)")
                    #expect(reply.status != 530, "\(what)")
                    if reply.status == 200 {
                        successes.insert(command.name)
                        let leaks = others.keys.filter {
                            reply.body.contains($0) && !parameters.values.contains($0)
                                && !(Self.namesMembers.contains(command.name) && tenants.isMember($0))
                        }
                        #expect(leaks.isEmpty, "\(what) shows \(leaks.map { others[$0] ?? "" })")
                    }
                    if name != "root", command.name != "registerUserKeys", command.name != "getUserKeys" {
                        #expect(!secrets.contains { reply.body.contains($0) }, "\(what)")
                    }
                    let after = tenants.cloud
                    guard after.revision != before.revision else { continue }
                    let left = try tenants.belongings(beyond: reach, in: after)
                    #expect(others.allSatisfy { left[$0.key] == $0.value }, "\(what) changed what is others'")
                    #expect(reply.status == 200, "\(what) changed something")
                    #expect(name != "nobody", "\(what)")
                    tenants.client.service.restore(before)
                }
            }
        }
        // Not everything is refused, or the rest would show nothing; who never came may go.
        #expect(name == "nobody" ? successes == ["logout"] : successes.count > 20, "\(successes.sorted())")
    }

    @Test(arguments: ["ann", "bob", "eve", "north", "south"])
    func `includes what is their own`(name: String) throws {
        let tenants = try Tenants()
        let signer = try #require(tenants.signers[name])
        for command in [
            "listNetworks", "listVirtualMachines", "listPublicIpAddresses", "listPortForwardingRules", "listAccounts",
            "listUsers",
        ] {
            let own = try #require(tenants.object(command, of: name))
            for parameters in [["id": own], ["listall": "true"], [:]] {
                #expect(tenants.client.signed(signer, command, parameters).body.contains(own), "\(command)")
            }
        }
        let network = try #require(tenants.object("listNetworks", of: name))
        _ = try tenants.client.job(signer, "updateNetwork", ["id": network, "displaytext": "mine"])
        #expect(tenants.cloud.networks[try #require(ObjectID(network))]?.displayText == "mine")
    }

    @Test func `of projects is shown to those who ask for it`() throws {
        let tenants = try Tenants()
        let network = try #require(tenants.object("listNetworks", of: "project"))
        for (name, parameters, isShown) in [
            ("ann", [:], false), ("ann", ["listall": "true"], false), ("ann", ["projectid": tenants.project], true),
            ("ann", ["projectid": "-1"], true), ("eve", ["projectid": tenants.project], true),
            ("bob", ["projectid": tenants.project], false), ("bob", ["projectid": "-1"], false),
            ("root", ["listall": "true"], false), ("root", ["listall": "true", "projectid": "-1"], true),
            ("north", ["projectid": tenants.project], true), ("south", ["projectid": tenants.project], false),
            ("south", ["projectid": "-1", "listall": "true"], false),
        ] as [(String, [String: String], Bool)] {
            let signer = try #require(tenants.signers[name])
            let reply = tenants.client.signed(signer, "listNetworks", parameters)
            #expect(reply.body.contains(network) == isShown, "\(name) \(parameters): \(reply.body)")
        }
    }

    @Test func `is for administrators where they say so`() throws {
        let tenants = try Tenants()
        for (command, allowed) in [
            ("createZone", ["root"]), ("createRole", ["root"]), ("listRouters", ["root"]),
            ("createDomain", ["root", "north"]), ("createAccount", ["root", "north"]),
            ("listDomains", ["root", "north"]),
            ("listNetworks", ["root", "north", "ann"]), ("createNetwork", ["root", "north", "ann"]),
        ] {
            for name in ["root", "north", "ann", "nobody"] {
                let reply = tenants.client.signed(try #require(tenants.signers[name]), command)
                #expect((reply.status != 401) == allowed.contains(name), "\(command) by \(name): \(reply.status)")
            }
        }
    }

    static let statuses: Set<Int> = [
        200, 400, 401, 405, 411, 429, 430, 431, 432, 503, 530, 531, 532, 533, 534, 535, 536, 537,
    ]
}

/// Every parameter of every command, with what it cannot be.
@Suite struct `Whatever a parameter holds` {
    private static let words = [
        "x!", "-1", "99999999999999999999", "\u{1f4a9}", "../../etc/passwd", "'; drop table", "a/b", " ", "%s%n",
        "[0].x", "6e0c1f7a-1111-4222-8333-444455556666", "0", "true", ",,,", "\u{202e}x",
    ]

    private func base(_ command: Command, _ tenants: Tenants) -> [String: String] {
        var values: [String: String] = [:]
        for parameter in command.parameters where parameter.isRequired {
            let related = parameter.related ?? ""
            values[parameter.name] =
                switch parameter.kind {
                case .uuid: tenants.object(related, of: "ann") ?? tenants.shared(related) ?? "x"
                case .integer: "1"
                case .boolean: "true"
                case .date: "2026-11-20T12:36:26+0000"
                case .list: tenants.object(related, of: "ann") ?? "x"
                case .string, .map: "x"
                }
        }
        return values
    }

    @Test func `is answered as the table of errors says, and an error changes nothing`() throws {
        let tenants = try Tenants()
        let root = try #require(tenants.signers["root"])
        let before = tenants.cloud
        for command in Command.all {
            let base = base(command, tenants)
            for parameter in command.parameters where parameter.kind != .map {
                let long = String(repeating: "a", count: parameter.maxLength + 1)
                var tries = Self.words.map { ($0, false) } + [("a\u{1}b", true), ("a\tb", true), ("\u{7f}", true)]
                if parameter.maxLength < 10_000 { tries.append((long, true)) }
                for (value, isAlwaysWrong) in tries {
                    let parameters = base.merging([parameter.name: value]) { $1 }
                    let reply = tenants.client.signed(root, command.name, parameters)
                    let what = "\(command.name) \(parameter.name)=\(value.prefix(40)): \(reply.status)"
                    #expect(`Whatever somebody asks for`.statuses.contains(reply.status), "\(what) \(reply.body)")
                    #expect(reply.status != 530, "\(what) \(reply.body)")
                    let isText = parameter.kind == .string || parameter.kind == .list || parameter.kind == .boolean
                    if isAlwaysWrong, command.name != "login", command.name != "logout", !(parameter.maxLength > 65_536)
                    {
                        #expect(reply.status == 431 || reply.status == 432, "\(what)")
                    }
                    if !isText, value == "x!" || value.count > 36 {
                        #expect(reply.status != 200 || ["logout"].contains(command.name), "\(what)")
                    }
                    if reply.status != 200 { #expect(tenants.cloud == before, "\(what)") }
                    if tenants.cloud != before { tenants.client.service.restore(before) }
                    let text = reply.description ?? ""
                    #expect(text.utf8.allSatisfy { (32..<127).contains($0) }, "\(what)")
                }
            }
        }
    }

    @Test func `in maps is answered so too`() throws {
        let tenants = try Tenants()
        let root = try #require(tenants.signers["root"])
        let before = tenants.cloud
        for command in Command.all {
            for parameter in command.parameters where parameter.kind == .map {
                for name in [
                    "[0].x", "[a].key", "[0]", "[-1].key", "[0].", "[99999999999999999999].key", "[].key", "[",
                ] {
                    let parameters = base(command, tenants).merging([parameter.name + name: "v"]) { $1 }
                    let reply = tenants.client.signed(root, command.name, parameters)
                    #expect(`Whatever somebody asks for`.statuses.contains(reply.status) && reply.status != 530)
                    #expect(reply.status == 200 || tenants.cloud == before)
                    tenants.client.service.restore(before)
                }
            }
        }
    }
}
