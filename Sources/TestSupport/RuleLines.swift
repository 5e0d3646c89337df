public import CloudModel
import NetworkVocabulary

/// Rules as one line of words each, for tests that want rules in a cloud without the requests that lead there.
///
///     static-nat 203.0.113.11 10.1.1.20
///     forward 203.0.113.10 tcp 8000-8010 10.1.1.20 80-90 [from 198.51.100.0/24,192.0.2.1/32]
///     firewall 203.0.113.10 tcp/80 [from 198.51.100.0/24]
///     egress web icmp/8 [from 10.1.1.0/25] [to 198.51.100.0/24]
///     secondary 10.1.1.20 10.1.1.200
///     source-nat 203.0.113.12
public struct RuleLine {
    public struct Unknown: Error { public let line: String }

    private let words: [String]

    public init(_ line: some StringProtocol) { words = String(line).split(separator: " ").map { String($0) } }

    /// What the line comes to. Ids and rule numbers follow from `number`, which is to rise from line to line.
    public func records(in cloud: Cloud, number: UInt64) throws -> [Record] {
        let id = ObjectID(random: 0x5e1e, number)
        func unknown() -> Unknown { Unknown(line: words.joined(separator: " ")) }
        func word(_ index: Int) throws -> String {
            guard index < words.count else { throw unknown() }
            return words[index]
        }
        func read<Thing: LosslessStringConvertible>(_ index: Int, as type: Thing.Type = Thing.self) throws -> Thing {
            guard let thing = Thing(try word(index)) else { throw unknown() }
            return thing
        }
        func prefixes(after keyword: String) throws -> [IPPrefix]? {
            guard let place = words.firstIndex(of: keyword) else { return nil }
            return try self.prefixes(try word(place + 1), unknown())
        }
        func address(_ index: Int) throws -> PublicAddress {
            let wanted: IPv4Address = try read(index)
            guard let found = cloud.publicAddresses.values.first(where: { $0.address == wanted }) else {
                throw unknown()
            }
            return found
        }
        func nic(_ index: Int) throws -> NIC {
            let wanted: IPv4Address = try read(index)
            guard let found = cloud.nics.values.first(where: { $0.addresses.contains(wanted) }) else {
                throw unknown()
            }
            return found
        }
        switch words.first {
        case "static-nat":
            var address = try address(1)
            address.staticNAT = StaticNAT(nic: try nic(2).id, guestAddress: try read(2))
            return [.publicAddress(address)]
        case "forward":
            guard let transport = PortForwarding.Transport(rawValue: try word(2)) else { throw unknown() }
            return [
                .portForwarding(
                    PortForwarding(
                        id: id, publicAddress: try address(1).id, transport: transport, publicPorts: try read(3),
                        privatePorts: try read(5), nic: try nic(4).id, guestAddress: try read(4),
                        sources: try prefixes(after: "from") ?? []))
            ]
        case "firewall":
            return [
                .firewallRule(
                    FirewallRule(
                        id: id, number: number, publicAddress: try address(1).id, traffic: try read(2),
                        sources: try prefixes(after: "from") ?? [.v4(.everything)]))
            ]
        case "egress":
            let name = try word(1)
            guard let network = cloud.networks.values.first(where: { $0.name == name }) else { throw unknown() }
            return [
                .egressRule(
                    EgressRule(
                        id: id, number: number, network: network.id, traffic: try read(2),
                        sources: try prefixes(after: "from") ?? network.cidr.map { [.v4($0)] } ?? [],
                        destinations: try prefixes(after: "to") ?? [.v4(.everything)]))
            ]
        case "secondary":
            var nic = try nic(1)
            nic.secondaryAddresses.append(SecondaryAddress(id: id, address: try read(2)))
            return [.nic(nic)]
        case "source-nat":
            var new = try address(1)
            guard var old = new.network.flatMap({ cloud.sourceNATAddress(ofNetwork: $0) }) else { throw unknown() }
            old.isSourceNAT = false
            new.isSourceNAT = true
            return [.publicAddress(old), .publicAddress(new)]
        default: throw unknown()
        }
    }

    private func prefixes(_ text: String, _ unknown: Unknown) throws -> [IPPrefix] {
        try text.split(separator: ",").map {
            guard let prefix = IPPrefix(String($0)) else { throw unknown }
            return prefix
        }
    }
}
