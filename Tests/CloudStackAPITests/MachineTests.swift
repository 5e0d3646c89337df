import CloudModel
import CloudStackAPI
import ControlPlane
import Foundation
import NetworkVocabulary
import ServiceHosting
import TestSupport
import Testing

@Suite struct `Machines by the API` {
    let client: Client
    let site: Site

    init() throws {
        client = try Client()
        site = try Site(client)
    }

    @Test func `have the fields and types that clients want`() throws {
        let made = try client.finished(
            "deployVirtualMachine",
            [
                "zoneid": site.zone, "networkids": id(site.network), "name": "web", "displayname": "The web",
                "details[0].note": "x", "userdata": "QUJD",
            ], makes: "virtualmachine")
        #expect(made.departures(from: FieldTable.virtualMachine) == [])
        #expect(made["displayname"]?.text == "The web" && made["name"]?.text == "web")
        #expect(made["created"]?.text?.hasSuffix("+0000") == true)
        #expect(made["userdata"] == nil && made["keypairs"] == nil && made["password"] == nil)
        for list in ["nic", "securitygroup", "affinitygroup", "tags"] { #expect(made.keys.contains(list)) }
        let machine = made["id"]?.text ?? ""
        let shown = try client.wire("getVirtualMachineUserData", ["virtualmachineid": machine])
        #expect(shown["virtualmachineuserdata"]?["userdata"]?.text == "QUJD")
        let listed = try client.wire("listVirtualMachines", ["userdata": "true", "id": machine])["virtualmachine"]?.list
        #expect(listed?.first?["userdata"]?.text == "QUJD")
        #expect(listed?.first?.departures(from: FieldTable.virtualMachine) == [])
    }

    /// Nobody would read it: a layer 2 network has nobody who tells it, and config drives are not made.
    @Test(arguments: ["DefaultL2NetworkOffering", "DefaultL2NetworkOfferingConfigDrive"])
    func `have no user data where none of their networks tells it`(_ name: String) throws {
        let offering = try #require(
            try client.list("listNetworkOfferings", "networkoffering", ["name": name]).first {
                $0["name"] as? String == name
            })
        let provider = try #require(
            try client.list("listNetworkServiceProviders", "networkserviceprovider", ["name": "ConfigDrive"]).first)
        _ = try client.finish(
            "updateNetworkServiceProvider", "networkserviceprovider", ["id": id(provider), "state": "Enabled"])
        let made = try client.call(
            "createNetwork", ["zoneid": site.zone, "name": "quiet", "networkofferingid": id(offering)])
        let quiet = id(try #require(made["network"] as? [String: Any]))
        let wish = ["zoneid": site.zone, "name": "mute", "networkids": quiet]
        #expect {
            try client.call("deployVirtualMachine", wish.merging(["userdata": "QUJD"]) { $1 })
        } throws: {
            ($0 as? Refused)?.status == 431 && ($0 as? Refused)?.text.contains("no support for UserData") == true
        }
        _ = try client.finished("deployVirtualMachine", wish, makes: "virtualmachine")
        _ = try client.finished(
            "deployVirtualMachine",
            wish.merging(["name": "told", "networkids": "\(quiet),\(id(site.network))", "userdata": "QUJD"]) { $1 },
            makes: "virtualmachine")
    }

    @Test func `are found by every filter, and no others are`() throws {
        let web = id(try site.deploy("web", ["displayname": "Front"]))
        let database = id(try site.deploy("database", ["startvm": "false"]))
        let hidden = id(try site.deploy("hidden", ["displayvm": "false"]))
        let gone = id(try site.deploy("gone"))
        _ = try client.finish("destroyVirtualMachine", "virtualmachine", ["id": gone])
        let cases: [([String: String], [String])] = [
            ([:], [web, database, gone]), (["state": "running"], [web]), (["state": "Stopped"], [database]),
            (["state": "Destroyed"], [gone]), (["state": "Present"], [web, database]), (["state": "Error"], []),
            (["name": "WE"], [web]), (["keyword": "fron"], [web]), (["keyword": "i-2-"], [web, database, gone]),
            (["displayvm": "false"], [hidden]), (["ids": "\(database),\(hidden)"], [database]),
            (["networkid": id(site.network)], [web, database, gone]), (["zoneid": site.zone], [web, database, gone]),
            (["hypervisor": "simulator"], [web, database, gone]), (["hypervisor": "KVM"], []),
            (["keypair": "none"], []), (["forvirtualnetwork": "false"], []),
            (["forvirtualnetwork": "true", "state": "running"], [web]),
        ]
        for (filter, expected) in cases {
            let found = try client.list("listVirtualMachines", "virtualmachine", filter).map(id)
            #expect(found == expected, "\(filter)")
        }
        #expect(
            try client.call("listVirtualMachines", ["retrieveonlyresourcecount": "true"])["count"] as? Int == 3)
        #expect(client.status("command=listVirtualMachines&state=sleeping") == 431)
        #expect(client.status("command=listVirtualMachines&details=everything") == 431)
        #expect(client.status("command=listVirtualMachines&vpcid=\(web)") == 432)
        let least = try client.wire("listVirtualMachines", ["details": "min", "id": web])["virtualmachine"]?.list.first
        #expect(least?["nic"]?.list.isEmpty == true)
    }

    @Test func `live, die and come back`() throws {
        let machine = id(try site.deploy("web"))
        #expect(
            try client.finish("rebootVirtualMachine", "virtualmachine", ["id": machine])["state"] as? String
                == "Running")
        let updated = try client.call(
            "updateVirtualMachine", ["id": machine, "displayname": "x", "details[0].a": "b", "userdata": "QUJD"])
        let object = try #require(updated["virtualmachine"] as? [String: Any])
        #expect(object["displayname"] as? String == "x" && object["details"] as? [String: String] == ["a": "b"])
        let destroyed = try client.finish("destroyVirtualMachine", "virtualmachine", ["id": machine])
        #expect(destroyed["state"] as? String == "Destroyed")
        #expect(client.status("command=startVirtualMachine&id=\(machine)") == 431)
        let recovered = try client.call("recoverVirtualMachine", ["id": machine])["virtualmachine"] as? [String: Any]
        #expect(recovered?["state"] as? String == "Stopped")
        #expect(client.status("command=expungeVirtualMachine&id=\(machine)") == 431)
        _ = try client.finish("destroyVirtualMachine", "virtualmachine", ["id": machine])
        #expect(try client.finished("expungeVirtualMachine", ["id": machine])["success"] != nil)
        #expect(try client.call("listVirtualMachines").isEmpty)
        #expect(client.status("command=migrateVirtualMachine&virtualmachineid=\(machine)") == 431)
    }

    @Test func `destroyed, are not a tenant's to see`() throws {
        let tenant = try Client(besides: client, account: "tenant")
        let machine = id(
            try tenant.finish("deployVirtualMachine", "virtualmachine", ["zoneid": site.zone, "name": "theirs"]))
        #expect(try tenant.list("listVirtualMachines", "virtualmachine").map(id) == [machine])
        _ = try tenant.finish("destroyVirtualMachine", "virtualmachine", ["id": machine])
        #expect(try tenant.call("listVirtualMachines").isEmpty)
        #expect(try tenant.call("listVirtualMachines", ["state": "Destroyed"]).isEmpty)
        #expect(tenant.status("command=destroyVirtualMachine&expunge=true&id=\(machine)") == 531)
        #expect(tenant.status("command=recoverVirtualMachine&id=\(machine)") == 531)
    }

    @Test func `without a password take none, and the job says so`() throws {
        let machine = id(try site.deploy("web", ["startvm": "false"]))
        let started = try client.wire("resetPasswordForVirtualMachine", ["id": machine])
        #expect(started.keys == ["jobid"])
        let job = try client.wire("queryAsyncJobResult", ["jobid": started["jobid"]?.text ?? ""])
        guard case .number(2)? = job["jobstatus"], case .number(431)? = job["jobresultcode"] else {
            Issue.record("\(job)")
            return
        }
        #expect(job["jobresult"]?["errortext"]?.text?.hasSuffix("the template is not password enabled") == true)
        #expect(client.status("command=getVMPassword&id=\(machine)") == 431)
    }
}

