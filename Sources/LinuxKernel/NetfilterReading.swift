internal import CLinux
internal import Glibc
internal import NetworkVocabulary
public import Ruleset

extension NetfilterSocket {
    /// The table as the kernel holds it, nil when there is none, and the generation it was read at.
    ///
    /// A table is read in several requests; when the ruleset changes between them the reading starts again.
    public func readTable(
        _ family: TableFamily, _ name: String
    ) throws(NetfilterError) -> (table: KernelTable?, generation: UInt32) {
        try whileQuiet { () throws(NetfilterError) in try self.readOnce(family, name) }
    }

    /// What the elements of a set with counters have counted.
    public func readElementCounters(
        _ family: TableFamily, _ table: String, _ set: SetDeclaration
    ) throws(NetfilterError) -> [ElementKey: Counters] {
        try whileQuiet { () throws(NetfilterError) in
            let raw = try self.readElements(family, table, set.name.text)
            var counters: [ElementKey: Counters] = [:]
            for item in raw.paired(isTree: set.isInterval && set.key.count == 1) {
                guard let values = [Value](set.key, first: item.first, last: item.last), let count = item.counters
                else { continue }
                counters[ElementKey(values)] = count
            }
            return counters
        }.0
    }

    /// What the counters of a table's rules have counted: for each chain, by the rule's comment, in the order of the
    /// rules. Rules without a counter are left out.
    public func readRuleCounters(
        _ family: TableFamily, _ table: String
    ) throws(NetfilterError) -> [ChainName: [(comment: String?, counters: Counters)]] {
        try whileQuiet { () throws(NetfilterError) in
            var counters: [ChainName: [(comment: String?, counters: Counters)]] = [:]
            try self.forEachRule(family, table) { rule in
                for expression in rule.expressions {
                    guard let count = Counters(of: expression) else { continue }
                    counters[rule.chain, default: []].append((rule.comment, count))
                }
            }
            return counters
        }.0
    }

    func whileQuiet<Answer>(
        _ read: () throws(NetfilterError) -> Answer
    ) throws(NetfilterError) -> (Answer, UInt32) {
        for _ in 0..<16 {
            let before = try generation()
            do throws(NetfilterError) {
                let answer = try read()
                if try generation() == before { return (answer, before) }
            } catch {
                // Something vanished between two requests, or a dump was interrupted: a change, unless nothing changed.
                guard case .system(_, let errno) = error, errno == EINTR || errno == ENOENT else { throw error }
                if errno == ENOENT, try generation() == before { throw error }
            }
        }
        throw .restless
    }

    private func readOnce(_ family: TableFamily, _ name: String) throws(NetfilterError) -> KernelTable? {
        guard var table = try readHeader(family, name) else { return nil }
        let (sets, anonymous) = try readSets(family, name)
        table.sets = sets
        try readChains(family, name, into: &table)
        var places: [ChainName: Int] = [:]
        for (index, chain) in table.chains.enumerated() { places[chain.name] = index }
        try forEachRule(family, name) { rule in
            guard let place = places[rule.chain] else { return }
            let decoded = rule.expressions.map { expression in
                Expression(decoding: expression) { set in
                    anonymous[set].map { .anonymous($0) } ?? .named(SetName(set))
                }
            }
            table.chains[place].rules.append(KernelRule(comment: rule.comment, decoded))
        }
        return table
    }

    private func readHeader(_ family: TableFamily, _ name: String) throws(NetfilterError) -> KernelTable? {
        var table: KernelTable?
        do throws(NetfilterError) {
            try request(
                .getTable, family: family.netfilterNumber, flags: 0,
                { mnl_attr_put_strz($0, UInt16(NFTA_TABLE_NAME.rawValue), name) }
            ) { message in
                guard let object = nftnl_table_alloc() else { return false }
                defer { nftnl_table_free(object) }
                guard nftnl_table_nlmsg_parse(message, object) >= 0 else { return false }
                var count: UInt32 = 0
                let hints = nftnl_table_get_data(object, number(NFTNL_TABLE_USERDATA), &count)
                table = KernelTable(family, name, comment: NetfilterUserData.comment(in: bytes(hints, count)))
                return true
            }
        } catch .system(_, ENOENT) {
            return nil
        }
        return table
    }

