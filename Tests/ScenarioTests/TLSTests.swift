import CLinux
import Foundation
import Testing

extension Scenarios {
    /// TLS that ends at the router, looked at by OpenSSL and curl from outside.
    @Suite struct TLSTests {
        static let address = "203.0.113.50"

        /// A certificate by a root of its own, and what trusts it.
        private struct Made {
            let certificate: String
            let key: String
            let folder: String
            let name: String

            init(_ world: World, _ name: String) throws {
                (folder, self.name) = (world.directory, name)
                try world.shell(
                    """
                    cd \(world.directory)
                    printf 'basicConstraints=critical,CA:TRUE\\n' > ca.ext
                    printf 'subjectAltName=DNS:\(name).test\\n' > \(name).ext
                    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(name)-ca.key \
                        -out \(name)-ca.crt -days 9 -subj /CN=\(name)-ca 2>/dev/null
                    openssl req -newkey rsa:2048 -nodes -keyout \(name).key -out \(name).csr -subj /CN=\(name) 2>/dev/null
                    openssl x509 -req -in \(name).csr -CA \(name)-ca.crt -CAkey \(name)-ca.key -CAcreateserial -days 8 \
                        -extfile \(name).ext -out \(name).crt 2>/dev/null
                    """)
                certificate = try String(contentsOfFile: "\(folder)/\(name).crt", encoding: .utf8)
                key = try String(contentsOfFile: "\(folder)/\(name).key", encoding: .utf8)
            }

            var parameters: [String: String] {
                get throws {
                    [
                        "name": name, "certificate": certificate, "privatekey": key,
                        "certchain": try String(contentsOfFile: "\(folder)/\(name)-ca.crt", encoding: .utf8),
                    ]
                }
            }

            func upload(_ daemon: DaemonUnderTest) throws -> String {
                try #require(try daemon.perform("uploadSslCert", try parameters)["sslcert"] as? [String: Any])[
                    text: "id"]
            }

            /// Lines of the key that are of this key alone.
            var secrets: [String] {
                key.split(separator: "\n").map(String.init).filter { $0.count == 64 }.dropFirst().map { $0 }
            }
        }

        /// What curl is answered by whoever has a name that this root vouches for.
        private static func page(_ world: World, _ made: Made, _ options: String = "") throws -> Finished {
            try world.run(
                [
                    "sh", "-c",
                    "curl -s -m 5 \(options) --cacert \(made.folder)/\(made.name)-ca.crt "
                        + "--resolve \(made.name).test:443:\(address) https://\(made.name).test/",
                ], in: "sluice-internet")
        }

        @Test(.needsRoot) func `ends at the router with the certificate of the rule, and without one the port is shut`()
            async throws
        {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world, options: ["--log-level", "debug"])
                let address = try daemon.acquire(Self.address, for: daemon.network())
                let members = Members(world)
                try members.start("web", in: "i-2-2-VM", 8080)
                try members.start("db", in: "i-2-3-VM", 8080)
                let rule = try daemon.balance(
                    address, [daemon.machine("web"), daemon.machine("db")], ["protocol": "ssl", "publicport": "443"])
                let proxies = { try world.run(["ip", "netns", "pids", "r-1-VM"]).output }
                let isOpen = { try world.reaches(from: "sluice-internet", Self.address, 443) }
                #expect(try !isOpen())
                #expect(try proxies() == "")

                let (one, two) = (try Made(world, "one"), try Made(world, "two"))
                let (first, second) = (try one.upload(daemon), try two.upload(daemon))
                try daemon.perform("assignCertToLoadBalancer", ["lbruleid": rule, "certid": first])
                #expect(try ["web", "db"].contains(Self.page(world, one).output.split(separator: " ").first))
                #expect(try Self.page(world, two).status == 60)
                // The whole chain comes, by 1.2 and 1.3, and nothing older.
                let shown = try world.shell(
                    "echo | openssl s_client -connect \(Self.address):443 -showcerts 2>/dev/null", in: "sluice-internet"
                )
                #expect(shown.components(separatedBy: "BEGIN CERTIFICATE").count == 3)
                #expect(shown.contains(one.certificate.trimmingCharacters(in: .newlines)))
                #expect(try Self.page(world, one, "--tls-max 1.2").status == 0)
                #expect(try Self.page(world, one, "--tlsv1.0 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0").status == 35)

