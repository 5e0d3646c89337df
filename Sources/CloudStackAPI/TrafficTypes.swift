import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let trafficTypes: [Command] = [
        .change(
            "addTrafficType", "Lets a physical network carry a kind of traffic", isAsync: true, isCreation: true,
            [
                Parameter(
                    "physicalnetworkid", .uuid, required: true, related: "listPhysicalNetworks", "the physical network"),
                Parameter("traffictype", required: true, "Guest, Public, Management or Storage"),
            ] + labelParameters, isAdminOnly: true, unsupported: ["vlan", "isolationmethod"]
        ) { call throws(RequestError) in
            .infrastructure(
                .addTrafficType(
                    physicalNetwork: try call.arguments.requiredID("physicalnetworkid"),
                    kind: try call.arguments.required("traffictype"), labels: call.labels(),
                    peers: call.peers()))
        } reply: { call, outcome in
            let kind = call.arguments.string("traffictype")?.lowercased()
            return outcome.trafficType { $0.kind.rawValue.lowercased() == kind }
        },
        .list(
            "listTrafficTypes", "Lists what a physical network carries",
            [
                Parameter(
                    "physicalnetworkid", .uuid, required: true, related: "listPhysicalNetworks", "the physical network")
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let network = try call.object("physicalnetworkid", in: call.cloud.physicalNetworks)
            let found = (network?.traffic ?? []).filter { call.matches($0.kind.rawValue) }
            return try call.page("traffictype", found) { type in network.map { type.rendered(on: $0) } ?? [:] }
        },
        .change(
            "updateTrafficType", "Changes the names of the interface that a kind of traffic goes by", isAsync: true,
            [.id("listTrafficTypes", "the traffic type")] + labelParameters, isAdminOnly: true
        ) { call throws(RequestError) in
            .infrastructure(
                .updateTrafficType(try call.arguments.requiredID("id"), labels: call.labels(), peers: call.peers()))
        } reply: { call, outcome in
            outcome.trafficType { $0.id == call.arguments.id("id") }
        },
        .change(
            "deleteTrafficType", "Takes a kind of traffic from a physical network", isAsync: true,
            [.id("listTrafficTypes", "the traffic type")], isAdminOnly: true
        ) { call throws(RequestError) in
            .infrastructure(.deleteTrafficType(try call.arguments.requiredID("id")))
        } reply: { _, _ in
            .success
        },
    ]

    private static let labelParameters =
        TrafficType.Label.allCases.map { label in
            Parameter(
                "\(label.rawValue)networklabel",
                label == .kvm
                    ? "the host's interface that carries guest or public traffic; empty keeps it local to the host"
                    : "the interface's name for \(label.rawValue), which is only kept")
        } + [
            Parameter(
                "vxlanpeers", maxLength: 4_096,
                "addresses of the hosts that VXLAN segments go to, instead of multicast groups; empty: the groups again"
            )
        ]
}

extension Call {
    fileprivate func labels() -> [TrafficType.Label: String] {
        var labels: [TrafficType.Label: String] = [:]
        for label in TrafficType.Label.allCases { labels[label] = arguments.text("\(label.rawValue)networklabel") }
        return labels
    }

    fileprivate func peers() -> [String]? {
        arguments.text("vxlanpeers").map { text in
            text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        }
    }
}

extension Outcome {
    fileprivate func trafficType(_ isMeant: (TrafficType) -> Bool) -> APIObject {
        guard let network = object(in: cloud.physicalNetworks), let type = network.traffic.first(where: isMeant) else {
            return [:]
        }
        return ["traffictype": .object(type.rendered(on: network))]
    }
}

extension TrafficType {
    fileprivate func rendered(on network: PhysicalNetwork) -> APIObject {
        var object: APIObject = [
            "id": .text(id), "traffictype": .string(kind.rawValue), "physicalnetworkid": .text(network.id),
            "state": "Enabled",
        ]
        for label in TrafficType.Label.allCases {
            object["\(label.rawValue)networklabel"] = .text(labels[label.rawValue])
        }
        if !peers.isEmpty { object["vxlanpeers"] = .string(peers.map(\.description).joined(separator: ",")) }
        return object
    }
}
