import CloudModel
import NetworkVocabulary

// Ports of public addresses that guests share, in a cloud file.
extension CloudFile {
    public struct Balancer: Hashable, Sendable {
        public var name: String
        /// `tcp/80`, `udp/53`; `tcp-proxy/80` tells the guests who the client is by the PROXY protocol.
        public var from: String
        /// Guests on the address's network. A guest that stays keeps its connections.
        public var to: [Member]
        /// The guests' port; the same when absent.
        public var port: Int?
        public var algorithm = "roundrobin"
        /// Who may use it; empty: everybody.
        public var sources: [String] = []
        /// Whether a firewall rule for the port comes along.
        public var opensFirewall = false

        public init(name: String, from: String, to: [Member]) {
            self.name = name
            self.from = from
            self.to = to
        }
    }

    /// A guest's name, or an object that also says which of its addresses is meant.
    public struct Member: Hashable, Sendable {
        public var guest: String
        public var address: String?

        public init(guest: String, address: String? = nil) {
            self.guest = guest
            self.address = address
        }
    }
}

extension CloudFile.Balancer: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, from, to, port, algorithm, sources, opensFirewall = "openFirewall"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            from: try container.decode(String.self, forKey: .from),
            to: try container.decode([CloudFile.Member].self, forKey: .to))
        port = try container.decodeIfPresent(Int.self, forKey: .port)
        algorithm = try container.decodeIfPresent(String.self, forKey: .algorithm) ?? algorithm
        sources = try container.decodeIfPresent([String].self, forKey: .sources) ?? sources
        opensFirewall = try container.decodeIfPresent(Bool.self, forKey: .opensFirewall) ?? opensFirewall
    }
}

extension CloudFile.Member: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case guest, address }

    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            self.init(guest: name)
            return
        }
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            guest: try container.decode(String.self, forKey: .guest),
            address: try container.decodeIfPresent(String.self, forKey: .address))
    }

    public func encode(to encoder: any Encoder) throws {
        guard let address else {
            var container = encoder.singleValueContainer()
            try container.encode(guest)
            return
        }
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(guest, forKey: .guest)
        try container.encode(address, forKey: .address)
    }
}

/// What makes a load balancer rule the same one, whoever its members are.
struct BalancerContent: Hashable {
    let name: String
    let transport: LoadBalancerRule.Transport
    let publicPort: UInt16
    let privatePort: Int
    let algorithm: String
    let sources: [IPPrefix]
    let opensFirewall: Bool
}

struct BalancerInFile {
    let content: BalancerContent
    let members: [StaticNAT]
    let text: CloudFile.Balancer
}

extension RuleFields {
    static let balancing = [
        "protocol": "from", "publicport": "from", "privateport": "port", "virtualmachineids": "to", "vmidipmap": "to",
        "cidrlist": "sources", "openfirewall": "openFirewall", "publicipid": "", "networkid": "",
    ]
}

extension Draft {
    func read(
        _ rule: CloudFile.Balancer, _ network: ObjectID, _ path: String
    ) throws(RequestError) -> BalancerInFile {
        let words = rule.from.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard words.count == 2, let transport = LoadBalancerRule.Transport(rawValue: String(words[0])),
            let ports = PortRange(String(words[1])), ports.count == 1
        else {
            throw invalid("from", rule.from, "it is not tcp/80, udp/53, tcp-proxy/80 or alike").inFile(path, [:])
        }
        let port = ports.first
        let sources = try inFile(path, RuleFields.balancing) { () throws(RequestError) in
            try prefixes(rule.sources, "cidrlist", else: [])
        }
        var members: [StaticNAT] = []
        for (index, member) in rule.to.enumerated() {
            members.append(try target(member.guest, member.address, network, "\(path).to[\(index)]", "guest"))
        }
        let content = BalancerContent(
            name: rule.name, transport: transport, publicPort: port, privatePort: rule.port ?? Int(port),
            algorithm: rule.algorithm.lowercased(), sources: sources.sorted(), opensFirewall: rule.opensFirewall)
        return BalancerInFile(content: content, members: members, text: rule)
    }

    private func content(_ rule: LoadBalancerRule) -> BalancerContent {
        BalancerContent(
            name: rule.name, transport: rule.transport, publicPort: rule.publicPort, privatePort: Int(rule.privatePort),
            algorithm: rule.algorithm.rawValue, sources: rule.sources.sorted(),
            opensFirewall: !cloud.firewallRulesByBalancing[rule.id].isEmpty)
    }

    private func balancers(of address: ObjectID) -> [BalancerContent: LoadBalancerRule] {
        let rules = cloud.loadBalancerRulesByAddress[address].compactMap { cloud.loadBalancerRules[$0] }
        return Dictionary(rules.map { (content($0), $0) }) { first, _ in first }
    }

    /// Rules that the file does not say go, and so do members that it does not name.
    mutating func removeBalancers(than wanted: [BalancerInFile], of address: ObjectID) throws(RequestError) {
        let members = Dictionary(wanted.map { ($0.content, Set($0.members)) }) { first, _ in first }
        for (content, rule) in balancers(of: address) {
            guard let members = members[content] else {
                try removeBalancer(rule.id)
                continue
            }
            for member in cloud.members(ofBalancer: rule.id)
            where !members.contains(StaticNAT(nic: member.nic, guestAddress: member.guestAddress)) {
                try remove(.loadBalancerMember, member.id)
            }
        }
    }

    mutating func addBalancers(
        _ wanted: [BalancerInFile], of address: ObjectID, _ path: String
    ) throws(RequestError) -> [Reference] {
        var objects: [Reference] = []
        let there = balancers(of: address)
        for (index, balancer) in wanted.enumerated() {
            let path = "\(path).balance[\(index)]"
            var rule = there[balancer.content]?.id
            if rule == nil {
                let content = balancer.content
                let made = try at(
                    path, RuleFields.balancing,
                    .balancing(
                        .createRule(
                            .init(
                                publicAddress: address, name: content.name, algorithm: balancer.text.algorithm,
                                transport: content.transport.rawValue, publicPort: Int(content.publicPort),
                                privatePort: content.privatePort, sources: balancer.text.sources,
                                opensFirewall: content.opensFirewall))))
                rule = made.first?.id
                objects += made
            }
            guard let rule else { continue }
            let held = Set(cloud.members(ofBalancer: rule).map(\.guestAddress))
            let missing = balancer.members.filter { !held.contains($0.guestAddress) }.compactMap { member in
                cloud.nics[member.nic].map {
                    BalancingRequest.Guests.Member(guest: $0.guest, address: member.guestAddress.description)
                }
            }
            if missing.isEmpty { continue }
            objects += try at(
                path, RuleFields.balancing, .balancing(.assign(.init(rule: rule, members: missing))))
        }
        return objects
    }
}