    private func readChains(
        _ family: TableFamily, _ name: String, into table: inout KernelTable
    ) throws(NetfilterError) {
        var chains: [KernelChain] = []
        try request(.getChain, family: family.netfilterNumber, flags: NLM_F_DUMP, { _ in }) { message in
            guard let object = nftnl_chain_alloc() else { return false }
            defer { nftnl_chain_free(object) }
            guard nftnl_chain_nlmsg_parse(message, object) >= 0,
                let owner = nftnl_chain_get_str(object, number(NFTNL_CHAIN_TABLE)),
                let text = nftnl_chain_get_str(object, number(NFTNL_CHAIN_NAME))
            else { return false }
            // The kernel lists the chains of all tables.
            guard String(cString: owner) == name else { return true }
            chains.append(KernelChain(ChainName(String(cString: text)), Self.attachment(of: object)))
            return true
        }
        table.chains = chains
    }

    private static func attachment(of chain: OpaquePointer) -> KernelChain.Attachment {
        guard nftnl_chain_is_set(chain, number(NFTNL_CHAIN_HOOKNUM)) else { return .regular }
        let type = nftnl_chain_get_str(chain, number(NFTNL_CHAIN_TYPE)).map { String(cString: $0) } ?? ""
        let point = nftnl_chain_get_u32(chain, number(NFTNL_CHAIN_HOOKNUM))
        guard let kind = Hook.Kind(rawValue: type), let hook = Hook.Point(netfilterNumber: point),
            !nftnl_chain_is_set(chain, number(NFTNL_CHAIN_DEV)),
            !nftnl_chain_is_set(chain, number(NFTNL_CHAIN_DEVICES))
        else { return .foreign("\(type) at hook \(point)") }
        let policy = nftnl_chain_get_u32(chain, number(NFTNL_CHAIN_POLICY))
        return .base(
            Hook(
                kind, hook, priority: nftnl_chain_get_s32(chain, number(NFTNL_CHAIN_PRIO)),
                policy: policy == 0 ? .drop : .accept))
    }

    /// A rule as a dump shows it.
    struct ListedRule {
        let chain: ChainName
        /// The number that the kernel gave it.
        let handle: UInt64
        let comment: String?
        /// Gone with the rule, when the body returns.
        let expressions: [OpaquePointer]
    }

    func forEachRule(
        _ family: TableFamily, _ table: String, of chain: ChainName? = nil, _ body: (ListedRule) -> Void
    ) throws(NetfilterError) {
        try request(
            .getRule, family: family.netfilterNumber, flags: NLM_F_DUMP,
            { header in
                mnl_attr_put_strz(header, UInt16(NFTA_RULE_TABLE.rawValue), table)
                if let chain { mnl_attr_put_strz(header, UInt16(NFTA_RULE_CHAIN.rawValue), chain.text) }
            }
        ) { message in
            guard let rule = nftnl_rule_alloc() else { return false }
            defer { nftnl_rule_free(rule) }
            guard nftnl_rule_nlmsg_parse(message, rule) >= 0,
                let chain = nftnl_rule_get_str(rule, number(NFTNL_RULE_CHAIN)),
                let owner = nftnl_rule_get_str(rule, number(NFTNL_RULE_TABLE)),
                let iterator = nftnl_expr_iter_create(rule)
            else { return false }
            defer { nftnl_expr_iter_destroy(iterator) }
            guard String(cString: owner) == table else { return true }
            var expressions: [OpaquePointer] = []
            while let expression = nftnl_expr_iter_next(iterator) { expressions.append(expression) }
            var count: UInt32 = 0
            let hints = nftnl_rule_get_data(rule, number(NFTNL_RULE_USERDATA), &count)
            body(
                ListedRule(
                    chain: ChainName(String(cString: chain)),
                    handle: nftnl_rule_get_u64(rule, number(NFTNL_RULE_HANDLE)),
                    comment: NetfilterUserData.comment(in: bytes(hints, count)), expressions: expressions))
            return true
        }
    }

    // MARK: - Sets

    private struct SetHeader {
        let name: String
        let isAnonymous: Bool
        let isInterval: Bool
        let typeCode: UInt32
        let keyBytes: Int
        let shape: KernelSet.Shape?
        let comment: String?
    }

