internal import CLinux
internal import Glibc
internal import NetworkVocabulary
internal import Ruleset

/// A transaction as the bytes of one netlink batch, and which of its messages came from which step.
///
/// libnftnl writes without looking for the buffer's end, so there is always more room behind the last message than
/// any single message can take: attributes have 16-bit lengths, and lists of elements are cut long before that.
struct NetfilterBatch: ~Copyable {
    /// What a message was written for.
    struct Mark {
        let operation: Int?
        /// Of the step's elements, those in this message.
        let elements: Range<Int>?
        /// Where in the batch the message begins.
        let offset: Int

        init(operation: Int?, elements: Range<Int>?, offset: Int = 0) {
            self.operation = operation
            self.elements = elements
            self.offset = offset
        }
    }

    private static let headroom = 192 << 10
    /// Bytes of elements in one message: their list is one attribute, and its length has 16 bits.
    private static let chunk = 56 << 10

    private(set) var buffer: UnsafeMutableRawPointer
    private(set) var count = 0
    private var capacity: Int
    private let firstSequence: UInt32
    /// One for each message, in the order of their sequence numbers.
    private(set) var marks: [Mark] = []
    private let family: TableFamily
    private let table: String
    private var nextSetID: UInt32 = 1

    init(
        _ transaction: Transaction, firstSequence: UInt32, generation: UInt32?, commits: Bool
    ) throws(NetfilterError) {
        family = transaction.family
        table = transaction.table
        self.firstSequence = firstSequence
        capacity = Self.headroom * 2
        buffer = .allocate(byteCount: capacity, alignment: 8)
        begin(generation)
        for (index, operation) in transaction.operations.enumerated() { try append(operation, index) }
        if commits { end() }
    }

    deinit { buffer.deallocate() }

    /// The message that the kernel's answer is about.
    func mark(sequence: UInt32) -> Mark? {
        let index = Int(sequence &- firstSequence)
        return marks.indices.contains(index) ? marks[index] : nil
    }

    // MARK: - Messages

