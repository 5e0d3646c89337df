import CloudModel
import ControlPlane
import NetworkVocabulary

// Sluice's own commands: CloudStack has none like them.
extension Command {
    static let operations: [Command] = [
        .change(
            "applyCloud", "Brings about the cloud that a file declares", isAsync: false,
            [
                Parameter("cloud", required: true, maxLength: 1_048_576, "the file's JSON text"),
                Parameter("prune", .boolean, "true: what the file does not name is removed"),
                Parameter("dryrun", .boolean, "the same as plan"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            .applyCloud(
                Request.ApplyCloud(
                    file: try CloudFile(json: try call.arguments.required("cloud")),
                    prunes: call.arguments.boolean("prune") ?? false))
        } reply: { _, outcome in
            [
                "cloud": .object([
                    "revision": .number(outcome.revision.number),
                    "changes": .array(outcome.changes.map { .string($0.summary) }),
                ])
            ]
        },
        .read("exportCloud", "Tells the cloud as a file that applyCloud takes", isAdminOnly: true) {
            call throws(RequestError) in
            guard let text = CloudFile(describing: call.cloud).json() else {
                throw RequestError(.internal, exceptionCode: 4250, "The cloud cannot be written as a file")
            }
            return ["cloud": .object(["revision": .number(call.view.revision.number), "file": .string(text)])]
        },
        .read(
            "getPlan", "Shows everything that a node must be, as text",
            [Parameter("name", required: true, "the node's name: r-4-VM, i-2-5-VM")], isAdminOnly: true
        ) { call throws(RequestError) in
            let name = try call.arguments.required("name")
            guard let text = call.api.service.planText(ofNode: name) else {
                throw .refused("name", "There is no node \(APIError.excerpt(name))")
            }
            return ["plan": .object(["name": .string(name), "text": .string(text)])]
        },
        .read("getStatus", "Shows how far the kernel is what the model says", isAdminOnly: true) {
            call throws(RequestError) in
            ["status": .object(status(call))]
        },
        .list(
            "listNodes", "Lists the namespaces that make up the cloud on this host",
            [Parameter("name", "only this node"), Parameter("state", "only Verified, Pending or Failed")],
            isAdminOnly: true
        ) { call throws(RequestError) in
            let state = call.arguments.string("state")?.lowercased()
            let nodes = call.view.nodes.filter {
                call.matches($0.name) && (state == nil || $0.state.rawValue.lowercased() == state)
            }
            return try call.page("node", nodes) {
                [
                    "name": .string($0.name), "state": .string($0.state.rawValue), "origin": .text($0.origin),
                    "revision": .number($0.revision.number), "error": .text($0.error),
                ]
            }
        },
    ]

    private static func status(_ call: Call) -> APIObject {
        let cloud = call.cloud
        var states: [NodeStatus.State: Int] = [:]
        for node in call.view.nodes { states[node.state, default: 0] += 1 }
        let features = call.view.features.map { feature -> APIValue in
            .object([
                "name": .string(feature.name), "available": .boolean(feature.isAvailable),
                "missingmodule": .text(feature.missingModule),
            ])
        }
        let process = call.api.surroundings.process()
        return [
            "version": .string(call.api.surroundings.version), "installation": .text(call.view.installation),
            "revision": .number(call.view.revision.number),
            "uptime": .number(max(0, call.api.surroundings.now() - call.view.startTime) / 1_000),
            "hindrance": .text(call.view.hindrance), "processid": process.map { .number($0.id) },
            "rootless": process.map { .boolean($0.isRootless) },
            "netlinkwrites": process.map { .number($0.kernelWrites) },
            "nodes": .object([
                "total": .number(call.view.nodes.count), "verified": .number(states[.verified] ?? 0),
                "pending": .number(states[.pending] ?? 0), "failed": .number(states[.failed] ?? 0),
            ]),
            "objects": .object([
                "accounts": .number(cloud.accounts.count), "zones": .number(cloud.zones.count),
                "physicalnetworks": .number(cloud.physicalNetworks.count),
                "publicranges": .number(cloud.publicRanges.count),
                "networkofferings": .number(cloud.networkOfferings.count), "networks": .number(cloud.networks.count),
                "publicaddresses": .number(cloud.publicAddresses.count), "routers": .number(cloud.routers.count),
                "guests": .number(cloud.guests.count), "jobs": .number(call.api.jobs.count),
            ]),
            "features": .array(features),
        ]
    }
}

extension Change {
    /// One line for a person: what happens to which object.
    var summary: String {
        switch self {
        case .put(let record):
            record.reference.map { "put \($0.kind.rawValue)/\($0.id)" } ?? "put \(record.kind.rawValue)"
        case .remove(let kind, let id): "remove \(kind.rawValue)/\(id)"
        }
    }
}
