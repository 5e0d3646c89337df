import ControlPlane
import Foundation
import PacketTesting
import Packets
import Testing

/// A cloud with more in it than a complaint needs.
private let cloud = """
    {"zones": [{"name": "west", "dns1": "198.51.100.53",
      "physicalNetworks": [{"name": "wire", "segments": ["100-199"]}],
      "publicRanges": [
        {"subnet": "203.0.113.0/24", "gateway": "203.0.113.1", "addresses": "203.0.113.10-203.0.113.19"}]}],
     "accounts": [{"name": "blue"}],
     "networks": [{"name": "web", "zone": "west", "cidr": "10.1.1.0/24"},
      {"name": "sea", "zone": "west", "account": "blue", "cidr": "10.1.2.0/24"}],
     "guests": [
      {"name": "one", "nics": [{"network": "web", "address": "10.1.1.10"}]},
      {"name": "two", "nics": [{"network": "web", "address": "10.1.1.20"}]},
      {"name": "azure", "account": "blue", "nics": [{"network": "sea", "address": "10.1.2.10"}]}],
     "publicAddresses": [{"address": "203.0.113.10", "network": "web",
      "forward": [{"from": "udp/80", "to": "two"}, {"from": "udp/81", "to": "one"}],
      "firewall": [{"traffic": "udp/81"}]}]}
    """

@Suite struct `A complaint made into a case` {
    private func sends(_ lines: [(String, String)]) throws -> [Recording.Send] {
        try lines.map { .init(port: $0.0, packet: try PacketPattern(parsing: $0.1)) }
    }

    @Test func `holds what is needed, fails as long as it is so, and passes when it is cured`() throws {
        var recording = Recording(
            try CloudFile(json: cloud),
            try sends([
                ("one", "udp 10.1.1.10:5000 > 198.51.100.1:53"), ("outside", "udp 198.51.100.1:53 > 203.0.113.10:5000"),
                ("outside", "udp 198.51.100.1:5000 > 203.0.113.10:81"),
                ("outside", "udp 198.51.100.1:5000 > 203.0.113.10:80"),
            ]), expecting: ["expect at two udp 198.51.100.1:5000 > 10.1.1.20:80"])
        try recording.minimize()
        #expect(recording.sends.count == 1)
        #expect(recording.cloud.guests.map(\.name) == ["two"])
        #expect(recording.cloud.networks.map(\.name) == ["web"] && recording.cloud.accounts.isEmpty)
        #expect(recording.cloud.publicAddresses.map { $0.forward?.map(\.from) } == [["udp/80"]])

        let folder = try TemporaryFolder()
        try recording.write(to: folder.path, title: "Nothing comes to port 80", story: "From a customer.")
        let failure = try #require(try PacketCase(folder: folder.path).run(on: .model).failure)
        #expect(failure.contains("got        nothing"), "\(failure)")
        // The cure: the rule that was missing.
        var cured = recording.cloud
        var opening = CloudFile.FirewallRule(traffic: "udp/80")
        opening.sources = []
        cured.publicAddresses[0].firewall = [opening]
        try Data((cured.json() ?? "").utf8).write(to: URL(filePath: "\(folder.path)/cloud.json"))
        #expect(try PacketCase(folder: folder.path).run(on: .model).failure == nil)
    }

    @Test func `keeps the packets before that the last one needs`() throws {
        var recording = Recording(
            try CloudFile(json: cloud),
            try sends([
                ("two", "udp 10.1.1.20:5001 > 198.51.100.1:53"), ("one", "udp 10.1.1.10:5000 > 198.51.100.1:53"),
                ("outside", "udp 198.51.100.1:53 > 203.0.113.10:5000"),
            ]), expecting: ["expect nothing"])
        try recording.minimize()
        #expect(recording.sends.map(\.port) == ["one", "outside"])
        #expect(try recording.script().contains("expect at outside udp 203.0.113.10:5000 > 198.51.100.1:53"))
    }

    @Test func `is none where the plans do what is expected`() throws {
        var recording = Recording(
            try CloudFile(json: cloud), try sends([("outside", "udp 198.51.100.1:5000 > 203.0.113.10:81")]),
            expecting: ["expect at one udp 198.51.100.1:5000 > 10.1.1.10:81"])
        #expect(throws: Recording.Failure.self) { try recording.minimize() }
        var nowhere = Recording(
            try CloudFile(json: cloud), try sends([("three", "udp 10.1.1.30:5000 > 203.0.113.10:81")]),
            expecting: ["expect nothing"])
        #expect(throws: Recording.Failure.self) { try nowhere.minimize() }
    }
}
