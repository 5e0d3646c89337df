import CloudModel
import CloudStackAPI
import ControlPlane
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

@Suite struct `Accounts and what they may do` {
    let client: Client

    init() throws { client = try Client() }

    private func object(_ command: String, _ key: String, _ parameters: [String: String]) throws -> [String: Any] {
        try #require(try client.call(command, parameters)[key] as? [String: Any], "\(command)")
    }

    private func account(_ name: String, _ extra: [String: String] = [:]) throws -> [String: Any] {
        try object(
            "createAccount", "account",
            [
                "username": name, "password": "p", "firstname": "F", "lastname": "L", "email": "e@example.com",
            ].merging(extra) { $1 })
    }

    @Test func `begin with the administrator and no password that anybody could know`() throws {
        let admin = try client.list("listAccounts", "account", ["listall": "true"])
        #expect(admin.map { $0["name"] as? String } == ["admin"])
        #expect(admin[0]["accounttype"] as? Int == 1 && admin[0]["rolename"] as? String == "Root Admin")
        #expect(admin[0]["domain"] as? String == "ROOT" && admin[0]["state"] as? String == "enabled")
        let user = (admin[0]["user"] as? [[String: Any]])?.first
        #expect(user?["username"] as? String == "admin" && user?["apikey"] as? String == Client.key)
        #expect(user?["secretkey"] == nil)
        #expect(client.service.view.cloud.users.values.allSatisfy { $0.passwordHash == nil })
    }

