public import CloudModel
public import NetworkVocabulary

/// What can be asked of domains, accounts, users, roles, projects and limits, besides making and removing accounts.
public enum IdentityRequest: Hashable, Sendable {
    case createDomain(name: String, parent: ObjectID, networkDomain: String?)
    case updateDomain(UpdateDomain)
    case deleteDomain(ObjectID, cleanup: Bool)

    case updateAccount(UpdateAccount)
    case setAccountState(ObjectID, Account.State)

    case createUser(account: ObjectID, NewUser)
    case updateUser(UpdateUser)
    case setUserState(ObjectID, User.State)
    case deleteUser(ObjectID)
    case registerUserKeys(ObjectID, apiKey: String, secretKey: Secret)

    case createRole(CreateRole)
    case updateRole(UpdateRole)
    case deleteRole(ObjectID)
    case createRolePermission(role: ObjectID, RoleRule)
    case updateRolePermission(role: ObjectID, rule: ObjectID, isAllowed: Bool)
    case orderRolePermissions(role: ObjectID, [ObjectID])
    case deleteRolePermission(ObjectID)

    case createProject(CreateProject)
    case updateProject(UpdateProject)
    case setProjectState(ObjectID, Project.State)
    case deleteProject(ObjectID, cleanup: Bool)
    case addProjectMember(project: ObjectID, Project.Member)
    case removeProjectMember(project: ObjectID, account: ObjectID)

    case updateLimit(UpdateLimit)
    /// The administrator's user, with these keys where it has none: what an installation hands over to whoever set it up.
    case adoptAdministrator(apiKey: String, secretKey: Secret)

    /// The command as CloudStack's API spells it; our own where CloudStack has none.
    var command: String {
        switch self {
        case .createDomain: "createDomain"
        case .updateDomain: "updateDomain"
        case .deleteDomain: "deleteDomain"
        case .updateAccount: "updateAccount"
        case .setAccountState(_, let state): state == .enabled ? "enableAccount" : "disableAccount"
        case .createUser: "createUser"
        case .updateUser: "updateUser"
        case .setUserState(_, let state):
            state == .enabled ? "enableUser" : state == .locked ? "lockUser" : "disableUser"
        case .deleteUser: "deleteUser"
        case .registerUserKeys: "registerUserKeys"
        case .createRole: "createRole"
        case .updateRole: "updateRole"
        case .deleteRole: "deleteRole"
        case .createRolePermission: "createRolePermission"
        case .updateRolePermission, .orderRolePermissions: "updateRolePermission"
        case .deleteRolePermission: "deleteRolePermission"
        case .createProject: "createProject"
        case .updateProject: "updateProject"
        case .setProjectState(_, let state): state == .active ? "activateProject" : "suspendProject"
        case .deleteProject: "deleteProject"
        case .addProjectMember: "addAccountToProject"
        case .removeProjectMember: "deleteAccountFromProject"
        case .updateLimit: "updateResourceLimit"
        case .adoptAdministrator: "adoptAdministrator"
        }
    }

    /// In CloudStack's spelling where it has the event; nil for what is no doing of a user's.
    var eventType: String? {
        switch self {
        case .createDomain: "DOMAIN.CREATE"
        case .updateDomain: "DOMAIN.UPDATE"
        case .deleteDomain: "DOMAIN.DELETE"
        case .updateAccount: "ACCOUNT.UPDATE"
        case .setAccountState(_, let state):
            state == .enabled ? "ACCOUNT.ENABLE" : state == .locked ? "ACCOUNT.LOCK" : "ACCOUNT.DISABLE"
        case .createUser: "USER.CREATE"
        case .updateUser: "USER.UPDATE"
        case .setUserState(_, let state):
            state == .enabled ? "USER.ENABLE" : state == .locked ? "USER.LOCK" : "USER.DISABLE"
        case .deleteUser: "USER.DELETE"
        case .registerUserKeys: "REGISTER.USER.KEY"
        case .createRole: "ROLE.CREATE"
        case .updateRole: "ROLE.UPDATE"
        case .deleteRole: "ROLE.DELETE"
        case .createRolePermission: "ROLE.PERMISSION.CREATE"
        case .updateRolePermission, .orderRolePermissions: "ROLE.PERMISSION.UPDATE"
        case .deleteRolePermission: "ROLE.PERMISSION.DELETE"
        case .createProject: "PROJECT.CREATE"
        case .updateProject: "PROJECT.UPDATE"
        case .setProjectState(_, let state): state == .active ? "PROJECT.ACTIVATE" : "PROJECT.SUSPEND"
        case .deleteProject: "PROJECT.DELETE"
        case .addProjectMember: "PROJECT.ACCOUNT.ADD"
        case .removeProjectMember: "PROJECT.ACCOUNT.REMOVE"
        case .updateLimit: "RESOURCE.LIMIT.UPDATE"
        case .adoptAdministrator: nil
        }
    }
}

extension IdentityRequest {
    /// Fields that are absent stay as they are.
    public struct UpdateDomain: Hashable, Sendable {
        public var id: ObjectID
        public var name: String?
        /// Empty: none.
        public var networkDomain: String?

