public import NetworkVocabulary

/// Everything that can be asked of the cloud. Addresses, networks, ranges and VLANs are text as the client wrote it:
/// what is wrong with them is decided, and said, in one place.
public enum Request: Hashable, Sendable {
    /// The account and the offerings that every installation has. Changes nothing when they are there.
    case bootstrap
    case createAccount(CreateAccount)
    case deleteAccount(ObjectID)
    case identity(IdentityRequest)

    case createZone(CreateZone)
    case updateZone(UpdateZone)
    case deleteZone(ObjectID)
    case createPhysicalNetwork(CreatePhysicalNetwork)
    case updatePhysicalNetwork(UpdatePhysicalNetwork)
    case deletePhysicalNetwork(ObjectID)
    case createPublicRange(CreatePublicRange)
    case updatePublicRange(UpdatePublicRange)
    case deletePublicRange(ObjectID)
    case createNetworkOffering(CreateNetworkOffering)
    case updateNetworkOffering(UpdateNetworkOffering)
    case deleteNetworkOffering(ObjectID)

    case createNetwork(CreateNetwork)
    case updateNetwork(UpdateNetwork)
    case deleteNetwork(ObjectID)
    case acquirePublicAddress(AcquirePublicAddress)
    case releasePublicAddress(ObjectID)
    case startRouter(ObjectID)
    case stopRouter(ObjectID)

    case deployGuest(DeployGuest)
    case startGuest(ObjectID)
    case stopGuest(ObjectID)
    case destroyGuest(ObjectID, expunges: Bool = true)
    case machine(MachineRequest)

    case createFirewallRule(CreateFirewallRule)
    case updateFirewallRule(UpdateFirewallRule)
    case deleteFirewallRule(Removal)
    case createEgressRule(CreateEgressRule)
    case updateEgressRule(UpdateEgressRule)
    case deleteEgressRule(Removal)
    case createPortForwarding(CreatePortForwarding)
    case updatePortForwarding(UpdatePortForwarding)
    case deletePortForwarding(Removal)
    case balancing(BalancingRequest)
    case enableStaticNAT(EnableStaticNAT)
    case disableStaticNAT(Removal)
    case addSecondaryAddress(AddSecondaryAddress)
    case removeSecondaryAddress(Removal)

    case networking(NetworkingRequest)

    case applyCloud(ApplyCloud)
    case infrastructure(InfrastructureRequest)

    /// The command as CloudStack's API spells it; our own where CloudStack has none.
    public var command: String {
        switch self {
        case .bootstrap: "bootstrap"
        case .createAccount: "createAccount"
        case .deleteAccount: "deleteAccount"
        case .identity(let request): request.command
        case .createZone: "createZone"
        case .updateZone: "updateZone"
        case .deleteZone: "deleteZone"
        case .createPhysicalNetwork: "createPhysicalNetwork"
        case .updatePhysicalNetwork: "updatePhysicalNetwork"
        case .deletePhysicalNetwork: "deletePhysicalNetwork"
        case .createPublicRange: "createVlanIpRange"
        case .updatePublicRange: "updateVlanIpRange"
        case .deletePublicRange: "deleteVlanIpRange"
        case .createNetworkOffering: "createNetworkOffering"
        case .updateNetworkOffering: "updateNetworkOffering"
        case .deleteNetworkOffering: "deleteNetworkOffering"
        case .createNetwork: "createNetwork"
        case .updateNetwork: "updateNetwork"
        case .deleteNetwork: "deleteNetwork"
        case .acquirePublicAddress: "associateIpAddress"
        case .releasePublicAddress: "disassociateIpAddress"
        case .startRouter: "startRouter"
        case .stopRouter: "stopRouter"
        case .deployGuest: "deployVirtualMachine"
        case .startGuest: "startVirtualMachine"
        case .stopGuest: "stopVirtualMachine"
        case .destroyGuest: "destroyVirtualMachine"
        case .machine(let request): request.command
        case .createFirewallRule: "createFirewallRule"
        case .updateFirewallRule: "updateFirewallRule"
        case .deleteFirewallRule: "deleteFirewallRule"
        case .createEgressRule: "createEgressFirewallRule"
        case .updateEgressRule: "updateEgressFirewallRule"
        case .deleteEgressRule: "deleteEgressFirewallRule"
        case .createPortForwarding: "createPortForwardingRule"
        case .updatePortForwarding: "updatePortForwardingRule"
        case .deletePortForwarding: "deletePortForwardingRule"
        case .balancing(let request): request.command
        case .enableStaticNAT: "enableStaticNat"
        case .disableStaticNAT: "disableStaticNat"
        case .addSecondaryAddress: "addIpToNic"
        case .removeSecondaryAddress: "removeIpFromNic"
        case .networking(let request): request.command
        case .applyCloud: "applyCloud"
        case .infrastructure(let request): request.command
        }
    }
}
