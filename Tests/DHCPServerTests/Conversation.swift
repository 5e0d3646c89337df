import DHCPServer
import NetworkVocabulary
import Packets
import RouterPlan
import Testing

/// A network with two guests, one of which has its default NIC elsewhere, and what a client says to its server.
struct Conversation {
    static let server = IPv4Address(10, 1, 1, 1)
    static let web = MACAddress(2, 0, 0, 0, 0, 1)
    static let db = MACAddress(2, 0, 0, 0, 0, 2)
    static let stranger = MACAddress(2, 0, 0, 0, 0, 99)
    static let webAddress = IPv4Address(10, 1, 1, 10)
    static let dbAddress = IPv4Address(10, 1, 1, 20)
    static let extra = IPv4Address(10, 1, 1, 30)
    static let nobody = IPv4Address(bits: 0)
    static let everybody = IPv4Address(bits: .max)

    var network: DHCPNetwork

    init(
        leaseTime: UInt32 = .max, mtu: Int = 1450, options: [DHCPExtra] = [], nicOptions: [DHCPExtra] = []
    ) throws {
        let services = GuestServices(
            kinds: [.dhcp, .dns, .metadata], server: Self.server,
            subnet: try #require(IPv4Prefix("10.1.1.0/24")), gateway: Self.server, mtu: mtu,
            domain: "cs1.example", nameServers: [Self.server], resolvers: [], leaseTime: leaseTime,
            routerName: "r-4-VM", options: options)
        network = DHCPNetwork(
            services,
            [
                Self.nic(1, Self.web, Self.webAddress, [Self.extra], "web", isDefault: true, nicOptions),
                Self.nic(2, Self.db, Self.dbAddress, [], "db", isDefault: false, []),
            ])
    }

    static func nic(
        _ number: UInt64, _ mac: MACAddress, _ address: IPv4Address, _ secondary: [IPv4Address], _ name: String,
        isDefault: Bool, _ options: [DHCPExtra] = []
    ) -> ServedNIC {
        ServedNIC(
            origin: Origin("nic", ObjectID(random: 0, number)), guest: ObjectID(random: 1, number), mac: mac,
            address: address, secondaryAddresses: secondary, hostName: name, isDefault: isDefault, options: options)
    }

    struct Heard {
        let outcome: DHCPServer.Outcome
        let reply: DHCPMessage?

        var destination: DHCPServer.Destination? {
            if case .answered(_, _, let to) = outcome { to } else { nil }
        }

        /// `ACK 10.1.1.10 to 255.255.255.255:68`, or why there was nothing.
        var text: String {
            switch outcome {
            case .silent(let why): return "silent: \(why.rawValue)"
            case .released: return "released"
            case .declined: return "declined"
            case .answered(let type, _, let to):
                let words: [DHCPMessageType: String] = [.offer: "OFFER", .acknowledge: "ACK", .refuse: "NAK"]
                return "\(type.flatMap { words[$0] } ?? "BOOTP") \(reply?.yourAddress.description ?? "?") to "
                    + "\(to.address):\(to.port)"
            }
        }
    }

    func say(_ message: DHCPMessage, from source: IPv4Address = nobody) -> Heard { say(message.bytes, from: source) }

    func say(_ bytes: [UInt8], from source: IPv4Address = nobody) -> Heard {
        var reply = DHCPReply()
        let outcome = DHCPServer.answer(bytes.span.bytes, from: source, on: network, &reply)
        guard case .answered = outcome else { return Heard(outcome: outcome, reply: nil) }
        return Heard(outcome: outcome, reply: DHCPMessage(parsing: reply.bytes))
    }

    /// A message as a client would send it; `asks` is its list of options.
    static func message(
        _ type: DHCPMessageType, _ mac: MACAddress = web, requested: IPv4Address? = nil, server: IPv4Address? = nil,
        own: IPv4Address = nobody, asks: [UInt8]? = [1, 3, 6, 12, 15, 26, 119, 121], more: [DHCPMessage.Value] = []
    ) -> DHCPMessage {
        var message = DHCPMessage(1, transaction: 0x1234_5678, mac: mac)
        message.clientAddress = own
        var options = [DHCPMessage.Value(.messageType, [type.rawValue])]
        if let requested { options.append(.init(.requestedAddress, requested.octets)) }
        if let server { options.append(.init(.serverIdentifier, server.octets)) }
        if let asks { options.append(.init(.parameterRequestList, asks)) }
        message.options = options + more
        return message
    }
}
