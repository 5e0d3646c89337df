import CloudModel
import NetworkVocabulary

// Lists of ports that guests share, brought about. A list is that of a public address, or that of a network: then each
// of its rules is at one of the network's own addresses.

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
    /// Which of the network's own it is at; nil for any of them, and at a public address.
    let address: IPv4Address?
    let members: [StaticNAT]
    let text: CloudFile.Balancer
}

/// What a list is all the rules of.
enum BalancerHome {
    case publicAddress(ObjectID)
    case network(ObjectID)
}

struct InternalBalancersInFile {
    let network: ObjectID
    let path: String
    let rules: [BalancerInFile]
}

extension RuleFields {
    static let balancing = [
        "protocol": "from", "publicport": "from", "privateport": "port", "virtualmachineids": "to", "vmidipmap": "to",
        "cidrlist": "sources", "openfirewall": "openFirewall", "publicipid": "", "networkid": "",
        "sourceipaddress": "address", "sourceport": "from", "instanceport": "port",
    ]
}

extension Draft {
    func read(
        _ rules: [CloudFile.Balancer], ofNetwork network: ObjectID, _ path: String
    ) throws(RequestError) -> InternalBalancersInFile {
        var read: [BalancerInFile] = []
        for (index, rule) in rules.enumerated() {
            let path = "\(path).balance[\(index)]"
            let balancer = try self.read(rule, .network(network), network, path)
            // What only public addresses have is refused, not passed over.
            guard balancer.content.transport == .tcp else {
                throw invalid("from", rule.from, "a load balancer of a network is for tcp").inFile(path, [:])
            }
            guard balancer.content.sources.isEmpty else {
                throw .refused("\(path).sources", "\(path).sources: a load balancer of a network is for all its guests")
            }
            guard !balancer.content.opensFirewall else {
                throw .refused(
                    "\(path).openFirewall", "\(path).openFirewall: firewall rules are about public addresses")
            }
            read.append(balancer)
        }
        return InternalBalancersInFile(network: network, path: path, rules: read)
    }

    func read(
        _ rule: CloudFile.Balancer, _ home: BalancerHome, _ network: ObjectID, _ path: String
    ) throws(RequestError) -> BalancerInFile {
        let words = rule.from.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard words.count == 2, let transport = LoadBalancerRule.Transport(rawValue: String(words[0])),
            let ports = PortRange(String(words[1])), ports.count == 1
        else {
            throw invalid("from", rule.from, "it is not tcp/80, udp/53, tcp-proxy/80 or alike").inFile(path, [:])
        }
        if case .publicAddress = home, rule.address != nil {
            throw .refused("\(path).address", "\(path).address: the rule is at the public address that the list is of")
        }
        let port = ports.first
        let (sources, address) = try inFile(path, RuleFields.balancing) { () throws(RequestError) in
            (
                try prefixes(rule.sources, "cidrlist", else: []),
                try rule.address.map { text throws(RequestError) in try self.address(text, "address") }
            )
        }
        var members: [StaticNAT] = []
        for (index, member) in rule.to.enumerated() {
            members.append(try target(member.guest, member.address, network, "\(path).to[\(index)]", "guest"))
        }
        let content = BalancerContent(
            name: rule.name, transport: transport, publicPort: port, privatePort: rule.port ?? Int(port),
            algorithm: rule.algorithm.lowercased(), sources: sources.sorted(), opensFirewall: rule.opensFirewall)
        return BalancerInFile(content: content, address: address, members: members, text: rule)
    }

    /// Rules that the file does not say go, and so do members that it does not name.
    mutating func removeBalancers(than wanted: [BalancerInFile], of home: BalancerHome) throws(RequestError) {
        let members = Dictionary(
            uniqueKeysWithValues: found(wanted, of: home).map { ($1, Set(wanted[$0].members)) })
        for rule in balancers(of: home) {
            guard let members = members[rule.id] else {
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
        _ wanted: [BalancerInFile], of home: BalancerHome, _ path: String
    ) throws(RequestError) -> [Reference] {
        var objects: [Reference] = []
        let there = found(wanted, of: home)
        for index in order(wanted) {
            let balancer = wanted[index]
            let path = "\(path).balance[\(index)]"
            var rule = there[index]
            if rule == nil {
                let made = try at(path, RuleFields.balancing, .balancing(creation(of: balancer, home)))
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

extension Draft {
    /// Who names an address comes before those that take any.
    private func order(_ wanted: [BalancerInFile]) -> [Int] {
        wanted.indices.filter { wanted[$0].address != nil } + wanted.indices.filter { wanted[$0].address == nil }
    }

    /// The rules that are as the file says, by their places in its list; each is one of the file's at most.
    private func found(_ wanted: [BalancerInFile], of home: BalancerHome) -> [Int: ObjectID] {
        var left = Dictionary(grouping: balancers(of: home)) { content($0) }
        var found: [Int: ObjectID] = [:]
        for index in order(wanted) {
            let (content, address) = (wanted[index].content, wanted[index].address)
            guard let rules = left[content],
                let place = rules.firstIndex(where: { address == nil || cloud.place(of: $0)?.address == address })
            else { continue }
            found[index] = rules[place].id
            left[content]?.remove(at: place)
        }
        return found
    }

    /// The oldest first.
    private func balancers(of home: BalancerHome) -> [LoadBalancerRule] {
        switch home {
        case .publicAddress(let address):
            cloud.loadBalancerRulesByAddress[address].compactMap { cloud.loadBalancerRules[$0] }
                .sorted { $0.number < $1.number }
        case .network(let network): cloud.internalBalancers(ofNetwork: network)
        }
    }

    private func content(_ rule: LoadBalancerRule) -> BalancerContent {
        BalancerContent(
            name: rule.name, transport: rule.transport, publicPort: rule.publicPort, privatePort: Int(rule.privatePort),
            algorithm: rule.algorithm.rawValue, sources: rule.sources.sorted(),
            opensFirewall: !cloud.firewallRulesByBalancing[rule.id].isEmpty)
    }

    private func creation(of balancer: BalancerInFile, _ home: BalancerHome) -> BalancingRequest {
        let (content, text) = (balancer.content, balancer.text)
        return switch home {
        case .publicAddress(let address):
            .createRule(
                .init(
                    publicAddress: address, name: content.name, algorithm: text.algorithm,
                    transport: content.transport.rawValue, publicPort: Int(content.publicPort),
                    privatePort: content.privatePort, sources: text.sources, opensFirewall: content.opensFirewall))
        case .network(let network):
            .createInternal(
                .init(
                    network: network, address: text.address, name: content.name, algorithm: text.algorithm,
                    sourcePort: Int(content.publicPort), instancePort: content.privatePort))
        }
    }
}
