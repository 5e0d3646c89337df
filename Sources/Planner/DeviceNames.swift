import CloudModel
import NetworkVocabulary
import RouterPlan

/// The names of kernel devices. They derive from numbers and ids that never change and are never used twice, so that
/// a restart, or another host, gives the same object the same name. All of ours on the host begin with `sl`.
enum DeviceNames {
    /// A name built from parts that are valid by construction. A number too large for a device name is cut to its
    /// low digits, and would show as a contested row.
    private static func name(_ text: String) -> InterfaceName {
        InterfaceName(text) ?? InterfaceName(String(text.suffix(15))) ?? loopback
    }

    static let loopback: InterfaceName = InterfaceName("lo") ?? name("lo")

    /// `eth0`, `eth1` … inside a node.
    static func inside(_ index: Int) -> InterfaceName { name("\(insidePrefix)\(index)") }
    /// How the names of all of a node's legs begin.
    static let insidePrefix = "eth"

    static func guestBridge(_ network: Network, shard: Int) -> InterfaceName {
        sharded("slb\(network.number)", shard)
    }

    /// All ranges on one segment share a bridge, so its name comes from the segment and not from a range.
    static func publicBridge(_ physicalNetwork: ObjectID, _ segment: Segment, shard: Int) -> InterfaceName {
        sharded("slp" + hex(stableHash("\(physicalNetwork) \(segment)")), shard)
    }

    /// How names of devices begin that the host's rules know by it.
    static let guestPortPrefix = "slg"
    static let routerLegPrefix = "slr"
    /// Of the far ends of pairs that join a guest network's bridge to another: a shard, or a bridge of the host's own.
    static let guestPairPrefix = "sldb"

    static func routerLeg(_ router: VirtualRouter, _ index: Int) -> InterfaceName {
        name("slr\(router.number)e\(index)")
    }
    static func guestPort(_ guest: Guest, _ index: Int) -> InterfaceName { name("slg\(guest.number)e\(index)") }
    /// The same for a NIC, by what its port is.
    static func guestPort(_ nic: NIC, of guest: Guest) -> InterfaceName {
        nic.delivery?.namespace == nil
            ? guestPort(guest, nic.index) : name("\(Link.plugPrefix)\(guest.number)e\(nic.index)")
    }
    /// Where what a guest sends waits for its turn.
    static func guestQueue(_ guest: Guest, _ index: Int) -> InterfaceName { name("slq\(guest.number)e\(index)") }
    static func internetLeg(_ range: PublicRange) -> InterfaceName { name("sli\(range.number)") }

    /// The two ends of the veth pair that hangs a shard on its root bridge, or the root, shard 0, on a bridge of the host's.
    static func bridgePair(_ root: InterfaceName, _ shard: Int) -> (rootEnd: InterfaceName, otherEnd: InterfaceName) {
        let stem = root.rawValue.dropFirst(2)
        return (name("slu\(stem).\(shard)"), name("sld\(stem).\(shard)"))
    }

    /// `<trunk>.<vid>` as people expect it. Where the kernel has no room for that, the trunk is hashed and not cut:
    /// the ports of one card differ in their last letters.
    static func vlan(_ trunk: InterfaceName, _ vlan: VLANID) -> InterfaceName {
        InterfaceName("\(trunk).\(vlan)") ?? name("sl\(hex(stableHash(trunk.rawValue))).\(vlan)")
    }

    static func vxlan(_ vni: VNI) -> InterfaceName { name("slv\(vni)") }

    /// Whether a device of the host could be called so by us.
    static func isOurs(_ device: InterfaceName) -> Bool {
        let isHex = { (digit: Character) in digit.isHexDigit }
        let rest = device.rawValue.dropFirst(2)
        guard device.rawValue.hasPrefix("sl"), let kind = rest.first else { return false }
        // An end of a pair between two bridges has the rest of a bridge's name.
        if "du".contains(kind), rest.dropFirst().first == "p" { return true }
        return "bdgipqruv".contains(kind) && rest.dropFirst().first.map(isHex) ?? false
            || rest.prefix(8).count(where: isHex) == 8 && rest.dropFirst(8).first == "."
    }

    private static func sharded(_ stem: String, _ shard: Int) -> InterfaceName {
        name(shard == 0 ? stem : "\(stem).\(shard)")
    }

    static func root(ofShard bridge: InterfaceName) -> InterfaceName {
        name(String(bridge.rawValue.prefix { $0 != "." }))
    }

    /// FNV-1a, 32 bits: stable across processes, which the standard library's hashing is not.
    private static func stableHash(_ text: String) -> UInt32 {
        text.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}
