/// Which tracked connections are meant: those that fit in everything that is given.
///
/// Connections that a port forward brought in have the public address and port as their original destination; those that
/// left by source NAT have the public address as their reply's destination.
public struct FlowFilter: Hashable, Sendable {
    /// What is wanted of one direction.
    public struct Direction: Hashable, Sendable {
        public var source: IPPrefix?
        public var destination: IPPrefix?
        public var ipProtocol: IPProtocol?
        public var sourcePorts: PortRange?
        public var destinationPorts: PortRange?

        public init(
            source: IPPrefix? = nil, destination: IPPrefix? = nil, _ ipProtocol: IPProtocol? = nil,
            sourcePorts: PortRange? = nil, destinationPorts: PortRange? = nil
        ) {
            self.source = source
            self.destination = destination
            self.ipProtocol = ipProtocol
            self.sourcePorts = sourcePorts
            self.destinationPorts = destinationPorts
        }

        public func matches(_ tuple: FlowTuple) -> Bool {
            source.fits(tuple.source) && destination.fits(tuple.destination)
                && (ipProtocol == nil || ipProtocol == tuple.ipProtocol)
                && sourcePorts.fits(tuple.sourcePort) && destinationPorts.fits(tuple.destinationPort)
        }
    }

    /// What is wanted of the mark, in the bits that the mask selects.
    public struct Mark: Hashable, Sendable {
        public let value: UInt32
        public let mask: UInt32

        /// Bits of the value outside the mask do not count.
        public init(_ value: UInt32, mask: UInt32 = .max) {
            self.value = value & mask
            self.mask = mask
        }

        public func matches(_ mark: UInt32) -> Bool { mark & mask == value }
    }

    public var original: Direction
    public var reply: Direction
    public var mark: Mark?
    public var zone: UInt16?

    public init(
        original: Direction = Direction(), reply: Direction = Direction(), mark: Mark? = nil, zone: UInt16? = nil
    ) {
        self.original = original
        self.reply = reply
        self.mark = mark
        self.zone = zone
    }

    /// The connections that came to `address` from outside, whoever they were translated to.
    public static func to(
        _ address: IPAddress, _ ipProtocol: IPProtocol? = nil, ports: PortRange? = nil
    ) -> FlowFilter {
        FlowFilter(original: Direction(destination: IPPrefix(host: address), ipProtocol, destinationPorts: ports))
    }

    /// The connections that began at `address`.
    public static func from(_ address: IPAddress) -> FlowFilter {
        FlowFilter(original: Direction(source: IPPrefix(host: address)))
    }

    /// The connections whose answers come to `address`: with source NAT, those that use it.
    public static func answered(at address: IPAddress) -> FlowFilter {
        FlowFilter(reply: Direction(destination: IPPrefix(host: address)))
    }

    public func matches(_ flow: Flow) -> Bool {
        original.matches(flow.original) && reply.matches(flow.reply) && (mark?.matches(flow.mark) ?? true)
            && (zone == nil || zone == flow.zone)
    }
}

extension IPPrefix? {
    fileprivate func fits(_ address: IPAddress) -> Bool { self?.contains(address) ?? true }
}

extension PortRange? {
    fileprivate func fits(_ port: UInt16?) -> Bool {
        guard let self else { return true }
        return port.map(self.contains) ?? false
    }
}
