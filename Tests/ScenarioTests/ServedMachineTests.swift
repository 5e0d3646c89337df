import Foundation
import Testing

extension Scenarios {
    /// What the API was told of a machine is what the machine is told of itself.
    @Suite struct ServedMachineTests {
        @Test func `a deployed machine reads its name, offering, keys, user data and password, and nobody else's`()
            async throws
        {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let template = try Self.template(town)
                for name in ["ann", "ben"] {
                    try town.daemon.perform("registerSSHKeyPair", ["name": name, "publickey": Self.key(name)])
                }
                let script = "#!/bin/sh\necho \(String(repeating: "a", count: 3000))\n"
                let gamma = try town.deploy(
                    "gamma",
                    [
                        "templateid": template, "keypairs": "ann,ben", "password": "first-Secret7",
                        "userdata": Data(script.utf8).base64EncodedString(),
                    ])
                let delta = try town.deploy("delta", ["templateid": template, "password": "other-Secret8"])
                func curl(_ machine: ServiceTown.Machine, _ words: String...) throws -> String {
                    try world.run(["curl", "-sS", "--max-time", "10"] + words, in: machine.instance).output
                }
                func leaf(_ machine: ServiceTown.Machine, _ name: String) throws -> String {
                    try curl(machine, "http://10.1.1.1/latest/meta-data/\(name)")
                }
                #expect(try leaf(gamma, "local-hostname") == "gamma")
                #expect(try leaf(gamma, "vm-id") == gamma.id)
                #expect(try leaf(gamma, "instance-id") == gamma.instance)
                #expect(try leaf(gamma, "service-offering") == gamma.offering)
                #expect(try leaf(gamma, "public-keys") == "\(Self.key("ann"))\n\(Self.key("ben"))\n")
                #expect(try curl(gamma, "http://10.1.1.1/latest/user-data") == script)
                let none = ["-o", "/dev/null", "-w", "%{http_code}", "http://10.1.1.1/latest/user-data"]
                #expect(try world.run(["curl", "-sS"] + none, in: delta.instance).output == "404")
                #expect(try leaf(delta, "public-keys") == "")

                func password(_ machine: ServiceTown.Machine, _ request: String) throws -> String {
                    try curl(machine, "-H", "DomU_Request: \(request)", "http://10.1.1.1:8080/")
                }
                #expect(try password(delta, "send_my_password") == "other-Secret8")
                #expect(try password(gamma, "send_my_password") == "first-Secret7")
                #expect(try password(gamma, "saved_password") == "saved_password")
                #expect(try password(gamma, "send_my_password") == "saved_password")
                // The plan is told by and by; what was said of one is not said of the other.
                #expect(try password(delta, "send_my_password") == "other-Secret8")

                // Another password, by a machine that is stopped for it: told when it has come back, and once.
                try town.daemon.perform("stopVirtualMachine", ["id": gamma.id])
                let reset = try town.daemon.perform(
                    "resetPasswordForVirtualMachine", ["id": gamma.id, "password": "second-Secret9"])
                #expect((reset["virtualmachine"] as? [String: Any])?[text: "password"] == "second-Secret9")
                try town.daemon.perform("startVirtualMachine", ["id": gamma.id])
                try town.daemon.waitUntilVerified()
                #expect(try password(gamma, "send_my_password") == "second-Secret9")
                #expect(try password(gamma, "saved_password") == "saved_password")
                #expect(try password(gamma, "send_my_password") == "saved_password")
            }
        }

        @Test func `a shared network is served at the router's own address, and a layer 2 network by nobody`()
            async throws
        {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/kinds.json"
                try Self.cloud.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                let guest = try DemoTests.guest(daemon, "one")
                let office = ["networkid": try daemon.network("office")]
                let router = try #require(try daemon.list("listRouters", "router", office).first)
                let server = router[text: "guestipaddress"]
                #expect(server != "10.9.0.1" && server.hasPrefix("10.9.0."))
                try seen("sockets of the services") {
                    try world.shell("ss -Hlnu", in: router[text: "name"]).contains("\(server):53") ? true : nil
                }
                func asked(_ words: String...) throws -> String { try world.run(words, in: guest).output }
                #expect(try asked("dig", "+short", "+tries=2", "+time=2", "@\(server)", "two") == "10.9.0.12\n")
                let name = "http://\(server)/latest/meta-data/local-hostname"
                #expect(try asked("curl", "-sS", "--max-time", "10", name) == "one")
                // Somebody else's router is the way out, and that is what guests are told.
                let lease = try asked(
                    "busybox", "udhcpc", "-f", "-n", "-q", "-i", "eth0", "-s", try Self.printer(world), "-O", "121")
                #expect(lease.contains("router=10.9.0.1\n") && lease.contains("serverid=\(server)\n"), "\(lease)")
                #expect(lease.contains("dns=\(server)\n") && lease.contains("ip=10.9.0.11\n"), "\(lease)")
                #expect(try daemon.list("listRouters", "router", ["networkid": daemon.network("bare")]).isEmpty)
            }
        }

        private static let cloud = """
            {"networkOfferings": [
              {"name": "shared", "guestType": "Shared", "specifiesSegment": true,
               "services": {"Dhcp": "VirtualRouter", "Dns": "VirtualRouter", "UserData": "VirtualRouter"}},
              {"name": "l2", "guestType": "L2", "services": {}}],
             "networks": [
              {"name": "office", "zone": "demo", "offering": "shared", "segment": "98", "cidr": "10.9.0.0/24",
               "gateway": "10.9.0.1", "ranges": ["10.9.0.10-10.9.0.19"]},
              {"name": "bare", "zone": "demo", "offering": "l2"}],
             "guests": [
              {"name": "one", "nics": [{"network": "office", "address": "10.9.0.11"}]},
              {"name": "two", "nics": [{"network": "office", "address": "10.9.0.12"}]},
              {"name": "three", "nics": [{"network": "bare"}]}]}
            """

        /// For udhcpc: says what it was told.
        private static func printer(_ world: World) throws -> String {
            let path = "\(world.directory)/printer"
            try "#!/bin/sh\n[ \"$1\" != bound ] || env\n".write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
            return path
        }

        /// One whose machines ask for a password.
        private static func template(_ town: ServiceTown) throws -> String {
            let found = try town.daemon.list("listTemplates", "template", ["templatefilter": "all"]).first
            let id = try #require(found)[text: "id"]
            try town.daemon.perform("updateTemplate", ["id": id, "passwordenabled": "true"])
            return id
        }

        /// Well formed, and nobody's: 32 bytes that say who it is for.
        static func key(_ name: String) -> String {
            func field(_ bytes: some Sequence<UInt8>) -> [UInt8] {
                let bytes = Array(bytes)
                return [0, 0, 0, UInt8(bytes.count)] + bytes
            }
            let blob = field("ssh-ed25519".utf8) + field(name.utf8 + [UInt8](repeating: 7, count: 32 - name.utf8.count))
            return "ssh-ed25519 \(Data(blob).base64EncodedString())"
        }
    }
}
