internal import CLinux
public import NetworkVocabulary

/// A rule that chooses the routing table, or refuses the packet.
public struct KernelPolicyRule: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        case lookUp(table: UInt32)
        case blackhole
        case unreachable
        case prohibit
        /// An action that Sluice has no use for, by the kernel's number.
        case other(UInt8)
    }

    /// The packet mark that the rule wants, in the bits that the mask selects.
    public struct Mark: Hashable, Sendable {
        public var value: UInt32
        public var mask: UInt32

        public init(_ value: UInt32, mask: UInt32 = .max) {
            self.value = value
            self.mask = mask
        }
    }

    public var family: AddressFamily
    public var priority: UInt32
    public var action: Action
    public var mark: Mark?
    /// `lo` selects what this machine sends itself.
    public var incomingInterface: String?
    public var outgoingInterface: String?
    public var source: IPPrefix?
    public var destination: IPPrefix?
    public var maker: KernelRoute.Maker
    /// Somebody else's rule: it has a condition that is not among the above (ports, user ids, inversion …), so that
    /// equality of the rest says nothing.
    public var hasForeignConditions = false

    public init(
        _ family: AddressFamily, priority: UInt32, _ action: Action, mark: Mark? = nil,
        incomingInterface: String? = nil, outgoingInterface: String? = nil, source: IPPrefix? = nil,
        destination: IPPrefix? = nil, maker: KernelRoute.Maker = .sluice
    ) {
        self.family = family
        self.priority = priority
        self.action = action
        self.mark = mark
        self.incomingInterface = incomingInterface
        self.outgoingInterface = outgoingInterface
        self.source = source
        self.destination = destination
        self.maker = maker
    }
}

extension KernelPolicyRule.Action {
    init(number: UInt8, table: UInt32) {
        switch Int(number) {
        case FR_ACT_TO_TBL: self = .lookUp(table: table)
        case FR_ACT_BLACKHOLE: self = .blackhole
        case FR_ACT_UNREACHABLE: self = .unreachable
        case FR_ACT_PROHIBIT: self = .prohibit
        default: self = .other(number)
        }
    }

    var number: UInt8 {
        switch self {
        case .lookUp: UInt8(FR_ACT_TO_TBL)
        case .blackhole: UInt8(FR_ACT_BLACKHOLE)
        case .unreachable: UInt8(FR_ACT_UNREACHABLE)
        case .prohibit: UInt8(FR_ACT_PROHIBIT)
        case .other(let number): number
        }
    }
}

extension KernelPolicyRule {
    init?(_ payload: UnsafeRawBufferPointer) {
        guard payload.count >= MemoryLayout<fib_rule_hdr>.size else { return nil }
        let head = payload.loadUnaligned(as: fib_rule_hdr.self)
        guard let family = AddressFamily(number: head.family) else { return nil }
        self.init(family, priority: 0, .blackhole, maker: .init(rawValue: 0))
        hasForeignConditions = head.tos != 0 || head.flags & UInt32(FIB_RULE_INVERT) != 0
        var table = UInt32(head.table)
        var value: UInt32 = 0
        var mask: UInt32 = 0
        var attributes = NetlinkAttributes(payload, after: MemoryLayout<fib_rule_hdr>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case FRA_PRIORITY: priority = attribute.uint32 ?? 0
            case FRA_TABLE: table = attribute.uint32 ?? table
            case FRA_FWMARK: value = attribute.uint32 ?? 0
            case FRA_FWMASK: mask = attribute.uint32 ?? 0
            case FRA_IIFNAME: incomingInterface = attribute.string
            case FRA_OIFNAME: outgoingInterface = attribute.string
            case FRA_SRC: source = attribute.address.flatMap { IPPrefix($0, length: Int(head.src_len)) }
            case FRA_DST: destination = attribute.address.flatMap { IPPrefix($0, length: Int(head.dst_len)) }
            case FRA_PROTOCOL: maker = .init(rawValue: attribute.uint8 ?? 0)
            case FRA_SUPPRESS_PREFIXLEN, FRA_SUPPRESS_IFGROUP:
                if attribute.uint32 != .max { hasForeignConditions = true }
            case FRA_L3MDEV: if attribute.uint8 != 0 { hasForeignConditions = true }
            case FRA_UID_RANGE, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE, FRA_TUN_ID, FRA_FLOW:
                hasForeignConditions = true
            default: break
            }
        }
        if mask != 0 { mark = Mark(value, mask: mask) }
        action = Action(number: head.action, table: table)
    }
}

extension KernelPolicyRule: CustomStringConvertible {
    public var description: String {
        var text = "\(family) \(priority):"
        if let source { text += " from \(source)" }
        if let destination { text += " to \(destination)" }
        if let mark { text += " fwmark 0x\(String(mark.value, radix: 16))/0x\(String(mark.mask, radix: 16))" }
        if let incomingInterface { text += " iif \(incomingInterface)" }
        if let outgoingInterface { text += " oif \(outgoingInterface)" }
        switch action {
        case .lookUp(let table): text += " lookup \(table)"
        case .blackhole: text += " blackhole"
        case .unreachable: text += " unreachable"
        case .prohibit: text += " prohibit"
        case .other(let number): text += " action \(number)"
        }
        return text
    }
}
