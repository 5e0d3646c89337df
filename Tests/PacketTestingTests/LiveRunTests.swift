import Foundation
import PacketTesting
import Synchronization
import Testing

@Suite struct `A case for a running daemon` {
    private static let cloud = """
        {"zones": [{"name": "west", "dns1": "198.51.100.53",
          "physicalNetworks": [{"name": "wire", "segments": ["100-199"]}],
          "publicRanges": [
            {"subnet": "203.0.113.0/24", "gateway": "203.0.113.1", "addresses": "203.0.113.10-203.0.113.19"}]}],
         "networks": [{"name": "web", "zone": "west", "cidr": "10.1.1.0/24"}],
         "guests": [{"name": "one", "nics": [{"network": "web", "address": "10.1.1.10"}]}],
         "publicAddresses": [{"address": "203.0.113.10", "network": "web", "forward": [{"from": "udp/80", "to": "one"}]}]}
        """

    private static func made(_ script: String) throws -> PacketCase {
        try PacketCase(name: "made-up", files: ["cloud.json": cloud, "traffic.packets": script])
    }

    @Test(arguments: [
        ("advance 5 minutes", "time does not pass faster for a running daemon"),
        ("restart", "a running daemon is not started again"),
        ("kill stop one", "a running daemon is not killed"),
        ("refused stop two", "what is refused is the model's decision, and no frame shows it"),
        (
            "change delete forward 203.0.113.10 udp/80 cleanup drain",
            "a cloud file cannot say that connections may finish"
        ),
        ("change source-nat web 203.0.113.12", "a cloud file cannot say what the cloud is then"),
        ("not live the moon is full", "the moon is full"),
    ])
    func `names what it asks for and cannot be done there`(_ step: String, _ reason: String) throws {
        #expect(try Self.made("expect nothing\n\(step)\n").obstacle == "line 2: \(reason)")
    }

    @Test(arguments: [
        "expect nothing", "change delete forward 203.0.113.10 udp/80", "change add firewall 203.0.113.10 udp/80",
        "change stop one", "change destroy one", "change add static-nat 203.0.113.11 one",
        "change add egress web tcp/25", "change update forward 203.0.113.10 udp/80 ports 8080",
    ])
    func `is followed by cloud files elsewhere`(_ step: String) throws {
        #expect(try Self.made("\(step)\n").obstacle == nil)
    }

    /// A daemon that takes any cloud, and has no ports.
    private final class Nowhere: RunningCloud {
        let files = Mutex<[String]>([])
        let refusesEmpty: Bool

        init(refusesEmpty: Bool = false) { self.refusesEmpty = refusesEmpty }

        struct No: Error {}
        func become(_ file: String) throws {
            if refusesEmpty, file == "{}" { throw No() }
            files.withLock { $0.append(file) }
        }
        func ports() -> [RunningPort] { [] }
        func routers() -> [String] { [] }
        func check() {}
    }

    @Test(.needsRoot) func `is taken away when it cannot go on`() throws {
        let nowhere = Nowhere()
        let outcome = try Self.made("expect nothing\n").run(in: nowhere, CaseOptions())
        #expect(outcome.failure?.contains("the daemon has no port ") == true, "\(outcome)")
        let files = nowhere.files.withLock { $0 }
        #expect(files.count == 2 && files[0].contains("\"emulated\"") && files[1] == "{}", "\(files)")
    }

    @Test(.needsRoot) func `says so when it cannot be taken away`() throws {
        let outcome = try Self.made("expect nothing\n").run(in: Nowhere(refusesEmpty: true), CaseOptions())
        #expect(outcome.failure?.contains("what it needed is still in the daemon") == true, "\(outcome)")
    }

    @Test func `that asks for what cannot be done there is not brought to it`() throws {
        let nowhere = Nowhere()
        let outcome = try Self.made("restart\n").run(in: nowhere, CaseOptions())
        #expect(outcome.skipped != nil && outcome.failure == nil)
        #expect(nowhere.files.withLock { $0.isEmpty })
    }
}
