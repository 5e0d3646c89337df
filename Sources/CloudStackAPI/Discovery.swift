import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let discovery: [Command] = [
        .read("listApis", "Lists the commands that the caller may use", [Parameter("name", "only this command")]) {
            call throws(RequestError) in
            let wanted = call.arguments.string("name")
            let commands = Command.all.filter { command in
                (wanted == nil || command.name == wanted)
                    && call.cloud.roles[call.caller.role].map { command.isAllowed(by: $0) } ?? false
            }
            guard !commands.isEmpty else { return [:] }
            return [
                "count": .number(commands.count), "api": .array(commands.map { .object($0.described) }),
            ]
        },
        .read("listCapabilities", "Tells what this cloud can do") { call throws(RequestError) in
            [
                "capability": .object([
                    // The version of CloudStack whose API this is: clients compare it before they use newer fields.
                    "cloudstackversion": "4.22.0.0", "securitygroupsenabled": false, "dynamicrolesenabled": true,
                    "supportELB": "false", "regionsecondaryenabled": false, "kvmsnapshotenabled": false,
                    "userpublictemplateenabled": false, "projectinviterequired": false,
                    "allowusercreateprojects": true, "allowuserviewdestroyedvm": false,
                    "allowuserexpungerecovervm": false, "allowuserviewalldomainaccounts": false,
                    "kubernetesserviceenabled": false, "kubernetesclusterexperimentalfeaturesenabled": false,
                    "defaultuipagesize": 20,
                ])
            ]
        },
        .read(
            "queryAsyncJobResult", "Tells how far a job is",
            [Parameter("jobid", .uuid, required: true, "the id that the asynchronous command answered with")]
        ) { call throws(RequestError) in
            let id = try call.arguments.requiredID("jobid")
            guard let job = call.api.jobs[id] ?? call.earlierJob(id),
                call.caller.mayAccess(account: job.caller.account, in: call.cloud)
            else { throw .unknown("jobid", id: id.description, call.command) }
            return job.rendered()
        },
        .list(
            "listAsyncJobs", "Lists jobs, newest first",
            [
                Parameter("startdate", .date, "only those begun from then on"),
                Parameter("resourceid", .uuid, "only those about this object"),
                Parameter("resourcetype", "only those about objects of this kind"),
            ] + .scope
        ) { call throws(RequestError) in
            let scope = try call.scope()
            let start = call.arguments.string("startdate").flatMap { Timestamp($0) }
            let resource = call.arguments.id("resourceid")
            let kind = call.arguments.string("resourcetype")?.lowercased()
            let jobs = call.api.jobs.all.filter { job in
                scope.contains(job.caller.account) && call.matches(job.command)
                    && (start.map { $0 <= Timestamp(milliseconds: job.created) } ?? true)
                    && (resource == nil || job.object?.id == resource)
                    && (kind == nil || job.object?.kind.lowercased() == kind)
            }
            return try call.page("asyncjobs", jobs) { $0.rendered().owned(by: $0.caller.account, in: call.cloud) }
        },
    ]

    /// Whose it is: CloudStack's of the version that is spoken, or Sluice's own.
    private var since: String { Self.own.contains(name) ? "Sluice" : "4.22.0.0" }

    private static let own: Set = [
        "applyCloud", "getPlan", "getStatus", "listNodes", "listTraffic", "explainPacket", "listDecisions",
    ]

    /// As `listApis` shows it.
    var described: APIObject {
        [
            "name": .string(name), "description": .string(description), "isasync": .boolean(isAsync),
            "params": .array(parameters.map { .object($0.described) }),
            "response": .array(
                ObjectDescription.of(name).map { field in
                    .object([
                        "name": .string(field.name), "type": .string(field.type),
                        "description": .string("the \(field.name) of what is answered"),
                    ])
                }), "since": .string(since), "audience": .string(audience.words),
        ]
    }
}

extension Parameter {
    var described: APIObject {
        [
            "name": .string(name), "description": .string(description), "type": .string(kind.rawValue),
            "length": .number(maxLength), "required": .boolean(isRequired), "related": .text(related),
        ]
    }
}
