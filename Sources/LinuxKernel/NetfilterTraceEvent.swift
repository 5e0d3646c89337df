internal import CLinux
internal import NetworkVocabulary
public import Ruleset

/// One thing that a table did to a packet.
public struct NetfilterTraceEvent: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        /// A rule that matched to its end, by the number that the kernel gave it.
        case rule(handle: UInt64, Decision)
        /// The end of a chain was reached without a decision.
        case returned
        /// The same in a base chain.
        case policy(Hook.Policy)
    }

    public enum Decision: Hashable, Sendable {
        case verdict(Verdict)
        /// The rule says nothing of where the packet goes.
        case none
        /// To a program, or of another kernel than we know.
        case other(Int32)
    }

    /// The same for all events of one packet, and for no other packet that the same listener is told of.
    public internal(set) var packet: UInt32
    public let table: String
    public let chain: ChainName
    public let action: Action
    /// The packet's mark after it.
    public let mark: UInt32

    /// A message behind its header; nil for what is no trace.
    init?(_ payload: UnsafeRawBufferPointer) {
        var attributes = NetlinkAttributes(payload, after: MemoryLayout<nfgenmsg>.size)
        var (packet, mark, type, handle) = (UInt32(0), UInt32(0), UInt32(0), UInt64(0))
        var (table, chain) = (String?.none, ChainName?.none)
        var policy: UInt32?
        var decision = Decision.none
        while let attribute = attributes.next() {
            let word = attribute.uint32.map { UInt32(bigEndian: $0) }
            switch attribute.type {
            case NFTA_TRACE_TABLE.number: table = attribute.string
            case NFTA_TRACE_CHAIN.number: chain = ChainName(attribute.string)
            case NFTA_TRACE_ID.number: packet = word ?? 0
            case NFTA_TRACE_MARK.number: mark = word ?? 0
            case NFTA_TRACE_TYPE.number: type = word ?? 0
            case NFTA_TRACE_POLICY.number: policy = word
            case NFTA_TRACE_RULE_HANDLE.number where attribute.bytes.count >= 8:
                handle = UInt64(bigEndian: attribute.bytes.loadUnaligned(as: UInt64.self))
            case NFTA_TRACE_VERDICT.number: decision = Decision(attribute.nested)
            default: break
            }
        }
        guard let table, let chain else { return nil }
        (self.packet, self.table, self.chain, self.mark) = (packet, table, chain, mark)
        switch nft_trace_types(rawValue: type) {
        // An end is also told as a rule that is none.
        case NFT_TRACETYPE_RULE where handle != 0: action = .rule(handle: handle, decision)
        case NFT_TRACETYPE_RULE, NFT_TRACETYPE_RETURN: action = .returned
        case NFT_TRACETYPE_POLICY: action = .policy(policy == UInt32(NF_DROP) ? .drop : .accept)
        default: return nil
        }
    }

    /// In words, with the comments of rules by their handles.
    public func text(_ comments: [UInt64: String] = [:]) -> String {
        switch action {
        case .rule(let handle, let decision):
            "\(chain) \(comments[handle] ?? "handle \(handle)"): \(decision)"
        case .returned: "\(chain): end"
        case .policy(let policy): "\(chain): policy \(policy.rawValue)"
        }
    }
}

extension NetfilterTraceEvent.Decision: CustomStringConvertible {
    fileprivate init(_ nested: NetlinkAttributes) {
        var attributes = nested
        var code: Int32?
        var chain: ChainName?
        while let attribute = attributes.next() {
            switch attribute.type {
            case NFTA_VERDICT_CODE.number: code = attribute.int32.map { Int32(bigEndian: $0) }
            case NFTA_VERDICT_CHAIN.number: chain = ChainName(attribute.string)
            default: break
            }
        }
        switch (code, chain) {
        case (NF_DROP, _): self = .verdict(.drop)
        case (NF_ACCEPT, _): self = .verdict(.accept)
        case (NFT_JUMP.rawValue, let chain?): self = .verdict(.jump(chain))
        case (NFT_GOTO.rawValue, let chain?): self = .verdict(.goto(chain))
        case (NFT_RETURN.rawValue, _): self = .verdict(.return)
        case (NFT_CONTINUE.rawValue, _), (nil, _): self = .none
        case (let code?, _): self = .other(code)
        }
    }

    public var description: String {
        switch self {
        case .verdict(let verdict): "\(verdict)"
        case .none: "goes on"
        case .other(let code): "verdict \(code)"
        }
    }
}

extension NetfilterSocket {
    /// The comments of a table's rules, by the numbers that traces name them by. Rules without one are left out.
    public func readRuleComments(
        _ family: TableFamily, _ table: String
    ) throws(NetfilterError) -> [UInt64: String] {
        try whileQuiet { () throws(NetfilterError) in
            var comments: [UInt64: String] = [:]
            try self.forEachRule(family, table) { comments[$0.handle] = $0.comment }
            return comments
        }.0
    }

    /// The place of each of a table's rules in its chain, by the numbers that traces name them by.
    public func readRulePlaces(
        _ family: TableFamily, _ table: String
    ) throws(NetfilterError) -> [ChainName: [UInt64: Int]] {
        try whileQuiet { () throws(NetfilterError) in
            var places: [ChainName: [UInt64: Int]] = [:]
            try self.forEachRule(family, table) {
                places[$0.chain, default: [:]][$0.handle] = places[$0.chain]?.count ?? 0
            }
            return places
        }.0
    }
}
