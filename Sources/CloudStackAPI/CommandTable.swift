extension Command {
    /// Every command there is. `listApis` shows this table and nothing else is dispatched.
    public static let all: [Command] =
        discovery + sessions + events + operations + configurations
        + domains + accounts + users + roles + projects + resourceLimits + tags
        + zones + pods + physicalNetworks + trafficTypes + serviceProviders + storageNetworkRanges + inventory
        + publicRanges + vlanDedications
        + networkOfferings + vpcOfferings + serviceOfferings + diskOfferings + templates
        + networks + routers + publicAddresses
        + firewallRules + egressRules + portForwarding + staticNAT + ipForwarding
        + loadBalancing + balancerPolicies + sslCertificates + internalBalancing
        + guests + guestLife + guestAccess + guestNICs + userData + sshKeys + serviceActivities
        + trafficCounting + packetExplanation + ports + isolation
}

extension APIObject {
    /// The reply of a removal.
    static let success: APIObject = ["success": true]
}
