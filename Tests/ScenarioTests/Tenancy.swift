import CLinux
import Foundation
import Testing

/// Whose turn it is with what goes round, and by what kind of port. All follows from the number, so that the one before is
/// known too.
struct Turn {
    enum Port: String {
        case emulated, tap, namespace

        /// Each after each, itself too; an odd number, so that either tenant follows the other with all of it.
        static let order: [Port] = [
            .emulated, .namespace, .tap, .tap, .namespace, .namespace, .emulated, .emulated, .tap,
        ]
    }

    let round: Int
    /// The network, without its last number.
    let subnet: String

    static let tenants = ["anna", "bert"]
    static let mac = "0a:00:00:00:00:01"

    var tenant: String { Self.tenants[round % 2] }
    var port: Port { Port.order[round % Port.order.count] }
    var name: String { "\(tenant)-\(round)" }
    /// Most get the address that the one before had, some another one.
    var address: String { "\(subnet).\(round / 5 % 2 == 0 ? 11 : 12)" }
    /// Who has something to hide is followed by one who has, and that one by one who has not.
    var hasSecrets: Bool { round % 4 < 2 }
    var password: String { "Secret-of-\(name)" }
    /// More than the kernel sends at once to somebody who does not read.
    var userData: String { "user data of \(name) " + String(repeating: "\(name) ", count: 2_000) }
    var key: String { Scenarios.ServedMachineTests.key(tenant) }
    var before: Turn? { round == 0 ? nil : Turn(round: round - 1, subnet: subnet) }

    /// The tenants' keys, and a template whose machines ask for a password.
    static func prepare(_ daemon: DaemonUnderTest) throws -> String {
        for tenant in tenants {
            try daemon.perform(
                "registerSSHKeyPair",
                ["account": tenant, "name": tenant, "publickey": Scenarios.ServedMachineTests.key(tenant)])
        }
        let found = try daemon.list("listTemplates", "template", ["templatefilter": "all"]).first
        let template = try #require(found)[text: "id"]
        try daemon.perform("updateTemplate", ["id": template, "passwordenabled": "true"])
        return template
    }
}

/// A tenant's machine while it has what goes round.
struct Tenancy {
    let turn: Turn
    let daemon: DaemonUnderTest
    let machine: String
    /// Where its network stack is.
    let node: String
    /// All that the host may know it by.
    private let names: [String]
    private let computer: TapMachine?

    var world: World { daemon.world }

    init(_ turn: Turn, _ daemon: DaemonUnderTest, on network: String, _ zone: String, template: String) throws {
        (self.turn, self.daemon) = (turn, daemon)
        var wish = [
            "account": turn.tenant, "zoneid": zone, "networkids": network, "name": turn.name,
            "ipaddress": turn.address, "macaddress": Turn.mac, "port": turn.port.rawValue,
        ]
        if turn.port == .namespace { wish["hostnamespace"] = Premises.jar }
        if turn.hasSecrets {
            wish["templateid"] = template
            wish["password"] = turn.password
            wish["keypairs"] = turn.tenant
            wish["userdata"] = Data(turn.userData.utf8).base64EncodedString()
        }
        let made = try daemon.perform("deployVirtualMachine", wish)["virtualmachine"] as? [String: Any]
        let machine = try #require(made)
        let nic = try #require((machine["nic"] as? [[String: Any]])?.first)
        let instance = machine[text: "instancename"]
        self.machine = machine[text: "id"]
        // Its port is named for its number, whatever the kind.
        let device = turn.port == .emulated ? "slg\(instance.split(separator: "-")[2])e0" : nic[text: "hostdevice"]
        names = [self.machine, nic[text: "id"], instance, Turn.mac, device]
        switch turn.port {
        case .emulated: (node, computer) = (instance, nil)
        case .namespace: (node, computer) = (Premises.jar, nil)
        case .tap:
            node = Premises.computer
            computer = try TapMachine(
                daemon.world, behind: nic[text: "hostdevice"], in: node, mac: Turn.mac,
                mtu: nic["mtu"] as? Int ?? 1500)
        }
    }

    /// What the machine sets for itself. An emulated one has it already.
    func configure(router: String) throws {
        guard turn.port != .emulated else { return }
        try world.shell("ip address add \(turn.address)/24 dev eth0; ip route add default via \(router)", in: node)
    }

    /// Takes the machine away, from under the monitor of one that has one.
    func end() throws { try daemon.perform("destroyVirtualMachine", ["id": machine, "expunge": "true"]) }

    /// What is left of it on the host after its end.
    func traces(_ more: [String] = []) throws -> [String] {
        let host = try world.shell(
            """
            ip -d -o link; ip -o address; bridge fdb show; bridge vlan show; ip neigh; ls /run/netns
            nft list table bridge sluice
            """)
        return (names + more).filter(host.contains)
    }
}

/// What the kernel keeps in a router by itself, of everybody or of one address.
struct RouterMemory {
    let flows: Int
    /// The neighbours that it has asked for.
    let learned: [String]
    /// The elements of its sets and maps that have counted something.
    let counts: [String]

    init(_ world: World, _ router: String, of address: String? = nil) throws {
        // One program's start after the other, which is what takes long where a machine is emulated.
        let all = try world.shell(
            """
            conntrack -L 2>/dev/null; echo; ip neigh show nud reachable nud stale nud delay nud probe nud failed; echo
            nft 'list sets; list maps'
            """, in: router
        ).split(separator: "\n", omittingEmptySubsequences: false)
        let parts = all.split(separator: "", maxSplits: 2, omittingEmptySubsequences: false)
        try #require(parts.count == 3)
        flows = parts[0].count { line in address.map { line.contains("=\($0) ") } ?? true }
        learned = parts[1].filter { line in address.map { line.hasPrefix("\($0) ") } ?? true }.map(String.init)
        let counted = /[0-9a-f.:-]+[^{},]* counter packets [1-9][0-9]* bytes [0-9]+/
        counts = parts[2].joined(separator: "\n").matches(of: counted).map { String($0.0) }
            .filter { element in address.map(element.contains) ?? true }
    }
}
