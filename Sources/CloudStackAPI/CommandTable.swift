extension Command {
    /// Every command there is. `listApis` shows this table and nothing else is dispatched.
    public static let all: [Command] =
        discovery + zones + physicalNetworks + publicRanges + vlanDedications + networkOfferings + networks
        + publicAddresses
        + firewallRules + egressRules + portForwarding + staticNAT + ipForwarding + guests + guestLife + guestAccess
        + userData + sshKeys + guestNICs + routers
        + trafficCounting + events + operations + serviceActivities
}

extension APIObject {
    /// The reply of a removal.
    static let success: APIObject = ["success": true]
}
