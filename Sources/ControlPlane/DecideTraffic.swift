import CloudModel
import NetworkVocabulary
import Planner

/// How much rules may be. Each bound is refused before anything is built from the request.
enum RuleLimits {
    /// Prefixes in one list of a rule. Every one of them is an element of the rule's set in the kernel and a line of
    /// every answer that shows the rule; who needs more needs a shorter list of larger networks.
    static let prefixes = 256
    /// Sources times destinations of an egress rule: each pair is an element in the kernel.
    static let pairs = 1_024
    /// Rules of one kind on one address or network. Twice what the largest known users have; a router of that size is
    /// still built in one transaction of the kernel.
    static let rules = 20_000
    /// Load balancer rules of an address.
    static let balancers = 5_000
    /// Guests that share one port.
    static let members = 256
    /// Certificates of an account.
    static let certificates = 256
    /// Ports of a forwarding rule that leads to other ports than it takes: each is an element of its own in the kernel,
    /// while a range that keeps its numbers is one whatever its size.
    static let shiftedPorts = 1_024
    /// Secondary addresses of a NIC; CloudStack's `vm.network.nic.max.secondary.ipaddresses`.
    static let secondaryAddresses = 256
}

// Rules that overlap are cut to pieces for the kernel, which takes no overlapping elements. Somebody could have them cut
// very small: that is refused.
extension Draft {
    func refuseFragments(of rule: FirewallRule) throws(RequestError) {
        try refuse(fragments: Planner.elementCount(of: rule, in: cloud))
    }

    func refuseFragments(of rule: EgressRule) throws(RequestError) {
        try refuse(fragments: Planner.elementCount(of: rule, in: cloud))
    }

    private func refuse(fragments count: Int) throws(RequestError) {
        guard count <= Planner.mostElementsOfRule else {
            throw .limit(
                "cidrlist",
                "The rule overlaps others in so many places that the kernel would need more than "
                    + "\(Planner.mostElementsOfRule) elements for one of them")
        }
    }
}

// What rules speak of, from the client's words.
extension Draft {
    func traffic(_ text: TrafficText) throws(RequestError) -> Traffic {
        switch text.transport.lowercased() {
        case "tcp", "6":
            try refuseICMP(text)
            return .tcp(try ports(text.startPort, text.endPort))
        case "udp", "17":
            try refuseICMP(text)
            return .udp(try ports(text.startPort, text.endPort))
        case "icmp", "1":
            try refusePorts(text)
            return try icmp(text.icmpType, text.icmpCode)
        case "all":
            try refusePorts(text)
            try refuseICMP(text)
            return .all
        default:
            guard text.transport.utf8.allSatisfy({ (48...57).contains($0) }), let number = IPProtocol(text.transport)
            else {
                throw invalid(
                    "protocol", text.transport, "it is tcp, udp, icmp, all or a protocol's number from 0 to 255")
            }
            try refusePorts(text)
            try refuseICMP(text)
            return Traffic(number)
        }
    }

    /// What the rule is to speak of when some of it changes. The protocol stays.
    func traffic(
        _ old: Traffic, _ startPort: Int?, _ endPort: Int?, _ icmpType: Int?, _ icmpCode: Int?
    ) throws(RequestError) -> Traffic {
        var text = TrafficText(
            transport: "all", startPort: startPort, endPort: endPort, icmpType: icmpType, icmpCode: icmpCode)
        switch old {
        case .all: break
        case .other(let number): text.transport = "\(number.number)"
        case .tcp(let ports), .udp(let ports):
            if case .tcp = old { text.transport = "tcp" } else { text.transport = "udp" }
            text.startPort = startPort ?? ports.map { Int($0.first) }
            text.endPort = endPort ?? ports.map { Int($0.last) }
        case .icmp(let type, let code):
            text.transport = "icmp"
            text.icmpType = icmpType ?? type.map(Int.init)
            // A code is of its type and does not outlive it.
            let stays = icmpType.map { type.map(Int.init) == $0 } ?? true
            text.icmpCode = icmpCode ?? (stays ? code.map(Int.init) : nil)
        }
        return try traffic(text)
    }

    func port(_ number: Int, _ parameter: String) throws(RequestError) -> Int {
        guard (1...65535).contains(number) else {
            throw invalid(parameter, "\(number)", "a port is from 1 to 65535")
        }
        return number
    }

    /// `first` alone, when `last` is absent.
    func portRange(
        _ first: Int, _ last: Int?, _ names: (first: String, last: String)
    ) throws(RequestError) -> PortRange {
        let low = try port(first, names.first)
        let high = try last.map { number throws(RequestError) in try port(number, names.last) } ?? low
        guard let ports = PortRange(low, high) else {
            throw invalid(names.last, "\(high)", "it is below \(names.first) \(low)")
        }
        return ports
    }

