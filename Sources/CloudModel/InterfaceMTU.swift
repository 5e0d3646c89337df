public import NetworkVocabulary

/// How large packets may be, from the underlay up: what a zone's settings say that its wires carry, less what a segment's
/// encapsulation takes of it.
public enum InterfaceMTU {
    /// What guest networks' wires carry.
    public static let privateSetting = "vr.private.interface.max.mtu"
    /// What public networks' wires carry.
    public static let publicSetting = "vr.public.interface.max.mtu"
    public static let usual = 1_500
    /// What IPv6 asks of every link (RFC 8200, 5), and what the kernel has for its widest. From a narrower link the kernel
    /// takes IPv6 away, with all that it was told about it: made wide again, the link would have an address.
    public static let possible = 1_280...65_000
}

extension Cloud {
    /// The largest MTU that a guest network on the wire may have.
    public func largestPrivateMTU(on wire: PhysicalNetwork) -> Int {
        largestPrivateMTU(in: wire.zone) - (wire.isolation == .vxlan ? VNI.encapsulation : 0)
    }

    /// The same without what a segment's encapsulation takes.
    public func largestPrivateMTU(in zone: ObjectID) -> Int { carried(InterfaceMTU.privateSetting, zone) }

    /// The largest that routers' public legs in the zone may have; on VXLAN it is less.
    public func largestPublicMTU(in zone: ObjectID) -> Int { carried(InterfaceMTU.publicSetting, zone) }

    /// Of the segment of a public range, and what is on it.
    public func mtu(of range: PublicRange) -> Int {
        let overhead = if case .vxlan = range.segment { VNI.encapsulation } else { 0 }
        return largestPublicMTU(in: range.zone) - overhead
    }

    /// Of the legs of a network's router on a public range.
    public func publicMTU(of network: Network, on range: PublicRange) -> Int {
        min(network.publicMTU ?? .max, mtu(of: range))
    }

    private func carried(_ name: String, _ zone: ObjectID) -> Int {
        guard let number = settingInForce(name, for: Reference(.zone, zone)).flatMap({ Int($0) }),
            InterfaceMTU.possible.contains(number - VNI.encapsulation)
        else { return InterfaceMTU.usual }
        return number
    }
}
