import CloudModel
import LoadBalancer
import NetworkVocabulary
import RouterPlan
import Ruleset

// A router's legs, what it is called on them, and the routes that a packet may use. Each public leg has a routing
// table of its own; the mark on the packet chooses it.

extension Planner {
    func addRouterLegs(_ router: VirtualRouter, _ network: Network, _ cloud: Cloud, to share: inout Contribution) {
        let origin = router.origin
        guard let cidr = network.cidr, let gateway = network.gateway else { return }
        addSettings(Self.settings(of: router), origin, to: &share)
        share.add(.link(Link(DeviceNames.loopback, .loopback, mtu: 65536)), origin)
        // Where its proxy listens, alone in its subnet.
        if let address = InterfaceAddress(.v4(ProxyPlan.listenAddress), prefixLength: 32) {
            share.add(.address(Address(address, on: DeviceNames.loopback)), origin)
        }

        let guestLeg = DeviceNames.inside(0)
        let guestBridge = DeviceNames.guestBridge(network, shard: router.guestLeg.shard)
        share.add(
            .link(
                Link(
                    guestLeg, .leg(hostEnd: DeviceNames.routerLeg(router, 0), bridge: guestBridge),
                    mac: router.guestLeg.mac, mtu: network.mtu, settings: Self.legSettings)), origin)
        let address = router.guestAddress ?? gateway
        share.add(.address(Address(InterfaceAddress(address, in: cidr), on: guestLeg)), origin)
        addServiceAddress(guestServices(router, network, cloud), origin, to: &share)
        share.add(.route(Route(.v4(cidr), on: guestLeg, table: Route.mainTable)), origin)
        // What it asks itself, resolvers for one, it asks by the network's gateway where that is not it.
        if address != gateway {
            share.add(.route(Route(.defaultIPv4, via: .v4(gateway), on: guestLeg, table: Route.mainTable)), origin)
        }

        share.add(
            .policyRule(
                PolicyRule(
                    priority: RulePriority.localOutput, isForLocalOutput: true, .lookup(table: Route.mainTable))),
            origin)
        for leg in router.publicLegs {
            guard let range = cloud.publicRanges[leg.range] else { continue }
            let mtu = cloud.publicMTU(of: network, on: range)
            addPublicLeg(leg, range, router, cidr, mtu: mtu, to: &share)
        }
        share.add(.policyRule(PolicyRule(priority: RulePriority.unmarked, .blackhole)), origin)
    }

    private func addPublicLeg(
        _ leg: VirtualRouter.PublicLeg, _ range: PublicRange, _ router: VirtualRouter, _ guests: IPv4Prefix,
        mtu: Int, to share: inout Contribution
    ) {
        let origin = router.origin
        let device = DeviceNames.inside(leg.index)
        let mark = LegMark.mark(ofLeg: leg.index)
        let bridge = DeviceNames.publicBridge(range.physicalNetwork, range.segment, shard: leg.attachment.shard)
        share.add(
            .link(
                Link(
                    device, .leg(hostEnd: DeviceNames.routerLeg(router, leg.index), bridge: bridge),
                    mac: leg.attachment.mac, mtu: mtu, settings: Self.legSettings)), origin)
        // What the router says itself goes by the main table, whose default is the source NAT address's.
        for table in [Route.mainTable, mark] {
            share.add(.route(Route(.v4(range.subnet), on: device, table: table)), origin)
        }
        share.add(.route(Route(.defaultIPv4, via: .v4(range.gateway), on: device, table: mark)), origin)
        share.add(.route(Route(.v4(guests), on: DeviceNames.inside(0), table: mark)), origin)
        share.add(
            .policyRule(
                PolicyRule(
                    priority: RulePriority.leg(leg.index), mark: mark, mask: LegMark.mask, .lookup(table: mark))),
            origin)
        share.add([.interface(device)], to: Pipeline.publicLegs, origin)
        share.add([.interface(device)], .values([.mark(mark)]), to: Pipeline.legMarks, origin)
    }

    func addSettings(_ settings: [(String, String)], _ origin: Origin, to share: inout Contribution) {
        for (path, value) in settings { share.add(.sysctl(Sysctl(path, value)), origin) }
    }

    /// Of the whole namespace. These are files under `/proc/sys`, which cost the more the more namespaces there are: only
    /// what a link cannot be told by itself.
    static func settings(of router: VirtualRouter) -> [(String, String)] {
        // Where somebody else is the gateway it serves, and forwards nothing.
        [("net/ipv4/ip_forward", router.guestAddress == nil ? "1" : "0")] + routerSettings
    }

    private static let routerSettings =
        [
            // The kernel takes the stricter of this and the link's own.
            ("net/ipv4/conf/all/rp_filter", "0"),
            // Either of this and the link's own would do to send them.
            ("net/ipv4/conf/all/send_redirects", "0"),
            // A connection begins with its first packet. Else what was ended because its rule went would begin anew in the
            // middle, the other way round and under another rule.
            ("net/netfilter/nf_conntrack_tcp_loose", "0"),
        ] + withoutIPv6

    /// A machine forwards nothing, whatever the host's own setting, which new namespaces take over.
    static let machineSettings = [("net/ipv4/ip_forward", "0")] + withoutIPv6

    /// No IPv6 that nobody planned: on no link that is yet to come.
    private static let withoutIPv6 = [("net/ipv6/conf/default/disable_ipv6", "1")]

    /// A leg answers for its own addresses only and believes no redirects. The ruleset binds sources to ports; the
    /// kernel's own check would ask the wrong routing table. Of several addresses in a subnet the others stay when the
    /// first goes.
    static let legSettings: [String: UInt32] = [
        "accept_redirects": 0, "accept_source_route": 0, "arp_announce": 2, "arp_ignore": 1, "promote_secondaries": 1,
        "rp_filter": 0, "send_redirects": 0,
    ]
}

extension IPPrefix {
    static let defaultIPv4 = IPPrefix.v4(.everything)
}
