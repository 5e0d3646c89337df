internal import CLinux
internal import Ruleset

/// The kernel's numbers for the things that a ruleset names.
enum NetfilterMessage: UInt16 {
    case newTable, getTable, deleteTable
    case newChain, getChain, deleteChain
    case newRule, getRule, deleteRule
    case newSet, getSet, deleteSet
    case newElements, getElements, deleteElements
    case newGeneration, getGeneration
}

enum NetfilterSetFlags {
    static let anonymous: UInt32 = 1
    static let constant: UInt32 = 2
    static let interval: UInt32 = 4
    static let map: UInt32 = 8
    static let concatenation: UInt32 = 0x80
    static let elementEnd: UInt32 = 1
    static let verdictType: UInt32 = 0xffff_ff00
}

extension TableFamily {
    /// NFPROTO_INET, NFPROTO_BRIDGE.
    var netfilterNumber: UInt16 { self == .inet ? 1 : 7 }
}

extension Hook.Point {
    /// NF_INET_* numbers; those of bridges are the same.
    var netfilterNumber: UInt32 {
        switch self {
        case .prerouting: 0
        case .input: 1
        case .forward: 2
        case .output: 3
        case .postrouting: 4
        }
    }

    init?(netfilterNumber: UInt32) {
        guard
            let point = [Self.prerouting, .input, .forward, .output, .postrouting]
                .first(where: { $0.netfilterNumber == netfilterNumber })
        else { return nil }
        self = point
    }
}