                // Another takes its place in use: by the same process, and who is there stays.
                let process = try proxies()
                let held = try world.start(
                    [
                        "nsenter", "--net=/run/netns/sluice-internet", "openssl", "s_client", "-quiet", "-connect",
                        "\(Self.address):443",
                    ])
                try seen("a connection to the member") {
                    try world.run(["ss", "-tnH", "state", "established", "dport", "=", ":443"], in: "sluice-internet")
                        .output.isEmpty ? nil : true
                }
                let refused = try daemon.finish("assignCertToLoadBalancer", ["lbruleid": rule, "certid": second])
                #expect(refused.status != 200 || refused.error != nil)
                try daemon.perform("assignCertToLoadBalancer", ["lbruleid": rule, "certid": second, "forced": "true"])
                #expect(try Self.page(world, two).status == 0)
                #expect(try Self.page(world, one).status == 60)
                #expect(try proxies() == process)
                #expect(
                    try !world.run(["ss", "-tnH", "state", "established", "dport", "=", ":443"], in: "sluice-internet")
                        .output.isEmpty)
                held.end()
                #expect(try daemon.call("deleteSslCert", ["id": second]).status == 536)

                // With a cookie it is HTTP, for which the member hears that it came encrypted; a reload keeps the key.
                try daemon.perform(
                    "createLBStickinessPolicy", ["lbruleid": rule, "methodname": "LbCookie", "name": "s"])
                let sticky = try Self.page(world, two, "-D -")
                #expect(sticky.output.contains("SLUICE=") && sticky.output.contains("HTTP/2 200"), "\(sticky.output)")

                // Removed, nothing answers.
                try daemon.perform("removeCertFromLoadBalancer", ["lbruleid": rule])
                #expect(try !isOpen())
                try seen("no proxy") { try proxies() == "" ? true : nil }
                #expect(try daemon.call("deleteSslCert", ["id": second]).status == 200)

                // And back again, over a restart of the daemon.
                try daemon.perform("assignCertToLoadBalancer", ["lbruleid": rule, "certid": first])
                #expect(try Self.page(world, one).status == 0)
                try Self.expectSecrecy(world, daemon, [one, two])
                #expect(try daemon.stop() == 0)
            }
        }

        /// Keys are in nothing that is written or shown, but in files that are their owners' alone.
        private static func expectSecrecy(_ world: World, _ daemon: DaemonUnderTest, _ made: [Made]) throws {
            let rehearsed = try made[0].parameters.merging(["plan": "true"]) { $1 }
            let shown = [
                "log": daemon.logText, "output": daemon.process.output, "plans": try daemon.plans,
                "events": try daemon.events().joined(), "status": "\(try daemon.status)",
                "certificates": "\(try daemon.list("listSslCerts", "sslcert"))",
                "rules": "\(try daemon.list("listLoadBalancerRules", "loadbalancerrule"))",
                "cloud": try daemon.sluice("export").output,
                "rehearsal": "\(try daemon.call("uploadSslCert", rehearsed).content)",
                "processes": try world.shell("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true"),
            ]
            for (name, text) in shown {
                for secret in made.flatMap(\.secrets) { #expect(!text.contains(secret), "\(name) shows a key") }
            }
            let keys = try world.shell("find /run -name '*.pem'").split(separator: "\n")
            #expect(keys.count == 1)
            for file in keys { #expect(try world.shell("stat -c %a \(file)") == "600\n") }
            let open = try world.shell("find /run -type f -not -path '/run/netns/*' -perm /077 2>/dev/null; true")
            for file in open.split(separator: "\n") {
                let text = try world.shell("cat \(file)")
                for secret in made.flatMap(\.secrets) { #expect(!text.contains(secret), "\(file) shows a key") }
            }
        }
    }
}
