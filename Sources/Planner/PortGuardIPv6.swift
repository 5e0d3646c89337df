import NetworkVocabulary
import Ruleset

// IPv6 at a guest's port. Networks have no IPv6 addresses yet: what is left is a guest's link-local address, which follows
// from its MAC, among the guests of its own network. Neighbour discovery says nothing but the port's own address and MAC, in
// its one possible form: what it hides in further options or headers is not looked for but refused.

extension Planner {
    private static let hasOwnAddress = Statement.lookup(
        [.inputInterface, .etherSource, .ipv6Source], in: PortPipeline.guestIdentities6, .equal)
    private static let hasNoAddress = Statement.match(.ipv6Source, .equal, .ipv6(IPv6Address(high: 0, low: 0)))

    /// What follows the fixed header, before any other.
    private static func next(_ numbers: [UInt8]) -> Statement {
        .oneOf(.bytes(.network, offset: 6, count: 1), .equal, numbers.map { .bytes([$0]) })
    }

    private static func length(_ bytes: UInt8) -> Statement {
        .match(.bytes(.network, offset: 4, count: 2), .equal, .bytes([0, bytes]))
    }

    /// The first option of neighbour discovery: its type, and one unit long.
    private static func option(_ type: UInt8) -> Statement {
        .match(.bytes(.transport, offset: 24, count: 2), .equal, .bytes([type, 1]))
    }

    private static func isICMP(_ types: [UInt8]) -> [Statement] {
        [isIPv6, isICMPv6, .oneOf(.icmpv6Type, .equal, types.map { .icmpType($0) })]
    }

    private static let optionIsOwnMAC = Statement.lookup(
        [.inputInterface, .bytes(.transport, offset: 26, count: 6)], in: PortPipeline.guestHardware, .equal)
    private static let targetIsOwn = Statement.lookup(
        [.inputInterface, .bytes(.transport, offset: 8, count: 16)], in: PortPipeline.guestTargets, .equal)

    func fromGuestIPv6Chains() -> [Chain] {
        [
            Chain(PortPipeline.fromGuestIPv6, rules: ipv6Rules()),
            Chain(PortPipeline.fromGuestND, rules: discoveryRules()),
        ]
    }

    private func ipv6Rules() -> [Rule] {
        // Listener reports stand behind a header for every hop, and a machine makes its first ones without an address.
        let reports = Self.isICMP([131, 132, 143]) + [Self.next([0])]
        return [
            guardRule([Self.isIPv6, Self.next([58]), .verdict(.goto(PortPipeline.fromGuestND))]),
            refuse(.ipv6, [Self.isUDP, .oneOf(.sourcePort, .equal, [.port(67), .port(547)])]),
            guardRule([
                Self.isIPv6, Self.next([6, 17]), Self.hasOwnAddress, Self.isForMany,
                .verdict(.goto(PortPipeline.toMany)),
            ]),
            guardRule([Self.isIPv6, Self.next([6, 17]), Self.hasOwnAddress, .verdict(.accept)]),
            guardRule(reports + [Self.hasOwnAddress, .verdict(.goto(PortPipeline.toMany))]),
            guardRule(reports + [Self.hasOwnMAC, Self.hasNoAddress, .verdict(.goto(PortPipeline.toMany))]),
            guardRule([.verdict(.goto(PortPipeline.unbound))]),
        ]
    }

    private func discoveryRules() -> [Rule] {
        // Asking: with the own MAC for an option, or none; or without an address, whether somebody has the own one.
        let asks = Self.isICMP([135])
        let answers = Self.isICMP([136])
        let accepted: [[Statement]] = [
            asks + [Self.hasOwnAddress, Self.length(32), Self.option(1), Self.optionIsOwnMAC],
            asks + [Self.hasOwnAddress, Self.length(24)],
            asks + [Self.hasOwnMAC, Self.hasNoAddress, Self.length(24), Self.targetIsOwn],
            asks + [Self.hasOwnMAC, Self.hasNoAddress, Self.length(32), Self.option(14), Self.targetIsOwn],
            answers + [Self.hasOwnAddress, Self.length(32), Self.option(2), Self.optionIsOwnMAC, Self.targetIsOwn],
            Self.isICMP([1, 2, 3, 4, 128, 129, 133]) + [Self.hasOwnAddress],
        ]
        return accepted.flatMap { conditions in
            [
                guardRule(conditions + [Self.isForMany, .verdict(.goto(PortPipeline.toMany))]),
                guardRule(conditions + [.verdict(.accept)]),
            ]
        } + [guardRule([.verdict(.goto(PortPipeline.unbound))])]
    }
}