@Suite struct `Keys by the API` {
    let client: Client

    init() throws { client = try Client() }

    @Test func `are made, shown once, and are what ssh-keygen takes`() throws {
        let made = try client.wire("createSSHKeyPair", ["name": "mine"])["keypair"]
        #expect(made?.departures(from: FieldTable.sshKeyPair) == [])
        let pem = try #require(made?["privatekey"]?.text)
        let listed = try client.wire("listSSHKeyPairs", ["name": "MINE"])["sshkeypair"]?.list.first
        #expect(listed?["privatekey"] == nil && listed?["fingerprint"]?.text == made?["fingerprint"]?.text)

        let directory = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: "key")
        try pem.write(to: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
        // Reads the private half and works out the public one by itself.
        let line = try output("ssh-keygen", "-y", "-f", file.path)
        let key = try #require(SSHPublicKey(line))
        #expect(key.fingerprint == made?["fingerprint"]?.text)
        let stored = Array(client.service.view.cloud.sshKeyPairs.values)
        #expect(stored.map(\.key) == [key])
    }

    @Test func `encrypt so that their owner reads it`() throws {
        let keys = NettleKeys()
        let (key, pem) = try #require(keys.makeKey())
        let cipher = try #require(keys.encrypt(Secret("hunter2"), for: key))
        let directory = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: directory) }
        try pem.revealed.write(to: directory.appending(path: "key"), atomically: true, encoding: .utf8)
        try Data(cipher).write(to: directory.appending(path: "cipher"))
        let clear = try output(
            "openssl", "pkeyutl", "-decrypt", "-inkey", directory.appending(path: "key").path, "-in",
            directory.appending(path: "cipher").path)
        #expect(clear == "hunter2")
        let edwards = try #require(
            SSHPublicKey("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOc3kCQxkHNnfBNsAwUSiZA3MutwEuJ0RiAIqsS1gStK"))
        #expect(keys.encrypt(Secret("hunter2"), for: edwards) == nil)
    }

    @Test func `are registered, found and forgotten`() throws {
        let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOc3kCQxkHNnfBNsAwUSiZA3MutwEuJ0RiAIqsS1gStK me@home"
        let made = try client.wire("registerSSHKeyPair", ["name": "k", "publickey": line])["keypair"]
        #expect(made?["fingerprint"]?.text == "63:19:b9:36:ed:26:e3:b3:2c:05:eb:d8:e2:5f:42:80")
        #expect(made?["privatekey"] == nil && made?.departures(from: FieldTable.sshKeyPair) == [])
        let again = client.get(Client.encoded(["command": "registerSSHKeyPair", "name": "l", "publickey": line]))
        #expect(again.status == 431)
        #expect(
            try client.list("listSSHKeyPairs", "sshkeypair", ["fingerprint": made?["fingerprint"]?.text ?? ""]).count
                == 1)
        let wrong = client.get(
            Client.encoded(["command": "registerSSHKeyPair", "name": "l", "publickey": "PRIVATE KEY abc"]))
        #expect(wrong.status == 431 && !wrong.body.contains("abc"))
        #expect(try client.call("deleteSSHKeyPair", ["name": "k"])["success"] as? Bool == true)
        #expect(try client.call("listSSHKeyPairs").isEmpty)
        #expect(
            throws: Refused(status: 431, text: "A key pair with name 'k' does not exist for account admin.")
        ) { try client.call("deleteSSHKeyPair", ["name": "k"]) }
    }

    /// What a program of the machine prints.
    private func output(_ program: String, _ arguments: String...) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/\(program)")
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: data, as: UTF8.self)
    }
}