    private func readSets(
        _ family: TableFamily, _ table: String
    ) throws(NetfilterError) -> ([SetName: KernelSet], [String: AnonymousSet]) {
        var headers: [SetHeader] = []
        try request(
            .getSet, family: family.netfilterNumber, flags: NLM_F_DUMP,
            { mnl_attr_put_strz($0, UInt16(NFTA_SET_TABLE.rawValue), table) }
        ) { message in
            guard let set = nftnl_set_alloc() else { return false }
            defer { nftnl_set_free(set) }
            guard nftnl_set_nlmsg_parse(message, set) >= 0, let header = Self.header(of: set) else { return false }
            headers.append(header)
            return true
        }
        var named: [SetName: KernelSet] = [:]
        var anonymous: [String: AnonymousSet] = [:]
        for header in headers {
            let isTree = header.isInterval && (header.isAnonymous || header.shape?.key.count == 1)
            let items = try readElements(family, table, header.name).paired(isTree: isTree)
            if header.isAnonymous {
                anonymous[header.name] = AnonymousSet(
                    typeCode: header.typeCode, byteCount: header.keyBytes, isInterval: header.isInterval,
                    members: items.map { .init(first: $0.first, last: $0.last) })
                continue
            }
            var set = KernelSet(header.shape, comment: header.comment)
            for item in items {
                guard let shape = header.shape, let (key, entry) = item.read(as: shape) else {
                    set.unreadable += 1
                    continue
                }
                set.elements[key] = entry
            }
            named[SetName(header.name)] = set
        }
        return (named, anonymous)
    }

    private static func header(of set: OpaquePointer) -> SetHeader? {
        guard let name = nftnl_set_get_str(set, number(NFTNL_SET_NAME)) else { return nil }
        let flags = nftnl_set_get_u32(set, number(NFTNL_SET_FLAGS))
        var count: UInt32 = 0
        let hints = nftnl_set_get_data(set, number(NFTNL_SET_USERDATA), &count)
        let code = nftnl_set_get_u32(set, number(NFTNL_SET_KEY_TYPE))
        return SetHeader(
            name: String(cString: name), isAnonymous: flags & NetfilterSetFlags.anonymous != 0,
            isInterval: flags & NetfilterSetFlags.interval != 0, typeCode: code,
            keyBytes: Int(nftnl_set_get_u32(set, number(NFTNL_SET_KEY_LEN))), shape: shape(of: set, flags, code),
            comment: NetfilterUserData.comment(in: bytes(hints, count), type: Int(NFTNL_UDATA_SET_COMMENT.rawValue)))
    }

    private static func shape(of set: OpaquePointer, _ flags: UInt32, _ code: UInt32) -> KernelSet.Shape? {
        let known = NetfilterSetFlags.interval | NetfilterSetFlags.map | NetfilterSetFlags.concatenation
        let length = Int(nftnl_set_get_u32(set, number(NFTNL_SET_KEY_LEN)))
        guard flags & ~known == 0, let key = DataType.types(of: code, byteCount: length) else { return nil }
        let yield: SetDeclaration.Yield
        if flags & NetfilterSetFlags.map == 0 {
            yield = .membership
        } else {
            let data = nftnl_set_get_u32(set, number(NFTNL_SET_DATA_TYPE))
            if data == NetfilterSetFlags.verdictType {
                yield = .verdict
            } else {
                guard let types = DataType.types(of: data) else { return nil }
                yield = .values(types)
            }
        }
        var counts = false
        var limit: RateLimit?
        if nftnl_set_is_set(set, number(NFTNL_SET_EXPR)), let pointer = nftnl_set_get(set, number(NFTNL_SET_EXPR)) {
            switch Expression(decoding: OpaquePointer(pointer), set: { .named(SetName($0)) }) {
            case .counter: counts = true
            case .limit(let rate): limit = rate
            default: return nil
            }
        }
        return KernelSet.Shape(
            key: key, yield: yield, isInterval: flags & NetfilterSetFlags.interval != 0, countsElements: counts,
            limit: limit)
    }

    /// An element as the kernel sends it.
    struct RawElement {
        var first: [UInt8]
        var last: [UInt8]
        var isEnd: Bool
        var data: [UInt8]?
        var verdict: Verdict?
        var comment: String?
        var counters: Counters?
    }

