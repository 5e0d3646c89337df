public import CloudModel
public import ControlPlane
import NetworkVocabulary

/// Requests such as clients send in no particular order, the same for the same seed: mostly sensible ones on what is
/// there, some that must be refused. Pools are small, so that they run out.
public struct RandomRequests {
    var random: SeededGenerator
    private var count = 0
    private let withRules: Bool

    /// With rules, most requests are about those, and there is mostly something that they can be about.
    public init(seed: UInt64, withRules: Bool = false) {
        random = SeededGenerator(seed: seed)
        self.withRules = withRules
    }

    public mutating func next(in cloud: Cloud) -> Request {
        count += 1
        guard withRules else { return object(in: cloud) }
        if cloud.nics.count < 6, number(0..<2) == 0 { return growth(cloud) }
        return number(0..<5) < 3 ? rule(in: cloud) : object(in: cloud)
    }

    private mutating func object(in cloud: Cloud) -> Request {
        switch Int.random(in: 0..<122, using: &random) {
        case 108..<122: return networking(cloud)
        case 100..<108: return port(cloud)
        case 0..<3: return .createZone(.init(name: name("z", 3), dns1: "198.51.100.1"))
        case 3..<7: return physicalNetwork(cloud)
        case 7..<10: return updatedPhysicalNetwork(cloud)
        case 10..<15: return publicRange(cloud)
        case 15..<17: return .deletePublicRange(pick(cloud.publicRanges.keys))
        case 17..<19: return offering()
        case 19..<20: return .createAccount(.init(name: name("a", 4)))
        case 20..<38: return network(cloud)
        case 38..<46: return .deleteNetwork(pick(cloud.networks.keys))
        case 46..<54: return acquisition(cloud)
        case 54..<60: return .releasePublicAddress(pick(cloud.publicAddresses.keys))
        case 60..<78: return guest(cloud)
        case 78..<90: return .destroyGuest(pick(cloud.guests.keys))
        case 90..<92: return .startGuest(pick(cloud.guests.keys))
        case 92..<94: return .stopGuest(pick(cloud.guests.keys))
        case 94..<95: return .stopRouter(pick(cloud.routers.keys))
        case 95..<96: return .startRouter(pick(cloud.routers.keys))
        case 96..<97: return .deletePhysicalNetwork(pick(cloud.physicalNetworks.keys))
        case 97..<98: return .deleteZone(pick(cloud.zones.keys))
        case 98..<99: return .deleteNetworkOffering(pick(cloud.networkOfferings.keys))
        default: return .deleteAccount(pick(cloud.accounts.keys))
        }
    }

    mutating func pick(_ ids: some Sequence<ObjectID>) -> ObjectID {
        Array(ids).randomElement(using: &random) ?? ObjectID(random: random.next(), random.next())
    }

    mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
    private mutating func name(_ prefix: String, _ choices: Int) -> String { "\(prefix)\(number(0..<choices))" }

    private mutating func physicalNetwork(_ cloud: Cloud) -> Request {
        let first = number(1..<40)
        return .createPhysicalNetwork(
            .init(
                zone: pick(cloud.zones.keys), name: name("p", 3),
                isolation: Bool.random(using: &random) ? "VLAN" : "vxlan",
                segments: "\(first)-\(first + number(0..<6))", trunk: number(0..<4) == 0 ? name("eth", 2) : nil))
    }

    private mutating func updatedPhysicalNetwork(_ cloud: Cloud) -> Request {
        let first = number(1..<30)
        return .updatePhysicalNetwork(
            .init(id: pick(cloud.physicalNetworks.keys), segments: "\(first)-\(first + 20),\(first + 30)"))
    }

    private mutating func publicRange(_ cloud: Cloud) -> Request {
        let subnet = number(0..<4)
        let first = number(2..<20)
        return .createPublicRange(
            .init(
                physicalNetwork: pick(cloud.physicalNetworks.keys), gateway: "203.0.\(subnet).1",
                netmask: "255.255.255.0",
                first: "203.0.\(subnet).\(first)", last: "203.0.\(subnet).\(first + number(0..<5))",
                vlan: ["untagged", "50", "51", "10"].randomElement(using: &random)))
    }

    private mutating func offering() -> Request {
        if number(0..<3) == 0 {
            return .createNetworkOffering(
                .init(
                    name: name("k", 6), guestType: ["Shared", "L2"][number(0..<2)], services: [],
                    specifiesVLAN: Bool.random(using: &random), isEnabled: true))
        }
        return .createNetworkOffering(
            .init(
                name: name("o", 4),
                services: (number(0..<3) == 0 ? ["Gateway"] : ["SourceNat", "Gateway"])
                    + (withRules ? ["Firewall", "PortForwarding", "StaticNat", "Lb"] : []),
                egressDefaultAllow: Bool.random(using: &random),
                conservesAddresses: !withRules || number(0..<3) > 0, isPersistent: Bool.random(using: &random),
                isEnabled: number(0..<4) > 0, rate: [nil, nil, 10, 1000].randomElement(using: &random) ?? nil))
    }

