import PacketTesting
import Packets
import RouterPlan
import Testing

@Suite struct `A script of packets` {
    @Test func `is read line by line`() throws {
        let script = try CaseScript(
            parsing: """
                # The story.
                at one send udp 10.1.1.10:40000 > 198.51.100.1:53

                  expect at outside udp *:$port > 198.51.100.1:53
                at outside/1 send fragments 16 reversed udp 198.51.100.1:5 > 203.0.113.10:53 len 60
                expect nothing
                expect nothing at one/1
                decided by firewallRule 203.0.113.10 tcp/80
                decided by nic
                apply other.json
                change delete forward 203.0.113.10 tcp/80 cleanup drain
                refused add firewall 203.0.113.10 47/80
                replay web.pcapng at outside
                counters portForwarding 203.0.113.10 tcp/80 received 2 sent 1
                not live  somebody listens there
                """)
        let guest = try PacketPattern(parsing: "udp 10.1.1.10:40000 > 198.51.100.1:53")
        let caught = try PacketPattern(parsing: "udp *:$port > 198.51.100.1:53")
        let long = try PacketPattern(parsing: "udp 198.51.100.1:5 > 203.0.113.10:53 len 60")
        #expect(
            script.steps.map(\.action) == [
                .send(at: "one", guest, nil), .expect(at: "outside", caught),
                .send(at: "outside/1", long, .init(size: 16, isReversed: true)), .expectNothing(at: nil),
                .expectNothing(at: "one/1"), .decided(by: "firewallRule", detail: "203.0.113.10 tcp/80"),
                .decided(by: "nic", detail: nil), .apply(file: "other.json"),
                .change(["delete", "forward", "203.0.113.10", "tcp/80", "cleanup", "drain"]),
                .refused(["add", "firewall", "203.0.113.10", "47/80"]), .replay(file: "web.pcapng", at: "outside"),
                .counters(kind: "portForwarding", name: "203.0.113.10 tcp/80", [.received: 2, .sent: 1]),
                .notLive("somebody listens there"),
            ])
        #expect(script.steps.map(\.line) == [2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
        #expect(script.steps[1].text == "expect at outside udp *:$port > 198.51.100.1:53")
    }

    @Test(arguments: [
        ("send at one", "1:1: expected 'at', 'expect', "), ("\nat", "2:3: expected a port"),
        ("at one sends udp", "1:8: expected 'send', found 'sends'"),
        ("at one send tcp 10.1.1.10", "1:26: expected ':' and a port"),
        ("\n\n  expect at one tcp 10.1.1.10:40000 > 1.2.3.4:5 SX", "3:49: expected"),
        ("at one send fragments 9 udp", "1:23: expected a multiple of 8 bytes, found '9'"),
        ("expect nothing at", "1:18: expected a port"), ("expect nothing at one two", "1:23: expected the end"),
        ("expect outside", "1:8: expected 'at', found 'outside'"), ("decided by", "1:11: expected the kind"),
        ("apply a b", "1:9: expected the end of the line, found 'b'"), ("change", "1:7: expected a request"),
        ("replay a.pcap on one", "1:15: expected 'at'"), ("counters nic one", "1:17: expected an object"),
        ("not here", "1:5: expected 'live', found 'here'"), ("not live", "1:9: expected a reason"),
        ("counters nic one sent many", "1:23: expected a number of packets, found 'many'"),
    ])
    func `says where it stops making sense, and what would have`(_ text: String, _ message: String) {
        let error = #expect(throws: CaseError.self) { try CaseScript(parsing: text, file: "x") }
        #expect(error?.description.hasPrefix("x:\(message)") == true, "\(error?.description ?? "")")
    }

    @Test func `names what is missing in its folder`() {
        let files = ["cloud.json": "{}", "traffic.packets": "apply other.json"]
        #expect(throws: CaseError(file: "x/other.json", "there is no such file")) {
            try PacketCase(name: "x", files: files)
        }
        #expect(throws: CaseError(file: "/nowhere", "there is no such folder")) {
            try PacketCase.folders(below: ["/nowhere"])
        }
        #expect(throws: CaseError.self) {
            try PacketCase(name: "x", files: ["cloud.json": "{", "traffic.packets": ""])
        }
    }
}
