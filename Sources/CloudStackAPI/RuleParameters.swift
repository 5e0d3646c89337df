import CloudModel
import ControlPlane
import NetworkVocabulary

// What the commands of rules have in common.

extension Parameter {
    static let transport = Parameter("protocol", required: true, "tcp, udp, icmp, all or a protocol's number")
    static let startPort = Parameter("startport", .integer, "the first port")
    static let endPort = Parameter("endport", .integer, "the last port; the first when absent")
    static let icmpType = Parameter("icmptype", .integer, "the type of ICMP messages; -1: every type")
    static let icmpCode = Parameter("icmpcode", .integer, "the code of ICMP messages; -1: every code")
    static let ruleType = Parameter("type", "User, or System: made by the administrator for everybody's good")
    static let displayed = Parameter("fordisplay", .boolean, "true: nothing is hidden from lists here")
    /// Of Sluice; CloudStack has none like it.
    static let cleanup = Parameter(
        "cleanup",
        "of the connections that are no longer allowed: end (they end, as when absent) or drain (they may finish)"
    )

    /// Long enough for as many as a rule may have.
    static func cidrs(_ name: String, _ description: String) -> Parameter {
        Parameter(
            name, .list, maxLength: 8_192, description + "; at most 256 CIDRs, separated by commas")
    }
}

extension Arguments {
    /// Nil when the parameter was not sent or is empty. A gap between commas stays one, to be refused with whatever else
    /// is no network: a list of nothing would mean everywhere.
    func cidrs(_ name: String) -> [String]? {
        string(name)?.split(separator: ",", omittingEmptySubsequences: false).map(\.trimmingSpaces)
    }

    func traffic() throws(RequestError) -> TrafficText {
        TrafficText(
            transport: try required("protocol"), startPort: integer("startport"), endPort: integer("endport"),
            icmpType: integer("icmptype"), icmpCode: integer("icmpcode"))
    }

    func cleanup() throws(RequestError) -> FlowCleanup {
        guard let text = string("cleanup") else { return .end }
        guard let cleanup = FlowCleanup(rawValue: text.lowercased()) else {
            throw .invalid("cleanup", text, command, because: "it is end or drain")
        }
        return cleanup
    }

    func removal(_ name: String = "id") throws(RequestError) -> Request.Removal {
        Request.Removal(id: try requiredID(name), cleanup: try cleanup())
    }

    func isSystemRule() throws(RequestError) -> Bool {
        switch string("type")?.lowercased() {
        case nil, "user": return false
        case "system": return true
        default: throw .invalid("type", string("type") ?? "", command, because: "it is User or System")
        }
    }

    /// Nothing can be hidden from lists.
    func requireDisplayed(_ name: String = "fordisplay") throws(RequestError) {
        guard boolean(name) ?? true else {
            throw .unsupported(name, "What is hidden from lists is not supported here")
        }
    }
}

extension Call {
    /// The rules among `candidates`, or of the whole table, that the caller asked for and may see. Those that are asked
    /// for by id are found there and nowhere else.
    func ownedRules<Rule>(
        _ table: SortedMap<ObjectID, Rule>, among candidates: SortedSet<ObjectID>?, by owner: (Rule) -> ObjectID?
    ) throws(RequestError) -> [Rule] {
        guard arguments.boolean("fordisplay") ?? true else { return [] }
        let scope = try scope()
        if let rule = try visible("id", in: table, by: owner) { return [rule] }
        let found = candidates.map { $0.compactMap { table[$0] } } ?? Array(table.values)
        return found.filter { scope.contains(owner($0)) }
    }
}

extension Traffic {
    /// CloudStack's word: `tcp`, `udp`, `icmp`, `all` or the number.
    var transportWord: String {
        switch self {
        case .all: "all"
        case .tcp: "tcp"
        case .udp: "udp"
        case .icmp: "icmp"
        case .other(let number): String(number.number)
        }
    }

    /// Fields of a firewall rule, numbers all of them. Clients look for both of ICMP.
    var fields: [(String, APIValue)] {
        switch self {
        case .tcp(let ports?), .udp(let ports?):
            [("startport", .number(ports.first)), ("endport", .number(ports.last))]
        case .icmp(let type, let code):
            [("icmptype", type.map { .number($0) } ?? -1), ("icmpcode", code.map { .number($0) } ?? -1)]
        case .all, .tcp(nil), .udp(nil), .other: []
        }
    }
}

extension [IPPrefix] {
    /// As the user wrote it: clients compare the text.
    var commaSeparated: String { map(\.description).joined(separator: ",") }
}
