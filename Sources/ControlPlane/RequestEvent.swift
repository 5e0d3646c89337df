public import CloudModel
import NetworkVocabulary

extension Request {
    /// What the journal says of the request once it is done; nil for what is no doing of a user's.
    func event(_ decision: Decision, _ before: Cloud, _ after: Cloud) -> Event? {
        guard let type = eventType else { return nil }
        // What goes with an object goes before it.
        let object = decision.reply.object ?? decision.changes.compactMap(\.removed).last
        let origin = object.map { Origin($0.kind.rawValue, $0.id) }
        let name = object.flatMap { after[$0]?.displayName ?? before[$0]?.displayName }
        let subject = name.map { " \($0)" } ?? ""
        return Event(type: type, origin: origin, text: "\(command)\(subject): \(decision.changes.count) changes")
    }

    /// In CloudStack's spelling where it has the event.
    private var eventType: String? {
        switch self {
        case .bootstrap: nil
        case .createAccount: "ACCOUNT.CREATE"
        case .deleteAccount: "ACCOUNT.DELETE"
        case .identity(let request): request.eventType
        case .createZone: "ZONE.CREATE"
        case .updateZone: "ZONE.EDIT"
        case .deleteZone: "ZONE.DELETE"
        case .createPhysicalNetwork: "PHYSICAL.NETWORK.CREATE"
        case .updatePhysicalNetwork: "PHYSICAL.NETWORK.UPDATE"
        case .deletePhysicalNetwork: "PHYSICAL.NETWORK.DELETE"
        case .createPublicRange: "VLAN.IP.RANGE.CREATE"
        case .updatePublicRange: "VLAN.IP.RANGE.UPDATE"
        case .deletePublicRange: "VLAN.IP.RANGE.DELETE"
        case .createNetworkOffering: "NETWORK.OFFERING.CREATE"
        case .updateNetworkOffering: "NETWORK.OFFERING.EDIT"
        case .deleteNetworkOffering: "NETWORK.OFFERING.DELETE"
        case .createNetwork: "NETWORK.CREATE"
        case .updateNetwork: "NETWORK.UPDATE"
        case .deleteNetwork: "NETWORK.DELETE"
        case .acquirePublicAddress: "NET.IPASSIGN"
        case .releasePublicAddress: "NET.IPRELEASE"
        case .startRouter: "ROUTER.START"
        case .stopRouter: "ROUTER.STOP"
        case .deployGuest: "VM.CREATE"
        case .startGuest: "VM.START"
        case .stopGuest: "VM.STOP"
        case .destroyGuest(_, expunges: false): "VM.DESTROY"
        case .destroyGuest: "VM.EXPUNGE"
        case .machine(let request): request.eventType
        case .createFirewallRule: "FIREWALL.OPEN"
        case .updateFirewallRule: "FIREWALL.UPDATE"
        case .deleteFirewallRule: "FIREWALL.CLOSE"
        case .createEgressRule: "FIREWALL.EGRESS.OPEN"
        case .updateEgressRule: "FIREWALL.EGRESS.UPDATE"
        case .deleteEgressRule: "FIREWALL.EGRESS.CLOSE"
        case .createPortForwarding: "NET.RULEADD"
        case .updatePortForwarding: "NET.RULEMODIFY"
        case .deletePortForwarding: "NET.RULEDELETE"
        case .balancing(let request): request.eventType
        case .enableStaticNAT: "STATICNAT.ENABLE"
        case .disableStaticNAT: "STATICNAT.DISABLE"
        case .addSecondaryAddress: "NIC.SECONDARY.IP.ASSIGN"
        case .removeSecondaryAddress: "NIC.SECONDARY.IP.UNASSIGN"
        case .networking(let request): request.eventType
        case .applyCloud: "CLOUD.APPLY"
        case .infrastructure(let request): request.eventType
        }
    }
}

extension Change {
    fileprivate var removed: Reference? {
        if case .remove(let kind, let id) = self { Reference(kind, id) } else { nil }
    }
}

extension Record {
    /// What people call the object.
    public var displayName: String? {
        switch self {
        case .domain(let domain): domain.name
        case .role(let role): role.name
        case .account(let account): account.name
        case .user(let user): user.name
        case .project(let project): project.name
        case .zone(let zone): zone.name
        case .physicalNetwork(let physicalNetwork): physicalNetwork.name
        case .publicRange(let range): range.addresses.description
        case .networkOffering(let offering): offering.name
        case .network(let network): network.name
        case .publicAddress(let address): address.address.description
        case .router(let router): router.name
        case .sshKeyPair(let pair): pair.name
        case .userData(let document): document.name
        case .sslCertificate(let certificate): certificate.name
        case .guest(let guest): guest.instanceName
        case .guestRange(let range): range.addresses.description
        case .vlanDedication(let dedication): dedication.segments.description
        case .nic(let nic): (nic.address?.description ?? nic.attachment.mac.description)
        case .firewallRule(let rule): rule.traffic.description
        case .egressRule(let rule): rule.traffic.description
        case .portForwarding(let rule): "\(rule.transport.rawValue)/\(rule.publicPorts)"
        case .osType(let type): type.name
        case .serviceOffering(let offering): offering.name
        case .template(let template): template.name
        case .internalAddress(let address): address.address.description
        case .loadBalancerRule(let rule): rule.name
        case .loadBalancerMember(let member): member.guestAddress.description
        case .pod(let pod): pod.name
        case .cluster(let cluster): cluster.name
        case .host(let host): host.name
        case .storagePool(let pool): pool.name
        case .publicIPv6Range(let range): range.part.prefix.description
        case .storageNetworkRange(let range): range.addresses.description
        case .diskOffering(let offering): offering.name
        case .vpcOffering(let offering): offering.name
        case .setting(let setting): setting.name
        case .tag(let tag): tag.key
        case .series, .eventMark: nil
        }
    }
}
