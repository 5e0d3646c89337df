import CloudModel
import ControlPlane
import Foundation
import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import Packets
import Planner
import Reconciler
import RouterPlan
import TestSupport
import Testing

/// Two tenants on one trunk, each on a VLAN of its own, both with the same addresses; at the far end of the cable a
/// machine for each, tagged by `ip` and not by us.
@Suite(.needsRoot, .needsVLANs) struct `Networks on a trunk` {
    /// What the trunk carries is kept in `pcaps/segments/one-trunk`, and is the same every time.
    @Test func `have a VLAN each, and neither hears the other`() async throws {
        try await withFreshNamespace {
            try layCable()
            let cloud = try LiveCloud(PlannedCloud(.tenantsOnTrunk))
            #expect(try cloud.start().failed == 0, "\(cloud.failures)")
            let trunk = try Tap.on("wall0", in: "wall")
            var near: [Tap] = []
            var far: [Tap] = []
            for tenant in Tenant.all {
                let guest = try cloud.guest(tenant)
                // The same addresses on both VLANs: who answers shows only in what is heard below.
                #expect(try cloud.reaches("10.1.1.99", from: guest), "\(tenant)")
                near.append(try Tap.on("eth0", in: guest.text))
                far.append(try Tap.on("eth0", in: tenant.farMachine))
            }
            // To everybody, so that a frame which could get across would. What is sent last shows that all before it
            // has arrived, or never will.
            for word in ["secret", "last"] {
                for (index, tenant) in Tenant.all.enumerated() {
                    try near[index].broadcast(
                        "\(word) from \(tenant)'s guest", from: cloud.mac(tenant), "10.1.1.10")
                    try far[index].broadcast(
                        "\(word) from \(tenant)'s far machine", from: tenant.farMAC, "10.1.1.99")
                }
            }
            for (index, tenant) in Tenant.all.enumerated() {
                let there = try far[index].canaries(until: "last from \(tenant)'s guest").compactMap(\.canary)
                let here = try near[index].canaries(until: "last from \(tenant)'s far machine").compactMap(\.canary)
                #expect(there.contains("secret from \(tenant)'s guest"))
                #expect(here.contains("secret from \(tenant)'s far machine"))
                #expect((there + here).allSatisfy { $0.contains("from \(tenant)'s") }, "\(there + here)")
            }
            let tail = try #require(Tenant.all.last)
            let seen = try trunk.canaries(until: "last from \(tail)'s far machine")
            #expect(seen.count == 8, "\(seen)")
            for frame in seen {
                let tenant = try #require(Tenant.all.first { frame.canary?.contains("from \($0)'s") == true })
                #expect(frame.vlan == tenant.vlan, "\(frame.canary ?? "")")
            }
            try expectCapture(seen, of: Tenant.all.map(\.description))
        }
    }

    /// A guest knows the VLANs, tags its frames as it likes, and is heard by nobody: not by the other tenant, and not by
    /// its own far machine either.
    @Test func `do not take tags from guests`() async throws {
        try await withFreshNamespace {
            try layCable()
            let cloud = try LiveCloud(PlannedCloud(.tenantsOnTrunk))
            #expect(try cloud.start().failed == 0, "\(cloud.failures)")
            let (anna, trunk) = (Tenant.all[0], try Tap.on("wall0", in: "wall"))
            let mac = try cloud.mac(anna)
            let wire = try Tap.on("eth0", in: try cloud.guest(anna).text)
            let hostile: [(String, [(Int, Int)])] = [
                ("double-tagged", [(0x8100, 10), (0x8100, 11)]), ("priority-tagged", [(0x8100, 0xe000)]),
                ("of the other", [(0x8100, 11)]), ("of its own", [(0x8100, 10)]), ("of nobody", [(0x8100, 12)]),
                ("by the provider's standard", [(0x88a8, 11)]), ("by both", [(0x88a8, 10), (0x8100, 11)]),
                ("by an old standard", [(0x9100, 11)]),
            ]
            for (text, tags) in hostile {
                try wire.broadcast(text, from: mac, "10.1.1.10", tags: tags.map { (type: $0.0, tci: $0.1) })
            }
            try wire.broadcast("the last", from: mac, "10.1.1.10")
            #expect(try trunk.canaries(until: "the last").compactMap(\.canary) == ["the last"])
            let refused = try output(of: "nft list set bridge sluice refused-tagged")
            #expect(refused.contains("counter packets \(hostile.count) "), "\(refused)")
        }
    }

