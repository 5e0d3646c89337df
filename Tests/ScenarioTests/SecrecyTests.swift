import Foundation
import Testing

extension Scenarios {
    /// Passwords, keys and user data are for those that they are for: in no log, event, plan, error or file that others
    /// may read.
    @Suite struct SecrecyTests {
        @Test func `what is secret of a machine is in nothing that is written or shown`() async throws {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                let daemon = try DaemonUnderTest(world, data: data, options: ["--log-level", "debug"])
                let zone = try #require(try daemon.list("listZones", "zone").first)[text: "id"]
                let template = try #require(
                    try daemon.list("listTemplates", "template", ["templatefilter": "all"]).first)[text: "id"]
                try daemon.perform("updateTemplate", ["id": template, "passwordenabled": "true"])
                let userData = Data("the-user-data-is-secret".utf8).base64EncodedString()
                let variable = "the-variable-is-secret"
                let pair = try daemon.perform("createSSHKeyPair", ["name": "k"])["keypair"] as? [String: Any] ?? [:]
                let privateKey = pair[text: "privatekey"].split(separator: "\n").dropFirst().first.map(String.init)
                let document = try daemon.perform("registerUserData", ["name": "d", "userdata": userData])
                #expect(document["userdata"] != nil)
                let wanted = [
                    "zoneid": zone, "name": "vault", "templateid": template, "keypair": "k", "startvm": "false",
                    "userdata": userData, "userdatadetails[0].token": variable, "password": "the-password-is-secret",
                ]
                let rehearsed = try daemon.call("deployVirtualMachine", wanted.merging(["plan": "true"]) { $1 })
                let machine = try #require(
                    try daemon.perform("deployVirtualMachine", wanted)["virtualmachine"] as? [String: Any])
                #expect(machine[text: "password"] == "the-password-is-secret")
                let id = machine[text: "id"]
                let reset = try #require(
                    try daemon.perform("resetPasswordForVirtualMachine", ["id": id])["virtualmachine"]
                        as? [String: Any])
                try daemon.perform("startVirtualMachine", ["id": id])
                // What is refused is not repeated.
                let refusals = try [
                    daemon.call("deployVirtualMachine", wanted.merging(["userdata": "\(userData)!"]) { $1 }),
                    daemon.call("registerUserData", ["name": "D", "userdata": userData]),
                    daemon.call("registerSSHKeyPair", ["name": "l", "publickey": privateKey ?? ""]),
                    daemon.finish("resetPasswordForVirtualMachine", ["id": id, "password": "the-password-is-secret"]),
                ]
                #expect(refusals.allSatisfy { $0.status != 200 })

                let secrets = [
                    "the-password-is-secret", reset[text: "password"], userData, "the-user-data-is-secret", variable,
                    try #require(privateKey),
                ]
                #expect(secrets.allSatisfy { $0.count >= 12 })
                var shown = [
                    "log": daemon.logText, "output": daemon.process.output, "plans": try daemon.plans,
                    "events": try daemon.events().joined(), "rehearsal": "\(rehearsed.content)",
                    "status": "\(try daemon.status)", "refusals": refusals.map { $0.error ?? "\($0.content)" }.joined(),
                    "machines": "\(try daemon.list("listVirtualMachines", "virtualmachine"))",
                    "keys": "\(try daemon.list("listSSHKeyPairs", "sshkeypair"))",
                    "processes": try world.shell("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true"),
                ]
                for words in [["status"], ["guest", "list"]] {
                    let finished = try world.run(
                        ["\(DaemonUnderTest.programs)/sluice"] + words, environment: daemon.environment)
                    shown["sluice \(words.joined(separator: " "))"] = finished.output + finished.errors
                }
                for (name, text) in shown {
                    for secret in secrets { #expect(!text.contains(secret), "\(name) shows \(secret)") }
                }
                #expect(try daemon.stop() == 0)
                // What the daemon keeps is its owner's alone.
                let open = try world.shell(
                    "find \(data) /run -type f -not -path '/run/netns/*' -perm /077 2>/dev/null; true")
                for file in open.split(separator: "\n") {
                    let text = try world.shell("cat \(file)")
                    for secret in secrets { #expect(!text.contains(secret), "\(file) is for everybody to read") }
                }
            }
        }
    }
}
