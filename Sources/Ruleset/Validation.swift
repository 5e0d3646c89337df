import NetworkVocabulary

extension Table {
    /// Refuses what the kernel would refuse, and what it would take and understand otherwise than it is meant.
    public func validate() throws(RulesetError) {
        try checkName(name)
        if let comment { try checkComment(comment) }
        var bases: Set<ChainName> = []
        var known: Set<ChainName> = []
        let all = allChains
        for chain in all {
            try checkName(chain.name.text)
            guard known.insert(chain.name).inserted else { throw .duplicateChain(chain.name) }
            if chain.hook != nil { bases.insert(chain.name) }
        }
        func check(_ verdict: Verdict, _ origin: Origin) throws(RulesetError) {
            switch verdict {
            case .jump(let name), .goto(let name):
                guard known.contains(name) else { throw .unknownChain(name, origin) }
                if bases.contains(name) { throw .jumpToBaseChain(name, origin) }
            case .accept, .drop, .return: break
            }
        }
        for declaration in sets.values.sorted(by: { $0.name < $1.name }) {
            try declaration.validate()
            for (key, element) in elements[declaration.name] ?? [:] {
                try checkComment(element.origin.description)
                try declaration.validate(key, element)
                if case .verdict(let verdict) = element.content { try check(verdict, element.origin) }
            }
            if declaration.isInterval, let elements = elements[declaration.name] {
                try declaration.refuseOverlaps(Array(elements.keys))
            }
        }
        for name in elements.keys.sorted() where sets[name] == nil { throw .undeclaredElements(name) }
        for chain in branches.values.sorted(by: { $0.name < $1.name }) where chain.hook != nil {
            throw .hookedBranch(chain.name)
        }
        for chain in all {
            for rule in chain.rules {
                try checkComment(rule.origin.description)
                var check = RuleCheck(table: self, chain: chain, rule: rule)
                try check.run()
            }
            for case .verdict(let verdict) in chain.rules.flatMap(\.statements) {
                try check(verdict, chain.rules.first { $0.statements.contains(.verdict(verdict)) }?.origin ?? .foreign)
            }
        }
        try refuseLoops()
    }

    /// The kernel finds loops only while it commits, where no step can be named any more.
    private func refuseLoops() throws(RulesetError) {
        var targets: [ChainName: Set<ChainName>] = [:]
        let all = allChains
        for chain in all {
            for statement in chain.rules.flatMap(\.statements) {
                switch statement {
                case .verdict(.jump(let name)), .verdict(.goto(let name)):
                    targets[chain.name, default: []].insert(name)
                case .verdictMap(_, let set):
                    for case .verdict(let verdict) in (elements[set] ?? [:]).values.map(\.content) {
                        switch verdict {
                        case .jump(let name), .goto(let name): targets[chain.name, default: []].insert(name)
                        default: break
                        }
                    }
                default: break
                }
            }
        }
        var done: Set<ChainName> = []
        var path: [ChainName] = []
        func visit(_ name: ChainName) throws(RulesetError) {
            if let start = path.firstIndex(of: name) { throw .loop(Array(path[start...]) + [name]) }
            if done.contains(name) { return }
            path.append(name)
            for target in (targets[name] ?? []).sorted() { try visit(target) }
            path.removeLast()
            done.insert(name)
        }
        for chain in all { try visit(chain.name) }
    }
}

