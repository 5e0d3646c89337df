/// A field that follows from the rest of the packet: lengths and checksums.
///
/// A parsed field is `computed` when it holds the value that belongs there, so that a frame that was built and one that
/// was read are equal when their bytes are. `forced` is what a capture held instead, or what a test wants to send.
public enum Derived<Value: Hashable & Sendable>: Hashable, Sendable {
    case computed
    case forced(Value)

    @inlinable public func value(_ computed: @autoclosure () -> Value) -> Value {
        switch self {
        case .computed: computed()
        case .forced(let value): value
        }
    }

    /// What a parser keeps of a field it has read.
    init(read value: Value, expected: Value) {
        self = value == expected ? .computed : .forced(value)
    }
}

/// Why bytes are not the packet they should be, and where.
public struct PacketFault: Error, Hashable, Sendable {
    public enum Layer: String, Hashable, Sendable {
        case ethernet, vlan, arp, ipv4, ipv6, tcp, udp, icmp, icmpv6, vxlan
    }

    public enum Reason: Hashable, Sendable {
        /// The layer needs so many bytes and has so many.
        case truncated(needed: Int, available: Int)
        case version(UInt8)
        /// A header length that is shorter than the header.
        case headerLength(Int)
        /// A total length that is shorter than the header.
        case totalLength(Int)
        /// VXLAN without the bit that says its identifier is valid.
        case flags(UInt8)
    }

    public let layer: Layer
    /// Where the layer starts, counted from the first byte that was given to the parser.
    public let offset: Int
    public let reason: Reason

    public init(_ layer: Layer, at offset: Int, _ reason: Reason) {
        self.layer = layer
        self.offset = offset
        self.reason = reason
    }
}

extension PacketFault: CustomStringConvertible {
    public var description: String {
        let why =
            switch reason {
            case .truncated(let needed, let available): "needs \(needed) bytes, has \(available)"
            case .version(let version): "says it is version \(version)"
            case .headerLength(let length): "says its header has \(length) bytes"
            case .totalLength(let length): "says it has \(length) bytes in all"
            case .flags(let flags): "has flags 0x\(String(flags, radix: 16))"
            }
        return "\(layer.rawValue) at offset \(offset) \(why)"
    }
}
