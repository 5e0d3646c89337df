public import CloudTrace
public import NetworkVocabulary
import Packets

/// Attacks without end: frames with canaries as somebody at a port might make them who wants out of his network. The same
/// for a seed, wherever it begins.
///
/// None of them is allowed anywhere but in the sender's own network and, as far as its policy goes, outside: public
/// addresses, which rules may open, are left to the named probes. On a network that tenants share, neighbours may hear what a
/// guest says in its own name, and nothing else.
public struct Battery: Sendable {
    /// Somebody who takes part.
    public struct Port: Sendable {
        public let name: String
        /// The same for ports of one network.
        public let place: String
        public let mac: MACAddress
        public let gatewayMAC: MACAddress
        public let address: IPv4Address
        public let gateway: IPv4Address

        public init(
            name: String, place: String, mac: MACAddress, gatewayMAC: MACAddress, address: IPv4Address,
            gateway: IPv4Address
        ) {
            self.name = name
            self.place = place
            self.mac = mac
            self.gatewayMAC = gatewayMAC
            self.address = address
            self.gateway = gateway
        }
    }

    /// By the rows of the isolation matrix.
    public enum Family: String, CaseIterable, Sendable {
        case frames = "IS1 frames for others, for many and for nobody"
        case resolution = "IS2 address resolution in others' names"
        case sources = "IS3 others' addresses as source"
        case hardware = "IS4 others' hardware addresses as source"
        case services = "IS5 answers of services that a guest is not"
        case leases = "IS6 requests for leases in others' names"
        case tags = "IS9 VLAN tags"
        case tunnels = "IS10 tunnels"
        case version6 = "IS11 IPv6"
        case tuples = "IS13 the same connection as others"
        case answers = "IS14 answers that nobody asked for"
        case fragments = "IS15 fragments"
        case errors = "IS16 errors about others' connections"
        case martians = "IS17 impossible packets"
        case control = "IS18 IS19 the router's ports and control addresses"
    }

    public let ports: [Port]
    private let seed: UInt64
    /// Canaries of named probes are below.
    public static let first = 1_000_000

    public init(_ ports: [Port], seed: UInt64) {
        self.ports = ports
        self.seed = seed
    }

    /// Who sent the packet with a canary.
    public func sender(of canary: Canary) -> Port? {
        canary.number >= Self.first && !ports.isEmpty ? ports[(canary.number - Self.first) % ports.count] : nil
    }

    /// Whether what arrived was sent in another's name, or as somebody that no guest is: that is not even for neighbours.
    public func isForged(_ bytes: [UInt8], by sender: Port) -> Bool {
        guard let frame = try? Frame(parsing: bytes) else { return false }
        if frame.source != sender.mac { return true }
        switch frame.body {
        case .arp(let arp):
            let isOwn = arp.senderAddress == sender.address || arp.senderAddress.bits == 0
            return arp.senderMAC != sender.mac || !isOwn
        case .ipv4(let packet):
            if case .udp(let datagram) = packet.body {
                if datagram.source == 67 { return true }
                // Who asks for an address has none.
                if packet.source.bits == 0, datagram.source == 68, datagram.destination == 67 { return false }
            }
            return packet.source != sender.address
        case .ipv6(let packet):
            if case .icmpv6(let message) = packet.body { return message.type == 134 || message.type == 137 }
            return false
        case .other, .malformed: return false
        }
    }

    public func family(of canary: Canary) -> Family {
        var dice = Dice(seed, canary.number - Self.first)
        return Family.allCases[dice.below(Family.allCases.count)]
    }

    /// The frame of a number, and where it is sent.
    public func shot(_ index: Int) -> CanaryHunt.Shot {
        var dice = Dice(seed, index)
        let family = Family.allCases[dice.below(Family.allCases.count)]
        let me = ports[index % ports.count]
        let other = ports[(index + 1 + dice.below(max(1, ports.count - 1))) % ports.count]
        let canary = Canary(Self.first + index).bytes
        var maker = FrameMaker(me: me, other: other, canary: canary, dice: dice)
        return CanaryHunt.Shot(port: me.name, bytes: maker.bytes(family))
    }
}

/// Numbers that look random and follow from a seed and a place.
struct Dice {
    private var state: UInt64

    init(_ seed: UInt64, _ place: Int) {
        state = seed &+ UInt64(truncatingIfNeeded: place) &* 0x9e37_79b9_7f4a_7c15
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func one<Value>(of values: [Value]) -> Value { values[below(values.count)] }
}
