import NetworkVocabulary
import Ruleset

extension RulesetSamples {
    /// Chains that come and go, with both ways to choose.
    static func balancers(_ origin: Origin) -> [ChainName: Chain] {
        let v4 = Statement.match(.networkProtocol, .equal, .family(.ipv4))
        let tcp = Statement.match(.transportProtocol, .equal, .ipProtocol(.tcp))
        let transports = Statement.oneOf(.transportProtocol, .equal, [.ipProtocol(.tcp), .ipProtocol(.udp)])
        let inTurn = Choice(.inTurn, first: 7 << 12, count: 2)
        let byHash = Choice(.byHash(.ipv4Source, seed: 0xdead_beef), first: 7 << 12, count: 2)
        let chains = [
            Chain("branch-2", rules: [Rule(origin, [v4, tcp, .balance(.ipv4, "slots-4", inTurn, port: 8080)])]),
            Chain("branch-10", rules: [Rule(origin, [v4, transports, .balance(.ipv4, "slots-4", byHash, port: 80)])]),
        ]
        return Dictionary(uniqueKeysWithValues: chains.map { ($0.name, $0) })
    }
}
