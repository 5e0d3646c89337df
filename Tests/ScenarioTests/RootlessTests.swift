import CLinux
import Foundation
import Testing

extension Scenarios {
    /// The same world without being root.
    @Suite struct RootlessTests {
        /// Nobody in particular; in a user namespace that has only its root, that one is ordinary enough.
        private static let nobody: [String] = {
            let other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
            return (try? Child(other + ["true"]).wait()) == 0 ? other : []
        }()

        /// Whether this machine lets an ordinary user have a user namespace.
        private static let isAllowed =
            geteuid() == 0
            && (try? Child(nobody + ["unshare", "--user", "--map-root-user", "--net", "--mount", "true"]).wait()) == 0

        @Test(.enabled(if: isAllowed, "the kernel lacks user namespaces for ordinary users, or forbids them"))
        func `an ordinary user has a demo that works and leaves nothing`() async throws {
            try await inOwnWorld { world in
                // The build's folder need not be open to everybody.
                let programs = "\(world.directory)/programs"
                let home = "\(world.directory)/home"
                try world.shell(
                    """
                    chmod 755 \(world.directory); mkdir \(programs) \(home); \(Self.nobody.isEmpty ? "true" : "chown 65534:65534 \(home)")
                    for program in sluiced sluice sluice-worker; do cp \(DaemonUnderTest.programs)/$program \(programs)/; done
                    """)
                let before = try world.shell("ip -o link; ls -A /run")
                let environment = ["TMPDIR": home, "HOME": home]
                let daemon = try DaemonUnderTest(
                    world, options: ["--rootless"], environment: environment, runner: Self.nobody, programs: programs,
                    home: home)
                // Asked from here: the API listens where the daemon was started, not where it lives.
                let status = try daemon.status
                #expect(status["rootless"] as? Bool == true && status["processid"] as? Int == Int(daemon.process.id))
                #expect(try world.shell("ip -o link; ls -A /run") == before)
                let sluice = { (words: [String]) in
                    try world.run(
                        Self.nobody + ["\(programs)/sluice"] + words,
                        environment: environment.merging(daemon.environment) { $1 })
                }
                let guest = try DemoTests.guest(daemon, "web")
                let ping = try sluice(["exec", guest, "--", "ping", "-c", "1", "-W", "5", "198.51.100.1"])
                #expect(ping.status == 0, "\(ping.output) \(ping.errors)")
                let list = try sluice(["exec", guest, "--", "ip", "-br", "address"])
                #expect(list.output.contains("10.1.1.10/24"), "\(list.output) \(list.errors)")
                #expect(try daemon.stop(with: SIGINT) == 0, "\(daemon.logText)")
                #expect(try world.shell("ip -o link; ls -A /run") == before)
                #expect(try FileManager.default.contentsOfDirectory(atPath: home) == [])
            }
        }
    }
}
