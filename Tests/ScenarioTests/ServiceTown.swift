import Foundation
import Testing

/// The demo's cloud with guests whose ports the test itself plugs, so that real clients configure them.
struct ServiceTown {
    let world: World
    let daemon: DaemonUnderTest
    let bridge: String
    let network: String

    private static let cloud = """
        {"networks": [{"name": "town", "zone": "demo", "cidr": "10.1.1.0/24", "gateway": "10.1.1.1"}],
         "guests": [
          {"name": "alpha", "port": "none", "nics": [{"network": "town", "address": "10.1.1.10"}]},
          {"name": "beta", "port": "none", "nics": [{"network": "town", "address": "10.1.1.20"}]}]}
        """

    init(_ world: World, data: String? = nil, options: [String] = []) throws {
        self.world = world
        daemon = try DaemonUnderTest(world, data: data, options: options)
        if try !daemon.list("listNetworks", "network").contains(where: { $0[text: "name"] == "town" }) {
            let file = "\(world.directory)/town.json"
            try Self.cloud.write(toFile: file, atomically: true, encoding: .utf8)
            let applied = try daemon.sluice("apply", file)
            guard applied.status == 0 else { throw Trouble("apply: \(applied.errors)") }
        }
        let found = try daemon.list("listNetworks", "network").first { $0[text: "name"] == "town" }
        network = try #require(found)[text: "id"]
        let router = try Scenarios.DemoTests.router(daemon, of: "town")
        bridge = try Self.bridge(daemon, of: "town")
        try seen("sockets of the services") {
            try world.shell("ss -Hlnu", in: router).contains("10.1.1.1:53") ? true : nil
        }
    }

    struct Plugged {
        let world: World
        let node: String

        func addresses() throws -> [String] {
            let lines = try world.shell("ip -o -4 address show dev eth0", in: node).split(separator: "\n")
            return lines.compactMap { line in
                let words = line.split(separator: " ")
                return words.firstIndex(of: "inet").map { String(words[$0 + 1]) }
            }
        }
    }

    /// The bridge that a network's ports are on.
    private static func bridge(_ daemon: DaemonUnderTest, of network: String) throws -> String {
        let router = try Scenarios.DemoTests.router(daemon, of: network)
        let leg = "slr" + router.split(separator: "-")[1] + "e0"
        return try seen("the leg of \(router)") {
            let words = try daemon.world.shell("ip -o link show \(leg) || true").split(separator: " ")
            return words.firstIndex(of: "master").map { String(words[$0 + 1]) }
        }
    }

    /// The guest's port on another network; the machine comes with its first one.
    @discardableResult
    func plug(_ name: String, on network: String) throws -> Plugged {
        let found = try daemon.list("listVirtualMachines", "virtualmachine").first { $0[text: "name"] == name }
        let nics = found?["nic"] as? [[String: Any]] ?? []
        let nic = try #require(nics.first { $0[text: "networkname"] == network })
        let (node, index) = ("client-\(name)", nic[text: "deviceid"])
        try world.shell(
            """
            [ -e /run/netns/\(node) ] || ip netns add \(node)
            ip link add port-\(name)-\(index) type veth peer name eth\(index) address \(nic[text: "macaddress"]) netns \(node)
            ip link set port-\(name)-\(index) master \(try Self.bridge(daemon, of: network)) up
            ip -n \(node) link set lo up
            ip -n \(node) link set eth\(index) up
            """)
        return Plugged(world: world, node: node)
    }

    /// What busybox's client is told on a port, by its own names for options.
    func lease(_ guest: Plugged, _ device: String) throws -> [String: String] {
        try Self.lease(world, guest, device)
    }

    static func lease(_ world: World, _ guest: Plugged, _ device: String) throws -> [String: String] {
        let path = "\(world.directory)/say-lease"
        try "#!/bin/sh\n[ \"$1\" = deconfig ] || env\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        let asked = ["ntpsrv", "tftp", "bootfile", "search", "staticroutes", "mtu"].flatMap { ["-O", $0] }
        let ran = try world.run(
            ["env", "-i", "PATH=/usr/bin:/bin", "busybox", "udhcpc", "-f", "-n", "-q", "-i", device, "-s", path]
                + asked,
            in: guest.node)
        guard ran.status == 0 else { throw Trouble("udhcpc: \(ran.status): \(ran.errors)") }
        return ran.output.split(separator: "\n").reduce(into: [:]) { told, line in
            let pieces = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pieces.count == 2 { told[String(pieces[0])] = String(pieces[1]) }
        }
    }

