import CloudModel
public import ControlPlane
import NetworkVocabulary

/// What Prometheus reads, in its text format: figures of the daemon's view, computed when they are asked for.
public enum Metrics {
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    public static func text(_ view: CloudView) -> String {
        var text = ""
        var states: [NodeStatus.State: Int] = [:]
        for node in view.nodes { states[node.state, default: 0] += 1 }
        family(
            &text, "sluice_nodes", "gauge", "Namespaces that the cloud calls for, by how far they are as planned.",
            NodeStatus.State.allCases.map { ("state=\"\($0.rawValue.lowercased())\"", UInt64(states[$0] ?? 0)) })
        family(
            &text, "sluice_revision", "counter", "Position in the ledger.", [("", view.revision.number)])
        family(
            &text, "sluice_objects", "gauge", "Objects of the cloud, by kind.",
            [
                ("kind=\"network\"", view.cloud.networks.count), ("kind=\"router\"", view.cloud.routers.count),
                ("kind=\"guest\"", view.cloud.guests.count), ("kind=\"nic\"", view.cloud.nics.count),
                ("kind=\"publicaddress\"", view.cloud.publicAddresses.count),
            ].map { ($0.0, UInt64($0.1)) })
        family(
            &text, "sluice_ledger_hindered", "gauge",
            "1 while changes are refused because they cannot be made durable.",
            [("", view.hindrance == nil ? 0 : 1)])
        traffic(view, &text)
        ports(view, &text)
        balancing(view, &text)
        family(
            &text, "sluice_guest_services_restarts_total", "counter",
            "How often the process that serves guests had to be started again.", [("", view.services.restarts)])
        for (name, count) in view.services.counters.sorted(by: { $0.key < $1.key }) {
            let isGauge = name == "connections"
            family(
                &text, "sluice_guest_services_\(snake(name))\(isGauge ? "" : "_total")", isGauge ? "gauge" : "counter",
                "Of the process that serves guests, since it began.", [("", count)])
        }
        return text
    }

    /// By public address: what guests sent and received there.
    private static func traffic(_ view: CloudView, _ text: inout String) {
        let counts = view.cloud.publicAddresses.values.map { ("address=\"\($0.address)\"", view.traffic[$0.id]) }
        family(
            &text, "sluice_public_address_sent_bytes_total", "counter", "Bytes that guests sent by a public address.",
            counts.map { ($0.0, $0.1.sentBytes) })
        family(
            &text, "sluice_public_address_received_bytes_total", "counter",
            "Bytes that guests received by a public address.", counts.map { ($0.0, $0.1.receivedBytes) })
    }

    /// By NIC: who sends what he may not, or too much.
    private static func ports(_ view: CloudView, _ text: inout String) {
        let counts = view.cloud.nics.values.map { ("nic=\"\($0.id)\"", view.traffic[$0.id]) }
        family(
            &text, "sluice_port_refused_packets_total", "counter",
            "Frames of a guest that its port did not let through.",
            counts.map { ($0.0, $0.1.refusedPackets) })
    }

    /// By address that shares a port. Names are users' and stay out of it.
    private static func balancing(_ view: CloudView, _ text: inout String) {
        let members = view.cloud.loadBalancerMembers.values.map { member in
            (
                labels: "rule=\"\(member.rule)\",address=\"\(member.guestAddress)\"", isDown: member.isDown,
                counts: view.traffic[member.id], responseTime: view.traffic.responseTimes[member.id]
            )
        }
        let name = "sluice_load_balancer_member"
        family(
            &text, "\(name)_up", "gauge", "0 while a member is found not to answer.",
            members.map { ($0.labels, $0.isDown ? 0 : 1) })
        family(
            &text, "\(name)_connections_total", "counter", "Connections that a member was given.",
            members.map { ($0.labels, $0.counts.matchedPackets) })
        family(
            &text, "\(name)_received_bytes_total", "counter", "Bytes that clients sent to a member.",
            members.map { ($0.labels, $0.counts.receivedBytes) })
        family(
            &text, "\(name)_sent_bytes_total", "counter", "Bytes that a member sent to clients.",
            members.map { ($0.labels, $0.counts.sentBytes) })
        family(
            &text, "\(name)_errors_total", "counter", "Connections to a member that came to nothing.",
            members.map { ($0.labels, $0.counts.failures) })
        family(
            &text, "\(name)_response_milliseconds", "gauge",
            "How long a member took lately to answer a request, or to take a connection where nothing else is known.",
            members.compactMap { member in member.responseTime.map { (member.labels, UInt64(max(0, $0))) } })
        let rules = view.cloud.loadBalancerRules.values.map { ("rule=\"\($0.id)\"", view.traffic[$0.id]) }
        family(
            &text, "sluice_load_balancer_connections_total", "counter", "Connections that a rule's members were given.",
            rules.map { ($0.0, $0.1.matchedPackets) })
        family(
            &text, "sluice_load_balancer_received_bytes_total", "counter", "Bytes that clients sent by a rule.",
            rules.map { ($0.0, $0.1.receivedBytes) })
        family(
            &text, "sluice_load_balancer_sent_bytes_total", "counter", "Bytes that clients were sent by a rule.",
            rules.map { ($0.0, $0.1.sentBytes) })
        family(
            &text, "sluice_load_balancer_errors_total", "counter", "Connections by a rule that came to nothing.",
            rules.map { ($0.0, $0.1.failures) })
    }

    private static func family(
        _ text: inout String, _ name: String, _ type: String, _ help: String, _ samples: [(String, UInt64)]
    ) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for (labels, value) in samples { text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n" }
    }

    private static func snake(_ name: String) -> String {
        name.reduce(into: "") { text, character in
            text += character.isUppercase ? "_\(character.lowercased())" : String(character)
        }
    }
}