    func readElements(
        _ family: TableFamily, _ table: String, _ set: String
    ) throws(NetfilterError) -> [RawElement] {
        var elements: [RawElement] = []
        try request(
            .getElements, family: family.netfilterNumber, flags: NLM_F_DUMP,
            {
                mnl_attr_put_strz($0, UInt16(NFTA_SET_ELEM_LIST_TABLE.rawValue), table)
                mnl_attr_put_strz($0, UInt16(NFTA_SET_ELEM_LIST_SET.rawValue), set)
            }
        ) { message in
            guard let list = nftnl_set_alloc() else { return false }
            defer { nftnl_set_free(list) }
            guard nftnl_set_elems_nlmsg_parse(message, list) >= 0, let iterator = nftnl_set_elems_iter_create(list)
            else { return false }
            defer { nftnl_set_elems_iter_destroy(iterator) }
            while let element = nftnl_set_elems_iter_next(iterator) { elements.append(RawElement(element)) }
            return true
        }
        return elements
    }
}

extension NetfilterSocket.RawElement {
    init(_ element: OpaquePointer) {
        func has(_ attribute: Int) -> Bool { nftnl_set_elem_is_set(element, number(attribute)) }
        func data(_ attribute: Int) -> [UInt8]? {
            guard has(attribute) else { return nil }
            var count: UInt32 = 0
            let pointer = nftnl_set_elem_get(element, number(attribute), &count)
            return bytes(pointer, count)
        }
        first = data(NFTNL_SET_ELEM_KEY) ?? []
        last = data(NFTNL_SET_ELEM_KEY_END) ?? first
        let flags = has(NFTNL_SET_ELEM_FLAGS) ? nftnl_set_elem_get_u32(element, number(NFTNL_SET_ELEM_FLAGS)) : 0
        isEnd = flags & NetfilterSetFlags.elementEnd != 0
        self.data = data(NFTNL_SET_ELEM_DATA)
        if has(NFTNL_SET_ELEM_VERDICT) {
            let chain = nftnl_set_elem_get_str(element, number(NFTNL_SET_ELEM_CHAIN)).map { String(cString: $0) }
            verdict = Verdict(code: nftnl_set_elem_get_u32(element, number(NFTNL_SET_ELEM_VERDICT)), chain: chain)
        }
        comment = data(NFTNL_SET_ELEM_USERDATA).flatMap { NetfilterUserData.comment(in: $0) }
        if has(NFTNL_SET_ELEM_EXPR) {
            var count: UInt32 = 0
            counters = nftnl_set_elem_get(element, number(NFTNL_SET_ELEM_EXPR), &count)
                .flatMap { Counters(of: OpaquePointer($0)) }
        }
    }

    /// The element as key and content of a set of this shape; nil when it is of another.
    func read(as shape: KernelSet.Shape) -> (ElementKey, KernelSet.Entry)? {
        guard let key = [Value](shape.key, first: first, last: last) else { return nil }
        let content: Element.Content
        switch shape.yield {
        case .membership: content = .none
        case .verdict:
            guard let verdict else { return nil }
            content = .verdict(verdict)
        case .values(let types):
            guard let data, let values = [Value](types, first: data, last: data) else { return nil }
            content = .values(values)
        }
        return (ElementKey(key), KernelSet.Entry(content, comment: comment))
    }
}

extension [NetfilterSocket.RawElement] {
    /// In a tree of ranges the kernel keeps lower bounds and end marks apart: joins each with what follows it.
    func paired(isTree: Bool) -> [Element] {
        guard isTree else { return self }
        let ordered = sorted { a, b in
            a.first == b.first ? a.isEnd && !b.isEnd : a.first.lexicographicallyPrecedes(b.first)
        }
        var joined: [Element] = []
        for (index, item) in ordered.enumerated() where !item.isEnd {
            var whole = item
            if index + 1 < ordered.count {
                whole.last = predecessor(of: ordered[index + 1].first) ?? item.first
            } else {
                whole.last = item.first.map { _ in 0xff }
            }
            joined.append(whole)
        }
        return joined
    }
}

extension Counters {
    /// What a counter instruction has counted; nil for other instructions.
    init?(of expression: OpaquePointer) {
        guard let kind = nftnl_expr_get_str(expression, number(NFTNL_EXPR_NAME)), String(cString: kind) == "counter"
        else { return nil }
        self.init(
            packets: nftnl_expr_get_u64(expression, number(NFTNL_EXPR_CTR_PACKETS)),
            bytes: nftnl_expr_get_u64(expression, number(NFTNL_EXPR_CTR_BYTES)))
    }
}