@Suite struct `User data by the API` {
    @Test func `is kept under names, and forgotten when nobody reads it`() throws {
        let client = try Client()
        let site = try Site(client)
        let made = try client.wire("registerUserData", ["name": "boot", "userdata": "QUJD", "params": "a, b"])[
            "userdata"]
        #expect(made?.departures(from: FieldTable.userData) == [])
        #expect(made?["params"]?.text == "a,b" && made?["userdata"]?.text == "QUJD")
        let document = made?["id"]?.text ?? ""
        let machine = id(
            try site.deploy("web", ["userdataid": document, "userdatadetails[0].a": "1", "startvm": "false"]))
        let shown = try client.wire("listVirtualMachines", ["userdataid": document, "userdata": "true"])[
            "virtualmachine"]?
            .list.first
        #expect(shown?["userdataname"]?.text == "boot" && shown?["userdatadetails"]?.text == #"{"a":"1"}"#)
        #expect(client.status("command=deleteUserData&id=\(document)") == 536)
        _ = try client.call("resetUserDataForVirtualMachine", ["id": machine, "userdata": "REVG"])
        let text = try client.wire("getVirtualMachineUserData", ["virtualmachineid": machine])["virtualmachineuserdata"]
        #expect(text?["userdata"]?.text == "REVG")
        #expect(try client.call("deleteUserData", ["id": document])["success"] as? Bool == true)
        #expect(try client.call("listUserData").isEmpty)
        #expect(client.status("command=registerUserData&name=x&userdata=%21%21") == 431)
    }
}
