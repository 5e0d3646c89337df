import CLinux
import Foundation
import Glibc
import Testing

extension Scenarios {
    /// The programs as a person or a service manager meets them.
    @Suite struct CommandLineTests {
        @Test func `every command says what there is, to people and to programs`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/other.json"
                try DemoTests.otherTenant.write(toFile: file, atomically: true, encoding: .utf8)
                let commands: [([String], String)] = [
                    (["status"], "5 verified"), (["router", "list"], "203.0.113.10"),
                    (["router", "show", "r-1-VM"], "eth"),
                    (["guest", "list"], "10.1.1.20"), (["port", "list"], "1500"), (["network", "list"], "10.1.1.0/24"),
                    (["events"], "CLOUD.APPLY"),
                    (["plan", "show"], "table inet sluice"), (["plan", "show", "r-1-VM"], "# router/"),
                    (["api", "listZones"], "\"name\" : \"demo\""),
                    (["exec", "r-1-VM", "--", "ip", "-br", "link"], "eth1"),
                    (["apply", "--dry-run", file], "changes would be made"), (["help"], "usage: sluice"),
                    (["--help"], "usage: sluice"), (["apply", "--help"], "--prune"), (["--version"], "sluice "),
                ]
                for (words, expected) in commands {
                    let said = try world.run(
                        ["\(DaemonUnderTest.programs)/sluice"] + words, environment: daemon.environment)
                    #expect(said.status == 0 && said.errors.isEmpty, "\(words): \(said.status) \(said.errors)")
                    if words[0] == "router", words.count == 3 {
                        #expect(said.output.contains("source NAT"), "\(words): \(said.output)")
                    } else {
                        #expect(said.output.contains(expected), "\(words): \(said.output)")
                    }
                }
                for words in [
                    ["status"], ["router", "list"], ["guest", "list"], ["network", "list"], ["events"],
                    ["plan", "show"],
                ] {
                    let said = try world.run(
                        ["\(DaemonUnderTest.programs)/sluice", "--json"] + words, environment: daemon.environment)
                    #expect(throws: Never.self, "\(words): \(said.output)") {
                        try JSONSerialization.jsonObject(with: Data(said.output.utf8))
                    }
                }
            }
        }

        @Test func `a file applied twice changes nothing the second time`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/other.json"
                try DemoTests.otherTenant.write(toFile: file, atomically: true, encoding: .utf8)
                #expect(try daemon.sluice("apply", file).output.contains("in the kernel as of revision"))
                let revision = try daemon.revision
                #expect(try daemon.sluice("apply", file).output.contains("nothing to change"))
                #expect(try daemon.revision == revision)
            }
        }

        @Test func `the exit status tells a wrong command line, a refusal and a missing daemon apart`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                for (words, status) in [
                    ([], 2), (["nonsense"], 2), (["router"], 2), (["router", "show"], 2), (["status", "please"], 2),
                    (["apply"], 2), (["api", "listZones", "novalue"], 2), (["exec"], 2), (["--api"], 2),
                    (["router", "show", "r-9-VM"], 1), (["plan", "show", "nobody"], 1), (["apply", "/nowhere"], 1),
                    (["api", "makeCoffee"], 1), (["exec", "nobody", "--", "true"], 1),
                    (["exec", "r-1-VM", "--", "false"], 1), (["exec", "r-1-VM", "--", "true"], 0),
                    (["--api", "http://127.0.0.1:1/client/api", "status"], 3),
                ] as [([String], Int32)] {
                    let said = try world.run(
                        ["\(DaemonUnderTest.programs)/sluice"] + words, environment: daemon.environment)
                    #expect(said.status == status, "\(words): \(said.errors)")
                    #expect(
                        status == 0 || words.last == "false" || said.errors.hasPrefix("sluice: "),
                        "\(words): \(said.errors)")
                }
                for words in [
                    ["--nonsense"], ["--profile", "x"], ["--api", "here"], ["--api"], ["--integration", "8.8.8.8:1"],
                ] {
                    let said = try world.run(["\(DaemonUnderTest.programs)/sluiced"] + words)
                    #expect(said.status == 64 && said.errors.hasPrefix("sluiced: "), "\(words): \(said.errors)")
                }
            }
        }

        @Test func `a service manager is told, the log is JSON, the keys are private, SIGTERM ends it well`()
            async throws
        {
            try await inOwnWorld { world in
                let path = "\(world.directory)/notify"
                let manager = try Wire(AF_UNIX, SOCK_DGRAM)
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
                let bound = withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(manager.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                    }
                }
                #expect(bound == 0)
                let data = "\(world.directory)/data"
                let daemon = try DaemonUnderTest(
                    world, data: data, options: ["--log-format", "json"], environment: ["NOTIFY_SOCKET": path])
                let said = String(decoding: try manager.receive() ?? [], as: UTF8.self)
                #expect(said.hasPrefix("READY=1\n"), "\(said)")
                let keys = try FileManager.default.attributesOfItem(atPath: "\(data)/admin.json")
                #expect(keys[.posixPermissions] as? Int == 0o600)
                let text = try String(contentsOfFile: "\(data)/admin.json", encoding: .utf8)
                let pair = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: String]
                #expect(pair?.keys.sorted() == ["apikey", "secretkey"])
                #expect(try daemon.stop() == 0)
                let lines = daemon.logText.split(separator: "\n")
                #expect(!lines.isEmpty)
                for line in lines {
                    let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                    #expect(object?["message"] is String && object?["level"] is String, "\(line)")
                    #expect(!line.contains(pair?["secretkey"] ?? "-"))
                }
                // What is meant to last, lasts.
                #expect(try world.run(["ping", "-c", "1", "-W", "5", "203.0.113.1"], in: "i-2-2-VM").status == 0)
            }
        }
    }
}