extension SetDeclaration {
    fileprivate func validate() throws(RulesetError) {
        try checkName(name.text)
        try checkComment(origin.description)
        // nft numbers a concatenation with six bits a component; the kernel has 64 bytes of registers for a key.
        func check(_ types: [DataType]) throws(RulesetError) {
            guard (1...5).contains(types.count), DataType.byteCount(of: types) <= 64 else {
                throw .badDeclaration(name, reason: "one to five components of 64 bytes in all are possible")
            }
            if types.contains(.connectionState) {
                throw .badDeclaration(
                    name, reason: "there are no values of the type \(DataType.connectionState.syntax)")
            }
        }
        try check(key)
        if case .values(let types) = yield { try check(types) }
        if key.contains(where: \.isRaw) {
            let named: [DataType] = [.interfaceName, .ipv4]
            guard key.last?.isRaw == true, key.dropLast().elementsEqual(named.prefix(key.count - 1)),
                yield == .membership, !isInterval
            else {
                throw .badDeclaration(
                    name, reason: "bytes without a name stand last, behind an interface and an address, in a plain set")
            }
        }
        if key.contains(.slot) {
            guard key == [.slot], !isInterval, yield == .values([.ipv4]) || yield == .values([.ipv6]) else {
                throw .badDeclaration(name, reason: "slots stand alone and lead to addresses")
            }
        }
        // Ranges compare bytes, and these types are in the machine's order.
        if isInterval, key.contains(.mark) || key == [.interfaceName] || key == [.networkProtocol] {
            throw .badDeclaration(name, reason: "marks, lone interfaces and families have no ranges")
        }
    }

    fileprivate func validate(_ key: ElementKey, _ element: Element) throws(RulesetError) {
        guard key.values.count == self.key.count, zip(key.values, self.key).allSatisfy({ $0.fits($1) }) else {
            throw .elementMismatch(name, key, element.origin)
        }
        if !isInterval, key.values.contains(where: \.isRange) { throw .needsInterval(name, key, element.origin) }
        switch (yield, element.content) {
        case (.membership, .none), (.verdict, .verdict): break
        case (.values(let types), .values(let values)):
            guard values.count == types.count, zip(values, types).allSatisfy({ $0.fits($1) && !$0.isRange }) else {
                throw .elementMismatch(name, key, element.origin)
            }
        default: throw .elementMismatch(name, key, element.origin)
        }
    }

    /// Compares each key with those that begin inside it, along the component that tells most keys apart.
    fileprivate func refuseOverlaps(_ keys: [ElementKey]) throws(RulesetError) {
        let bounds = keys.map { key in key.values.map(\.bounds) }
        let pivot = key.indices.max { a, b in
            Set(bounds.map { $0[a].first }).count < Set(bounds.map { $0[b].first }).count
        }
        guard let pivot else { return }
        let order = keys.indices.sorted { a, b in
            bounds[a][pivot].first == bounds[b][pivot].first
                ? keys[a] < keys[b] : bounds[a][pivot].first.lexicographicallyPrecedes(bounds[b][pivot].first)
        }
        var open: [Int] = []
        for index in order {
            open.removeAll { bounds[$0][pivot].last.lexicographicallyPrecedes(bounds[index][pivot].first) }
            for other in open where zip(bounds[other], bounds[index]).allSatisfy(overlap) {
                throw .overlap(name, keys[other], keys[index])
            }
            open.append(index)
        }
    }
}

private func overlap(_ a: (first: [UInt8], last: [UInt8]), _ b: (first: [UInt8], last: [UInt8])) -> Bool {
    !a.last.lexicographicallyPrecedes(b.first) && !b.last.lexicographicallyPrecedes(a.first)
}

/// One rule: what it has made sure of so far, statement by statement.
private struct RuleCheck {
    let table: Table
    let chain: Chain
    let rule: Rule
    var network: EtherType?
    var transports: Set<IPProtocol>?

    init(table: Table, chain: Chain, rule: Rule) {
        self.table = table
        self.chain = chain
        self.rule = rule
    }

    mutating func run() throws(RulesetError) {
        for (index, statement) in rule.statements.enumerated() {
            try check(statement)
            if statement.isTerminal, index < rule.statements.count - 1 {
                throw bad(rule.statements[index + 1], "nothing comes after a verdict")
            }
        }
        if rule.statements.isEmpty { throw .badStatement("", rule.origin, reason: "a rule says something") }
    }

    private func bad(_ statement: Statement, _ reason: String) -> RulesetError {
        .badStatement(statement.syntax(in: table.family), rule.origin, reason: reason)
    }

