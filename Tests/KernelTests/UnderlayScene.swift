import CloudModel
import ControlPlane
import Foundation
import LinuxKernel
import NetworkVocabulary
import Packets
import Planner
import RouterPlan
import TestSupport
import Testing

/// Two hosts with an underlay between them, each a network namespace with a data plane of its own, and two tenants with the
/// same addresses on a VNI each: a guest of each on either host. Routers, and the outside, are on the near host.
///
/// Both hosts have the host's plan as it is, and of the other nodes those that live there.
final class UnderlayScene {
    let near: LiveCloud
    let far: LiveCloud
    /// What goes over the underlay, as the near host's end of it sees it.
    let cable: Tap
    /// The far host's end, which says what nobody plans.
    let farEnd: Tap
    private var farTaps: [String: Tap] = [:]

    static let vnis: [String: UInt32] = ["anna": 5000, "bert": 5001]
    static let tenants = ["anna", "bert"]
    static let underlay = (near: "192.0.2.1", far: "192.0.2.2")
    private static let macs = (near: "02:00:00:00:c0:01", far: "02:00:00:00:c0:02")

    static let file = """
        {"zones": [{"name": "here", "dns1": "198.51.100.53",
          "physicalNetworks": [{"name": "wire", "isolation": "VXLAN", "segments": ["5000-5001"], "trunk": "trunk0",
                                "peers": PEERS}],
          "publicRanges": [{"physicalNetwork": "wire", "subnet": "203.0.113.0/24", "gateway": "203.0.113.1",
                            "addresses": "203.0.113.10-203.0.113.19"}]}],
         "accounts": [{"name": "anna"}, {"name": "bert"}],
         "networks": [{"name": "net-anna", "account": "anna", "zone": "here", "cidr": "10.1.1.0/24"},
                      {"name": "net-bert", "account": "bert", "zone": "here", "cidr": "10.1.1.0/24"}],
         "guests": [
           {"name": "anna-near", "account": "anna", "nics": [{"network": "net-anna", "address": "10.1.1.10"}]},
           {"name": "anna-far", "account": "anna", "nics": [{"network": "net-anna", "address": "10.1.1.20"}]},
           {"name": "bert-near", "account": "bert", "nics": [{"network": "net-bert", "address": "10.1.1.10"}]},
           {"name": "bert-far", "account": "bert", "nics": [{"network": "net-bert", "address": "10.1.1.20"}]}],
         "publicAddresses": [{"account": "anna", "network": "net-anna", "address": "203.0.113.12"}]}
        """

    /// Leaves the thread on the near host. The list of peers is one for both hosts; without one there are groups.
    init(peers: [String] = []) throws {
        let file = Self.file.replacing("PEERS", with: "\(peers)")
        let cloud = try PlannedCloud(try CloudFile(json: file))
        (near, far) = (try LiveCloud(cloud), try LiveCloud(cloud))
        for line in [
            "link add trunk0 type veth peer name cable", "link set trunk0 address \(Self.macs.far)",
            "link set cable address \(Self.macs.near)", "addr add \(Self.underlay.far)/24 dev trunk0",
            "link set trunk0 up",
        ] { #expect(try output(of: "ip \(line)") == "", "\(line)") }
        let isFar = { (name: NodeName) in
            name.isInHostNamespace
                || cloud.cloud.guests.values.contains { $0.instanceName == name.text && $0.name.hasSuffix("-far") }
        }
        #expect(try far.start(cloud.inOrder.filter { isFar($0.name) }).failed == 0, "\(far.failures)")
        farEnd = try Tap("trunk0")
        for tenant in Self.tenants {
            let guest = try #require(cloud.cloud.guests.values.first { $0.name == "\(tenant)-far" })
            farTaps[guest.name] = try Tap.on("eth0", in: guest.instanceName)
        }
        let farHost = try NetworkNamespace.current()
        try isolateThisThread()
        let names = NamespaceDirectory.system
        try names.mount(farHost, as: "far-host")
        try names.mount(NetworkNamespace.current(), as: "near-host")
        for line in [
            "-n far-host link set cable netns near-host", "link set cable name trunk0",
            "addr add \(Self.underlay.near)/24 dev trunk0", "link set trunk0 up",
        ] { #expect(try output(of: "ip \(line)") == "", "\(line)") }
        cable = try Tap("trunk0")
        #expect(try near.start(nearPlans).failed == 0, "\(near.failures)")
    }

    var nearPlans: [NodePlan] {
        let distant = near.planned.cloud.guests.values.filter { $0.name.hasSuffix("-far") }.map(\.instanceName)
        return near.planned.inOrder.filter { !distant.contains($0.name.text) }
    }

    func guest(_ name: String) throws -> Guest {
        try #require(near.planned.cloud.guests.values.first { $0.name == name })
    }

    /// At a guest's own end of its port.
    func tap(_ name: String) throws -> Tap {
        if let tap = farTaps[name] { return tap }
        let tap = try Tap.on("eth0", in: try guest(name).instanceName)
        farTaps[name] = tap
        return tap
    }

    func mac(_ name: String) throws -> String {
        "\(try #require(near.planned.cloud.nics(ofGuest: try guest(name).id).first).attachment.mac)"
    }

    func network(_ tenant: String) throws -> Network {
        try #require(near.planned.cloud.networks.values.first { $0.name == "net-\(tenant)" })
    }

    func router(_ tenant: String) throws -> VirtualRouter {
        try #require(near.planned.cloud.router(ofNetwork: try network(tenant).id))
    }

    /// What the near host did not open, for all segments.
    var strays: Int {
        get throws {
            let listing = try output(of: "nft list set inet sluice underlay-strays")
            return listing.matches(of: /counter packets ([0-9]+)/).reduce(0) { $0 + (Int($1.1) ?? 0) }
        }
    }

    /// An encapsulated frame as the RFC draws it (7348, 5), for whoever puts it on the underlay by hand.
    static func outer(
        _ vni: UInt32, flags: UInt8 = 8, from source: String = underlay.far, _ inner: [UInt8]
    ) -> [UInt8] {
        RawFrame.ethernet(
            macs.near, macs.far, 0x800,
            RawFrame.ipv4(source, underlay.near, 17, RawFrame.udp(50_000, 4789, header(vni, flags) + inner)))
    }

    static func header(_ vni: UInt32, _ flags: UInt8 = 8) -> [UInt8] {
        [flags, 0, 0, 0, UInt8(vni >> 16 & 0xff), UInt8(vni >> 8 & 0xff), UInt8(vni & 0xff), 0]
    }
}

/// A frame of the underlay with a frame in it.
struct Encapsulated {
    let vni: UInt32
    let inner: [UInt8]
    /// With what varies from run to run put to zero: the identification and the checksums, and the source port, which is
    /// a hash with a secret.
    let whole: [UInt8]

    init?(_ frame: [UInt8]) {
        let head = 14 + 20 + 8
        guard frame.count > head + 8 + 14, Array(frame[12..<14]) == [8, 0], frame[14] == 0x45, frame[23] == 17,
            Array(frame[36..<38]) == RawFrame.half(4789), frame[head] == 8
        else { return nil }
        vni = frame[(head + 4)..<(head + 7)].reduce(0) { $0 << 8 | UInt32($1) }
        inner = Array(frame[(head + 8)...])
        var steady = frame
        for range in [18..<20, 24..<26, 34..<36, 40..<42] {
            steady.replaceSubrange(range, with: [UInt8](repeating: 0, count: range.count))
        }
        whole = steady
    }

    var canary: String? { Tap.Frame(whole: inner).canary }
}
