import CLinux
import Foundation
import NetworkVocabulary
import Testing

@testable import LinuxKernel

func name(_ text: String) throws -> InterfaceName { try #require(InterfaceName(text)) }

@Suite(.needsRoot) struct `Links` {
    @Test func `a bridge is silent`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let mac = MACAddress(locallyAdministered: 7)
            let index = try socket.addBridge(LinkSpecification(try name("br-1"), mac: mac, mtu: 1400))
            try socket.setLink(index, LinkChange(alias: "sluice:x:network/1", isUp: true, generatesLinkLocal: false))
            let seen = try #require(try objects(from: "ip -d -j link show br-1").first)
            #expect(seen["ifindex"] as? Int == Int(index))
            #expect(seen["address"] as? String == mac.description)
            #expect(seen["mtu"] as? Int == 1400)
            #expect(seen["ifalias"] as? String == "sluice:x:network/1")
            #expect((seen["flags"] as? [String])?.contains("UP") == true)
            #expect(seen["inet6_addr_gen_mode"] as? String == "none")
            let data = try #require((seen["linkinfo"] as? [String: Any])?["info_data"] as? [String: Any])
            #expect(data["stp_state"] as? Int == 0)
            #expect(data["forward_delay"] as? Int == 0)
            #expect(data["mcast_snooping"] as? Int == 0)
            let read = try socket.link(named: "br-1")
            #expect(read.kind == "bridge")
            #expect(read.mac == mac)
            #expect(read.mtu == 1400)
            #expect(read.alias == "sluice:x:network/1")
            #expect(read.isUp)
            #expect(read.generatesLinkLocal == false)
        }
    }

    @Test func `a pair's peer is born in its namespace with its final name and index`() async throws {
        try await withFreshNamespace {
            let host = try RouteSocket()
            let router = try NetworkNamespace.unnamed()
            let inside = try RouteSocket(in: router)
            let id = try host.assignNamespaceID(to: router)
            #expect(try host.assignNamespaceID(to: router) == id)
            let bridge = try host.addBridge(LinkSpecification(try name("br-1")))
            let near = LinkSpecification(try name("v4-0"), mac: MACAddress(locallyAdministered: 1), mtu: 1450)
            let far = LinkSpecification(
                try name("eth0"), mac: MACAddress(locallyAdministered: 2), mtu: 1450, index: 2)
            let index = try host.addVeth(near, peer: far, in: router)
            try host.setLink(index, LinkChange(alias: "ours", master: .index(bridge), isUp: true))
            try inside.setLink(2, LinkChange(alias: "ours too", isUp: true))

            let eth0 = try inside.link(named: "eth0")
            #expect(eth0.index == 2)
            #expect(eth0.kind == "veth")
            #expect(eth0.mac == far.mac)
            #expect(eth0.mtu == 1450)
            #expect(eth0.peerIndex == index)
            let v4 = try host.link(index)
            #expect(v4.name == "v4-0")
            #expect(v4.masterIndex == bridge)
            #expect(v4.peerIndex == 2)
            #expect(v4.peerNamespaceID == id)
            let seen = try #require(try objects(from: "ip -d -j link show v4-0").first)
            #expect(seen["master"] as? String == "br-1")
            #expect(seen["link_netnsid"] as? Int == Int(id))
            #expect(seen["address"] as? String == near.mac?.description)
            #expect(seen["operstate"] as? String == "UP")

            try inside.deleteLink(2)
            let gone = #expect(throws: KernelError.self) { try host.link(named: "v4-0") }
            #expect(gone?.isNotFound == true)
        }
    }

    @Test func `a link told to be silent never has a link-local address`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let heard = Heard()
            let monitor = try KernelMonitor([.addresses]) { heard.add($0) }
            let quiet = try socket.addVeth(LinkSpecification(try name("a")), peer: LinkSpecification(try name("b")))
            let other = try socket.link(named: "b").index
            try socket.setLink(other, LinkChange(isUp: true))
            try socket.setLink(quiet, LinkChange(isUp: true, generatesLinkLocal: false))
            // The one that was not told gets its address when the kernel has noticed that the pair is connected.
            _ = try heard.until {
                if case .address(let address, false) = $0.change { address.linkIndex == other } else { false }
            }
            #expect(try socket.addresses(ofLink: quiet).isEmpty)
            #expect(try output(of: "ip -6 addr show dev a") == "")
            monitor.stop()
        }
    }

    @Test func `changes are made, and unmade`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let bridge = try socket.addBridge(LinkSpecification(try name("br-1")))
            let port = try socket.addVeth(LinkSpecification(try name("a")), peer: LinkSpecification(try name("b")))
            try socket.setLink(port, LinkChange(alias: "x", master: .index(bridge), isUp: true))
            try socket.setLink(port, LinkChange(master: .detached, isUp: false))
            var link = try socket.link(port)
            #expect(link.masterIndex == nil)
            #expect(!link.isUp)
            #expect(link.alias == "x")
            let mac = MACAddress(locallyAdministered: 99)
            try socket.setLink(port, LinkChange(name: try name("c"), alias: "", mac: mac, mtu: 1280))
            link = try socket.link(port)
            #expect(link.name == "c")
            #expect(link.alias == nil)
            #expect(link.mac == mac)
            #expect(link.mtu == 1280)
        }
    }

    @Test func `a list shows every link as ip does`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            for number in 0..<60 {
                let pair = (try name("a\(number)"), try name("b\(number)"))
                _ = try socket.addVeth(LinkSpecification(pair.0), peer: LinkSpecification(pair.1))
            }
            let ours = try socket.links().map { [$0.name, "\($0.index)", $0.mac?.description ?? "", "\($0.mtu)"] }
            let theirs = try objects(from: "ip -j link").map {
                [$0["ifname"], $0["ifindex"], $0["address"], $0["mtu"]].map { "\($0 ?? "")" }
            }
            #expect(ours.count == 121)
            #expect(ours == theirs)
        }
    }

    @Test func `a list that changes while it is read is asked for again`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            for number in 0..<150 {
                let pair = (try name("a\(number)"), try name("b\(number)"))
                _ = try socket.addVeth(LinkSpecification(pair.0), peer: LinkSpecification(pair.1))
            }
            let other = try RouteSocket()
            let late = LinkSpecification(try name("late"))
            var names: [String] = []
            var isDisturbed = false
            let before = socket.counters
            try socket.netlink.dump("list links", RTM_GETLINK) { message in
                message.append(ifinfomsg())
            } restart: {
                names.removeAll()
            } read: { _, payload in
                // The first of several datagrams has come, the kernel writes the others as they are fetched.
                if !isDisturbed { isDisturbed = (try? other.addBridge(late)) != nil }
                if let link = KernelLink(payload) { names.append(link.name) }
            }
            #expect(isDisturbed)
            #expect((socket.counters - before).dumps == 2)
            #expect(names.count == 302)
            #expect(names.contains("late"))
        }
    }

    @Test func `the kernel's refusal carries its number and words`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let spec = LinkSpecification(try name("br-1"))
            try socket.addBridge(spec)
            let twice = try #require(#expect(throws: KernelError.self) { try socket.addBridge(spec) })
            #expect(twice.isAlreadyExists)
            #expect(twice.operation == "add bridge")
            #expect(twice.object == "br-1")
            let vni = try #require(VNI(42))
            let a = LinkSpecification(try name("x1"))
            let b = LinkSpecification(try name("x2"))
            let index = try socket.addVXLAN(a, vni, local: .v4(IPv4Address(192, 0, 2, 1)))
            #expect(try socket.link(index).vni == vni)
            let clash = try #require(#expect(throws: KernelError.self) { try socket.addVXLAN(b, vni) })
            #expect(clash.isAlreadyExists)
            #expect(clash.explanation.contains("VNI already exists"))
            let gone = try #require(
                #expect(throws: KernelError.self) { try socket.setLink(4711, LinkChange(isUp: true)) })
            #expect(gone.isNotFound)
        }
    }

    @Test func `a VLAN is made where the kernel has them, else refused as unsupported`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let trunk = try socket.addBridge(LinkSpecification(try name("trunk")))
            let id = try #require(VLANID(100))
            do {
                let index = try socket.addVLAN(LinkSpecification(try name("trunk.100")), id, on: trunk)
                let link = try socket.link(index)
                #expect(link.vlan == id)
                #expect(link.peerIndex == trunk)
            } catch let error as KernelError {
                #expect(error.isUnsupported, "\(error)")
            }
        }
    }

    @Test func `requests are counted by what they may do`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let before = socket.counters
            let index = try socket.addBridge(LinkSpecification(try name("br-1"), index: 9))
            try socket.setLink(index, LinkChange(isUp: true))
            _ = try? socket.addBridge(LinkSpecification(try name("br-1"), index: 9))
            _ = try socket.links()
            _ = try socket.link(9)
            let spent = socket.counters - before
            #expect(spent.writes == 3)
            #expect(spent.dumps == 1)
            #expect(spent.lookups == 1)
        }
    }
}