    private mutating func check(_ statement: Statement) throws(RulesetError) {
        switch statement {
        case .match(let field, let comparison, let value):
            try check([field])
            guard value.fits(field) else { throw bad(statement, "the value is of another type") }
            if value.matchesEverything { throw bad(statement, "every packet matches") }
            if comparison == .equal { learn(field, [value]) }
        case .oneOf(let field, let comparison, let values):
            try check([field])
            guard !values.isEmpty, values.allSatisfy({ $0.fits(field) }) else {
                throw bad(statement, "there are no values, or some of another type")
            }
            guard Set(values.map(\.normal)).count == values.count, !values.contains(where: \.matchesEverything) else {
                throw bad(statement, "a value is there twice, or matches everything")
            }
            if comparison == .equal { learn(field, values) }
        case .connectionState(let states):
            guard !states.isEmpty, states.isSubset(of: [.invalid, .established, .related, .new, .untracked]) else {
                throw bad(statement, "the state is unknown")
            }
        case .connectionStatus(let statuses):
            guard !statuses.isEmpty, statuses.isSubset(of: [.sourceNAT, .destinationNAT]) else {
                throw bad(statement, "the status is unknown")
            }
        case .maskedMark(let field, let mask, _, let value):
            guard field == .packetMark || field == .connectionMark else { throw bad(statement, "no mark is compared") }
            guard mask != 0, value & ~mask == 0 else { throw bad(statement, "no mark can match") }
        case .maskedByte(let field, let mask, _, let value):
            try check([field])
            guard case .bytes(_, _, 1) = field else { throw bad(statement, "the field is not one byte") }
            guard mask != 0, value & ~mask == 0 else { throw bad(statement, "no byte can match") }
        case .lookup(let fields, let name, _):
            guard try declaration(name, fields).yield == .membership else { throw bad(statement, "a map is no set") }
        case .verdictMap(let fields, let name):
            guard try declaration(name, fields).yield == .verdict else { throw bad(statement, "it holds no verdicts") }
        case .setPacketMark(let operand), .setConnectionMark(let operand):
            try check(operand, yields: [.mark], statement)
        case .sourceNAT(let family, let operand):
            try checkTranslation(statement, .postrouting, .input)
            try check(family, statement)
            try check(operand, yields: [family == .ipv4 ? .ipv4 : .ipv6], statement)
        case .destinationNAT(let family, let operand, let withPort):
            try checkTranslation(statement, .prerouting, .output)
            try check(family, statement)
            if withPort {
                try check([.destinationPort])
                guard case .map = operand else { throw bad(statement, "only maps yield ports") }
            }
            try check(operand, yields: [family == .ipv4 ? .ipv4 : .ipv6] + (withPort ? [.port] : []), statement)
        case .balance(let family, let name, let choice, let port):
            try checkTranslation(statement, .prerouting, .output)
            try check(family, statement)
            try check([.destinationPort])
            guard let declaration = table.sets[name] else { throw .unknownSet(name, rule.origin) }
            guard declaration.key == [.slot], declaration.yield == .values([family == .ipv4 ? .ipv4 : .ipv6]) else {
                throw bad(statement, "\(name) is no map from slots to such addresses")
            }
            guard port > 0, choice.count > 0, !choice.first.addingReportingOverflow(choice.count - 1).overflow else {
                throw bad(statement, "there is no port, or nothing to choose from")
            }
            if case .byHash(let field, _) = choice.way { try check([field]) }
        case .masquerade: try checkTranslation(statement, .postrouting, .postrouting)
        case .limit(let limit):
            if limit.packets == 0 || limit.burst == 0 { throw bad(statement, "no packet passes") }
        case .reject(.tcpReset):
            guard transports == [.tcp] else { throw bad(statement, "only TCP has resets") }
        case .log(let prefix):
            guard prefix.utf8.count < 127, isQuotable(prefix) else { throw bad(statement, "no prefix for nft") }
        case .counter, .reject, .verdict: break
        }
    }

