import CLinux
import Foundation
import LinuxKernel
import NetworkVocabulary
import Testing

@Suite(.needsRoot) struct `Sysctls` {
    @Test func `are those of the namespace they are asked in`() async throws {
        try await withFreshNamespace {
            let router = try NamespaceDirectory.system.create("r-1-VM")
            #expect(try Sysctl.read("net/ipv4/ip_forward") == "0")
            try Sysctl.write("net/ipv4/ip_forward", "1", in: router)
            #expect(try Sysctl.read("net/ipv4/ip_forward", in: router) == "1")
            #expect(try Sysctl.read("net/ipv4/ip_forward") == "0")
            #expect(try output(of: "ip netns exec r-1-VM cat /proc/sys/net/ipv4/ip_forward") == "1\n")
        }
    }

    @Test func `of an interface whose name has a dot are reached`() async throws {
        try await withFreshNamespace {
            try RouteSocket().addBridge(LinkSpecification(try name("eth0.10")))
            try Sysctl.write("net/ipv4/conf/eth0.10/rp_filter", "2")
            #expect(try Sysctl.read("net/ipv4/conf/eth0.10/rp_filter") == "2")
        }
    }

    @Test func `that do not exist or are bad are refused by name`() async throws {
        try await withFreshNamespace {
            let absent = try #require(
                #expect(throws: KernelError.self) { try Sysctl.write("net/ipv4/no_such", "1") })
            #expect(absent.isNotFound)
            #expect("\(absent)".contains("net/ipv4/no_such"))
            let bad = try #require(
                #expect(throws: KernelError.self) { try Sysctl.write("net/ipv4/ip_forward", "maybe") })
            #expect(bad.errno == EINVAL)
            for path in ["kernel/hostname", "net/../kernel/hostname", "/net/ipv4/ip_forward", "net", "net//ipv4"] {
                let outside = try #require(#expect(throws: KernelError.self) { try Sysctl.read(path) })
                #expect(outside.errno == EINVAL)
            }
        }
    }

    @Test func `a namespace's default keeps new links from taking link-local addresses`() async throws {
        try await withFreshNamespace {
            let router = try NetworkNamespace.unnamed()
            try Sysctl.write("net/ipv6/conf/default/addr_gen_mode", "1", in: router)
            let socket = try RouteSocket(in: router)
            let link = try socket.addBridge(LinkSpecification(try name("eth0")))
            try socket.setLink(link, LinkChange(isUp: true))
            #expect(try socket.link(link).generatesLinkLocal == false)
            #expect(try socket.addresses(ofLink: link).isEmpty)
        }
    }
}

@Suite(.needsRoot) struct `Kernel features` {
    @Test func `are what ip and nft find possible`() async throws {
        try await withFreshNamespace {
            let features = try KernelFeatures.probe()
            _ = try output(of: "ip link add t0 type veth peer name t1; nft add table inet t")
            let works = { (command: String) in try output(of: "\(command) >/dev/null 2>&1 && printf yes") == "yes" }
            let base = "{ type filter hook forward priority 0; }"
            let post = "{ type nat hook postrouting priority 100; }"
            let oracle: [KernelFeatures.Feature: Bool] = [
                .veth: try works("ip link show t0"),
                .bridge: try works("ip link add t2 type bridge"),
                .vlan: try works("ip link add t3 link t0 type vlan id 2"),
                .vxlan: try works("ip link add t4 type vxlan id 1 dstport 4789"),
                .dummy: try works("ip link add t5 type dummy"),
                .ipv6: try works("test -e /proc/net/if_inet6"),
                .policyRouting: try works("ip rule add fwmark 1/1 lookup 100"),
                .nftables: try works("nft list table inet t"),
                .conntrack: try works("nft 'add chain inet t f \(base); add rule inet t f ct state new accept'"),
                .nat: try works("nft 'add chain inet t n \(post); add rule inet t n masquerade'"),
                .connectionTable: try works("conntrack -C"),
                .flowtable: try works("nft 'add flowtable inet t o { hook ingress priority 0; devices = { t0 }; }'"),
            ]
            for (feature, isThere) in oracle {
                #expect(features.has(feature) == isThere, "\(feature): \(features.explanation(of: feature) ?? "there")")
            }
            #expect(features.has(.veth) && features.has(.bridge) && features.has(.nftables))
            for feature in features.missing.keys {
                let text = try #require(features.explanation(of: feature))
                #expect(text.contains(feature.module))
            }
        }
    }
}

@Suite struct `A user namespace` {
    /// The success needs a process of one thread, which a test runner is not.
    @Test func `is refused to a process of several threads, with the reason`() {
        let refusal = #expect(throws: KernelError.self) { try UserNamespace.enter() }
        #expect(refusal?.errno == EINVAL)
        #expect(refusal?.explanation.contains("more than one thread") == true)
    }
}
