import NetworkVocabulary

/// The names of ICMP's types and codes in packet lines.
struct ICMPWords {
    let type: UInt8
    /// One word or two.
    let name: String
    var codes: [(word: String, code: UInt8)] = []
    var quotes = false

    static func all(_ family: AddressFamily) -> [ICMPWords] { family == .ipv4 ? v4 : v6 }

    private static let v4 = [
        ICMPWords(type: 8, name: "echo request"),
        ICMPWords(type: 0, name: "echo reply"),
        ICMPWords(
            type: 3, name: "unreachable",
            codes: [
                ("net", 0), ("host", 1), ("protocol", 2), ("port", 3), ("frag-needed", 4), ("source-route", 5),
                ("net-prohibited", 9), ("host-prohibited", 10), ("prohibited", 13),
            ], quotes: true),
        ICMPWords(type: 5, name: "redirect", codes: [("net", 0), ("host", 1)], quotes: true),
        ICMPWords(type: 11, name: "time-exceeded", codes: [("transit", 0), ("reassembly", 1)], quotes: true),
        ICMPWords(type: 12, name: "parameter-problem", quotes: true),
    ]

    private static let v6 = [
        ICMPWords(type: 128, name: "echo request"),
        ICMPWords(type: 129, name: "echo reply"),
        ICMPWords(
            type: 1, name: "unreachable",
            codes: [
                ("no-route", 0), ("prohibited", 1), ("beyond-scope", 2), ("address", 3), ("port", 4),
                ("source-policy", 5), ("reject-route", 6),
            ], quotes: true),
        ICMPWords(type: 2, name: "too-big", quotes: true),
        ICMPWords(type: 3, name: "time-exceeded", codes: [("transit", 0), ("reassembly", 1)], quotes: true),
        ICMPWords(type: 4, name: "parameter-problem", quotes: true),
        ICMPWords(type: 133, name: "router-solicitation"),
        ICMPWords(type: 134, name: "router-advertisement"),
        ICMPWords(type: 135, name: "neighbor-solicitation"),
        ICMPWords(type: 136, name: "neighbor-advertisement"),
        ICMPWords(type: 137, name: "redirect"),
    ]
}
