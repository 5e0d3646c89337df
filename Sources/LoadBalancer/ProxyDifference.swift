public import NetworkVocabulary

/// How a running proxy becomes what it is to be.
public enum ProxyDifference: Hashable, Sendable {
    case nothing
    /// It can be told while it runs, one answer a command.
    case commands([ProxyCommand])
    /// A new process takes the listening sockets over, and the old one finishes what it has. `ending` is told to the old
    /// one first, where connections must not go on.
    case reload(ending: [ProxyCommand])

    /// `drains`: connections to what goes away may finish. `folder`: where certificates lie, by which they are known.
    public init(from old: ProxyPlan, to new: ProxyPlan, drains: Bool, folder: String) {
        if old == new {
            self = .nothing
            return
        }
        let before = Dictionary(old.frontends.map { ($0.listenPort, $0) }) { first, _ in first }
        let after = Dictionary(new.frontends.map { ($0.listenPort, $0) }) { first, _ in first }
        var commands: [ProxyCommand] = []
        var needsReload = Set(before.keys) != Set(after.keys)
        for frontend in new.frontends {
            guard let there = before[frontend.listenPort], there != frontend else { continue }
            if !frontend.isSameExceptMembersAndCertificate(as: there)
                || frontend.hasFixedMembers && frontend.members != there.members
            {
                needsReload = true
            }
            if let certificate = frontend.certificate, there.certificate != certificate {
                let file = "\(folder)/\(frontend.certificateFile)"
                commands += [.setCertificate(file, certificate.pem), .commitCertificate(file)]
            }
            for member in there.members where !frontend.members.contains(member) {
                commands += member.removal(from: frontend, drains: drains)
            }
            for member in frontend.members where !there.members.contains(member) {
                commands += member.addition(to: frontend)
            }
        }
        guard needsReload else {
            self = .commands(commands)
            return
        }
        var ending: [ProxyCommand] = []
        if !drains {
            for frontend in old.frontends {
                let stays = after[frontend.listenPort].flatMap { $0.origin == frontend.origin ? $0 : nil }
                for member in frontend.members where !(stays?.members.contains(member) ?? false) {
                    ending.append(.endSessions(frontend.name, member.name))
                }
            }
        }
        self = .reload(ending: ending)
    }
}

/// One command of HAProxy's runtime API.
public enum ProxyCommand: Hashable, Sendable, CustomStringConvertible {
    case addServer(String, String, rest: String)
    case enableServer(String, String)
    case enableHealth(String, String)
    case disableServer(String, String)
    case endSessions(String, String)
    case removeServer(String, String)
    /// New connections get the new one once it is committed.
    case setCertificate(String, Secret)
    case commitCertificate(String)
    case showStatistics
    case showState

    /// What the proxy is told: the description, and a key where there is one.
    public var wire: String {
        // An empty line ends the payload; PEM as we write it has none.
        guard case .setCertificate(let file, let pem) = self else { return description }
        return "set ssl cert \(file) <<\n\(pem.revealed)"
    }

    public var description: String {
        switch self {
        case .addServer(let backend, let server, let rest): "add server \(backend)/\(server) \(rest)"
        case .enableServer(let backend, let server): "enable server \(backend)/\(server)"
        case .enableHealth(let backend, let server): "enable health \(backend)/\(server)"
        case .disableServer(let backend, let server): "set server \(backend)/\(server) state maint"
        case .endSessions(let backend, let server): "shutdown sessions server \(backend)/\(server)"
        case .removeServer(let backend, let server): "del server \(backend)/\(server)"
        case .setCertificate(let file, let pem): "set ssl cert \(file) << \(pem)"
        case .commitCertificate(let file): "commit ssl cert \(file)"
        // Servers and backends of every rule.
        case .showStatistics: "show stat -1 6 -1"
        case .showState: "show servers state"
        }
    }

    /// Whether the answer says that it was done. What was done without more ado is answered with nothing.
    public func isDone(by answer: String) -> Bool {
        let text = answer.filter { !$0.isNewline && $0 != " " }
        switch self {
        case .addServer: return text.contains("Newserverregistered")
        case .setCertificate: return text.contains("Transactioncreated") || text.contains("Transactionupdated")
        case .commitCertificate: return text.contains("Success!")
        // One with connections stays, out of use, until the next process.
        case .removeServer: return true
        case .showStatistics, .showState: return !text.isEmpty
        default: return text.isEmpty
        }
    }
}

extension ProxyFrontend {
    /// HAProxy gives no cookie to a server that comes while it runs.
    fileprivate var hasFixedMembers: Bool { if case .ownCookie? = stickiness { true } else { false } }
}

extension ProxyMember {
    fileprivate func addition(to frontend: ProxyFrontend) -> [ProxyCommand] {
        let rest = "\(address):\(frontend.port)\(frontend.serverOptions(self, isLate: true))"
        return [.addServer(frontend.name, name, rest: rest), .enableServer(frontend.name, name)]
            + (frontend.healthCheck == nil ? [] : [.enableHealth(frontend.name, name)])
    }

    fileprivate func removal(from frontend: ProxyFrontend, drains: Bool) -> [ProxyCommand] {
        [.disableServer(frontend.name, name)] + (drains ? [] : [.endSessions(frontend.name, name)])
            + [.removeServer(frontend.name, name)]
    }
}
