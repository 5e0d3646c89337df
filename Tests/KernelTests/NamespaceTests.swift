import CLinux
import Foundation
import LinuxKernel
import Testing

@Suite(.needsRoot) struct `Network namespaces` {
    @Test func `a created one is what ip netns shows`() async throws {
        try await withFreshNamespace {
            let directory = NamespaceDirectory.system
            let created = try directory.create("r-4-VM")
            #expect(try output(of: "ip netns list").contains("r-4-VM"))
            let seen = try output(of: "ip netns exec r-4-VM readlink /proc/self/ns/net")
            #expect(seen == "net:[\(created.inode)]\n")
            #expect(try directory.names() == ["r-4-VM"])
            #expect(try directory.open("r-4-VM").identity == created.identity)
            #expect(try NetworkNamespace.current().identity != created.identity)
        }
    }

    @Test func `one that ip made can be opened, and deleted`() async throws {
        try await withFreshNamespace {
            let directory = NamespaceDirectory.system
            _ = try output(of: "ip netns add theirs")
            #expect(try directory.names() == ["theirs"])
            _ = try directory.open("theirs")
            try directory.delete("theirs")
            #expect(try output(of: "ip netns list") == "")
            #expect(throws: KernelError.self) { try directory.open("theirs") }
            #expect(try !FileManager.default.contentsOfDirectory(atPath: "/run/netns").contains("theirs"))
        }
    }

    @Test func `a name taken away from us is given back to the namespace we hold`() async throws {
        try await withFreshNamespace {
            let directory = NamespaceDirectory.system
            let held = try directory.create("r-1-VM")
            #expect(try directory.isMounted(held, as: "r-1-VM"))
            _ = try output(of: "ip netns del r-1-VM")
            #expect(try !directory.isMounted(held, as: "r-1-VM"))
            try directory.mount(held, as: "r-1-VM")
            #expect(try directory.isMounted(held, as: "r-1-VM"))
            #expect(try output(of: "ip netns exec r-1-VM readlink /proc/self/ns/net") == "net:[\(held.inode)]\n")
        }
    }

    @Test func `a taken name is refused, a leftover file is not`() async throws {
        try await withFreshNamespace {
            let directory = NamespaceDirectory("/run/elsewhere")
            let first = try directory.create("a")
            let refusal = #expect(throws: KernelError.self) { try directory.create("a") }
            #expect(refusal?.isAlreadyExists == true)
            #expect(try directory.isMounted(first, as: "a"))
            let stranger = try NetworkNamespace.unnamed()
            let taken = #expect(throws: KernelError.self) { try directory.mount(stranger, as: "a") }
            #expect(taken?.isAlreadyExists == true)
            #expect(try directory.isMounted(first, as: "a"))
            _ = FileManager.default.createFile(atPath: "/run/elsewhere/left", contents: nil)
            #expect(try directory.names() == ["a"])
            let second = try directory.create("left")
            #expect(try directory.isMounted(second, as: "left"))
        }
    }

    @Test(arguments: ["", ".", "..", "../x", "a/b", String(repeating: "n", count: 256), "a\0b"])
    func `a name that is not one path component is refused`(name: String) async throws {
        try await withFreshNamespace {
            for directory in [NamespaceDirectory.system] {
                let refusal = #expect(throws: KernelError.self) { try directory.create(name) }
                #expect(refusal?.errno == EINVAL)
                #expect(throws: KernelError.self) { try directory.delete(name) }
            }
        }
    }

    @Test func `entering is undone, also by an error`() async throws {
        try await withFreshNamespace {
            let home = try NetworkNamespace.current().identity
            let other = try NetworkNamespace.unnamed()
            #expect(try NetworkNamespace.current().identity == home)
            let inside = try other.enter { () throws(KernelError) in try NetworkNamespace.current().identity }
            #expect(inside == other.identity)
            #expect(throws: KernelError.self) {
                try other.enter { () throws(KernelError) in
                    throw KernelError(operation: "fail", object: "", errno: EINVAL)
                }
            }
            #expect(try NetworkNamespace.current().identity == home)
        }
    }

    @Test func `a missing directory holds no names`() async throws {
        try await withFreshNamespace {
            let names = try NamespaceDirectory("/run/nowhere").names()
            #expect(names == [])
        }
    }
}

@Suite struct `Kernel errors` {
    @Test func `name the operation, the object, the number and the reason`() {
        let error = KernelError(
            operation: "add route", object: "0.0.0.0/0 table 100", errno: ENETUNREACH,
            explanation: "Nexthop has invalid gateway")
        #expect(
            "\(error)"
                == "add route 0.0.0.0/0 table 100: Network is unreachable (ENETUNREACH): Nexthop has invalid gateway")
    }
}
