import CLinux
import Foundation
import LinuxKernel
import NetworkVocabulary
import Testing

/// What a monitor has said so far.
final class Heard: Sendable {
    /// Guarded by `condition`.
    private nonisolated(unsafe) var events: [KernelEvent] = []
    private let condition = NSCondition()

    func add(_ event: KernelEvent) {
        condition.withLock {
            events.append(event)
            condition.broadcast()
        }
    }

    /// All events up to the first that satisfies `isLast`; throws when none comes.
    func until(_ isLast: (KernelEvent) -> Bool) throws -> [KernelEvent] {
        let deadline = Date(timeIntervalSinceNow: 20)
        return try condition.withLock {
            while true {
                if let last = events.firstIndex(where: isLast) { return Array(events[...last]) }
                guard condition.wait(until: deadline) else { throw Missing(heard: events) }
            }
        }
    }

    func has(_ matches: (KernelEvent) -> Bool) -> Bool { condition.withLock { events.contains(where: matches) } }

    struct Missing: Error { var heard: [KernelEvent] }
}

extension KernelEvent {
    fileprivate var link: KernelLink? { if case .link(let link, false) = change { link } else { nil } }
    fileprivate var removedLink: KernelLink? { if case .link(let link, true) = change { link } else { nil } }
    fileprivate var isRuleset: Bool { if case .ruleset = change { true } else { false } }
}

