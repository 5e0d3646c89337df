internal import CLinux

/// A setting of IPv4 on one link, as `/proc/sys/net/ipv4/conf/<link>/` names it. Over netlink it costs a few microseconds
/// and rides along with other changes; the files cost more the more namespaces there are.
public enum IPv4LinkSetting: String, CaseIterable, Hashable, Sendable {
    case acceptRedirects = "accept_redirects"
    case acceptSourceRoute = "accept_source_route"
    case arpAnnounce = "arp_announce"
    case arpIgnore = "arp_ignore"
    case promoteSecondaries = "promote_secondaries"
    case reversePathFilter = "rp_filter"
    case sendRedirects = "send_redirects"

    /// The kernel's number of the setting.
    var number: Int {
        let number =
            switch self {
            case .acceptRedirects: IPV4_DEVCONF_ACCEPT_REDIRECTS
            case .acceptSourceRoute: IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE
            case .arpAnnounce: IPV4_DEVCONF_ARP_ANNOUNCE
            case .arpIgnore: IPV4_DEVCONF_ARP_IGNORE
            case .promoteSecondaries: IPV4_DEVCONF_PROMOTE_SECONDARIES
            case .reversePathFilter: IPV4_DEVCONF_RP_FILTER
            case .sendRedirects: IPV4_DEVCONF_SEND_REDIRECTS
            }
        return Int(number)
    }
}
