extension Command {
    /// Every command there is. `listApis` shows this table and nothing else is dispatched.
    public static let all: [Command] =
        discovery + sessions + events
        + domains + accounts + users + roles + projects + resourceLimits
        + zones + physicalNetworks + publicRanges + vlanDedications
        + networkOfferings
        + networks + publicAddresses
        + firewallRules + egressRules + portForwarding + loadBalancing + balancerPolicies + staticNAT
        + ipForwarding + guests + guestLife + guestAccess + userData + sshKeys + guestNICs + routers
        + trafficCounting + packetExplanation + ports + isolation + operations + pods + trafficTypes + serviceProviders
        + storageNetworkRanges
        + serviceOfferings + diskOfferings + vpcOfferings + templates + inventory + configurations + tags
}

extension APIObject {
    /// The reply of a removal.
    static let success: APIObject = ["success": true]
}
