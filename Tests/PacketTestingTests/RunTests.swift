import Foundation
import PacketTesting
import Testing

/// A network with two guests behind 203.0.113.10, whose UDP port 80 leads to the second one.
private let files = [
    "cloud.json": """
    {"zones": [{"name": "west", "dns1": "198.51.100.53",
      "physicalNetworks": [{"name": "wire", "segments": ["100-199"]}],
      "publicRanges": [
        {"subnet": "203.0.113.0/24", "gateway": "203.0.113.1", "addresses": "203.0.113.10-203.0.113.19"}]}],
     "networks": [{"name": "web", "zone": "west", "cidr": "10.1.1.0/24"}],
     "guests": [
      {"name": "one", "nics": [{"network": "web", "address": "10.1.1.10"}]},
      {"name": "two", "nics": [{"network": "web", "address": "10.1.1.20"}]}],
     "publicAddresses": [{"address": "203.0.113.10", "network": "web",
      "forward": [{"from": "udp/80", "to": "two"}],
      "firewall": [{"traffic": "udp/80", "sources": ["198.51.100.0/24"]}]}]}
    """
]

private let runners = [CaseRunner.model, .kernel, .both].filter { $0 == .model || canActAsRoot }

private func failure(_ script: String, on runner: CaseRunner = .model) throws -> String? {
    try PacketCase(name: "made-up", files: files.merging(["traffic.packets": script]) { $1 }).run(on: runner).failure
}

@Suite struct `A run of a case` {
    static let forwarded = "at outside send udp 198.51.100.1:5000 > 203.0.113.10:80\n"

    @Test(arguments: runners) func `passes when everything comes as it says`(_ runner: CaseRunner) throws {
        let script = """
            \(Self.forwarded)expect at two udp 198.51.100.1:$port > 10.1.1.20:80 ttl 63
            decided by firewallRule udp/80
            at two send udp 10.1.1.20:80 > 198.51.100.1:$port
            expect at outside udp 203.0.113.10:80 > 198.51.100.1:$port
            expect nothing
            counters portForwarding 203.0.113.10 udp/80 received 1 sent 1
            """
        #expect(try failure(script, on: runner) == nil)
    }

    @Test(arguments: runners) func `fails with the reason when nothing comes`(_ runner: CaseRunner) throws {
        let script = """
            at outside send udp 192.0.2.1:5000 > 203.0.113.10:80
            expect at two udp 192.0.2.1:5000 > 10.1.1.20:80
            """
        let text = try #require(try failure(script, on: runner))
        for part in [
            "✘ made-up: step 2 of 2 on the \(runner == .kernel ? "kernel" : "model")",
            "at         made-up/traffic.packets:2",
            "sent       at outside send udp 192.0.2.1:5000 > 203.0.113.10:80",
            "expected   expect at two udp 192.0.2.1:5000 > 10.1.1.20:80", "got        nothing",
            "decided    networkOffering firewall, drop by public-firewall 6",
            "nearest    firewallRule 203.0.113.10 udp/80 from 198.51.100.0/24",
            "again      sluice test --on \(runner.rawValue) --step 2 made-up",
        ] {
            #expect(text.contains(part), "\(part) in\n\(text)")
        }
        #expect(text.contains("destination 203.0.113.10:80 becomes 10.1.1.20:80") == (runner != .kernel))
    }

    @Test(
        arguments: [
            // Another packet than the one that came.
            ("expect at two udp 198.51.100.1:5000 > 10.1.1.20:81", "destination port: 81 wanted, 80 found"),
            // At another port.
            ("expect at one any", "got        at two udp 198.51.100.1:5000 > 10.1.1.20:80"),
            // One that nobody expected.
            ("", "expected   nothing more"), ("expect nothing", "expected   nothing"),
            ("expect nothing at two", "expected   nothing at two"),
            ("expect at two any\nexpect at two any", "got        nothing"),
            // For another reason.
            ("expect at two any\ndecided by firewallRule udp/81", "got        firewallRule udp/80"),
            ("expect at two any\ndecided by egressRule", "got        firewallRule udp/80"),
            ("expect at two any\ndecided by kernel martian", "got        firewallRule udp/80"),
            ("expect at two any\ncounters publicAddress 203.0.113.10 received 2", "got        received 1"),
            ("expect at two any\nrefused delete forward 203.0.113.10 udp/80", "got        it was granted"),
        ], runners)
    func `fails when anything is otherwise`(_ lines: (String, String), _ runner: CaseRunner) throws {
        let text = try #require(try failure(Self.forwarded + lines.0, on: runner))
        #expect(text.contains(lines.1), "\(text)")
    }

