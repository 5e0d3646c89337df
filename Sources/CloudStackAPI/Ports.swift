import CloudModel
import CloudTrace
import ControlPlane
import NetworkVocabulary
import Planner
import RouterPlan

// Where packets go in and come out: Sluice's own, for who works with packets.

extension Command {
    static let ports: [Command] = [
        .list(
            "listPorts", "Lists the ports of running guests, and those of the outside, as packets meet them",
            [
                Parameter("name", "only this port: a guest's name, with /1 for its second NIC; outside"),
                Parameter("networkid", .uuid, related: "listNetworks", "only of this network"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let network = try call.object("networkid", in: cloud.networks)?.id
            let simulates = call.view.nodes.contains { $0.name == Planner.internet.text }
            let found = Wiring(cloud, routers: [], networks: network.map { [$0] }).ports.filter { port in
                call.matches(port.name) && (network == nil || !port.isOutside)
            }
            call.api.service.watchTraffic()
            return try call.page("port", found) { port in
                port.nic.flatMap { cloud.nics[$0] }.map { rendered(port, $0, in: cloud, call.view.traffic[$0.id]) }
                    ?? rendered(outside: port, in: cloud, simulates: simulates)
            }
        }
    ]

    private static func rendered(
        _ port: Wiring.Port, _ nic: NIC, in cloud: Cloud, _ traffic: TrafficCounts
    ) -> APIObject {
        let guest = cloud.guests[nic.guest]
        let network = cloud.networks[nic.network]
        let router = cloud.router(ofNetwork: nic.network)
        var neighbours: [(String, MACAddress)] = []
        if let router, let gateway = network?.gateway { neighbours.append(("\(gateway)", router.guestLeg.mac)) }
        let isEmulated = guest?.port == .emulated && nic.delivery == nil
        let namespace = isEmulated ? guest?.instanceName : nic.delivery?.namespace?.rawValue
        return [
            "name": .string(port.name), "nicid": .text(nic.id), "guestname": .text(guest?.name),
            "instancename": .text(guest?.instanceName),
            "account": .text(guest.flatMap { cloud.accounts[$0.account]?.name }), "networkid": .text(nic.network),
            "networkname": .text(network?.name), "segment": .text(port.segment),
            "hostdevice": .text(Planner.device(of: nic, in: cloud)), "mtu": network.map { .number($0.mtu) },
            "port": nic.portText(in: cloud), "path": nic.path(in: cloud), "namespace": .text(namespace),
            "device": namespace == nil ? nil : .string("eth\(nic.index)"), "macaddress": .text(port.mac),
            "ipaddress": .array(port.addresses.sorted().map { .text($0) }), "gatewaymac": .text(router?.guestLeg.mac),
            "neighbour": .array(neighbours.map(rendered)),
            "refusedpackets": .number(traffic.refusedPackets), "refusedbytes": .number(traffic.refusedBytes),
        ]
    }

    /// Its neighbours are the public addresses of its segment, each at the leg of its router.
    private static func rendered(outside port: Wiring.Port, in cloud: Cloud, simulates: Bool) -> APIObject {
        let ranges = cloud.publicRanges.values.filter { Planner.segment(of: $0) == port.segment }
        let first = ranges.min { $0.number < $1.number }
        var neighbours: [(String, MACAddress)] = []
        for address in cloud.publicAddresses.values {
            guard ranges.contains(where: { $0.id == address.range }), let network = address.network,
                let router = cloud.router(ofNetwork: network),
                let leg = cloud.publicLeg(of: router, for: address.range)
            else { continue }
            neighbours.append(("\(address.address)", leg.attachment.mac))
        }
        return [
            "name": .string(port.name), "segment": .text(port.segment),
            "namespace": simulates ? .text(Planner.internet) : nil,
            "device": simulates ? first.map { .string("eth\($0.number)") } : nil,
            "neighbour": .array(neighbours.map(rendered)),
        ]
    }

    private static func rendered(_ neighbour: (address: String, mac: MACAddress)) -> APIValue {
        .object(["address": .string(neighbour.address), "macaddress": .text(neighbour.mac)])
    }
}