    /// A machine with the NIC's MAC on the network, under another name since if one is given; `configured`: with its address
    /// too.
    @discardableResult
    func plug(_ name: String, as present: String? = nil, configured: Bool = false) throws -> Plugged {
        let nic = try nic(present ?? name)
        let node = "client-\(name)"
        try world.shell(
            """
            ip netns add \(node)
            ip link add port-\(name) type veth peer name eth0 address \(nic[text: "macaddress"]) netns \(node)
            ip link set port-\(name) master \(bridge) up
            ip -n \(node) link set lo up
            ip -n \(node) link set eth0 up
            """)
        if configured {
            try world.shell(
                "ip address add \(nic[text: "ipaddress"])/24 dev eth0; ip route add default via 10.1.1.1", in: node)
        }
        return Plugged(world: world, node: node)
    }

    /// A guest made by the API, for a port that the test plugs. What the API says of it.
    @discardableResult
    func deploy(_ name: String, _ address: String, _ parameters: [String: String] = [:]) throws -> [String: Any] {
        let zone = try #require(try daemon.list("listZones", "zone").first)[text: "id"]
        let all = ["zoneid": zone, "name": name, "port": "none", "networkids": network, "ipaddress": address]
        let made = try daemon.perform("deployVirtualMachine", all.merging(parameters) { $1 })
        return try #require(made["virtualmachine"] as? [String: Any])
    }

    func machine(_ name: String) throws -> [String: Any] {
        let found = try daemon.list("listVirtualMachines", "virtualmachine").first {
            $0[text: "name"] == name && (($0["nic"] as? [[String: Any]])?.first?[text: "networkid"] == network)
        }
        return try #require(found)
    }

    func nic(_ name: String) throws -> [String: Any] {
        try #require((try machine(name)["nic"] as? [[String: Any]])?.first)
    }

    /// A template whose guests ask for a password.
    func passwordTemplate() throws -> String {
        let listed = try daemon.list("listTemplates", "template", ["templatefilter": "all"])
        let template = try #require(listed.first)[text: "id"]
        try daemon.perform("updateTemplate", ["id": template, "passwordenabled": "true"])
        return template
    }

    func mac(_ name: String) throws -> String { try nic(name)[text: "macaddress"] }

    /// One more guest of the network.
    func add(_ name: String, _ address: String) throws {
        let file = "\(world.directory)/\(name).json"
        let nic = #"{"network": "town", "address": "\#(address)"}"#
        try #"{"guests": [{"name": "\#(name)", "port": "none", "nics": [\#(nic)]}]}"#.write(
            toFile: file, atomically: true, encoding: .utf8)
        let applied = try daemon.sluice("apply", file)
        guard applied.status == 0 else { throw Trouble("apply: \(applied.errors)") }
    }

    struct Machine {
        let id: String
        let instance: String
        let offering: String
    }

    /// A machine as clients of the API have it made.
    func deploy(_ name: String, _ parameters: [String: String] = [:]) throws -> Machine {
        func first(_ command: String, _ key: String) throws -> [String: Any] {
            try #require(try daemon.list(command, key).first)
        }
        let offering = try first("listServiceOfferings", "serviceoffering")
        let facts = [
            "name": name, "zoneid": try first("listZones", "zone")[text: "id"], "networkids": network,
            "serviceofferingid": offering[text: "id"],
        ]
        let made = try daemon.perform("deployVirtualMachine", facts.merging(parameters) { $1 })
        let machine = try #require(made["virtualmachine"] as? [String: Any])
        try daemon.waitUntilVerified()
        return Machine(
            id: machine[text: "id"], instance: machine[text: "instancename"], offering: offering[text: "name"])
    }

    /// What DHCP clients call when they know something: addresses and the default route, as a machine would set them.
    func script() throws -> String {
        let path = "\(world.directory)/client-script"
        let text = """
            #!/bin/sh
            case "$reason$1" in
            BOUND|RENEW|REBIND|REBOOT) ip address replace "$new_ip_address/24" dev "$interface"
                [ -z "$new_routers" ] || ip route replace default via "$new_routers" dev "$interface" ;;
            bound|renew) ip address replace "$ip/24" dev "$interface"
                [ -z "$router" ] || ip route replace default via "$router" dev "$interface" ;;
            esac
            exit 0
            """
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    /// The process that serves this daemon's guests.
    func worker(after before: pid_t = 0) throws -> pid_t {
        let children = try world.shell("pgrep -P \(daemon.process.id) -x sluice-worker || true")
        let found = children.split(separator: "\n").compactMap { pid_t($0) }.first { $0 != before }
        guard let found else { throw Trouble("no process serves") }
        return found
    }

    /// Waits until the counters are as wanted.
    func sees(_ isEnough: ([String: UInt64]) -> Bool) throws {
        try seen("counters of the services") { isEnough(try counters()) ? true : nil }
    }

    func counters() throws -> [String: UInt64] {
        let listed = try daemon.perform("getServiceCounters")["services"] as? [String: Any] ?? [:]
        return (listed["counters"] as? [String: Any] ?? [:]).compactMapValues { ($0 as? NSNumber)?.uint64Value }
    }
}
