import ControlPlane
import NetworkVocabulary

extension Command {
    static let discovery: [Command] = [
        .read("listApis", "Lists the commands that the caller may use", [Parameter("name", "only this command")]) {
            call throws(RequestError) in
            let wanted = call.arguments.string("name")
            let commands = Command.all.filter {
                (wanted == nil || $0.name == wanted) && (call.caller.isRootAdmin || !$0.isAdminOnly)
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
                    "cloudstackversion": "4.22.0.0", "securitygroupsenabled": false, "dynamicrolesenabled": false,
                    "supportELB": "false", "regionsecondaryenabled": false, "kvmsnapshotenabled": false,
                    "userpublictemplateenabled": false, "projectinviterequired": false,
                    "allowusercreateprojects": false, "allowuserviewdestroyedvm": false,
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
            guard let job = call.api.jobs[id],
                call.caller.isRootAdmin || job.caller.account == call.caller.account
            else { throw .unknown("jobid", id: id.description, call.command) }
            return job.rendered()
        },
    ]

    /// As `listApis` shows it.
    var described: APIObject {
        [
            "name": .string(name), "description": .string(description), "isasync": .boolean(isAsync),
            "params": .array(parameters.map { .object($0.described) }), "response": .array([]),
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
