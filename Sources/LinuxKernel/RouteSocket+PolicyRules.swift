internal import CLinux
internal import Glibc
public import NetworkVocabulary

extension RouteSocket {
    /// Adds a rule; the same rule twice is an error that `isAlreadyExists`.
    public func addPolicyRule(_ rule: KernelPolicyRule) throws(KernelError) {
        try send("add policy rule", rule, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Removes one rule that has all of these properties.
    public func deletePolicyRule(_ rule: KernelPolicyRule) throws(KernelError) {
        try send("delete policy rule", rule, RTM_DELRULE, 0)
    }

    /// The rules of both families or of one, in the kernel's order.
    public func policyRules(_ family: AddressFamily? = nil) throws(KernelError) -> [KernelPolicyRule] {
        var rules: [KernelPolicyRule] = []
        for family in family.map({ [$0] }) ?? AddressFamily.allCases {
            var found: [KernelPolicyRule] = []
            do {
                try netlink.dump("list policy rules", RTM_GETRULE) { message in
                    message.append(Self.head(family))
                } restart: {
                    found.removeAll()
                } read: { head, payload in
                    if head.nlmsg_type == RTM_NEWRULE, let rule = KernelPolicyRule(payload), rule.family == family {
                        found.append(rule)
                    }
                }
            } catch  where error.errno == EAFNOSUPPORT || error.errno == EOPNOTSUPP {
                // A kernel without the family has no rules of it.
            }
            rules += found
        }
        return rules
    }

    private func send(
        _ operation: String, _ rule: KernelPolicyRule, _ type: Int, _ flags: Int32
    ) throws(KernelError) {
        guard !rule.hasForeignConditions else {
            throw KernelError(
                operation: operation, object: "\(rule)", errno: EINVAL,
                explanation: "the rule has conditions that are not known here")
        }
        try netlink.change(operation, "\(rule)", type, flags) { message in
            var head = Self.head(rule.family)
            head.action = rule.action.number
            head.src_len = UInt8(rule.source?.length ?? 0)
            head.dst_len = UInt8(rule.destination?.length ?? 0)
            if case .lookUp(let table) = rule.action, table < 256 { head.table = UInt8(table) }
            message.append(head)
            message.put(FRA_PRIORITY, rule.priority)
            if case .lookUp(let table) = rule.action { message.put(FRA_TABLE, table) }
            if let mark = rule.mark {
                message.put(FRA_FWMARK, mark.value)
                message.put(FRA_FWMASK, mark.mask)
            }
            if let name = rule.incomingInterface { message.put(FRA_IIFNAME, name) }
            if let name = rule.outgoingInterface { message.put(FRA_OIFNAME, name) }
            if let source = rule.source { message.put(FRA_SRC, source.address) }
            if let destination = rule.destination { message.put(FRA_DST, destination.address) }
            message.put(FRA_PROTOCOL, rule.maker.rawValue)
        }
    }

    private static func head(_ family: AddressFamily) -> fib_rule_hdr {
        var head = fib_rule_hdr()
        head.family = family.number
        return head
    }
}