    private mutating func learn(_ field: Field, _ values: [Value]) {
        switch field {
        case .networkProtocol, .etherType, .frameType:
            guard values.count == 1 else { return }
            switch values[0] {
            case .family(let family): network = family == .ipv4 ? .ipv4 : .ipv6
            case .etherType(let type): network = type
            default: break
            }
        case .transportProtocol:
            transports = Set(values.compactMap { if case .ipProtocol(let number) = $0 { number } else { nil } })
        default: break
        }
    }

    /// Whether the packet is sure to have what the rule reads.
    private func check(_ fields: [Field]) throws(RulesetError) {
        for field in fields {
            let isSure =
                switch field {
                case .ipv4Source, .ipv4Destination, .ipv4OriginalSource, .ipv4OriginalDestination, .ipv4ReplySource,
                    .ipv4ReplyDestination:
                    network == .ipv4
                case .ipv6Source, .ipv6Destination, .ipv6OriginalSource, .ipv6OriginalDestination, .ipv6ReplySource,
                    .ipv6ReplyDestination:
                    network == .ipv6
                case .arpOperation, .arpSenderMAC, .arpSenderIPv4, .arpTargetIPv4: network == .arp
                case .sourcePort, .destinationPort, .originalSourcePort, .originalDestinationPort, .replySourcePort,
                    .replyDestinationPort:
                    transports.map { $0.isSubset(of: [.tcp, .udp]) } ?? false
                case .etherType, .frameType, .bytes(.link, _, _): table.family == .bridge
                case .bytes(.network, _, _): network != nil
                case .bytes(.transport, _, _): transports?.count == 1
                case .icmpType, .icmpCode: transports == [.icmp]
                case .icmpv6Type, .icmpv6Code: transports == [.icmpv6]
                default: true
                }
            if !isSure { throw .unsureHeader(field, rule.origin) }
        }
    }

    private func check(_ family: AddressFamily, _ statement: Statement) throws(RulesetError) {
        guard network == (family == .ipv4 ? .ipv4 : .ipv6) else {
            throw bad(statement, "the packet's family is not sure")
        }
    }

    private func checkTranslation(
        _ statement: Statement, _ point: Hook.Point, _ other: Hook.Point
    ) throws(RulesetError) {
        guard table.family == .inet else { throw bad(statement, "bridges translate no addresses") }
        guard let hook = chain.hook else { return }
        guard hook.kind == .nat, hook.point == point || hook.point == other else {
            throw bad(statement, "\(chain.name) is no chain for it")
        }
    }

    private func check(
        _ operand: Operand, yields types: [DataType], _ statement: Statement
    ) throws(RulesetError) {
        switch operand {
        case .value(let value):
            guard types.count == 1, value.fits(types[0]), !value.isRange else {
                throw bad(statement, "the value is of another type")
            }
        case .field(let field):
            try check([field])
            guard types == field.dataType.map({ [$0] }) else { throw bad(statement, "the field is of another type") }
        case .map(let name, let fields):
            guard try declaration(name, fields).yield == .values(types) else {
                throw bad(statement, "the map yields something else")
            }
        }
    }

    private func declaration(_ name: SetName, _ fields: [Field]) throws(RulesetError) -> SetDeclaration {
        guard let declaration = table.sets[name] else { throw .unknownSet(name, rule.origin) }
        try check(fields)
        guard fields.map(\.dataType) == declaration.key, !fields.contains(.connectionState) else {
            throw .badStatement(
                fields.map { $0.syntax(in: table.family) }.joined(separator: " . "), rule.origin,
                reason: "the key of \(name) is another")
        }
        return declaration
    }
}

extension Statement {
    /// Whether no packet gets past it.
    fileprivate var isTerminal: Bool {
        switch self {
        case .verdict, .reject, .sourceNAT, .destinationNAT, .balance, .masquerade: true
        default: false
        }
    }
}
