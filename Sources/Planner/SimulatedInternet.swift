import CloudModel
public import NetworkVocabulary
import RouterPlan

// The outside, for demonstrations and tests: a namespace with the gateway of every public range and one host that
// answers.

extension Planner {
    /// A documentation address (RFC 5737) outside every public range that the demo uses.
    public static let internetHost = IPv4Address(198, 51, 100, 1)

    func addInternetHost(to share: inout Contribution) {
        addSettings(Self.machineSettings, installation, to: &share)
        share.add(.link(Link(DeviceNames.loopback, .loopback, mtu: 65536)), installation)
        if let host = InterfaceAddress(.v4(Self.internetHost), prefixLength: 32) {
            share.add(.address(Address(host, on: DeviceNames.loopback)), installation)
        }
    }

    /// Ranges on one segment share a leg, named after the first of them; ranges in one subnet share its gateway.
    func addInternetLeg(_ range: PublicRange, _ cloud: Cloud, to share: inout Contribution) {
        guard let first = cloud.firstRange(onSegmentOf: range) else { return }
        let device = DeviceNames.inside(Int(clamping: first.number))
        let bridge = DeviceNames.publicBridge(range.physicalNetwork, range.segment, shard: 0)
        if first.id == range.id {
            share.add(
                .link(
                    Link(
                        device, .leg(hostEnd: DeviceNames.internetLeg(range), bridge: bridge),
                        mac: MACAddress(locallyAdministered: 0xff_0000_0000 | range.number & 0xffff_ffff),
                        mtu: cloud.mtu(of: range))),
                range.origin)
        }
        guard cloud.firstRange(inSubnetOf: range)?.id == range.id else { return }
        share.add(.address(Address(InterfaceAddress(range.gateway, in: range.subnet), on: device)), range.origin)
        guard cloud.firstRange(ofSubnet: range.subnet)?.id == range.id else { return }
        share.add(.route(Route(.v4(range.subnet), on: device, table: Route.mainTable)), range.origin)
    }
}

extension Cloud {
    /// Zones may have the same subnet on wires of their own. There is one simulated internet, and it reaches a subnet
    /// on one of them.
    fileprivate func firstRange(ofSubnet subnet: IPv4Prefix) -> PublicRange? {
        publicRanges.values.filter { $0.subnet == subnet }.min { $0.number < $1.number }
    }
}