    @Test func `do not hear what is untagged, or on a VLAN that nobody has`() async throws {
        try await withFreshNamespace {
            try layCable()
            let cloud = try LiveCloud(PlannedCloud(.tenantsOnTrunk))
            #expect(try cloud.start().failed == 0, "\(cloud.failures)")
            let wall = try Tap.on("wall0", in: "wall")
            let guests = try Tenant.all.map { try Tap.on("eth0", in: cloud.guest($0).text) }
            let say = { (text: String, tags: [(type: Int, tci: Int)]) in
                try wall.broadcast(text, from: Tenant.all[0].farMAC, "10.1.1.99", tags: tags)
            }
            try say("untagged", [])
            try say("of nobody", [(0x8100, 12)])
            try say("to a priority", [(0x8100, 0xe000)])
            try say("by the provider's standard", [(0x88a8, 10)])
            for tenant in Tenant.all { try say("to all of \(tenant)", [(0x8100, Int(tenant.vlan))]) }
            for (guest, tenant) in zip(guests, Tenant.all) {
                #expect(
                    try guest.canaries(until: "to all of \(tenant)").compactMap(\.canary) == ["to all of \(tenant)"])
            }
        }
    }

    @Test func `are adopted without a write, and a VLAN goes with its network`() async throws {
        try await withFreshNamespace {
            try layCable()
            let cloud = try LiveCloud(PlannedCloud(.tenantsOnTrunk))
            #expect(try cloud.start().failed == 0, "\(cloud.failures)")
            for tenant in Tenant.all {
                let seen = try #require(try objects(from: "ip -d -j link show trunk0.\(tenant.vlan)").first)
                let detail = seen["linkinfo"] as? [String: Any]
                #expect((detail?["info_data"] as? [String: Any])?["id"] as? Int == Int(tenant.vlan))
                #expect(detail?["info_slave_kind"] as? String == "bridge")
                #expect(seen["link"] as? String == "trunk0")
                #expect((seen["ifalias"] as? String)?.contains("network/") == true)
                #expect(seen["inet6_addr_gen_mode"] as? String == "none")
            }
            #expect(try cloud.start().failed == 0, "\(cloud.failures)")
            #expect(cloud.lane?.counters().writes == 0)

            let (gone, stays) = (Tenant.all[0], Tenant.all[1])
            let state = cloud.planned.cloud
            let network = try #require(state.networks.values.first { $0.name == gone.network })
            let guest = try #require(state.guests.values.first { $0.name == gone.guest })
            #expect(try cloud.take(.destroyGuest(guest.id), ticket: 1) > 0)
            while try !cloud.next().tickets.contains(1) {}
            #expect(try output(of: "ip -o link show trunk0.\(gone.vlan)").contains("UP"))
            let commands = try cloud.take(.deleteNetwork(network.id), ticket: 2)
            var done = 0
            while done < commands { done += try cloud.next().tickets.count { $0 == 2 } }
            #expect(try vlans() == ["trunk0.\(stays.vlan)"])
            #expect(try cloud.reaches("10.1.1.99", from: cloud.guest(stays)))
            #expect(try output(of: "ip -o link show trunk0").contains("UP"))
        }
    }

    @Test(arguments: ["trunk0.10", "mine"])
    func `are not put on a VLAN that somebody else has taken`(name: String) async throws {
        try await withFreshNamespace {
            try layCable()
            #expect(try output(of: "ip link add link trunk0 name \(name) type vlan id 10") == "")
            #expect(try output(of: "ip link set \(name) up") == "")
            let before = try settings(of: name)
            let cloud = try LiveCloud(PlannedCloud(.tenantsOnTrunk))
            #expect(try cloud.start().failed > 0)
            #expect(cloud.failures.contains { $0.contains("trunk0.10") && $0.contains("exists") }, "\(cloud.failures)")
            #expect(try settings(of: name) == before)
            // The other tenant does not suffer for it.
            #expect(try cloud.reaches("10.1.1.99", from: cloud.guest(Tenant.all[1])))
            let host = NodePlan(.host, .host, owner: cloud.planned.planner.installation)
            #expect(try cloud.start([host]).failed == 0)
            #expect(try settings(of: name) == before)
            #expect(try vlans() == [name])
        }
    }

    /// As CloudStack's hosts have them: the label names a bridge, and the interface is a port of it.
    @Test func `are on VLANs of a bridge where the trunk is one`() async throws {
        try await withFreshNamespace {
            try layCable()
            for line in [
                "link set trunk0 down", "link set trunk0 name port0", "link add trunk0 type bridge",
                "link set port0 master trunk0", "link set port0 up", "link set trunk0 up",
            ] { #expect(try output(of: "ip \(line)") == "", "\(line)") }
            let cloud = try LiveCloud(PlannedCloud(.tenantsOnTrunk))
            #expect(try cloud.start().failed == 0, "\(cloud.failures)")
            for tenant in Tenant.all { #expect(try cloud.reaches("10.1.1.99", from: cloud.guest(tenant))) }
            #expect(try vlans() == Tenant.all.map { "trunk0.\($0.vlan)" }.sorted())
        }
    }

    @Test func `are refused on a trunk that is too narrow for them`() async throws {
        try await withFreshNamespace {
            try layCable()
            #expect(try output(of: "ip link set trunk0 mtu 1400") == "")
            let cloud = try LiveCloud(PlannedCloud(.tenantsOnTrunk))
            #expect(try cloud.start().failed > 0)
            let words = cloud.failures.joined()
            #expect(words.contains("1500 bytes over trunk0") && words.contains("its MTU is 1400"), "\(words)")
            #expect(try vlans() == [])
        }
    }

    @Test func `come back with their trunk`() async throws {
        try await withFreshNamespace {
            try layCable()
            let cloud = try LiveCloud(PlannedCloud(.tenantsOnTrunk))
            #expect(try cloud.start().failed == 0, "\(cloud.failures)")
            cloud.stop()
            #expect(try output(of: "ip link del trunk0") == "")
            #expect(try vlans() == [])
            #expect(try cloud.start().failed > 0)
            try layCable(isAnew: true)
            while try vlans().count < Tenant.all.count { _ = try cloud.next() }
            try cloud.start()
            for tenant in Tenant.all { #expect(try cloud.reaches("10.1.1.99", from: cloud.guest(tenant))) }
        }
    }
}

private struct Tenant: CustomStringConvertible {
    let description: String
    let vlan: UInt16

    var network: String { "net-\(description)" }
    var guest: String { "guest-\(description)" }
    var farMachine: String { "far-\(description)" }
    var farMAC: String { "02:00:00:00:f0:\(vlan)" }

    static let all = [Tenant(description: "anna", vlan: 10), Tenant(description: "bert", vlan: 11)]
}

extension CloudFile {
    /// Networks get the lowest free VLAN in this order.
    fileprivate static let tenantsOnTrunk: CloudFile = {
        var file = CloudFile.demo
        var zone = file.zones[0]
        zone.physicalNetworks[0].segments = ["10-11"]
        zone.physicalNetworks[0].trunk = "trunk0"
        file = CloudFile()
        file.zones = [zone]
        for tenant in Tenant.all {
            file.accounts.append(Account(name: tenant.description))
            var network = Network(name: tenant.network, zone: zone.name)
            network.account = tenant.description
            network.cidr = "10.1.1.0/24"
            file.networks.append(network)
            var guest = Guest(name: tenant.guest, nics: [NIC(network: tenant.network, address: "10.1.1.10")])
            guest.account = tenant.description
            file.guests.append(guest)
        }
        return file
    }()
}

extension LiveCloud {
    fileprivate func guest(_ tenant: Tenant) throws -> NodeName {
        let guest = try #require(planned.cloud.guests.values.first { $0.name == tenant.guest })
        return NodeName(guest.instanceName)
    }

    fileprivate func mac(_ tenant: Tenant) throws -> String {
        let guest = try #require(planned.cloud.guests.values.first { $0.name == tenant.guest })
        return "\(try #require(planned.cloud.nics(ofGuest: guest.id).first).attachment.mac)"
    }
}

/// `trunk0` here, the other end in the namespace `wall`, and behind it a namespace for each tenant's far machine.
private func layCable(isAnew: Bool = false) throws {
    var lines = isAnew ? [] : ["netns add wall"]
    lines += [
        "link add trunk0 type veth peer name wall0 netns wall", "link set trunk0 up", "-n wall link set wall0 up",
    ]
    for tenant in Tenant.all {
        let far = tenant.farMachine
        if !isAnew { lines.append("netns add \(far)") }
        lines += [
            "-n wall link add link wall0 name v\(tenant.vlan) type vlan id \(tenant.vlan)",
            "-n wall link set v\(tenant.vlan) netns \(far)", "-n \(far) link set v\(tenant.vlan) name eth0",
            "-n \(far) addr add 10.1.1.99/24 dev eth0", "-n \(far) link set eth0 up",
        ]
    }
    for line in lines { #expect(try output(of: "ip \(line)") == "", "\(line)") }
}

/// That the tagged frames are those that are kept: of the trunk, and of each tenant's part of it. With `SLUICE_RECORD` they
/// are told, in base64, for whoever keeps them: the machine that this runs in reads the repository and no more.
private func expectCapture(_ frames: [Tap.Frame], of tenants: [String]) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "pcaps/segments/one-trunk")
    for name in ["trunk"] + tenants {
        var writer = PcapWriter()
        for (index, frame) in frames.enumerated()
        where name == "trunk" || frame.canary?.contains("from \(name)'s") == true {
            writer.write(CapturedPacket(time: CaptureTime(seconds: Int64(index)), bytes: frame.whole))
        }
        if ProcessInfo.processInfo.environment["SLUICE_RECORD"] != nil {
            print("capture \(name) \(Data(writer.bytes).base64EncodedString())")
        } else {
            let kept = try Data(contentsOf: folder.appending(path: "\(name).pcap"))
            #expect(Data(writer.bytes) == kept, "\(name).pcap")
        }
    }
}

/// What somebody could have changed; a link's state is not among it, which the kernel itself gets right a little later.
private func settings(of link: String) throws -> [String] {
    let seen = try #require(try objects(from: "ip -d -j link show \(link)").first)
    return ["ifindex", "ifname", "ifalias", "link", "master", "group", "mtu", "address", "inet6_addr_gen_mode"].map {
        "\($0) \(seen[$0] ?? "none")"
    }
}

private func vlans() throws -> [String] {
    try objects(from: "ip -j link show type vlan").compactMap { $0["ifname"] as? String }.sorted()
}
