import Foundation
import LinuxKernel
import NetworkVocabulary
import Ruleset
import TestSupport
import Testing

/// Datagrams to oneself meet the hooks of prerouting and input.
@Suite(.enabled(if: geteuid() == 0, Comment(rawValue: needsRoot)))
struct `The kernel's own trace` {
    private static let rules = """
        table inet judge {
        	chain ports {
        		udp dport 9 counter comment "nine"
        		udp dport 9 drop comment "no nine"
        		udp dport 11 return comment "eleven"
        	}
        	chain arrivals {
        		type filter hook prerouting priority -300; policy accept;
        		meta mark set 0x7 comment "mark"
        		jump ports comment "ask"
        	}
        	chain input {
        		type filter hook input priority 0; policy drop;
        		udp dport 10 goto tens comment "ten"
        		udp dport 11 accept comment "welcome"
        	}
        	chain tens {
        		udp dport 12 accept comment "never"
        	}
        }
        """

    /// What the kernel said of one datagram to a port.
    private static func told(_ trace: NetfilterTrace, _ port: UInt16) throws -> [NetfilterTraceEvent] {
        _ = try output(of: "bash -c 'echo x > /dev/udp/127.0.0.1/\(port)'")
        return try trace.read()
    }

    @Test func `names every rule that matched, and where chains ended`() async throws {
        try await inFreshNamespace {
            _ = try output(of: "ip link set lo up")
            let (words, status) = try nft("", input: Self.rules)
            try #require(status == 0, "\(words)")
            let comments = try NetfilterSocket().readRuleComments(.inet, "judge")
            let trace = try NetfilterTrace()
            let nine = try Self.told(trace, 9)
            #expect(
                nine.map { $0.text(comments) } == [
                    "arrivals mark: goes on", "arrivals ask: jump ports", "ports nine: goes on", "ports no nine: drop",
                ])
            #expect(Set(nine.map(\.packet)).count == 1)
            #expect(nine.allSatisfy { $0.table == "judge" && $0.mark == 7 })
            let ten = try Self.told(trace, 10).map { $0.text(comments) }
            #expect(
                ten == [
                    "arrivals mark: goes on", "arrivals ask: jump ports", "ports: end", "arrivals: end",
                    "arrivals: policy accept",
                    "input ten: goto tens", "tens: end", "input: policy drop",
                ])
            let eleven = try Self.told(trace, 11).map { $0.text() }
            let (asked, welcome) = (try handle("eleven", comments), try handle("welcome", comments))
            #expect(eleven.contains("ports handle \(asked): return"), "\(eleven)")
            #expect(eleven.contains("input handle \(welcome): accept"), "\(eleven)")
        }
    }

    /// The kernel's own number is made of the buffer's address, the flow and the device, and here all three come again.
    @Test func `tells packets apart that the kernel numbers alike`() async throws {
        try await inFreshNamespace {
            _ = try output(of: "ip link set lo up")
            _ = try nft("", input: Self.rules)
            let trace = try NetfilterTrace()
            _ = try output(of: "taskset 1 bash -c 'exec 3>/dev/udp/127.0.0.1/9; for i in {1..50}; do echo x >&3; done'")
            let told = Dictionary(grouping: try trace.read(), by: \.packet)
            #expect(told.count == 50)
            #expect(told.values.allSatisfy { $0.count == 4 }, "\(told.mapValues(\.count))")
        }
    }

    private func handle(_ comment: String, _ comments: [UInt64: String]) throws -> UInt64 {
        try #require(comments.first { $0.value == comment }).key
    }

    @Test func `is about the packets that were asked for, and nothing stays of it`() async throws {
        try await inFreshNamespace {
            _ = try output(of: "ip link set lo up")
            _ = try nft("", input: Self.rules)
            let before = try listing()
            do {
                let meant = Rule(
                    RulesetSamples.origin(1),
                    [
                        .match(.transportProtocol, .equal, .ipProtocol(.udp)),
                        .match(.destinationPort, .equal, .port(9)),
                    ])
                let trace = try NetfilterTrace(of: meant)
                #expect(try Self.told(trace, 11).isEmpty)
                #expect(try Self.told(trace, 9).count == 4)
                #expect(try listing().contains(NetfilterTrace.tableName))
                // One at a time: the second would mark packets for the first.
                #expect(throws: NetfilterError.self) { try NetfilterTrace() }
            }
            let told = try listing()
            #expect(difference(told, before).split(separator: "\n").allSatisfy { $0.contains("counter") }, "\(told)")
        }
    }
}
