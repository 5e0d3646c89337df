import CloudModel
import ControlPlane
import Foundation
import LinuxKernel
import NetworkVocabulary
import Planner
import TestSupport
import Testing

/// Two tenants with the same addresses: `a` and `b` on one network, `c` on the other. What `a` sends is put on its wire
/// byte by byte, and seen, or not, at every other end.
final class PortScene {
    let cloud: LiveCloud
    let a: Tap
    let b: Tap
    let c: Tap
    let router: Tap
    private let otherRouter: Tap
    private var barriers = 0

    static let file = """
        {"zones": [{"name": "here", "dns1": "198.51.100.53",
          "physicalNetworks": [{"name": "wire", "segments": ["100-199"]}],
          "publicRanges": [{"subnet": "203.0.113.0/24", "gateway": "203.0.113.1",
                            "addresses": "203.0.113.10-203.0.113.19"}]}],
         "networks": [{"name": "red", "zone": "here", "cidr": "10.1.1.0/24"},
                      {"name": "blue", "zone": "here", "cidr": "10.1.1.0/24"}],
         "guests": [{"name": "a", "nics": [{"network": "red", "address": "10.1.1.10"}]},
                    {"name": "b", "nics": [{"network": "red", "address": "10.1.1.20"}]},
                    {"name": "c", "nics": [{"network": "blue", "address": "10.1.1.20"}]}]}
        """

    init() throws {
        cloud = try LiveCloud(try PlannedCloud(try CloudFile(json: Self.file)))
        let adopted = try cloud.start()
        #expect(adopted.failed == 0, "\(cloud.failures)")
        let model = cloud.planned.cloud
        func wire(_ guest: String) throws -> Tap {
            try Tap.on("eth0", in: try #require(model.guests.values.first { $0.name == guest }).instanceName)
        }
        func leg(_ name: String) throws -> Tap {
            let network = try #require(model.networks.values.first { $0.name == name })
            return try Tap.on("eth0", in: try #require(model.router(ofNetwork: network.id)).name)
        }
        (a, b, c) = (try wire("a"), try wire("b"), try wire("c"))
        (router, otherRouter) = (try leg("red"), try leg("blue"))
    }

    func guest(_ name: String) throws -> Guest {
        try #require(cloud.planned.cloud.guests.values.first { $0.name == name })
    }

    func nic(_ guest: String) throws -> NIC {
        try #require(cloud.planned.cloud.nics(ofGuest: try self.guest(guest).id).first)
    }

    func mac(_ guest: String) throws -> String { "\(try nic(guest).attachment.mac)" }

    var routerMAC: String {
        get throws {
            let network = try nic("a").network
            return "\(try #require(cloud.planned.cloud.router(ofNetwork: network)).guestLeg.mac)"
        }
    }

    func port(_ guest: String) throws -> String { "slg\(try self.guest(guest).number)e0" }

    /// What was seen where, apart from what `a` sent itself.
    struct Seen: Equatable {
        var atB: [[UInt8]] = []
        var atRouter: [[UInt8]] = []
        var atC: [[UInt8]] = []
        var isNothing: Bool { self == Seen() }
    }

    /// Puts frames on `a`'s wire, and behind them one that must arrive: what has not been seen by then was stopped.
    func see(_ frames: [[UInt8]]) throws -> Seen {
        for frame in frames { try a.put(frame) }
        barriers += 1
        let word = Array("barrier \(barriers)".utf8)
        let barrier = RawFrame.ethernet(
            RawFrame.everybody, try mac("a"), 0x800,
            RawFrame.ipv4("10.1.1.10", "255.255.255.255", 17, RawFrame.udp(9, 9, word)))
        try a.put(barrier)
        let other = RawFrame.ethernet(
            RawFrame.everybody, "02:00:00:00:77:77", 0x800,
            RawFrame.ipv4("10.1.1.1", "255.255.255.255", 17, RawFrame.udp(9, 9, word)))
        try otherRouter.put(other)
        return Seen(
            atB: try b.wholeFrames(until: barrier), atRouter: try router.wholeFrames(until: barrier),
            atC: try c.wholeFrames(until: other))
    }

    /// What the guard has counted at the port of a guest, by reason.
    func refusals(of guest: String) throws -> [String: Int] { try refusalsAtPort(try port(guest)) }
}

/// What the guard has counted at a port, by reason, as `nft` shows it; reasons without any are left out. The port's sum is
/// of what its own guest did: that a bridge asks everywhere for somebody unknown is not its doing.
func refusalsAtPort(_ port: String) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    let text = try output(of: "nft -j list sets bridge")
    let list = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    for item in list["nftables"] as? [[String: Any]] ?? [] {
        guard let set = item["set"] as? [String: Any], let name = set["name"] as? String,
            name.hasPrefix("refused-") || name == "port-refusals"
        else { continue }
        for entry in set["elem"] as? [[String: Any]] ?? [] {
            guard let element = entry["elem"] as? [String: Any], element["val"] as? String == port,
                let counter = element["counter"] as? [String: Any], let packets = counter["packets"] as? Int
            else { continue }
            if packets > 0 { counts[name.replacing("refused-", with: "")] = packets }
        }
    }
    let sum = counts.removeValue(forKey: "port-refusals") ?? 0
    #expect(sum == counts.filter { $0.key != "unaddressed" }.values.reduce(0, +))
    return counts
}
