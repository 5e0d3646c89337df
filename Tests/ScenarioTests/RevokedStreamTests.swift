import CLinux
import Foundation
import Testing

extension Scenarios {
    /// Revoked means revoked, for what is under way too.
    @Suite struct RevokedStreamTests {
        /// On the network's own source NAT address and with the port kept, what the guest goes on sending would look to
        /// the peer as before, could it begin anew as something that the guest opens.
        @Test func `a stream ends with its forward, while a thousand others run on`() async throws {
            try await inOwnWorld { world in
                raiseDescriptorLimit()
                let daemon = try DaemonUnderTest(world)
                let guest = try daemon.list("listVirtualMachines", "virtualmachine")[0]
                let address = try #require(
                    try daemon.list("listPublicIpAddresses", "publicipaddress").first {
                        $0["issourcenat"] as? Bool == true
                    })
                func forward(_ port: UInt16) throws -> String {
                    let made = try daemon.perform(
                        "createPortForwardingRule",
                        [
                            "ipaddressid": address[text: "id"], "protocol": "tcp", "publicport": "\(port)",
                            "privateport": "\(port)", "virtualmachineid": guest[text: "id"], "openfirewall": "true",
                        ])
                    return (made["portforwardingrule"] as? [String: Any] ?? [:])[text: "id"]
                }
                func streams(_ port: UInt16, _ count: Int) throws -> [Exchange] {
                    let listener = try world.inside(guest[text: "instancename"]) {
                        try Wire.bound(SOCK_STREAM, "0.0.0.0", port)
                    }
                    return try (0..<count).map { _ in
                        let near = try world.inside("sluice-internet") {
                            try Wire.tcp(to: address[text: "ipaddress"], port)
                        }
                        return Exchange(near: near, far: try listener.accepted())
                    }
                }
                let rule = try forward(7001)
                _ = try forward(7002)
                let stream = try streams(7001, 1)[0]
                let others = try streams(7002, 1000)
                #expect(try stream.echoes())

                let result = try daemon.perform("deletePortForwardingRule", ["id": rule])
                #expect(result["flowsended"] as? Int == 1)
                try stream.near.send([1])
                try stream.far.send([2])
                // What arrives does so in order: when these are through, so would the others be.
                for other in others { #expect(try other.echoes()) }
                #expect(stream.near.isSilent)
                #expect(stream.far.isSilent)
            }
        }
    }
}

/// The two ends of a TCP connection.
private struct Exchange {
    let near: Wire
    let far: Wire

    /// A byte there, and another back.
    func echoes() throws -> Bool {
        try near.send([3])
        guard try far.receive() == [3] else { return false }
        try far.send([4])
        return try near.receive() == [4]
    }
}

extension Wire {
    /// Whether there is nothing to be read, and it did not end either.
    fileprivate var isSilent: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) < 0 && errno == EAGAIN
    }
}

/// Two thousand sockets are more than a process may have by default.
private func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 8192))
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
