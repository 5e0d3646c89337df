// Names and comments that nft reads as they are meant.

/// Words of nft's grammar that stand where a name could: a name with a hyphen is never one.
private let reservedWords: Set<String> = [
    "accept", "add", "addr", "ah", "arp", "at", "bridge", "burst", "bypass", "cgroup", "chain", "chains", "code",
    "comment", "comp", "constant", "continue", "counter", "counters", "cpu", "create", "ct", "daddr", "day", "dccp",
    "delete", "describe", "destroy", "device", "devices", "dnat", "dport", "drop", "dscp", "dst", "dup", "dynamic",
    "ecn", "element", "elements", "eq", "esp", "ether", "expires", "exists", "export", "fib", "flags", "flow",
    "flowtable", "flush", "frag", "fwd", "gc", "geneve", "ge", "get", "goto", "gre", "gt", "handle", "hash",
    "helper", "helpers", "hook", "hour", "ibriport", "icmp", "icmpv6", "icmpx", "id", "iif", "iifgroup", "iifname",
    "iiftype", "igmp", "implicit", "import", "include", "index", "inet", "ingress", "inner", "insert", "interval",
    "ip", "ip6", "jhash", "json", "jump", "key", "l4proto", "label", "last", "le", "length", "level", "limit",
    "limits", "list", "log", "lt", "map", "maps", "mark", "masquerade", "meta", "meter", "meters", "mh", "missing",
    "mod", "monitor", "mptcp", "ne", "netdev", "nexthdr", "nfproto", "notrack", "numgen", "obriport", "oif",
    "oifgroup", "oifname", "oiftype", "options", "or", "order", "original", "osf", "over", "packets", "performance",
    "pkttype", "policy", "position", "prefix", "priority", "protocol", "proto", "queue", "quota", "quotas",
    "random", "redefine", "redirect", "reject", "rename", "replace", "reply", "reset", "return", "rt", "rule",
    "ruleset", "saddr", "sctp", "sctp", "secmark", "sequence", "set", "sets", "size", "skgid", "skuid", "snat",
    "socket", "sport", "spi", "spnum", "src", "state", "status", "string", "symhash", "synproxy", "synproxys",
    "table", "tables", "tcp", "th", "time", "timeout", "timestamp", "to", "tproxy", "ttl", "type", "typeof", "udp",
    "udplite", "undefine", "unknown", "update", "using", "vlan", "vmap", "vxlan", "weekday", "xor", "xt", "zone",
    "and", "all", "as", "define", "not", "off", "rshift", "lshift", "second", "minute", "week", "bytes", "accounting",
]

func checkName(_ name: String) throws(RulesetError) {
    let first = name.utf8.first.map { (97...122).contains($0) } ?? false
    let allowed = name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 }
    guard first, allowed, name.utf8.count <= 63, !reservedWords.contains(name) else { throw .badName(name) }
}

func checkComment(_ text: String) throws(RulesetError) {
    guard text.utf8.count <= 128, isQuotable(text) else { throw .badComment(text) }
}

/// Whether nft reads the text between quotation marks as it is: `$` would name a variable.
func isQuotable(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && !"\"\\$".utf8.contains($0) }
}