    private func ports(_ first: Int?, _ last: Int?) throws(RequestError) -> PortRange? {
        guard let first else {
            guard last == nil else { throw .missing("startport", command) }
            return nil
        }
        return try portRange(first, last, ("startport", "endport"))
    }

    private func icmp(_ type: Int?, _ code: Int?) throws(RequestError) -> Traffic {
        let type = try icmpNumber(type, "icmptype")
        let code = try icmpNumber(code, "icmpcode")
        guard type != nil || code == nil else {
            throw .refused("icmpcode", "A code is one of a type; icmptype is missing")
        }
        return .icmp(type: type, code: code)
    }

    private func icmpNumber(_ number: Int?, _ parameter: String) throws(RequestError) -> UInt8? {
        guard let number, number != -1 else { return nil }
        guard let small = UInt8(exactly: number) else {
            throw invalid(parameter, "\(number)", "it is from 0 to 255, or -1 for all")
        }
        return small
    }

    private func refusePorts(_ text: TrafficText) throws(RequestError) {
        guard text.startPort == nil, text.endPort == nil else {
            throw .refused(
                "startport",
                "Can't specify start/end port for protocol \(RequestError.excerpt(text.transport.lowercased()))")
        }
    }

    private func refuseICMP(_ text: TrafficText) throws(RequestError) {
        guard text.icmpType == nil, text.icmpCode == nil else {
            throw .refused(
                text.icmpType == nil ? "icmpcode" : "icmptype",
                "Can specify icmpCode and icmpType for ICMP protocol only"
            )
        }
    }

    /// `instead` when the list is empty.
    func prefixes(
        _ texts: [String], _ parameter: String, else instead: [IPPrefix]
    ) throws(RequestError) -> [IPPrefix] {
        guard !texts.isEmpty else { return instead }
        guard texts.count <= RuleLimits.prefixes else {
            throw .refused(
                parameter, "A rule has at most \(RuleLimits.prefixes) networks in \(parameter), not \(texts.count)")
        }
        var seen: Set<IPPrefix> = []
        var prefixes: [IPPrefix] = []
        for text in texts {
            let prefix = try rulePrefix(text, parameter)
            guard seen.insert(prefix).inserted else { throw invalid(parameter, text, "it stands there twice") }
            prefixes.append(prefix)
        }
        return prefixes
    }

    /// Of the families that networks have, which is IPv4 alone so far.
    private func rulePrefix(_ text: String, _ parameter: String) throws(RequestError) -> IPPrefix {
        if IPv6Prefix(text) != nil {
            throw invalid(parameter, text, "guest networks are IPv4 only, and so are the rules about them")
        }
        return .v4(try prefix(text, parameter))
    }

    /// What is free to take must be so for the rule; `parameter` is to blame when it is not.
    func refuseConflict(of record: Record, _ parameter: String) throws(RequestError) {
        guard let other = cloud.conflict(of: record), let old = cloud[other] else { return }
        throw .conflict(parameter, Self.conflictText(record.ports, old.ports, old.trafficWord, other.id))
    }

    private static func conflictText(
        _ new: PortRange??, _ old: PortRange??, _ word: String, _ id: ObjectID
    ) -> String {
        switch (new, old) {
        case (let new?, .some(let old?)):
            "The range specified, \(new.ends), conflicts with rule \(id) which has \(Optional(old).ends)"
        case (nil, _) where word == "icmp": "New rule conflicts with existing rule id=\(id)"
        default:
            "There is already a firewall rule specified with protocol = \(word) and no ports: rule \(id)"
        }
    }
}

extension PortRange? {
    fileprivate var ends: String { map { "\($0.first)-\($0.last)" } ?? "1-65535" }
}

extension Record {
    /// Nil for what has no ports, nil within for all of them.
    fileprivate var ports: PortRange?? {
        switch self {
        case .firewallRule(let rule): rule.traffic.ports
        case .egressRule(let rule): rule.traffic.ports
        case .portForwarding(let rule): .some(rule.publicPorts)
        case .loadBalancerRule(let rule): .some(PortRange(Int(rule.publicPort), Int(rule.publicPort)))
        default: nil
        }
    }

    fileprivate var trafficWord: String {
        switch self {
        case .firewallRule(let rule): rule.traffic.word
        case .egressRule(let rule): rule.traffic.word
        case .portForwarding(let rule): rule.transport.rawValue
        case .loadBalancerRule(let rule): rule.transport.rawValue
        default: ""
        }
    }
}

extension Traffic {
    fileprivate var ports: PortRange?? {
        switch self {
        case .tcp(let ports), .udp(let ports): .some(ports)
        case .all, .icmp, .other: nil
        }
    }

    fileprivate var word: String { String(description.prefix { $0 != "/" }) }
}
