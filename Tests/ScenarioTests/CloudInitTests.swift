import Foundation
import Testing

extension Scenarios {
    /// cloud-init's CloudStack data source, the real one, in a guest that sees this machine's files through a layer of its
    /// own: what the guest is afterwards is what its owner asked for.
    @Suite struct CloudInitTests {
        private static let userData = """
            #cloud-config
            write_files:
            - path: /root/written
              content: by-user-data

            """

        @Test(arguments: [false, true])
        func `a guest has its user data, its keys and its password`(isLater: Bool) async throws {
            let package = GuestMachines.folderOfTests.deletingLastPathComponent()
                .appending(path: ".build/clients/cloud-init.deb").path
            try #require(
                !isLater || FileManager.default.fileExists(atPath: package),
                "Tests/clients/install has not been run: `make test` does it")
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let keys = try Self.keys(town)
                let password = try Self.deploy(town)
                let guest = try town.plug("fresh")
                let ran = try world.run(
                    ["unshare", "-m", GuestMachines.folderOfTests.appending(path: "guests/cloud-init").path]
                        + (isLater ? [package] : []), in: guest.node)
                #expect(ran.status == 0, "\(ran.output)\(ran.errors)")
                let lines = ran.output.split(separator: "\n").map(String.init)
                let machine = try town.machine("fresh")
                for line in [
                    "cloud cloudstack", "instance \(machine[text: "instancename"])", "name fresh", "zone demo",
                    "written by-user-data",
                ] {
                    #expect(lines.contains(line), "\(line) in \(ran.output)")
                }
                #expect(Set(lines.filter { $0.hasPrefix("key ") }) == Set(keys.map { "key \($0)" }), "\(ran.output)")
                let release = try #require(lines.first { $0.hasPrefix("version ") })
                #expect(isLater != release.contains(" 22.4.2"), "\(release)")

                // The guest's own crypt(3) says whether the password is the one that was told.
                let hash = try #require(lines.first { $0.hasPrefix("shadow ") }?.dropFirst("shadow ".count))
                let check = "import crypt, sys; sys.exit(crypt.crypt(sys.argv[1], sys.argv[2]) != sys.argv[2])"
                #expect(
                    try world.run(["/usr/bin/python3", "-W", "ignore", "-c", check, password, String(hash)]).status == 0
                )
                // It was asked for once, and said to be kept.
                let again = try world.run(
                    ["curl", "-sS", "-m", "10", "-H", "DomU_Request: send_my_password", "http://10.1.1.1:8080/"],
                    in: guest.node)
                #expect(again.output == "saved_password")
                try Self.expectReadable(password, by: "\(world.directory)/rsa", town)
            }
        }

        /// An RSA key and another, registered; their public lines.
        private static func keys(_ town: ServiceTown) throws -> [String] {
            try ["rsa", "ed25519"].map { kind in
                let file = "\(town.world.directory)/\(kind)"
                try town.world.shell("ssh-keygen -q -t \(kind) -m PEM -N '' -C '' -f \(file)")
                let line = try String(contentsOfFile: "\(file).pub", encoding: .utf8).split(separator: "\n")[0]
                try town.daemon.perform("registerSSHKeyPair", ["name": kind, "publickey": String(line)])
                return line.split(separator: " ").prefix(2).joined(separator: " ")
            }
        }

        private static func deploy(_ town: ServiceTown) throws -> String {
            let template = try town.passwordTemplate()
            let made = try town.deploy(
                "fresh", "10.1.1.77",
                [
                    "templateid": template, "keypairs": "rsa,ed25519",
                    "userdata": Data(userData.utf8).base64EncodedString(),
                ])
            return made[text: "password"]
        }

        /// `getVMPassword` answers the owner of the private key, and OpenSSL reads it.
        private static func expectReadable(_ password: String, by key: String, _ town: ServiceTown) throws {
            let id = try town.machine("fresh")[text: "id"]
            let answer = try town.daemon.perform("getVMPassword", ["id": id])["password"] as? [String: Any] ?? [:]
            let read = try town.world.shell(
                "echo '\(answer[text: "encryptedpassword"])' | base64 -d | openssl pkeyutl -decrypt -inkey \(key)")
            #expect(read == password)
        }
    }
}
