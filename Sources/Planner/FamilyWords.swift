import NetworkVocabulary
import Ruleset

/// The words in which rules speak of one family's packets. What filters is written once, in these words, so that the
/// rules of both families can differ in nothing else.
struct FamilyWords {
    let family: AddressFamily
    let addressType: DataType
    let source: Field
    let destination: Field
    /// Whom the connection's first packet was sent to, before any translation.
    let originalDestination: Field
    /// Whom answers are sent to, before any translation.
    let replyDestination: Field
    let icmp: IPProtocol
    let icmpType: Field
    let icmpTypeType: DataType
    let icmpCode: Field
    let icmpCodeType: DataType
    private let suffix: String

    static let ipv4 = FamilyWords(
        family: .ipv4, addressType: .ipv4, source: .ipv4Source, destination: .ipv4Destination,
        originalDestination: .ipv4OriginalDestination, replyDestination: .ipv4ReplyDestination, icmp: .icmp,
        icmpType: .icmpType, icmpTypeType: .icmpType, icmpCode: .icmpCode, icmpCodeType: .icmpCode, suffix: "")

    static let ipv6 = FamilyWords(
        family: .ipv6, addressType: .ipv6, source: .ipv6Source, destination: .ipv6Destination,
        originalDestination: .ipv6OriginalDestination, replyDestination: .ipv6ReplyDestination, icmp: .icmpv6,
        icmpType: .icmpv6Type, icmpTypeType: .icmpv6Type, icmpCode: .icmpv6Code, icmpCodeType: .icmpv6Code,
        suffix: "-6")

    static func of(_ family: AddressFamily) -> FamilyWords { family == .ipv4 ? .ipv4 : .ipv6 }

    /// The family's set of this name.
    func name(_ set: SetName) -> SetName { SetName(set.text + suffix) }

    var isFamily: Statement { .match(.networkProtocol, .equal, .family(family)) }
    var isICMP: Statement { .match(.transportProtocol, .equal, .ipProtocol(icmp)) }
    static let hasPorts = Statement.oneOf(.transportProtocol, .equal, [.ipProtocol(.tcp), .ipProtocol(.udp)])
}