    private mutating func place(_ mark: Mark) -> (UnsafeMutablePointer<CChar>, UInt32) {
        if capacity - count < Self.headroom {
            let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity * 2, alignment: 8)
            larger.copyMemory(from: buffer, byteCount: count)
            buffer.deallocate()
            buffer = larger
            capacity *= 2
        }
        marks.append(Mark(operation: mark.operation, elements: mark.elements, offset: count))
        return ((buffer + count).assumingMemoryBound(to: CChar.self), firstSequence &+ UInt32(marks.count - 1))
    }

    private mutating func finish(_ message: UnsafeMutablePointer<nlmsghdr>) {
        count += (Int(message.pointee.nlmsg_len) + 3) & ~3
    }

    private mutating func begin(_ generation: UInt32?) {
        let (pointer, sequence) = place(Mark(operation: nil, elements: nil))
        guard let message = nftnl_batch_begin(pointer, sequence) else { return }
        if let generation {
            // NFNL_BATCH_GENID: the kernel drops the batch when its ruleset is of another generation.
            mnl_attr_put_u32(message, 1, generation.bigEndian)
        }
        finish(message)
    }

    private mutating func end() {
        let (pointer, sequence) = place(Mark(operation: nil, elements: nil))
        if let message = nftnl_batch_end(pointer, sequence) { finish(message) }
    }

    private mutating func add(
        _ type: NetfilterMessage, _ flags: Int32, _ mark: Mark, _ fill: (UnsafeMutablePointer<nlmsghdr>) -> Void
    ) {
        let (pointer, sequence) = place(mark)
        guard
            let message = nftnl_nlmsg_build_hdr(
                pointer, type.rawValue, family.netfilterNumber, UInt16(truncatingIfNeeded: flags), sequence)
        else { return }
        fill(message)
        finish(message)
    }

    private mutating func append(_ operation: Operation, _ index: Int) throws(NetfilterError) {
        let mark = Mark(operation: index, elements: nil)
        switch operation {
        case .addTable(let comment): try appendTable(.newTable, NLM_F_CREATE, comment, mark)
        case .deleteTable: try appendTable(.deleteTable, 0, nil, mark)
        case .addChain(let name, let hook): try appendChain(.newChain, NLM_F_CREATE, name, hook, mark)
        case .deleteChain(let name): try appendChain(.deleteChain, 0, name, nil, mark)
        case .flushChain(let name):
            let rule = try owned(nftnl_rule_alloc())
            defer { nftnl_rule_free(rule) }
            nftnl_rule_set_str(rule, number(NFTNL_RULE_TABLE), table)
            nftnl_rule_set_str(rule, number(NFTNL_RULE_CHAIN), name.text)
            add(.deleteRule, 0, mark) { nftnl_rule_nlmsg_build_payload($0, rule) }
        case .addRule(let chain, let rule): try appendRule(rule, chain, mark)
        case .addSet(let declaration): try appendSet(declaration, mark)
        case .deleteSet(let name):
            let set = try owned(nftnl_set_alloc())
            defer { nftnl_set_free(set) }
            nftnl_set_set_str(set, number(NFTNL_SET_TABLE), table)
            nftnl_set_set_str(set, number(NFTNL_SET_NAME), name.text)
            add(.deleteSet, 0, mark) { nftnl_set_nlmsg_build_payload($0, set) }
        case .addElements(let declaration, let elements):
            // Exclusive: the kernel takes a double of an element in silence otherwise.
            try appendElements(
                .newElements, NLM_F_CREATE | NLM_F_EXCL, declaration, elements.count, index
            ) { (elements[$0].key, elements[$0].element) }
        case .deleteElements(let declaration, let keys):
            try appendElements(.deleteElements, 0, declaration, keys.count, index) { (keys[$0], nil) }
        }
    }

    private mutating func appendTable(
        _ type: NetfilterMessage, _ flags: Int32, _ comment: String?, _ mark: Mark
    ) throws(NetfilterError) {
        let object = try owned(nftnl_table_alloc())
        defer { nftnl_table_free(object) }
        nftnl_table_set_u32(object, number(NFTNL_TABLE_FAMILY), UInt32(family.netfilterNumber))
        nftnl_table_set_str(object, number(NFTNL_TABLE_NAME), table)
        if let comment {
            withBytes(of: NetfilterUserData.comment(comment)) {
                _ = nftnl_table_set_data(object, number(NFTNL_TABLE_USERDATA), $0, $1)
            }
        }
        add(type, flags, mark) { nftnl_table_nlmsg_build_payload($0, object) }
    }

    private mutating func appendChain(
        _ type: NetfilterMessage, _ flags: Int32, _ name: ChainName, _ hook: Hook?, _ mark: Mark
    ) throws(NetfilterError) {
        let chain = try owned(nftnl_chain_alloc())
        defer { nftnl_chain_free(chain) }
        nftnl_chain_set_str(chain, number(NFTNL_CHAIN_TABLE), table)
        nftnl_chain_set_str(chain, number(NFTNL_CHAIN_NAME), name.text)
        if let hook {
            nftnl_chain_set_str(chain, number(NFTNL_CHAIN_TYPE), hook.kind.rawValue)
            nftnl_chain_set_u32(chain, number(NFTNL_CHAIN_HOOKNUM), hook.point.netfilterNumber)
            nftnl_chain_set_s32(chain, number(NFTNL_CHAIN_PRIO), hook.priority)
            nftnl_chain_set_u32(chain, number(NFTNL_CHAIN_POLICY), hook.policy == .accept ? 1 : 0)
        }
        add(type, flags, mark) { nftnl_chain_nlmsg_build_payload($0, chain) }
    }

    private mutating func appendRule(_ rule: Rule, _ chain: ChainName, _ mark: Mark) throws(NetfilterError) {
        let object = try owned(nftnl_rule_alloc())
        defer { nftnl_rule_free(object) }
        nftnl_rule_set_str(object, number(NFTNL_RULE_TABLE), table)
        nftnl_rule_set_str(object, number(NFTNL_RULE_CHAIN), chain.text)
        withBytes(of: NetfilterUserData.comment(rule.origin.description)) {
            _ = nftnl_rule_set_data(object, number(NFTNL_RULE_USERDATA), $0, $1)
        }
        for expression in rule.expressions(in: family) {
            var id: UInt32?
            if case .lookup(_, .anonymous(let members), _, _) = expression { id = try appendAnonymous(members, mark) }
            nftnl_rule_add_expr(object, try expression.encoded(anonymousID: id))
        }
        add(.newRule, NLM_F_CREATE | NLM_F_APPEND, mark) { nftnl_rule_nlmsg_build_payload($0, object) }
    }

    private mutating func newSetID() -> UInt32 {
        defer { nextSetID += 1 }
        return nextSetID
    }

    private mutating func appendSet(_ declaration: SetDeclaration, _ mark: Mark) throws(NetfilterError) {
        let set = try owned(nftnl_set_alloc())
        defer { nftnl_set_free(set) }
        nftnl_set_set_str(set, number(NFTNL_SET_TABLE), table)
        nftnl_set_set_str(set, number(NFTNL_SET_NAME), declaration.name.text)
        nftnl_set_set_u32(set, number(NFTNL_SET_ID), newSetID())
        nftnl_set_set_u32(set, number(NFTNL_SET_KEY_TYPE), DataType.code(of: declaration.key))
        nftnl_set_set_u32(set, number(NFTNL_SET_KEY_LEN), UInt32(DataType.byteCount(of: declaration.key)))
        var flags: UInt32 = 0
        var hints = NetfilterUserData()
        hints.append(Int(NFTNL_UDATA_SET_KEYBYTEORDER.rawValue), number: Self.byteOrder(of: declaration.key))
        switch declaration.yield {
        case .membership: break
        case .values(let types):
            flags |= NetfilterSetFlags.map
            nftnl_set_set_u32(set, number(NFTNL_SET_DATA_TYPE), DataType.code(of: types))
            nftnl_set_set_u32(set, number(NFTNL_SET_DATA_LEN), UInt32(DataType.byteCount(of: types)))
            hints.append(Int(NFTNL_UDATA_SET_DATABYTEORDER.rawValue), number: Self.byteOrder(of: types))
        case .verdict:
            flags |= NetfilterSetFlags.map
            nftnl_set_set_u32(set, number(NFTNL_SET_DATA_TYPE), NetfilterSetFlags.verdictType)
            nftnl_set_set_u32(set, number(NFTNL_SET_DATA_LEN), 0)
            hints.append(Int(NFTNL_UDATA_SET_DATABYTEORDER.rawValue), number: 0)
        }
        if declaration.isInterval {
            flags |= NetfilterSetFlags.interval
            if declaration.key.count > 1 {
                flags |= NetfilterSetFlags.concatenation
                let lengths = declaration.key.map { UInt8($0.byteCount) }
                lengths.withUnsafeBytes {
                    _ = nftnl_set_set_data(
                        set, number(NFTNL_SET_DESC_CONCAT), $0.baseAddress, UInt32($0.count))
                }
            }
        }
        nftnl_set_set_u32(set, number(NFTNL_SET_FLAGS), flags)
        if declaration.key.contains(where: \.isRaw) {
            hints.append(Int(NFTNL_UDATA_SET_KEY_TYPEOF.rawValue), nested: .example(ofKey: declaration.key))
        }
        hints.appendExamples(of: declaration)
        hints.append(Int(NFTNL_UDATA_SET_COMMENT.rawValue), text: declaration.origin.description)
        withBytes(of: hints) { _ = nftnl_set_set_data(set, number(NFTNL_SET_USERDATA), $0, $1) }
        if let limit = declaration.limit {
            nftnl_set_add_expr(set, try Expression.limit(limit).encoded(anonymousID: nil))
        }
        if declaration.countsElements { nftnl_set_add_expr(set, try Expression.counter.encoded(anonymousID: nil)) }
        add(.newSet, NLM_F_CREATE | NLM_F_EXCL, mark) { nftnl_set_nlmsg_build_payload($0, set) }
    }

    /// 0 for concatenations, 1 for the machine's order, 2 for network order.
    private static func byteOrder(of types: [DataType]) -> UInt32 {
        types.count > 1 ? 0 : types[0].isHostOrder ? 1 : 2
    }

    private mutating func appendAnonymous(_ members: AnonymousSet, _ mark: Mark) throws(NetfilterError) -> UInt32 {
        let set = try owned(nftnl_set_alloc())
        defer { nftnl_set_free(set) }
        let id = newSetID()
        nftnl_set_set_str(set, number(NFTNL_SET_TABLE), table)
        nftnl_set_set_str(set, number(NFTNL_SET_NAME), Expression.anonymousName)
        nftnl_set_set_u32(set, number(NFTNL_SET_ID), id)
        nftnl_set_set_u32(set, number(NFTNL_SET_KEY_TYPE), members.typeCode)
        nftnl_set_set_u32(set, number(NFTNL_SET_KEY_LEN), UInt32(members.byteCount))
        var flags = NetfilterSetFlags.anonymous | NetfilterSetFlags.constant
        if members.isInterval { flags |= NetfilterSetFlags.interval }
        nftnl_set_set_u32(set, number(NFTNL_SET_FLAGS), flags)
        var hints = NetfilterUserData()
        let types = DataType.types(of: members.typeCode)
        hints.append(
            Int(NFTNL_UDATA_SET_KEYBYTEORDER.rawValue), number: types?.first?.isHostOrder == true ? 1 : 2)
        withBytes(of: hints) { _ = nftnl_set_set_data(set, number(NFTNL_SET_USERDATA), $0, $1) }
        add(.newSet, NLM_F_CREATE | NLM_F_EXCL, mark) { nftnl_set_nlmsg_build_payload($0, set) }
        let list = try owned(nftnl_set_alloc())
        defer { nftnl_set_free(list) }
        nftnl_set_set_str(list, number(NFTNL_SET_TABLE), table)
        nftnl_set_set_str(list, number(NFTNL_SET_NAME), Expression.anonymousName)
        nftnl_set_set_u32(list, number(NFTNL_SET_ID), id)
        for member in members.members {
            try addElement(
                to: list, first: member.first, last: member.last, content: .none, comment: nil,
                form: members.isInterval ? .tree : .hash)
        }
        add(.newElements, NLM_F_CREATE | NLM_F_EXCL, mark) { nftnl_set_elems_nlmsg_build_payload($0, list) }
        return id
    }

    // MARK: - Elements

    /// How the kernel keeps the keys of a set.
    private enum ElementForm {
        case hash
        /// Ranges of one component: the lower bound, and the value behind the upper one as an end mark.
        case tree
        /// Ranges of several components: both bounds in one element.
        case concatenation
    }

    private mutating func appendElements(
        _ type: NetfilterMessage, _ flags: Int32, _ declaration: SetDeclaration, _ count: Int, _ operation: Int,
        _ element: (Int) -> (ElementKey, Element?)
    ) throws(NetfilterError) {
        let form: ElementForm = !declaration.isInterval ? .hash : declaration.key.count == 1 ? .tree : .concatenation
        var start = 0
        while start < count {
            let set = try owned(nftnl_set_alloc())
            defer { nftnl_set_free(set) }
            nftnl_set_set_str(set, number(NFTNL_SET_TABLE), table)
            nftnl_set_set_str(set, number(NFTNL_SET_NAME), declaration.name.text)
            var end = start
            var size = 0
            while end < count {
                let (key, content) = element(end)
                let bounds = key.bounds
                let comment = content?.origin.description
                // Generous: attribute headers, both bounds, the data and a chain's name.
                let most = 96 + 2 * bounds.first.count + (comment?.utf8.count ?? 0) + (content?.content.mostBytes ?? 0)
                if size + most > Self.chunk { break }
                size += most
                try addElement(
                    to: set, first: bounds.first, last: bounds.last, content: content?.content ?? .none,
                    comment: comment, form: form)
                end += 1
            }
            add(type, flags, Mark(operation: operation, elements: start..<end)) {
                nftnl_set_elems_nlmsg_build_payload($0, set)
            }
            start = end
        }
    }

    private func addElement(
        to set: OpaquePointer, first: [UInt8], last: [UInt8], content: Element.Content, comment: String?,
        form: ElementForm
    ) throws(NetfilterError) {
        let element = try owned(nftnl_set_elem_alloc())
        Self.set(element, NFTNL_SET_ELEM_KEY, first)
        if form == .concatenation { Self.set(element, NFTNL_SET_ELEM_KEY_END, last) }
        switch content {
        case .none: break
        case .values(let values): Self.set(element, NFTNL_SET_ELEM_DATA, values.registerBytes)
        case .verdict(let verdict):
            nftnl_set_elem_set_u32(element, number(NFTNL_SET_ELEM_VERDICT), verdict.code)
            if let chain = verdict.chain {
                nftnl_set_elem_set_str(element, number(NFTNL_SET_ELEM_CHAIN), chain.text)
            }
        }
        let end = form == .tree ? successor(of: last) : nil
        var hints = comment.map { NetfilterUserData.comment($0) } ?? NetfilterUserData()
        if form == .tree, end == nil {
            // Up to the last value there is: nft wants to know that the end mark is not missing by mistake.
            hints.append(
                Int(NFTNL_UDATA_SET_ELEM_FLAGS.rawValue), number: UInt32(NFTNL_SET_ELEM_F_INTERVAL_OPEN.rawValue))
        }
        if !hints.bytes.isEmpty { Self.set(element, NFTNL_SET_ELEM_USERDATA, hints.bytes) }
        nftnl_set_elem_add(set, element)
        if let end {
            let mark = try owned(nftnl_set_elem_alloc())
            Self.set(mark, NFTNL_SET_ELEM_KEY, end)
            nftnl_set_elem_set_u32(mark, number(NFTNL_SET_ELEM_FLAGS), NetfilterSetFlags.elementEnd)
            nftnl_set_elem_add(set, mark)
        }
    }

    private static func set(_ element: OpaquePointer, _ attribute: Int, _ value: [UInt8]) {
        value.withUnsafeBytes {
            _ = nftnl_set_elem_set(element, number(attribute), $0.baseAddress, UInt32($0.count))
        }
    }

    private func withBytes(of data: NetfilterUserData, _ body: (UnsafeRawPointer?, UInt32) -> Void) {
        data.bytes.withUnsafeBytes { body($0.baseAddress, UInt32($0.count)) }
    }
}

/// The library returns nothing only when memory is short.
func owned(_ object: OpaquePointer?) throws(NetfilterError) -> OpaquePointer {
    guard let object else { throw .system(operation: "allocate", errno: ENOMEM) }
    return object
}

extension Element.Content {
    fileprivate var mostBytes: Int {
        switch self {
        case .none: 0
        case .values(let values): 16 * values.count
        case .verdict(let verdict): 16 + (verdict.chain?.text.utf8.count ?? 0)
        }
    }
}
