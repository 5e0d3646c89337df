import CloudModel
import ControlPlane
import NetworkVocabulary

// Sluice's own: what guests did with DHCP, DNS and metadata.
extension Command {
    static let serviceActivities: [Command] = [
        .list(
            "listServiceActivity", "Lists when guests' ports last got an address, asked names and read metadata",
            [Parameter("virtualmachineid", .uuid, related: "listVirtualMachines", "only this machine's ports")]
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let guest = try call.visible("virtualmachineid", in: cloud.guests, by: \.account)?.id
            let activity = call.view.services.nics
            let nics = try call.owned(cloud.nics) { cloud.guests[$0.guest]?.account }.filter { nic in
                (guest == nil || nic.guest == guest) && activity[nic.id] != nil
                    && call.matches(cloud.guests[nic.guest]?.name ?? "")
            }
            return try call.page("serviceactivity", nics) { nic in
                let known = activity[nic.id] ?? ServiceActivity.OfNIC()
                return [
                    "nicid": .text(nic.id), "virtualmachineid": .text(nic.guest), "networkid": .text(nic.network),
                    "ipaddress": .text(nic.address), "dhcpanswer": .text(known.dhcp?.answer),
                    "dhcptime": .text(known.dhcp.map { Timestamp(milliseconds: $0.time).description }),
                    "dnsqueries": .number(known.queries), "dnsrate": .number(Int(known.queryRate.rounded())),
                    "metadatatime": .text(known.metadata.map { Timestamp(milliseconds: $0).description }),
                ]
            }
        },
        .read("getServiceCounters", "Shows what the services of all guests have counted", isAdminOnly: true) {
            call throws(RequestError) in
            let services = call.view.services
            var counters = APIObject()
            for (name, count) in services.counters.sorted(by: { $0.key < $1.key }) { counters[name] = .number(count) }
            return ["services": .object(["restarts": .number(services.restarts), "counters": .object(counters)])]
        },
    ]
}
