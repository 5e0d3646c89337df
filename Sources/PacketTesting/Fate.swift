import CloudTrace
import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import Ruleset

/// What became of what was sent at once.
struct Fate {
    var arrivals: [Journey.Arrival] = []
    var passages: [Passage] = []
    /// Source ports of which others would have done.
    var isPortArbitrary = false
}

/// A packet's way through one router.
struct Passage {
    /// A rule that spoke the last word in a chain; no rule: the chain's policy.
    struct Ruling: Hashable, CustomStringConvertible {
        let chain: ChainName
        let rule: Int?
        let isDrop: Bool

        var description: String {
            "\(isDrop ? "drop" : "accept") by \(rule.map { "\(chain) \($0 + 1)" } ?? "the policy of \(chain)")"
        }
    }

    let node: NodeName
    var rulings: [Ruling] = []
    /// The last of them in a chain that judges.
    var lastWord: Ruling?
    /// Counting elements that moved.
    var moved: Set<MeteredElement> = []
    /// The object behind its last word: that of the element that matched, else of the rule.
    var origin: Origin
    /// Where the kernel's own reasons ended it; only the model knows.
    var reason: Trace.KernelReason?
    var trace: Trace?
}

/// Where a case happens.
protocol World: AnyObject {
    var name: String { get }
    /// Whether it shows more than frames: who decided, and what was counted.
    var tellsDecisions: Bool { get }
    var wiring: Wiring { get }
    func send(_ frames: [Frame], at port: Wiring.Port) throws -> Fate
    /// Brings about what the cloud has become.
    func follow(_ cloud: CaseCloud, _ following: CaseCloud.Following) throws
    /// Time passes for connections.
    func advance(by seconds: Int) throws
    /// Whatever runs there ends in order and starts again over what is there. Throws when that changes anything.
    func restart() throws
    /// Whatever runs there is gone before it hears of the next change, and starts again after it.
    func kill()
    /// Packets that the elements of an object have counted since the beginning.
    func counts(of object: Origin) throws -> [Meter: UInt64]
    /// What of it can be left behind in a file for who looks into a failure.
    func rulesets() -> String
}
