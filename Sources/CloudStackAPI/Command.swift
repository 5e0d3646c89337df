import CloudModel
import ControlPlane

/// One command of the API, declared once: validation, `listApis` and dispatch all read this.
public struct Command: Sendable {
    public let name: String
    public let description: String
    public let parameters: [Parameter]
    /// Answers with a job at once; the job is done when the kernel is.
    public let isAsync: Bool
    /// The first answer of an asynchronous command that makes something carries its id, so that clients need not wait.
    public let isCreation: Bool
    /// Whom it is for, as far as roles go.
    public let audience: Audience
    /// Takes so long that nobody else should wait for it: it runs on a lane of its own.
    let isCostly: Bool
    /// CloudStack's parameters that mean something we cannot do: refused rather than ignored.
    public let unsupported: Set<String>
    let action: Action

    /// Each may use what those before may use too.
    public enum Audience: String, Sendable, Hashable, CaseIterable {
        case everybody, domainAdmins, rootAdmins

        /// For people; Sluice's own field of `listApis`.
        var words: String {
            switch self {
            case .everybody: "everybody"
            case .domainAdmins: "domain administrators"
            case .rootAdmins: "root administrators"
            }
        }
    }

    enum Action: Sendable {
        /// Comes before there is a caller: answers with a session.
        case login
        case logout
        /// Answers from what is known.
        case read(@Sendable (Call) throws(RequestError) -> APIObject)
        /// Becomes a request; what comes of it is answered.
        case change(
            @Sendable (Call) throws(RequestError) -> Request,
            reply: @Sendable (Call, Outcome) -> APIObject)
    }

    /// A command that changes nothing.
    static func read(
        _ name: String, _ description: String, _ parameters: [Parameter] = [], isAdminOnly: Bool = false,
        audience: Audience = .everybody, unsupported: Set<String> = [],
        _ body: @escaping @Sendable (Call) throws(RequestError) -> APIObject
    ) -> Command {
        Command(
            name: name, description: description, parameters: parameters, isAsync: false, isCreation: false,
            audience: isAdminOnly ? .rootAdmins : audience, isCostly: false, unsupported: unsupported,
            action: .read(body))
    }

    /// A list, with CloudStack's paging.
    static func list(
        _ name: String, _ description: String, _ parameters: [Parameter], isAdminOnly: Bool = false,
        audience: Audience = .everybody, unsupported: Set<String> = [],
        _ body: @escaping @Sendable (Call) throws(RequestError) -> APIObject
    ) -> Command {
        .read(
            name, description, parameters + (taggedLists.contains(name) ? [.tags] : []) + [.keyword, .page, .pageSize],
            isAdminOnly: isAdminOnly, audience: audience, unsupported: unsupported, body)
    }

    /// Lists of what users may attach tags to can be confined to those with some of them.
    private static let taggedLists: Set<String> = [
        "listZones", "listNetworks", "listPublicIpAddresses", "listFirewallRules", "listEgressFirewallRules",
        "listPortForwardingRules", "listIpForwardingRules", "listLoadBalancerRules", "listVirtualMachines",
        "listTemplates", "listProjects",
    ]

    /// A command that changes the cloud. Every one of them can be tried first with `plan=true`.
    static func change(
        _ name: String, _ description: String, isAsync: Bool, isCreation: Bool = false, _ parameters: [Parameter],
        isAdminOnly: Bool = false, audience: Audience = .everybody, isCostly: Bool = false,
        unsupported: Set<String> = [], _ body: @escaping @Sendable (Call) throws(RequestError) -> Request,
        reply: @escaping @Sendable (Call, Outcome) -> APIObject
    ) -> Command {
        Command(
            name: name, description: description,
            parameters: parameters + [
                Parameter("plan", .boolean, "show what would change, and change nothing")
            ],
            isAsync: isAsync, isCreation: isCreation, audience: isAdminOnly ? .rootAdmins : audience,
            isCostly: isCostly, unsupported: unsupported, action: .change(body, reply: reply))
    }

    /// Whether the role lets its bearers use the command. Rules of roles take away from what their type could use; they
    /// never add to it.
    func isAllowed(by role: Role) -> Bool {
        let isForType =
            switch role.type {
            case .rootAdmin: true
            case .domainAdmin: audience != .rootAdmins
            case .resourceAdmin, .user: audience == .everybody
            }
        return isForType && (role.isBuiltIn || role.verdict(on: name) ?? false)
    }

    /// The key of the reply's envelope.
    var responseKey: String { name.lowercased() + "response" }
}

/// One parameter of a command.
public struct Parameter: Sendable, Hashable {
    /// The words are those of `listApis`.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case string, uuid, integer, boolean, list, map, date
    }

    public let name: String
    public let kind: Kind
    public let isRequired: Bool
    public let maxLength: Int
    public let description: String
    /// The command that lists what the parameter can be.
    public let related: String?

    init(
        _ name: String, _ kind: Kind, required: Bool = false, maxLength: Int = 255, related: String? = nil,
        _ description: String
    ) {
        self.name = name
        self.kind = kind
        isRequired = required
        self.maxLength = maxLength
        self.description = description
        self.related = related
    }

    /// A text.
    init(_ name: String, required: Bool = false, maxLength: Int = 255, _ description: String) {
        self.init(name, .string, required: required, maxLength: maxLength, description)
    }

    static func id(_ related: String, _ description: String) -> Parameter {
        Parameter("id", .uuid, required: true, related: related, description)
    }

    static let zone = Parameter("zoneid", .uuid, related: "listZones", "only of this zone")
    static let keyword = Parameter("keyword", "only what has this in its name")
    static let page = Parameter("page", .integer, "the page, from 1; together with pagesize")
    static let pageSize = Parameter("pagesize", .integer, "objects on a page")
}