        public init(id: ObjectID, name: String? = nil, networkDomain: String? = nil) {
            self.id = id
            self.name = name
            self.networkDomain = networkDomain
        }
    }

    /// Fields that are absent stay as they are.
    public struct UpdateAccount: Hashable, Sendable {
        public var id: ObjectID
        public var name: String?
        /// Empty: none.
        public var networkDomain: String?
        public var role: ObjectID?

        public init(id: ObjectID, name: String? = nil, networkDomain: String? = nil, role: ObjectID? = nil) {
            self.id = id
            self.name = name
            self.networkDomain = networkDomain
            self.role = role
        }
    }

    /// Somebody to be.
    public struct NewUser: Hashable, Sendable {
        public var name: String
        public var firstName: String
        public var lastName: String
        public var email: String
        public var timeZone: String?
        /// Nil for somebody who never signs in by password.
        public var passwordHash: Secret?

        public init(
            name: String, firstName: String, lastName: String, email: String, timeZone: String? = nil,
            passwordHash: Secret?
        ) {
            self.name = name
            self.firstName = firstName
            self.lastName = lastName
            self.email = email
            self.timeZone = timeZone
            self.passwordHash = passwordHash
        }
    }

    /// Fields that are absent stay as they are.
    public struct UpdateUser: Hashable, Sendable {
        public var id: ObjectID
        public var name: String?
        public var firstName: String?
        public var lastName: String?
        public var email: String?
        public var timeZone: String?
        public var passwordHash: Secret?
        public var keys: Keys?

        /// An API key and what signs for it.
        public struct Keys: Hashable, Sendable {
            public var apiKey: String
            public var secretKey: Secret

            public init(apiKey: String, secretKey: Secret) {
                self.apiKey = apiKey
                self.secretKey = secretKey
            }
        }

        public init(
            id: ObjectID, name: String? = nil, firstName: String? = nil, lastName: String? = nil, email: String? = nil,
            timeZone: String? = nil, passwordHash: Secret? = nil, keys: Keys? = nil
        ) {
            self.id = id
            self.name = name
            self.firstName = firstName
            self.lastName = lastName
            self.email = email
            self.timeZone = timeZone
            self.passwordHash = passwordHash
            self.keys = keys
        }
    }

    /// A line of a role.
    public struct RoleRule: Hashable, Sendable {
        public var rule: String
        public var isAllowed: Bool
        public var description: String?

        public init(rule: String, isAllowed: Bool, description: String? = nil) {
            self.rule = rule
            self.isAllowed = isAllowed
            self.description = description
        }
    }

    public struct CreateRole: Hashable, Sendable {
        public var name: String
        public var type: Role.Kind
        public var description: String?
        public var isPublic: Bool
        /// What it begins with: another role's lines.
        public var rules: [RoleRule]

        public init(
            name: String, type: Role.Kind, description: String? = nil, isPublic: Bool = true, rules: [RoleRule] = []
        ) {
            self.name = name
            self.type = type
            self.description = description
            self.isPublic = isPublic
            self.rules = rules
        }
    }

    /// Fields that are absent stay as they are.
    public struct UpdateRole: Hashable, Sendable {
        public var id: ObjectID
        public var name: String?
        public var type: Role.Kind?
        public var description: String?
        public var isPublic: Bool?

        public init(
            id: ObjectID, name: String? = nil, type: Role.Kind? = nil, description: String? = nil, isPublic: Bool? = nil
        ) {
            self.id = id
            self.name = name
            self.type = type
            self.description = description
            self.isPublic = isPublic
        }
    }

    public struct CreateProject: Hashable, Sendable {
        public var name: String
        public var displayText: String
        /// Whose project it is; the caller's when absent.
        public var owner: ObjectID?
        /// One user of the owner, instead of all of them.
        public var user: ObjectID?

        public init(name: String, displayText: String, owner: ObjectID? = nil, user: ObjectID? = nil) {
            self.name = name
            self.displayText = displayText
            self.owner = owner
            self.user = user
        }
    }

    /// Fields that are absent stay as they are.
    public struct UpdateProject: Hashable, Sendable {
        public var id: ObjectID
        public var name: String?
        public var displayText: String?
        /// Somebody who becomes the owner, or an administrator beside it.
        public var newOwner: ObjectID?
        /// Whether the owners so far become regular members.
        public var swapsOwner: Bool
        /// For the new owner: administrator or regular member.
        public var isAdmin: Bool

        public init(
            id: ObjectID, name: String? = nil, displayText: String? = nil, newOwner: ObjectID? = nil,
            swapsOwner: Bool = true, isAdmin: Bool = true
        ) {
            self.id = id
            self.name = name
            self.displayText = displayText
            self.newOwner = newOwner
            self.swapsOwner = swapsOwner
            self.isAdmin = isAdmin
        }
    }

    public struct UpdateLimit: Hashable, Sendable {
        public enum Owner: Hashable, Sendable {
            case account(ObjectID)
            case domain(ObjectID)
        }

        public var owner: Owner
        public var type: ResourceType
        /// -1: no limit.
        public var limit: Int

        public init(owner: Owner, type: ResourceType, limit: Int) {
            self.owner = owner
            self.type = type
            self.limit = limit
        }
    }
}
