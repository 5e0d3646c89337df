import CLinux
import Foundation
import Testing

/// Addresses and rules through the API, as a test needs them: a call, its job to the end, and the id of what was made.
extension DaemonUnderTest {
    func id(of name: String, _ command: String, _ key: String) throws -> String {
        try #require(try list(command, key).first { $0[text: "name"] == name }, "\(name)")[text: "id"]
    }

    func zone() throws -> String { try id(of: "demo", "listZones", "zone") }
    func network(_ name: String = "demo") throws -> String { try id(of: name, "listNetworks", "network") }
    func machine(_ name: String) throws -> String { try id(of: name, "listVirtualMachines", "virtualmachine") }

    private func make(_ command: String, _ key: String, _ parameters: [String: String]) throws -> String {
        let result = try perform(command, parameters)
        return try #require(result[key] as? [String: Any], "\(command): \(result)")[text: "id"]
    }

    func acquire(_ address: String, for network: String) throws -> String {
        try make("associateIpAddress", "ipaddress", ["networkid": network, "ipaddress": address])
    }

    /// A forward of one port, to the same port of the machine unless `more` says otherwise.
    func forward(
        _ address: String, _ transport: String, _ port: Int, to machine: String, _ more: [String: String] = [:]
    ) throws -> String {
        try make(
            "createPortForwardingRule", "portforwardingrule",
            [
                "ipaddressid": address, "protocol": transport, "publicport": "\(port)", "privateport": "\(port)",
                "virtualmachineid": machine,
            ].merging(more) { $1 })
    }

    func admit(
        _ address: String, _ transport: String, _ ports: ClosedRange<Int>, from sources: String = ""
    ) throws -> String {
        try make(
            "createFirewallRule", "firewallrule",
            [
                "ipaddressid": address, "protocol": transport, "startport": "\(ports.lowerBound)",
                "endport": "\(ports.upperBound)", "cidrlist": sources,
            ])
    }

    func exempt(
        _ network: String, _ transport: String, _ ports: ClosedRange<Int>, to destinations: String = ""
    ) throws -> String {
        try make(
            "createEgressFirewallRule", "firewallrule",
            [
                "networkid": network, "protocol": transport, "startport": "\(ports.lowerBound)",
                "endport": "\(ports.upperBound)", "destcidrlist": destinations,
            ])
    }

    /// The number of connections that a call says it has ended.
    func flowsEnded(by command: String, _ parameters: [String: String]) throws -> Int {
        let result = try perform(command, parameters)
        // In the object that is answered, or beside the word of success.
        let inner = result.values.lazy.compactMap { $0 as? [String: Any] }.first
        return result["flowsended"] as? Int ?? inner?["flowsended"] as? Int ?? 0
    }
}

extension World {
    func listen(in node: String, _ port: UInt16) throws -> Wire {
        try inside(node) { try Wire.bound(SOCK_STREAM, "0.0.0.0", port) }
    }

    /// Whether a TCP connection comes about. It needs a listener.
    func reaches(from node: String, by source: String? = nil, _ host: String, _ port: UInt16) throws -> Bool {
        (try? inside(node) { try Wire.tcp(to: host, port, from: source, seconds: 1) }) != nil
    }
}
