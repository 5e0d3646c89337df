import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let guestNICs: [Command] = [
        .list(
            "listNics", "Lists the ports of a machine",
            [
                Parameter("virtualmachineid", .uuid, required: true, related: "listVirtualMachines", "the machine"),
                Parameter("nicid", .uuid, related: "listNics", "only this port"),
                Parameter("networkid", .uuid, related: "listNetworks", "only on this network"), .displayed,
            ]
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let network = try call.usableNetwork("networkid")?.id
            let nic = try call.visible("nicid", in: cloud.nics) { cloud.guests[$0.guest]?.account }?.id
            guard let guest = try call.visible("virtualmachineid", in: cloud.guests, by: \.account) else {
                throw .missing("virtualmachineid", call.command)
            }
            let found = cloud.nics(ofGuest: guest.id).filter {
                (network == nil || $0.network == network) && (nic == nil || $0.id == nic)
                    && call.matches($0.addresses.map(\.description).joined(separator: " "))
            }
            return try call.page("nic", call.arguments.boolean("fordisplay") ?? true ? found : []) {
                $0.rendered(in: cloud)
            }
        },
        .change(
            "addNicToVirtualMachine", "Gives a machine a port on another network, while it runs or not",
            isAsync: true,
            [
                Parameter("virtualmachineid", .uuid, required: true, related: "listVirtualMachines", "the machine"),
                Parameter("networkid", .uuid, required: true, related: "listNetworks", "the network"),
                Parameter("ipaddress", "its address; a free one when absent"),
                Parameter("macaddress", "its MAC address; a new one when absent"),
                Parameter(
                    "dhcpoptions", .map, maxLength: 1_024, "dhcpoptions[0].dhcp:66=value: what DHCP tells it too"),
                .port("tap, or namespace: to whom it is handed over; as the machine's other ports when absent"),
                .hostNamespace,
            ]
        ) { call throws(RequestError) in
            .networking(
                .addNIC(
                    .init(
                        guest: try call.arguments.requiredID("virtualmachineid"),
                        network: try call.arguments.requiredID("networkid"),
                        address: call.arguments.string("ipaddress"), mac: call.arguments.string("macaddress"),
                        dhcpOptions: try call.dhcpOptions(call.arguments.rows("dhcpoptions"), "dhcpoptions"),
                        delivery: try call.delivery(
                            call.arguments.string("port"), call.arguments.string("hostnamespace"), "port"))))
        } reply: { _, outcome in
            renderedGuest(outcome)
        },
        .change(
            "removeNicFromVirtualMachine", "Takes a port that is not the default one away from a machine",
            isAsync: true, guestNIC
        ) { call throws(RequestError) in
            .networking(.removeNIC(try call.arguments.guestNIC()))
        } reply: { _, outcome in
            renderedGuest(outcome)
        },
        .change(
            "updateDefaultNicForVirtualMachine", "Makes a port the one that a machine reaches the world by",
            isAsync: true, guestNIC
        ) { call throws(RequestError) in
            .networking(.makeNICDefault(try call.arguments.guestNIC()))
        } reply: { _, outcome in
            renderedGuest(outcome)
        },
        .change(
            "updateVmNicIp", "Changes a port's address", isAsync: true,
            [
                Parameter("nicid", .uuid, required: true, related: "listNics", "the port"),
                Parameter("ipaddress", "its new address; a free one when absent"),
            ]
        ) { call throws(RequestError) in
            .networking(
                .changeNICAddress(
                    .init(
                        nic: try call.arguments.requiredID("nicid"), address: call.arguments.string("ipaddress"))))
        } reply: { _, outcome in
            renderedGuest(outcome)
        },
        .change(
            "addIpToNic", "Gives a port of a machine a further address", isAsync: true, isCreation: true,
            [
                Parameter("nicid", .uuid, required: true, related: "listNics", "the port"),
                Parameter("ipaddress", "the address; a free one of its network when absent"),
            ]
        ) { call throws(RequestError) in
            .addSecondaryAddress(
                Request.AddSecondaryAddress(
                    nic: try call.arguments.requiredID("nicid"), address: call.arguments.string("ipaddress")))
        } reply: { call, outcome in
            guard let (nic, address) = outcome.newSecondaryAddress(for: call) else { return [:] }
            return [
                "nicsecondaryip": .object([
                    "id": .text(address.id), "ipaddress": .text(address.address), "nicid": .text(nic.id),
                    "networkid": .text(nic.network), "virtualmachineid": .text(nic.guest),
                ])
            ]
        },
        .change(
            "removeIpFromNic", "Takes a further address away from a port of a machine", isAsync: true,
            [.id("listNics", "the address, as nic.secondaryip shows it"), .cleanup]
        ) { call throws(RequestError) in
            .removeSecondaryAddress(try call.arguments.removal())
        } reply: { _, _ in
            .success
        },
    ]

    private static let guestNIC = [
        Parameter("virtualmachineid", .uuid, required: true, related: "listVirtualMachines", "the machine"),
        Parameter("nicid", .uuid, required: true, related: "listNics", "the port"),
    ]

    private static func renderedGuest(_ outcome: Outcome) -> APIObject {
        outcome.answer("virtualmachine", \.guests) { $0.rendered(in: outcome.cloud) }
    }
}

extension Arguments {
    fileprivate func guestNIC() throws(RequestError) -> NetworkingRequest.GuestNIC {
        .init(guest: try requiredID("virtualmachineid"), nic: try requiredID("nicid"))
    }
}

extension Outcome {
    /// The address that `addIpToNic` brought. Read from the change itself: others may have come with the model since.
    fileprivate func newSecondaryAddress(for call: Call) -> (NIC, SecondaryAddress)? {
        let before = call.arguments.id("nicid").flatMap { call.cloud.nics[$0] }?.secondaryAddresses ?? []
        for change in changes {
            guard case .put(.nic(let nic)) = change, nic.id == call.arguments.id("nicid") else { continue }
            let new = nic.secondaryAddresses.last { !before.contains($0) }
            return new.map { (nic, $0) }
        }
        return nil
    }
}
