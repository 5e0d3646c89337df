import Foundation
import Testing

extension Scenarios {
    /// What else on the host sees the frames of guests.
    @Suite struct BridgeFilterTests {
        private static let hasBridgeFilter = FileManager.default.fileExists(atPath: "/proc/sys/net/bridge")

        @Test(.enabled(if: hasBridgeFilter, "the kernel lacks br_netfilter"))
        func `a host that filters what passes on bridges is told so, and one that does not is not`() async throws {
            try await inOwnWorld { world in
                for filtered in [["iptables", "arptables"], []] {
                    for setting in ["iptables", "ip6tables", "arptables"] {
                        try world.shell(
                            "sysctl -qw net.bridge.bridge-nf-call-\(setting)=\(filtered.contains(setting) ? 1 : 0)")
                    }
                    let daemon = try DaemonUnderTest(world)
                    let lines = daemon.logText.split(separator: "\n").filter { $0.contains("host's own packet filter") }
                    #expect(lines.count == (filtered.isEmpty ? 0 : 1), "\(lines)")
                    let names = filtered.map { "net.bridge.bridge-nf-call-\($0)" }.joined(separator: " ")
                    #expect(lines.allSatisfy { $0.contains(names) && !$0.contains("ip6tables") }, "\(lines)")
                    #expect(try daemon.stop(with: SIGINT) == 0)
                }
            }
        }
    }
}
