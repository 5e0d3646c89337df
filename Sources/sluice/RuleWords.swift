import NetworkVocabulary

/// The words after a subcommand, sorted: what stands alone, and the options with their values.
struct Words {
    private(set) var plain: [String] = []
    private var options: [String: String] = [:]
    private var flags: Set<String> = []
    let usage: String

    init(
        _ words: some Sequence<String>, options known: Set<String> = [], flags knownFlags: Set<String> = [],
        usage: String
    ) throws(Failure) {
        self.usage = usage
        var rest = Array(words)[...]
        while let word = rest.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if knownFlags.contains(word) {
                flags.insert(word)
            } else if known.contains(parts[0]) {
                guard let value = parts.count == 2 ? parts[1] : rest.popFirst(), !value.isEmpty else {
                    throw .usage("\(parts[0]) needs a value: \(usage)")
                }
                options[parts[0]] = value
            } else if word.hasPrefix("--") {
                throw .usage("there is no option \(word) here: \(usage)")
            } else {
                plain.append(word)
            }
        }
    }

    subscript(option: String) -> String? { options[option] }
    func has(_ flag: String) -> Bool { flags.contains(flag) }

    /// So many words that stand alone, and no other number of them.
    func require(_ count: ClosedRange<Int>) throws(Failure) {
        guard count.contains(plain.count) else { throw .usage(usage) }
    }
}

/// What a rule speaks of in one word: `all`, `tcp`, `tcp/80`, `udp/8000-8010`, `icmp`, `icmp/8/0`, `47`.
struct TrafficWord: Equatable {
    var transport: String
    var ports: PortRange?
    /// -1: every one.
    var icmpType = -1
    var icmpCode = -1

    init(_ text: String) throws(Failure) {
        let parts = text.lowercased().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let wrong = Failure.usage(
            "not of the form tcp/80, udp/8000-8010, icmp/8/0, all or a protocol's number: \(text)")
        transport = parts[0]
        guard !transport.isEmpty else { throw wrong }
        switch (transport, parts.count) {
        case (_, 1): break
        case ("tcp", 2), ("udp", 2):
            guard let range = PortRange(parts[1]) else { throw wrong }
            ports = range
        case ("icmp", 2), ("icmp", 3):
            guard let type = UInt8(parts[1]) else { throw wrong }
            icmpType = Int(type)
            guard parts.count == 3 else { break }
            guard let code = UInt8(parts[2]) else { throw wrong }
            icmpCode = Int(code)
        default: throw wrong
        }
    }

    /// As a rule of a reply has it. The names of the fields with ports differ between kinds of rules, and so do their
    /// types.
    init(rule: JSONValue, ports names: (first: String, last: String)) {
        transport = rule["protocol"]?.text ?? "?"
        if let first = rule[names.first].flatMap({ Int($0.text) }) {
            ports = PortRange(first, rule[names.last].flatMap { Int($0.text) } ?? first)
        }
        icmpType = rule["icmptype"].flatMap { Int($0.text) } ?? -1
        icmpCode = rule["icmpcode"].flatMap { Int($0.text) } ?? -1
    }

    var parameters: [String: String] {
        var parameters = ["protocol": transport]
        if let ports {
            parameters["startport"] = "\(ports.first)"
            parameters["endport"] = "\(ports.last)"
        }
        if icmpType >= 0 { parameters["icmptype"] = "\(icmpType)" }
        if icmpCode >= 0 { parameters["icmpcode"] = "\(icmpCode)" }
        return parameters
    }

    var text: String {
        if let ports { return "\(transport)/\(ports)" }
        if icmpType < 0 { return transport }
        return "\(transport)/\(icmpType)" + (icmpCode < 0 ? "" : "/\(icmpCode)")
    }
}
