internal import CLinux
internal import Glibc
public import Ruleset

extension NetfilterSocket {
    /// One element as the kernel holds it now, looked up by its key: the cost does not grow with the set. Nil when it is
    /// not there: a range that only contains the key, or shares its first value, is another element. Sets of ranges of
    /// one component cannot be asked so; they are read whole.
    public func readElement(
        _ key: ElementKey, of declaration: SetDeclaration, in family: TableFamily, _ table: String
    ) throws(NetfilterError) -> KernelSet.Entry? {
        let shape = KernelSet.Shape(
            key: declaration.key, yield: declaration.yield, isInterval: declaration.isInterval,
            countsElements: declaration.countsElements, limit: declaration.limit)
        let wanted = key.normal
        if declaration.isInterval, declaration.key.count == 1 {
            return try whileQuiet { () throws(NetfilterError) in
                let elements = try self.readElements(family, table, declaration.name.text).paired(isTree: true)
                return elements.lazy.compactMap { $0.read(as: shape) }.first { $0.0 == wanted }?.1
            }.0
        }
        return try lookUp(key, declaration, family, table) { element in
            guard let read = element.read(as: shape), read.0 == wanted else { return nil }
            return read.1
        }
    }

    /// What one element of a counting set has counted; nil when it is not there.
    public func readElementCounters(
        _ key: ElementKey, of declaration: SetDeclaration, in family: TableFamily, _ table: String
    ) throws(NetfilterError) -> Counters? {
        if declaration.isInterval, declaration.key.count == 1 {
            return try readElementCounters(family, table, declaration)[key.normal]
        }
        return try lookUp(key, declaration, family, table, \.counters)
    }

    private func lookUp<Result>(
        _ key: ElementKey, _ declaration: SetDeclaration, _ family: TableFamily, _ table: String,
        _ read: (RawElement) -> Result?
    ) throws(NetfilterError) -> Result? {
        let bounds = key.bounds
        var result: Result?
        do throws(NetfilterError) {
            try request(.getElements, family: family.netfilterNumber, flags: 0) { header in
                mnl_attr_put_strz(header, UInt16(NFTA_SET_ELEM_LIST_TABLE.rawValue), table)
                mnl_attr_put_strz(header, UInt16(NFTA_SET_ELEM_LIST_SET.rawValue), declaration.name.text)
                let list = mnl_attr_nest_start(header, UInt16(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue))
                let element = mnl_attr_nest_start(header, UInt16(NFTA_LIST_ELEM.rawValue))
                Self.put(bounds.first, NFTA_SET_ELEM_KEY.rawValue, header)
                if declaration.isInterval { Self.put(bounds.last, NFTA_SET_ELEM_KEY_END.rawValue, header) }
                mnl_attr_nest_end(header, element)
                mnl_attr_nest_end(header, list)
            } _: { message in
                guard let list = nftnl_set_alloc() else { return false }
                defer { nftnl_set_free(list) }
                guard nftnl_set_elems_nlmsg_parse(message, list) >= 0,
                    let iterator = nftnl_set_elems_iter_create(list)
                else { return false }
                defer { nftnl_set_elems_iter_destroy(iterator) }
                if let found = nftnl_set_elems_iter_next(iterator) { result = read(RawElement(found)) }
                return true
            }
        } catch {
            guard error.errno == ENOENT else { throw error }
            return nil
        }
        return result
    }

    private static func put(_ bytes: [UInt8], _ attribute: UInt32, _ header: UnsafeMutablePointer<nlmsghdr>) {
        let nest = mnl_attr_nest_start(header, UInt16(truncatingIfNeeded: attribute))
        mnl_attr_put(header, UInt16(NFTA_DATA_VALUE.rawValue), bytes.count, bytes)
        mnl_attr_nest_end(header, nest)
    }
}

extension NetfilterSocket {
    /// The rules of one chain that have no anonymous sets; nil when there is no such chain. Costs nothing for the others.
    public func readRules(
        of chain: ChainName, in family: TableFamily, _ table: String
    ) throws(NetfilterError) -> [KernelRule]? {
        var rules: [KernelRule] = []
        do throws(NetfilterError) {
            try request(.getChain, family: family.netfilterNumber, flags: 0) { header in
                mnl_attr_put_strz(header, UInt16(NFTA_CHAIN_TABLE.rawValue), table)
                mnl_attr_put_strz(header, UInt16(NFTA_CHAIN_NAME.rawValue), chain.text)
            } _: { _ in
                true
            }
            try forEachRule(family, table, of: chain) { rule in
                rules.append(
                    KernelRule(
                        comment: rule.comment,
                        rule.expressions.map { Expression(decoding: $0) { .named(SetName($0)) } }))
            }
        } catch {
            guard error.errno == ENOENT else { throw error }
            return nil
        }
        return rules
    }
}