@Suite(.needsRoot) struct `The kernel monitor` {
    @Test func `hears links, addresses, routes and rules, and whose they are`() async throws {
        try await withFreshNamespace {
            let heard = Heard()
            let monitor = try KernelMonitor { heard.add($0) }
            let socket = try RouteSocket()
            let link = try socket.addBridge(LinkSpecification(try name("br-1"), mtu: 1400))
            try socket.setLink(link, LinkChange(alias: "ours", isUp: true, generatesLinkLocal: false))
            let address = KernelAddress(
                linkIndex: link, address: try #require(InterfaceAddress("10.0.0.1/24")), hasNoPrefixRoute: true)
            try socket.addAddress(address)
            let route = KernelRoute(try #require(IPPrefix("10.9.0.0/16")), table: 7, linkIndex: link)
            try socket.addRoute(route)
            let rule = KernelPolicyRule(.ipv4, priority: 9, .blackhole)
            try socket.addPolicyRule(rule)
            try socket.deletePolicyRule(rule)
            let events = try heard.until { $0.change == .policyRule(rule, isRemoved: true) }
            let up = try #require(events.last { $0.link?.index == link }?.link)
            #expect(up.name == "br-1")
            #expect(up.alias == "ours")
            #expect(up.isUp)
            #expect(up.mtu == 1400)
            for change in [
                KernelEvent.Change.address(address, isRemoved: false), .route(route, isRemoved: false),
                .policyRule(rule, isRemoved: false),
            ] {
                let event = try #require(events.first { $0.change == change })
                #expect(event.portID == socket.portID)
                #expect(event.namespaceID == nil)
            }
            _ = try output(of: "ip link del br-1")
            let removal = try #require(try heard.until { $0.removedLink?.index == link }.last)
            #expect(removal.portID != socket.portID)
            #expect(removal.removedLink?.name == "br-1")
            monitor.stop()
        }
    }

    @Test func `hears other namespaces by their number, and their end`() async throws {
        try await withFreshNamespace {
            let heard = Heard()
            let monitor = try KernelMonitor { heard.add($0) }
            let host = try RouteSocket()
            let id = try {
                let router = try NamespaceDirectory.system.create("r-1-VM")
                let id = try host.assignNamespaceID(to: router)
                _ = try output(of: "ip netns exec r-1-VM ip link add eth0 type veth peer name eth1")
                _ = try output(of: "ip netns exec r-1-VM ip link set eth0 mtu 1300 up")
                let event = try #require(try heard.until { $0.link?.mtu == 1300 }.last)
                #expect(event.namespaceID == id)
                #expect(event.link?.name == "eth0")
                return id
            }()
            _ = try output(of: "ip netns del r-1-VM")
            _ = try heard.until { $0.change == .namespaceFileGone("r-1-VM") }
            _ = try heard.until { $0.change == .namespaceID(id, isRemoved: true) }
            monitor.stop()
        }
    }

    @Test func `hears an nftables transaction as one event, however large, with its author`() async throws {
        try await withFreshNamespace {
            let heard = Heard()
            let monitor = try KernelMonitor([.rulesets]) { heard.add($0) }
            let host = try RouteSocket()
            let router = try NamespaceDirectory.system.create("r-1-VM")
            let id = try host.assignNamespaceID(to: router)
            let elements = (0..<10_000).map { "10.0.\($0 / 250).\($0 % 250)" }.joined(separator: ", ")
            let script = "table inet t { set s { type ipv4_addr; elements = { \(elements) }; }; }"
            try script.write(toFile: "/run/big.nft", atomically: false, encoding: .utf8)
            #expect(try output(of: "ip netns exec r-1-VM nft -f /run/big.nft") == "")
            #expect(try output(of: "ip netns exec r-1-VM nft delete table inet t") == "")
            #expect(try output(of: "nft add table inet here") == "")
            let events = try heard.until { $0.isRuleset && $0.namespaceID == nil }
            #expect(events.count == 3)
            #expect(events.map(\.namespaceID) == [id, id, nil])
            #expect(events.allSatisfy { $0.portID != 0 })
            for event in events {
                guard case .ruleset(let generation, let process, let name) = event.change else {
                    Issue.record("\(event)")
                    continue
                }
                #expect(generation > 0)
                #expect(process > 0)
                #expect(name == "nft")
            }
            monitor.stop()
        }
    }

    @Test func `a full queue is an overflow, and hearing goes on`() async throws {
        try await withFreshNamespace {
            let heard = Heard()
            let gate = NSLock()
            gate.lock()
            let monitor = try KernelMonitor([.links], receiveBuffer: 4096) { event in
                gate.lock()
                gate.unlock()
                heard.add(event)
            }
            let socket = try RouteSocket()
            let link = try socket.addBridge(LinkSpecification(try name("br-1")))
            // A link that is down changes its alias in silence.
            try socket.setLink(link, LinkChange(isUp: true))
            for number in 0..<200 { try socket.setLink(link, LinkChange(alias: "alias \(number)")) }
            gate.unlock()
            _ = try heard.until { $0.change == .overflow }
            // The queue may be full still, and swallow this one too: said again until it is heard.
            let deadline = Date(timeIntervalSinceNow: 20)
            while Date() < deadline, !heard.has({ $0.link?.alias == "after" }) {
                try socket.setLink(link, LinkChange(alias: "after"))
            }
            #expect(heard.has { $0.link?.alias == "after" })
            monitor.stop()
        }
    }

    @Test func `what nobody listens to is not heard`() async throws {
        try await withFreshNamespace {
            let heard = Heard()
            let monitor = try KernelMonitor([.links]) { heard.add($0) }
            let socket = try RouteSocket()
            let rule = KernelPolicyRule(.ipv4, priority: 9, .blackhole)
            try socket.addPolicyRule(rule)
            try socket.addBridge(LinkSpecification(try name("br-1")))
            _ = try heard.until { $0.link?.name == "br-1" }
            try monitor.listen(to: [.policyRules, .rulesets])
            let second = try socket.addBridge(LinkSpecification(try name("br-2")))
            try socket.deleteLink(second)
            #expect(try output(of: "nft add table inet t") == "")
            _ = try heard.until { $0.isRuleset }
            try socket.deletePolicyRule(rule)
            let events = try heard.until { $0.change == .policyRule(rule, isRemoved: true) }
            #expect(!events.contains { $0.change == .policyRule(rule, isRemoved: false) })
            #expect(!events.contains { $0.link?.name == "br-2" || $0.removedLink != nil })
            monitor.stop()
        }
    }

    @Test func `after stop nothing is delivered`() async throws {
        try await withFreshNamespace {
            let heard = Heard()
            let socket = try RouteSocket()
            let link = try socket.addBridge(LinkSpecification(try name("br-1")))
            try socket.setLink(link, LinkChange(isUp: true))
            let monitor = try KernelMonitor { heard.add($0) }
            try socket.setLink(link, LinkChange(alias: "before"))
            _ = try heard.until { $0.link?.alias == "before" }
            monitor.stop()
            monitor.stop()
            let second = Heard()
            let other = try KernelMonitor { second.add($0) }
            try socket.setLink(link, LinkChange(alias: "after"))
            _ = try second.until { $0.link?.alias == "after" }
            let late = heard.all.filter { $0.link?.alias == "after" }
            #expect(late == [])
            other.stop()
        }
    }
}

extension Heard {
    var all: [KernelEvent] { condition.withLock { events } }
}