    @Test func `are made with a user, shown, locked, enabled and deleted`() throws {
        let made = try account("web", ["networkdomain": "web.example"])
        #expect(made["name"] as? String == "web" && made["accounttype"] as? Int == 0)
        #expect(made["networkdomain"] as? String == "web.example" && made["rolename"] as? String == "User")
        #expect(made["vmlimit"] as? String == "Unlimited" && made["vmtotal"] as? Int == 0)
        #expect((made["user"] as? [[String: Any]])?.first?["username"] as? String == "web")
        #expect(made["created"] as? String != nil)
        #expect(throws: Refused.self) { try account("WEB") }
        let named = ["account": "web", "domainid": made["domainid"] as? String ?? ""]
        let locked = try client.finish("disableAccount", "account", named.merging(["lock": "true"]) { $1 })
        #expect(locked["state"] as? String == "locked")
        #expect(
            try client.finish("disableAccount", "account", ["id": id(made), "lock": "false"])["state"] as? String
                == "disabled")
        #expect(try object("enableAccount", "account", ["id": id(made)])["state"] as? String == "enabled")
        #expect(try object("lockAccount", "account", named)["state"] as? String == "locked")
        #expect(
            try object("updateAccount", "account", ["id": id(made), "newname": "shop"])["name"] as? String == "shop")
        _ = try client.call("deleteAccount", ["id": id(made)])
        #expect(try client.list("listAccounts", "account", ["listall": "true"]).count == 1)
        #expect(try client.list("listUsers", "user", ["listall": "true"]).count == 1)
    }

    @Test func `go with all that they own`() throws {
        let tenants = try Tenants()
        let ann = try #require(tenants.object("listAccounts", of: "ann"))
        #expect(throws: Refused.self, "it owns a project") { try tenants.client.call("deleteAccount", ["id": ann]) }
        _ = try tenants.client.call("deleteProject", ["id": tenants.project, "cleanup": "true"])
        _ = try tenants.client.call("deleteAccount", ["id": ann])
        let left = try tenants.belongings(beyond: Set(["root", "north", "south", "bob", "eve"]), in: tenants.cloud)
        #expect(left.isEmpty, "\(left)")
        #expect(tenants.cloud.violations() == [])
        #expect(throws: Refused.self) {
            try tenants.client.call("deleteDomain", ["id": tenants.domains["north"] ?? ""])
        }
        _ = try tenants.client.call("deleteDomain", ["id": tenants.domains["north"] ?? "", "cleanup": "true"])
        #expect(tenants.cloud.domains.values.map(\.name).sorted() == ["ROOT", "south"])
        #expect(tenants.cloud.violations() == [])
    }

    @Test func `have users with keys, which are shown to those who asked for them only`() throws {
        _ = try account("web")
        let user = try object(
            "createUser", "user",
            [
                "account": "web", "username": "ann", "password": "p", "firstname": "A", "lastname": "B",
                "email": "a@example.com", "timezone": "Europe/Zurich",
            ])
        #expect(user["apikey"] == nil && user["timezone"] as? String == "Europe/Zurich")
        let keys = try object("registerUserKeys", "userkeys", ["id": id(user)])
        #expect(keys.keys.sorted() == ["apikey", "secretkey"])
        #expect((keys["apikey"] as? String)?.count == 86)
        #expect(
            try object("getUserKeys", "userkeys", ["id": id(user)])["secretkey"] as? String == keys["secretkey"]
                as? String)
        let shown = try client.list("listUsers", "user", ["username": "ANN", "listall": "true"])
        #expect(shown.count == 1 && shown[0]["apikey"] as? String == keys["apikey"] as? String)
        let found = try object("getUser", "user", ["userapikey": keys["apikey"] as? String ?? ""])
        #expect(id(found) == id(user) && found["secretkey"] == nil)
        let changed = try object("updateUser", "user", ["id": id(user), "lastname": "C", "username": "anna"])
        #expect(changed["lastname"] as? String == "C" && changed["username"] as? String == "anna")
        #expect(try object("lockUser", "user", ["id": id(user)])["state"] as? String == "locked")
        #expect(try client.finish("disableUser", "user", ["id": id(user)])["state"] as? String == "disabled")
        #expect(try object("enableUser", "user", ["id": id(user)])["state"] as? String == "enabled")
        _ = try client.call("deleteUser", ["id": id(user)])
        #expect(try client.list("listUsers", "user", ["id": ""]).count == 1)
    }

    @Test func `have roles with rules, of which the first that matches decides`() throws {
        let role = try object("createRole", "role", ["name": "reader", "type": "User", "description": "reads"])
        #expect(role["isdefault"] as? Bool == false && role["description"] as? String == "reads")
        var rules: [String] = []
        for (rule, permission) in [("listZones", "deny"), ("list*", "allow")] {
            let made = try object(
                "createRolePermission", "rolepermission",
                ["roleid": id(role), "rule": rule, "permission": permission])
            #expect(made["permission"] as? String == permission && made["roleid"] as? String == id(role))
            rules.append(id(made))
        }
        let made = try account("web", ["roleid": id(role)])
        let user = (made["user"] as? [[String: Any]])?.first ?? [:]
        let keys = try object("registerUserKeys", "userkeys", ["id": id(user)])
        let reader = Signer(name: "web", key: keys["apikey"] as? String, secret: keys["secretkey"] as? String ?? "")
        func status(_ command: String) -> Int { client.signed(reader, command).status }
        #expect(["listZones", "listNetworks", "createNetwork", "listRouters"].map(status) == [401, 200, 401, 401])
        let apis = try client.content(reader, "listApis")["api"] as? [[String: Any]] ?? []
        #expect(apis.allSatisfy { ($0["name"] as? String)?.hasPrefix("list") == true } && !apis.isEmpty)
        _ = try client.call(
            "updateRolePermission", ["roleid": id(role), "ruleorder": rules.reversed().joined(separator: ",")])
        #expect(status("listZones") == 200)
        #expect(
            try client.list("listRolePermissions", "rolepermission", ["roleid": id(role)]).map { $0["rule"] as? String }
                == ["list*", "listZones"])
        _ = try client.call("updateRolePermission", ["roleid": id(role), "ruleid": rules[1], "permission": "deny"])
        #expect(status("listNetworks") == 401)
        _ = try client.call("deleteRolePermission", ["id": rules[1]])
        #expect(throws: Refused.self) { try client.call("deleteRole", ["id": id(role)]) }
        _ = try client.call("deleteAccount", ["id": id(made)])
        _ = try client.call("deleteRole", ["id": id(role)])
        #expect(try client.list("listRoles", "role").count == 4)
    }

    @Test func `take a role by the number that it has in CloudStack`() throws {
        #expect(try account("web", ["roleid": "4"])["rolename"] as? String == "User")
        #expect(try account("dom", ["roleid": "3"])["accounttype"] as? Int == 2)
        #expect(throws: Refused.self) { try account("none", ["roleid": "5"]) }
    }

    @Test func `give away no more than they have`() throws {
        let tenants = try Tenants()
        let north = try #require(tenants.signers["north"])
        let user = ["password": "p", "firstname": "F", "lastname": "L", "email": "e@example.com"]
        let own = ["domainid": tenants.domains["north"] ?? ""]
        for (extra, status) in [
            (own.merging(["accounttype": "1"]) { $1 }, 531), (own.merging(["roleid": "1"]) { $1 }, 531),
            (["domainid": tenants.domains["south"] ?? ""], 531), (own.merging(["accounttype": "2"]) { $1 }, 200),
            (own, 200), ([:], 200),
        ] {
            let name = "new\(extra.count)\(status)\(extra["accounttype"] ?? "")"
            let reply = tenants.client.signed(
                north, "createAccount", user.merging(["username": name]) { $1 }.merging(extra) { $1 })
            #expect(reply.status == status, "\(extra) \(reply.body)")
        }
        let keys = tenants.client.signed(
            north, "getUserKeys",
            ["id": try #require(tenants.cloud.users.values.first { $0.name == "admin" }?.id.description)])
        #expect(keys.status == 431 || keys.status == 531)
        #expect(!keys.body.contains(Client.secret))
    }

    @Test func `have no more than their limits, and their domain's`() throws {
        let tenants = try Tenants()
        let bob = try #require(tenants.signers["bob"])
        let north = tenants.domains["north"] ?? ""
        let offering = try tenants.client.list("listNetworkOfferings", "networkoffering")[0]
        let network = ["name": "more", "zoneid": tenants.site.zone, "networkofferingid": id(offering)]
        let limit = ["account": "bob", "domainid": north, "resourcetype": "6"]
        let set = try tenants.client.call("updateResourceLimit", limit.merging(["max": "1"]) { $1 })
        #expect((set["resourcelimit"] as? [String: Any])?["max"] as? Int == 1)
        let reply = tenants.client.signed(bob, "createNetwork", network)
        #expect(reply.status == 535)
        #expect(
            reply.description?.hasPrefix("Maximum amount of resources of Type = 'network' for Account Name = bob")
                == true)
        let shown = try tenants.client.list("listAccounts", "account", ["name": "bob", "listall": "true"])
        #expect(shown.first?["networklimit"] as? String == "1" && shown.first?["networkavailable"] as? String == "0")
        #expect(shown.first?["networktotal"] as? Int == 1)
        _ = try tenants.client.call("updateResourceLimit", limit.merging(["max": "-1"]) { $1 })
        #expect(tenants.client.signed(bob, "createNetwork", network).status == 200)
        // The domain's own: all its accounts together have five, the project's among them.
        let total = try tenants.client.list("listDomains", "domain", ["id": north]).first?["networktotal"] as? Int
        #expect(total == 5)
        _ = try tenants.client.call(
            "updateResourceLimit", ["domainid": north, "resourcetype": "6", "max": String(total ?? 0)])
        #expect(tenants.client.signed(bob, "createNetwork", network.merging(["name": "third"]) { $1 }).status == 535)
        #expect(throws: Refused.self) {
            try tenants.client.call("updateResourceLimit", limit.merging(["max": "6"]) { $1 })
        }
        for (type, command, extra) in [
            ("0", "deployVirtualMachine", ["networkids": tenants.object("listNetworks", of: "bob") ?? ""]),
            ("1", "associateIpAddress", ["networkid": tenants.object("listNetworks", of: "bob") ?? ""]),
            ("5", "createProject", ["name": "p"]),
        ] {
            _ = try tenants.client.call(
                "updateResourceLimit", ["account": "bob", "domainid": north, "resourcetype": type, "max": "0"])
            let parameters = ["zoneid": tenants.site.zone].merging(extra) { $1 }
            #expect(tenants.client.signed(bob, command, parameters).status == 535, "\(command)")
        }
    }

    @Test func `have one limit for each kind, by number and by name`() throws {
        let limits = try client.list("listResourceLimits", "resourcelimit")
        #expect(limits.map { $0["resourcetype"] as? String } == (0...11).map(String.init))
        #expect(limits.allSatisfy { $0["max"] as? Int == -1 })
        #expect(limits[8]["resourcetypename"] as? String == "cpu")
        #expect(try client.list("listResourceLimits", "resourcelimit", ["resourcetype": "8"]).count == 1)
        #expect(throws: Refused.self) { try client.call("listResourceLimits", ["resourcetype": "12"]) }
    }

    @Test func `share projects`() throws {
        let tenants = try Tenants()
        let ann = try #require(tenants.signers["ann"])
        let bob = try #require(tenants.signers["bob"])
        #expect(tenants.client.signed(bob, "listNetworks", ["projectid": tenants.project]).status == 431)
        #expect(
            tenants.client.signed(bob, "addAccountToProject", ["projectid": tenants.project, "account": "bob"]).status
                == 531)
        _ = try tenants.client.job(ann, "addAccountToProject", ["projectid": tenants.project, "account": "bob"])
        let network = try #require(tenants.object("listNetworks", of: "project"))
        #expect(tenants.client.signed(bob, "listNetworks", ["projectid": tenants.project]).body.contains(network))
        let members = try tenants.client.content(ann, "listProjectAccounts", ["projectid": tenants.project])[
            "projectaccount"]
        #expect(
            (members as? [[String: Any]])?.map { "\($0["account"] ?? "") \($0["role"] ?? "")" } == [
                "ann Admin", "eve Regular", "bob Regular",
            ])
        #expect(tenants.client.signed(bob, "deleteProject", ["id": tenants.project]).status == 531)
        let suspended =
            try tenants.client.job(ann, "suspendProject", ["id": tenants.project])["project"] as? [String: Any]
        #expect(suspended?["state"] as? String == "Suspended" && suspended?["vmrunning"] as? Int == 0)
        let offering = try tenants.client.list("listNetworkOfferings", "networkoffering")[0]
        let wanted = [
            "name": "x", "zoneid": tenants.site.zone, "networkofferingid": id(offering), "projectid": tenants.project,
        ]
        #expect(tenants.client.signed(bob, "createNetwork", wanted).status == 531)
        _ = try tenants.client.job(ann, "activateProject", ["id": tenants.project])
        #expect(tenants.client.signed(bob, "createNetwork", wanted).status == 200)
        _ = try tenants.client.job(ann, "deleteAccountFromProject", ["projectid": tenants.project, "account": "bob"])
        #expect(tenants.client.signed(bob, "listNetworks", ["projectid": tenants.project]).status == 431)
        #expect(throws: Refused.self, "it holds things") {
            try tenants.client.job(ann, "deleteProject", ["id": tenants.project])
        }
        _ = try tenants.client.job(ann, "deleteProject", ["id": tenants.project, "cleanup": "true"])
        #expect(tenants.cloud.projects.isEmpty && tenants.cloud.violations() == [])
    }

    @Test func `live in domains with paths`() throws {
        let north = try object("createDomain", "domain", ["name": "north", "networkdomain": "n.example"])
        let port = try object("createDomain", "domain", ["name": "port", "parentdomainid": id(north)])
        #expect(port["path"] as? String == "ROOT/north/port" && port["level"] as? Int == 2)
        #expect(port["parentdomainname"] as? String == "north" && port["networkdomain"] == nil)
        #expect(try client.list("listDomains", "domain").map { $0["name"] as? String } == ["ROOT"])
        #expect(try client.list("listDomains", "domain", ["listall": "true"]).count == 3)
        #expect(try client.list("listDomainChildren", "domain").map { $0["name"] as? String } == ["north"])
        #expect(try client.list("listDomainChildren", "domain", ["isrecursive": "true"]).count == 2)
        let changed = try object("updateDomain", "domain", ["id": id(north), "name": "up", "networkdomain": ""])
        #expect(changed["path"] as? String == "ROOT/up" && changed["networkdomain"] == nil)
        #expect(throws: Refused.self) { try client.call("deleteDomain", ["id": id(north)]) }
        for name in ["a/b", "", "UP"] {
            #expect(throws: Refused.self, "\(name)") { try client.call("createDomain", ["name": name]) }
        }
        _ = try client.call("deleteDomain", ["id": id(port)])
        _ = try client.call("deleteDomain", ["id": id(north)])
    }
}