    private mutating func network(_ cloud: Cloud) -> Request {
        let offerings = cloud.networkOfferings.values.filter { $0.services["Firewall"] != nil }
        var request = Request.CreateNetwork(
            name: name("n", 10), zone: pick(cloud.zones.keys), offering: pick(offerings.map(\.id)),
            account: pick(cloud.accounts.keys),
            physicalNetwork: number(0..<3) == 0 ? nil : pick(cloud.physicalNetworks.keys))
        if number(0..<4) == 0 { request.kind.segment = "\(number(40..<60))" }
        if cloud.networkOfferings[request.offering]?.guestType == .l2 { return .createNetwork(request) }
        if cloud.networkOfferings[request.offering]?.guestType == .shared {
            request.cidr = "10.4.\(number(0..<2)).0/28"
            let first = number(0..<12)
            request.kind.first = "10.4.0.\(first)"
            request.kind.last = "10.4.0.\(first + number(0..<3))"
            request.kind.access = [nil, "Account", "Domain"][number(0..<3)]
            return .createNetwork(request)
        }
        switch number(0..<4) {
        case 0: request.cidr = "10.1.\(number(0..<4)).0/29"
        case 1:
            request.cidr = "10.2.0.0/24"
            request.gateway = "10.2.0.\(number(0..<300))"
            request.guestCIDR = "10.2.0.0/30"
        case 2:
            request.gateway = "10.3.0.6"
            request.netmask = "255.255.255.248"
        default: break
        }
        return .createNetwork(request)
    }

    private mutating func acquisition(_ cloud: Cloud) -> Request {
        let address = number(0..<3) == 0 ? "203.0.\(number(0..<4)).\(number(2..<20))" : nil
        return number(0..<4) == 0
            ? .acquirePublicAddress(
                .init(zone: pick(cloud.zones.keys), account: pick(cloud.accounts.keys), address: address))
            : .acquirePublicAddress(.init(network: pick(cloud.networks.keys), address: address))
    }

    /// Something about networks and pools that are there, besides their creation.
    private mutating func networking(_ cloud: Cloud) -> Request {
        let network = pick(cloud.networks.keys)
        let dedication =
            number(0..<4) == 0 ? Dedication.domain(Domain.root.id) : .account(pick(cloud.accounts.keys))
        switch number(0..<13) {
        case 0: return .networking(.restartNetwork(.init(id: network)))
        case 1: return .networking(.shutDownNetwork(network))
        case 2: return .networking(.destroyRouter(pick(cloud.routers.keys)))
        case 3, 4: return .updateNetwork(.init(id: network, offering: pick(cloud.networkOfferings.keys)))
        case 5:
            let first = number(0..<14)
            return .networking(
                .createGuestRange(
                    .init(network: network, first: "10.4.0.\(first)", last: "10.4.0.\(first + number(0..<3))")))
        case 6: return .networking(.deleteGuestRange(pick(cloud.guestRanges.keys)))
        case 7:
            let first = number(1..<45)
            return .networking(
                .dedicateVLANs(
                    .init(
                        physicalNetwork: pick(cloud.physicalNetworks.keys),
                        segments: "\(first)-\(first + number(0..<3))",
                        dedication: dedication)))
        case 8: return .networking(.releaseVLANs(pick(cloud.vlanDedications.keys)))
        case 9:
            return .networking(.dedicatePublicRange(.init(id: pick(cloud.publicRanges.keys), dedication: dedication)))
        case 10: return .networking(.releasePublicRange(pick(cloud.publicRanges.keys)))
        case 11:
            let free = cloud.freePublicAddresses(in: pick(cloud.publicRanges.keys)).randomElement(using: &random)
            return .networking(
                .reserveAddress(.init(id: free?.id ?? network, account: pick(cloud.accounts.keys))))
        default: return .networking(.releaseReservedAddress(pick(cloud.publicAddresses.keys)))
        }
    }

    /// Something about a port of a guest, mostly one that is there.
    private mutating func port(_ cloud: Cloud) -> Request {
        let nic = pick(cloud.nics.keys)
        let guest = cloud.nics[nic]?.guest ?? pick(cloud.guests.keys)
        switch number(0..<6) {
        case 0, 1:
            let mac = number(0..<4) == 0 ? "0a:00:00:00:00:0\(number(1..<9))" : nil
            return .networking(.addNIC(.init(guest: guest, network: pick(cloud.networks.keys), mac: mac)))
        case 2: return .networking(.removeNIC(.init(guest: guest, nic: nic)))
        case 3: return .networking(.makeNICDefault(.init(guest: guest, nic: nic)))
        case 4: return .networking(.changeNICAddress(.init(nic: nic)))
        default:
            return .networking(
                .changeNICAddress(.init(nic: nic, address: "10.1.\(number(0..<4)).\(number(0..<8))")))
        }
    }

    private mutating func guest(_ cloud: Cloud) -> Request {
        let first = pick(cloud.networks.keys)
        let home = cloud.networks[first]
        let others = cloud.networks.values.filter { $0.zone == home?.zone && $0.account == home?.account }.map(\.id)
        var nics = [Request.DeployGuest.NIC(network: first)]
        for _ in 0..<number(0..<3) { nics.append(.init(network: pick(others), isDefault: number(0..<4) == 0)) }
        if number(0..<4) == 0 { nics[0].address = "10.1.\(number(0..<4)).\(number(0..<8))" }
        return .deployGuest(
            .init(
                zone: home?.zone ?? pick(cloud.zones.keys), name: name("g", 30), account: home?.account,
                port: [.emulated, .emulated, .tap, .none][number(0..<4)], nics: nics, starts: number(0..<4) > 0))
    }
}
