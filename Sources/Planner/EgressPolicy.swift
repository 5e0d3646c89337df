import CloudModel
import NetworkVocabulary
import Ruleset

// What guests may open to the outside: the offering's default policy.

extension Planner {
    func egressRules(_ network: Network, _ offering: NetworkOffering?) -> [Rule] {
        // Without an offering to ask, nothing is allowed.
        let origin =
            offering.map { Origin(RecordKind.networkOffering.rawValue, $0.id, part: "egress") } ?? network.origin
        return [Rule(origin, [.counter, .verdict(offering?.egressDefaultAllow == true ? .accept : .drop)])]
    }
}
