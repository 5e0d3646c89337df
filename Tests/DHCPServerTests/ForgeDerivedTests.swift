import DHCPServer
import NetworkVocabulary
import Packets
import RouterPlan
import Testing

/// The behaviours that ISC's forge asks of a DHCPv4 server (its folders `request`, `decline`, `release`, `fields`,
/// `inform`, `bootp`, `relay`, `options`), in our own words: what the client says, what RFC 2131 wants to hear.
@Suite struct ForgeDerivedTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let say: @Sendable () throws -> Conversation.Heard
        let wanted: String

        init(_ name: String, _ wanted: String, _ say: @escaping @Sendable () throws -> Conversation.Heard) {
            self.name = name
            self.wanted = wanted
            self.say = say
        }

        /// One message to the usual network.
        init(_ name: String, _ wanted: String, _ message: DHCPMessage, from source: IPv4Address = C.nobody) {
            self.init(name, wanted) { try Conversation().say(message, from: source) }
        }

        var testDescription: String { name }
    }

    /// Behaviours of forge that do not apply, and why.
    static let notApplicable = [
        "pools, subnets, classes, shared networks": "an address is the NIC's by the plan, there is no pool",
        "host reservations and their conflicts": "the model refuses two NICs with one address",
        "lease expiry and reclamation": "nothing expires: the plan says whose an address is",
        "DDNS updates": "names come from the plan",
        "cache threshold, lease files, databases, statistics commands": "there is no lease store",
        "hooks, control channel, configuration backend": "Kea's own",
        "relays on behalf of other clients": "a port speaks for its own MAC only (promise 12)",
        "option 82 sub-options 5 and 11": "no relay stands between a guest and its router",
        "rapid commit": "not offered",
        "v6-only preferred (option 108)": "networks are IPv4",
    ]

    @Test(arguments: cases) func `the server answers as the RFC wants`(_ example: Case) throws {
        #expect(try example.say().text == example.wanted)
    }

    @Test func `so many of forge's behaviours are asked for`() {
        #expect(Set(Self.cases.map(\.name)).count == Self.cases.count)
        #expect(Self.cases.count == 44 && Self.notApplicable.count == 10)
    }

    private typealias C = Conversation
    private static let other = IPv4Address(10, 1, 1, 200)
    private static let offered = "OFFER 10.1.1.10 to 10.1.1.10:68"
    private static let acked = "ACK 10.1.1.10 to 10.1.1.10:68"
    private static let refused = "NAK 0.0.0.0 to 255.255.255.255:68"

    static let cases: [Case] = discover + selecting + reboot + renewing + giving + informing + fields + relayed + bootp

    private static let discover = [
        Case("discover: an offer by address", offered, C.message(.discover)),
        Case(
            "discover: the wished address is not offered but the NIC's", offered, C.message(.discover, requested: other)
        ),
        Case("discover: an unknown client hears nothing", "silent: unknownClient", C.message(.discover, C.stranger)),
        Case("discover: without a parameter list", offered, C.message(.discover, asks: nil)),
        Case("discover: the broadcast flag is heeded", "OFFER 10.1.1.10 to 255.255.255.255:68") {
            var message = C.message(.discover)
            message.flags = 0x8000
            return try Conversation().say(message)
        },
        Case("discover: again and again the same", offered) {
            let talk = try Conversation()
            for _ in 0..<5 { _ = talk.say(C.message(.discover)) }
            return talk.say(C.message(.discover))
        },
        Case(
            "discover: another client identifier, the same address", offered,
            C.message(.discover, more: [.init(.clientIdentifier, [255, 1, 2, 3, 4, 5])])),
    ]

    private static let selecting = [
        Case("selecting: acknowledged", acked, C.message(.request, requested: C.webAddress, server: C.server)),
        Case(
            "selecting: another server was chosen", "silent: otherServer",
            C.message(.request, requested: C.webAddress, server: other)),
        Case(
            "selecting: an address that was not offered", refused,
            C.message(.request, requested: other, server: C.server)),
        Case(
            "selecting: a neighbour's address", refused,
            C.message(.request, requested: C.dbAddress, server: C.server)),
        Case("selecting: without an address", "silent: malformed", C.message(.request, server: C.server)),
        Case(
            "selecting: an unknown client", "silent: unknownClient",
            C.message(.request, C.stranger, requested: C.webAddress, server: C.server)),
        Case(
            "selecting: a secondary address is none to ask for", refused,
            C.message(.request, requested: C.extra, server: C.server)),
        Case(
            "selecting: a server identifier of three bytes", "silent: otherServer",
            C.message(.request, requested: C.webAddress, more: [.init(.serverIdentifier, [10, 1, 1])])),
        Case(
            "selecting: an address of three bytes", "silent: malformed",
            C.message(.request, server: C.server, more: [.init(.requestedAddress, [10, 1, 1])])),
    ]

    private static let reboot = [
        Case("init-reboot: the right address", acked, C.message(.request, requested: C.webAddress)),
        Case("init-reboot: a wrong address of the network", refused, C.message(.request, requested: other)),
        Case(
            "init-reboot: an address of another network", refused,
            C.message(.request, requested: IPv4Address(192, 168, 7, 7))),
        Case(
            "init-reboot: an unknown client hears nothing", "silent: unknownClient",
            C.message(.request, C.stranger, requested: C.webAddress)),
    ]

    private static let renewing = [
        Case(
            "renewing: by unicast, with no lease anywhere", acked, C.message(.request, own: C.webAddress),
            from: C.webAddress),
        Case("rebinding: by broadcast", acked, C.message(.request, own: C.webAddress)),
        Case("renewing: an address that the NIC has no more", refused, C.message(.request, own: other)),
        Case("renewing: nothing asked at all", "silent: malformed", C.message(.request)),
        Case(
            "renewing: from somebody else's address", "silent: foreignSource",
            C.message(.request, own: C.webAddress), from: C.dbAddress),
    ]

    private static let giving = [
        Case(
            "release: heard", "released", C.message(.release, server: C.server, own: C.webAddress), from: C.webAddress),
        Case(
            "release: of a neighbour's address", "silent: otherAddress",
            C.message(.release, server: C.server, own: C.dbAddress)),
        Case(
            "release: to another server", "silent: otherServer", C.message(.release, server: other, own: C.webAddress)),
        Case("decline: heard", "declined", C.message(.decline, requested: C.webAddress, server: C.server)),
        Case(
            "decline: of a neighbour's address", "silent: otherAddress",
            C.message(.decline, requested: C.dbAddress, server: C.server)),
        Case("decline: to nobody", "silent: otherServer", C.message(.decline, requested: C.webAddress)),
        Case("decline: and then the same address again", offered) {
            let talk = try Conversation()
            _ = talk.say(C.message(.decline, requested: C.webAddress, server: C.server))
            return talk.say(C.message(.discover))
        },
    ]

    private static let informing = [
        Case(
            "inform: answered to the address, which is not given", "ACK 0.0.0.0 to 10.1.1.10:68",
            C.message(.inform, own: C.webAddress), from: C.webAddress),
        Case(
            "inform: of a secondary address", "ACK 0.0.0.0 to 10.1.1.30:68", C.message(.inform, own: C.extra),
            from: C.extra),
        Case("inform: of somebody else's address", "silent: otherAddress", C.message(.inform, own: C.dbAddress)),
        Case(
            "inform: without an address in the message", "ACK 0.0.0.0 to 10.1.1.10:68", C.message(.inform),
            from: C.webAddress),
    ]

    private static let fields = [
        Case("fields: a reply is not answered", "silent: notARequest") {
            var message = C.message(.discover)
            message.operation = 2
            return try Conversation().say(message)
        },
        Case("fields: hardware that is no Ethernet", "silent: unknownClient") {
            var message = C.message(.discover)
            message.hardwareType = 32
            return try Conversation().say(message)
        },
        Case("fields: a message type of a server", "silent: notARequest", C.message(.offer)),
        Case("fields: a message type that there is not", "silent: malformed") {
            var message = C.message(.discover)
            message.options?[0] = .init(.messageType, [77])
            return try Conversation().say(message)
        },
    ]

    private static let relayed = [
        Case("relay: a port may relay for itself", "OFFER 10.1.1.10 to 10.1.1.10:67", from(C.webAddress)) {
            $0.relayAddress = C.webAddress
        },
        Case("relay: nobody is sent answers by another's wish", "silent: foreignSource", from(C.nobody)) {
            $0.relayAddress = C.dbAddress
        },
    ]

    private static let bootp = [
        Case(
            "bootp: a request without options", "BOOTP 10.1.1.10 to 10.1.1.10:68",
            DHCPMessage(1, transaction: 1, mac: C.web, options: nil)),
        Case(
            "bootp: an unknown client", "silent: unknownClient",
            DHCPMessage(1, transaction: 1, mac: C.stranger, options: nil)),
    ]

    private static func from(_ source: IPv4Address) -> IPv4Address { source }
}

extension ForgeDerivedTests.Case {
    fileprivate init(
        _ name: String, _ wanted: String, _ source: IPv4Address,
        _ change: @escaping @Sendable (inout DHCPMessage) -> Void
    ) {
        self.init(name, wanted) {
            var message = Conversation.message(.discover)
            change(&message)
            return try Conversation().say(message, from: source)
        }
    }
}
