public import CloudModel
import ControlPlane
public import NetworkVocabulary
public import Planner
public import RouterPlan

/// One network with guests and public addresses, for lists of rules: everything but rules and secondary addresses stays,
/// so that one kernel can be given one list after the other.
///
/// The third guest's default NIC is on another network.
public struct RuleTown: Sendable {
    /// What differs from town to town, and not from list to list.
    public struct Shape: Hashable, Sendable, CaseIterable {
        public let allowsEgress: Bool
        public let hasTwoLegs: Bool

        public static let allCases = [
            Shape(allowsEgress: true, hasTwoLegs: true), Shape(allowsEgress: false, hasTwoLegs: true),
            Shape(allowsEgress: true, hasTwoLegs: false), Shape(allowsEgress: false, hasTwoLegs: false),
        ]
    }

    public struct Guest: Sendable {
        public let address: IPv4Address
        /// Addresses that rules may give it.
        public let spare: [IPv4Address]
    }

    public static let network = IPv4Prefix(containing: IPv4Address(10, 1, 1, 0), length: 24) ?? .everything
    public static let gateway = IPv4Address(10, 1, 1, 1)
    public static let guests = [UInt8(10), 20, 30].map { last in
        Guest(
            address: IPv4Address(10, 1, 1, last),
            spare: [IPv4Address(10, 1, 1, 100 + last), IPv4Address(10, 1, 1, 101 + last)])
    }
    /// Who is near on the public legs: gateways, and neighbours of theirs.
    public static let near = [UInt8(1), 5, 200].flatMap { last in
        [IPv4Address(203, 0, 113, last), IPv4Address(192, 0, 2, last)]
    }

    public let shape: Shape
    public let cloud: Cloud
    public let planner: Planner
    public let router: NodeName
    /// The first is the network's own until a list makes another it.
    public let publicAddresses: [IPv4Address]

    public init(_ shape: Shape) throws {
        self.shape = shape
        let offering =
            shape.allowsEgress
            ? "DefaultIsolatedNetworkOfferingWithSourceNatService" : "IsolatedNetworkOfferingWithEgressDeny"
        let file = """
            {"zones": [{"name": "west", "dns1": "198.51.100.53",
              "physicalNetworks": [{"name": "wire", "segments": ["100-199"]}],
              "publicRanges": [
                {"subnet": "203.0.113.0/24", "gateway": "203.0.113.1", "addresses": "203.0.113.10-203.0.113.19"},
                {"segment": "50", "subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "addresses": "192.0.2.10-192.0.2.19"}
              ]}],
             "networks": [
              {"name": "web", "zone": "west", "cidr": "\(Self.network)", "offering": "\(offering)"},
              {"name": "back", "zone": "west", "cidr": "10.2.2.0/24"}],
             "guests": [
              {"name": "one", "port": "none", "nics": [{"network": "web", "address": "10.1.1.10"}]},
              {"name": "two", "port": "none", "nics": [{"network": "web", "address": "10.1.1.20"}]},
              {"name": "three", "port": "none", "nics": [
                {"network": "back", "address": "10.2.2.30"}, {"network": "web", "address": "10.1.1.30"}]}]}
            """
        var planned = try PlannedCloud(try CloudFile(json: file), simulatesInternet: false)
        guard let network = planned.cloud.networks.values.first(where: { $0.name == "web" })?.id else {
            throw Incomplete()
        }
        let further =
            shape.hasTwoLegs ? ["203.0.113.17", "192.0.2.10", "192.0.2.11"] : ["203.0.113.17", "203.0.113.18"]
        for address in further {
            _ = try planned.take(.acquirePublicAddress(.init(network: network, address: address)))
        }
        cloud = planned.cloud
        planner = planned.planner
        guard let router = planned.cloud.routers.values.first(where: { $0.network == network }) else {
            throw Incomplete()
        }
        self.router = NodeName(router.name)
        let addresses = planned.cloud.publicAddresses(ofNetwork: network)
        publicAddresses = (addresses.filter(\.isSourceNAT) + addresses.filter { !$0.isSourceNAT }).map(\.address)
    }

    /// The plan of the router, with rules.
    public func plan(_ cloud: Cloud) throws -> NodePlan {
        guard let plan = try planner.plan(router, in: cloud) else { throw Incomplete() }
        return plan
    }

    /// The file did not make the town.
    private struct Incomplete: Error {}

    /// The NICs of the guests on the network that the rules are about.
    public func network(in cloud: Cloud) -> [NIC] {
        cloud.nics.values.filter { $0.address.map(Self.network.contains) ?? false }
    }

    /// Who has which address, rules or not.
    public func mac(of address: IPv4Address) -> MACAddress {
        let guest = Self.guests.first { $0.address == address || $0.spare.contains(address) }?.address ?? address
        return cloud.nics.values.first { $0.address == guest }?.attachment.mac
            ?? MACAddress(locallyAdministered: UInt64(address.bits))
    }
}

/// Rules that a cloud has taken, one a line.
public struct RuleList: Sendable {
    public let lines: [String]
    public let cloud: Cloud

    /// Puts the lines into a town's cloud. The model decides about each: those that it refuses are left out.
    public init(_ lines: some Sequence<String>, in town: RuleTown) {
        var (cloud, taken) = (town.cloud, [String]())
        for line in lines {
            var next = cloud
            guard let records = try? RuleLine(line).records(in: cloud, number: UInt64(taken.count + 1)),
                (try? records.forEach { try next.apply(.put($0)) }) != nil
            else { continue }
            cloud = next
            taken.append(line)
        }
        (self.lines, self.cloud) = (taken, cloud)
    }

    /// A random list, the same for the same numbers.
    public init(in town: RuleTown, using numbers: inout SeededGenerator) {
        var lines = RandomRuleLines(town, numbers)
        let all = lines.lines()
        numbers = lines.numbers
        self.init(all, in: town)
    }
}
