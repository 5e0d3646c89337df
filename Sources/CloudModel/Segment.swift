public import NetworkVocabulary

/// The number that a network's frames carry on the trunk.
public enum Segment: Hashable, Comparable, Sendable {
    case vlan(VLANID)
    case vxlan(VNI)
    /// Public ranges only: the trunk's own untagged frames.
    case untagged
}

extension Segment {
    /// The VLAN id or VNI; untagged frames have none.
    public var number: UInt32? {
        switch self {
        case .vlan(let vlan): UInt32(vlan.rawValue)
        case .vxlan(let vni): vni.rawValue
        case .untagged: nil
        }
    }

    /// A segment as guest networks of the isolation method have it.
    public init?(_ isolation: IsolationMethod, number: UInt32) {
        switch isolation {
        case .vlan:
            guard let vlan = VLANID(Int(number)) else { return nil }
            self = .vlan(vlan)
        case .vxlan:
            guard let vni = VNI(Int(number)) else { return nil }
            self = .vxlan(vni)
        case .l3: return nil
        }
    }
}

extension Segment: LosslessStringConvertible, TextCoded {
    /// CloudStack's broadcast URI: `vlan://50`, `vxlan://5000`, `vlan://untagged`.
    public init?(_ text: String) {
        if text == "vlan://untagged" {
            self = .untagged
        } else if text.hasPrefix("vlan://"), let vlan = VLANID(String(text.dropFirst(7))) {
            self = .vlan(vlan)
        } else if text.hasPrefix("vxlan://"), let vni = VNI(String(text.dropFirst(8))) {
            self = .vxlan(vni)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .vlan(let vlan): "vlan://\(vlan)"
        case .vxlan(let vni): "vxlan://\(vni)"
        case .untagged: "vlan://untagged"
        }
    }
}