    @Test(arguments: runners) func `lets time pass, which ends what was silent for too long`(_ runner: CaseRunner)
        throws
    {
        let script = """
            \(Self.forwarded)expect at two any
            at two send udp 10.1.1.20:80 > 198.51.100.1:5000
            expect at outside any
            advance 20 seconds
            at two send udp 10.1.1.20:80 > 198.51.100.1:5000
            expect at outside udp 203.0.113.10:80 > 198.51.100.1:5000
            advance 20 seconds
            at two send udp 10.1.1.20:80 > 198.51.100.1:5000
            expect at outside any
            change delete firewall 203.0.113.10 udp/80
            change add firewall 203.0.113.10 udp/80
            \(Self.forwarded)expect at two any
            advance 1 minutes
            at two send udp 10.1.1.20:80 > 198.51.100.1:5000
            """
        let text = try #require(try failure(script, on: runner))
        #expect(text.contains("step 16 of 16") || text.contains("expected   nothing more"), "\(text)")
    }

    @Test(arguments: runners) func `goes on when the daemon was restarted, and when it was killed in a change`(
        _ runner: CaseRunner
    ) throws {
        let script = """
            \(Self.forwarded)expect at two any
            restart
            at two send udp 10.1.1.20:80 > 198.51.100.1:5000
            expect at outside udp 203.0.113.10:80 > 198.51.100.1:5000
            kill add forward 203.0.113.10 udp/81 one
            at outside send udp 198.51.100.1:5000 > 203.0.113.10:81
            expect nothing
            kill add firewall 203.0.113.10 udp/81
            at outside send udp 198.51.100.1:5000 > 203.0.113.10:81
            expect at one udp 198.51.100.1:5000 > 10.1.1.10:81
            at two send udp 10.1.1.20:80 > 198.51.100.1:5000
            expect at outside any
            kill delete forward 203.0.113.10 udp/80
            at two send udp 10.1.1.20:80 > 198.51.100.1:5000
            expect at outside udp 203.0.113.10:$other > 198.51.100.1:5000
            """
        #expect(try failure(script, on: runner) == nil)
    }

    @Test func `goes as far as one step when that is asked for, and tells about it`() throws {
        let script = "\(Self.forwarded)expect at two any\nexpect nothing\nexpect at one any"
        var options = CaseOptions()
        options.lastStep = 1
        let outcome = try PacketCase(name: "made-up", files: files.merging(["traffic.packets": script]) { $1 })
            .run(on: .model, options)
        #expect(outcome.failure == nil && outcome.steps == 1)
        let report = try #require(outcome.report)
        for part in [
            "made-up: step 1 of 4", "arrived    at two udp 198.51.100.1:5000 > 10.1.1.20:80",
            "decided    firewallRule udp/80", "counted    firewallRule 203.0.113.10 udp/80 +1",
        ] {
            #expect(report.contains(part), "\(part) in\n\(report)")
        }
    }

    @Test func `is compared with what was recorded, whose captures and texts must tell the same`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "recorded-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = "\(Self.forwarded)expect at two any\n"
        let all = files.merging(["traffic.packets": script, "README.md": "# Recorded\n"]) { $1 }
        for (name, text) in all { try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)")) }
        func failure(records: Bool = false) throws -> String? {
            var options = CaseOptions()
            options.records = records
            return try PacketCase(folder: folder).run(on: .model, options).failure
        }
        #expect(try failure() == nil)
        #expect(try failure(records: true) == nil)
        #expect(try failure() == nil)
        let twin = try String(contentsOfFile: "\(folder)/expected/two.txt", encoding: .utf8)
        #expect(twin.hasPrefix("1: udp 198.51.100.1:5000 > 10.1.1.20:80 "), "\(twin)")
        let counters = try String(contentsOfFile: "\(folder)/expected/counters.txt", encoding: .utf8)
        #expect(counters.contains("firewallRule 203.0.113.10 udp/80 matched 1\n"), "\(counters)")
        // Another port: the frames, the decisions and the counters are others.
        try Data(Self.forwarded.replacing(":5000", with: ":5001").utf8 + Data("expect at two any\n".utf8))
            .write(to: URL(filePath: "\(folder)/traffic.packets"))
        let text = try #require(try failure())
        #expect(text.contains("expected/decisions.txt: line 1: expected '1: at outside send udp 198.51.100.1:5000"))
        try Data(script.utf8).write(to: URL(filePath: "\(folder)/traffic.packets"))
        try Data("1: udp 198.51.100.1:5000 > 10.1.1.20:99\n".utf8).write(
            to: URL(filePath: "\(folder)/expected/two.txt"))
        #expect(try failure()?.contains("expected/two.txt: line 1") == true)
    }

    @Test(arguments: [
        ("at three send any", "1:1: expected a port (one, outside, two), found 'three'"),
        ("at one send any", "'any' can be matched, not sent"),
        ("at one send udp 10.1.1.10:$port > 198.51.100.1:53", "$port is not bound"),
        ("change delete forward 203.0.113.10 udp/81", "expected a port forwarding rule of the cloud"),
        ("change add firewall 203.0.113.10 tcp/90-80", "refused: "),
        ("counters firewallRule 203.0.113.10 udp/81 matched 1", "there are 0 objects"),
    ])
    func `says when it is the case that is wrong`(_ script: String, _ message: String) throws {
        let text = try #require(try failure(script))
        #expect(text.contains("made-up/traffic.packets:1:1: ") && text.contains(message), "\(text)")
    }
}
