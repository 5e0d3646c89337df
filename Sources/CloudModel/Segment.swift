public import NetworkVocabulary

/// The number that a network's frames carry on the trunk.
public enum Segment: Hashable, Sendable {
    case vlan(VLANID)
    case vxlan(VNI)
    /// Public ranges only: the trunk's own untagged frames.
    case untagged
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
