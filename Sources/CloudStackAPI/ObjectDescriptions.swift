/// What the commands answer with, for `listApis` and the documentation: the fields of an object with their types on the
/// wire. A text has none behind its name, `:i` is a number, `:b` true or false, `:[]` a list.
struct ObjectDescription: Sendable {
    let commands: Set<String>
    let fields: [(name: String, type: String)]

    init(_ commands: String, _ fields: String) {
        self.commands = Set(commands.split(separator: " ").map(String.init))
        self.fields = fields.split(separator: " ").map { field in
            let parts = field.split(separator: ":", maxSplits: 1)
            let type =
                switch parts.count == 2 ? parts[1] : "" {
                case "i": "integer"
                case "b": "boolean"
                case "[]": "list"
                case "{}": "map"
                default: "string"
                }
            return (String(parts[0]), type)
        }
    }

    /// Of the command; none where nothing is written down.
    static func of(_ command: String) -> [(name: String, type: String)] {
        all.first { $0.commands.contains(command) }?.fields ?? []
    }

    private static let counts = [
        "vm", "ip", "volume", "snapshot", "template", "project", "network", "vpc", "cpu", "memory", "primarystorage",
        "secondarystorage",
    ].map { "\($0)limit \($0)available \($0)total:i" }.joined(separator: " ")

    private static let success = "success:b displaytext"

    static let all = [
        ObjectDescription("listApis", "name description isasync:b params:[] response:[] related since"),
        ObjectDescription(
            "login",
            "username userid domainid timeout:i account firstname lastname type registered sessionkey timezone timezoneoffset is2faenabled is2faverified managementserverid"
        ),
        ObjectDescription("logout", "description"),
        ObjectDescription(
            "queryAsyncJobResult listAsyncJobs",
            "jobid accountid userid cmd created completed jobstatus:i jobprocstatus:i jobresultcode:i jobresulttype jobresult:{} jobinstancetype jobinstanceid account domain domainid domainpath project projectid"
        ),
        ObjectDescription(
            "listEvents",
            "id parentid type level description created state resourceid resourcetype resourcename username archived:b account domain domainid domainpath project projectid revision:i"
        ),
        ObjectDescription("listEventTypes", "name"),
        ObjectDescription("listAlerts", "id name type description sent"),
        ObjectDescription(
            "createAccount listAccounts updateAccount enableAccount disableAccount lockAccount",
            "id name accounttype:i roleid rolename roletype state networkdomain created isdefault:b iscleanuprequired:b accountdetails:{} domain domainid domainpath user:[] vmrunning:i vmstopped:i "
                + counts),
        ObjectDescription(
            "createUser listUsers getUser updateUser enableUser disableUser lockUser",
            "id username firstname lastname email timezone state created accounttype:i roleid rolename roletype usersource iscallerchilddomain:b isdefault:b is2faenabled:b is2famandated:b apikey accountid account domain domainid domainpath"
        ),
        ObjectDescription("registerUserKeys getUserKeys", "apikey secretkey"),
        ObjectDescription(
            "createDomain listDomains listDomainChildren updateDomain",
            "id name path level:i parentdomainid parentdomainname haschild:b networkdomain state created " + counts),
        ObjectDescription("createRole listRoles updateRole", "id name type description ispublic:b isdefault:b state"),
        ObjectDescription(
            "createRolePermission listRolePermissions", "id roleid rolename rule permission description"),
        ObjectDescription(
            "createProject listProjects updateProject activateProject suspendProject",
            "id name displaytext state projectaccountname created owner:[] tags:[] domain domainid domainpath vmrunning:i vmstopped:i "
                + counts),
        ObjectDescription(
            "listProjectAccounts",
            "projectid project accountid account accounttype:i userid username role domain domainid domainpath"),
        ObjectDescription(
            "listResourceLimits updateResourceLimit",
            "resourcetype resourcetypename max:i account domain domainid domainpath project projectid"),
        ObjectDescription(
            "updateResourceCount",
            "resourcetype resourcetypename resourcecount:i account domain domainid domainpath project projectid"),
        ObjectDescription(
            "deleteAccount deleteUser deleteDomain deleteRole deleteRolePermission updateRolePermission deleteProject addAccountToProject deleteAccountFromProject",
            success),
    ]
}
