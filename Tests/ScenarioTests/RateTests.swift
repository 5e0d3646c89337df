import Foundation
import LinuxKernel
import Testing

/// The modules for limits that this kernel has not; none where nothing can be tried out.
private let missing: String = {
    let features = try? KernelFeatures.probe()
    let needed: [KernelFeatures.Feature] = [.ifb, .tokenBucket, .redirection]
    return needed.filter { features?.has($0) == false }.map(\.module).joined(separator: ", ")
}()

extension Scenarios {
    /// What an offering's rate comes to at the ports of guests.
    @Suite(.enabled(if: missing.isEmpty, "the kernel lacks \(missing)")) struct RateTests {
        @Test func `a network of a slow offering has slow ports, whatever is done to them`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let offering = try #require(
                    try daemon.perform(
                        "createNetworkOffering",
                        [
                            "name": "slow", "displaytext": "slow", "guestiptype": "Isolated", "traffictype": "Guest",
                            "supportedservices": "SourceNat,Gateway", "networkrate": "10", "enable": "true",
                        ])["networkoffering"] as? [String: Any])
                #expect(offering["networkrate"] as? Int == 10)
                let zone = try #require(daemon.list("listZones", "zone").first)[text: "id"]
                let network =
                    try daemon.perform(
                        "createNetwork",
                        [
                            "zoneid": zone, "networkofferingid": offering[text: "id"], "name": "slow",
                            "gateway": "10.7.0.1", "netmask": "255.255.255.0",
                        ])["network"] as? [String: Any]
                try daemon.perform(
                    "deployVirtualMachine",
                    ["zoneid": zone, "networkids": (network ?? [:])[text: "id"], "name": "snail"])
                let guest = try DemoTests.guest(daemon, "snail")
                let number = try #require(guest.split(separator: "-").dropLast().last)
                let (port, queue) = ("slg\(number)e0", "slq\(number)e0")
                let limits = { try world.shell("tc qdisc show | grep -c 'tbf.*rate 10Mbit'") }
                #expect(try limits() == "2\n")
                #expect(try daemon.plans.contains("port \(port) queue \(queue) rate 10mbit"))

                for deed in [
                    "tc qdisc del dev \(port) root", "tc qdisc del dev \(port) clsact", "ip link del \(queue)",
                ] {
                    let before = try daemon.events("NODE.REPAIR").count { $0.hasPrefix(guest) }
                    try world.shell(deed)
                    try seen("the repair after: \(deed)", within: .seconds(30)) {
                        try daemon.events("NODE.REPAIR").count { $0.hasPrefix(guest) } > before ? true : nil
                    }
                    try daemon.waitUntilVerified()
                    #expect(try limits() == "2\n")
                    #expect(try world.run(["ping", "-c", "1", "-W", "5", "198.51.100.1"], in: guest).status == 0)
                }
                let sent = try world.shell("tc -s qdisc show dev \(queue) | grep -o 'Sent [0-9]* bytes [0-9]*'")
                #expect(sent.split(separator: " ").last.flatMap { Int($0.dropLast()) } ?? 0 > 0)

                let id = try #require(
                    daemon.list("listVirtualMachines", "virtualmachine").first { $0[text: "name"] == "snail" })[
                        text: "id"]
                try daemon.perform("stopVirtualMachine", ["id": id])
                try seen("the end of the queue") {
                    try world.run(["ip", "link", "show", queue]).status != 0 ? true : nil
                }
            }
        }
    }
}
