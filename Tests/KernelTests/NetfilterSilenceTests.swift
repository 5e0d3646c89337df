import Foundation
import LinuxKernel
import NetworkVocabulary
import TestSupport
import Testing

/// A machine at the other end of a wire.
@Suite(.enabled(if: geteuid() == 0, Comment(rawValue: needsRoot)))
struct `A silenced namespace` {
    private static let reply = "1 received"

    @Test func `answers nothing, is heard by packet sockets, and answers again when it is over`() async throws {
        try await inFreshNamespace {
            let other = try NetworkNamespace.unnamed()
            let ends = ["near0", "far0"].compactMap { InterfaceName($0) }
            try RouteSocket().addVeth(LinkSpecification(ends[0]), peer: LinkSpecification(ends[1]), in: other)
            _ = try output(of: "ip addr add 10.9.9.1/24 dev near0; ip link set near0 up")
            _ = try Self.inside(other, "ip addr add 10.9.9.2/24 dev far0; ip link set far0 up")
            let mac = try #require(try RouteSocket(in: other).link(named: "far0").mac)
            #expect(try output(of: "ping -c 1 -W 5 10.9.9.2").contains(Self.reply))
            do {
                let silence = try Self.silence(in: other)
                let listener = try FrameListener(on: "far0", in: other)
                // Neither the question for its address is answered nor the echo.
                _ = try output(of: "ip neigh flush dev near0")
                #expect(try !output(of: "ping -c 1 -W 1 10.9.9.2").contains(Self.reply))
                _ = try output(of: "ip neigh replace 10.9.9.2 lladdr \(mac) dev near0")
                #expect(try !output(of: "ping -c 1 -W 1 10.9.9.2").contains(Self.reply))
                var types: Set<[UInt8]> = []
                while try listener.receive(waiting: 0, { types.insert(Array($0.bytes[12..<14])) }) > 0 {}
                #expect(types.isSuperset(of: [[8, 6], [8, 0]]))
                // One at a time.
                #expect(throws: NetfilterError.self) { try Self.silence(in: other) }
                withExtendedLifetime(silence) {}
            }
            _ = try output(of: "ip neigh del 10.9.9.2 dev near0")
            #expect(try output(of: "ping -c 1 -W 5 10.9.9.2").contains(Self.reply))
            #expect(try Self.inside(other, "nft list tables").isEmpty)
        }
    }

    private static func inside(_ namespace: NetworkNamespace, _ command: String) throws -> String {
        var said: Result<String, any Error>?
        try namespace.enter { () throws(KernelError) in said = Result { try output(of: command) } }
        return try #require(try said?.get())
    }

    private static func silence(in namespace: NetworkNamespace) throws -> NetfilterSilence {
        var made: Result<NetfilterSilence, NetfilterError>?
        try namespace.enter { () throws(KernelError) in
            made = Result { () throws(NetfilterError) in try NetfilterSilence() }
        }
        return try #require(try made?.get())
    }
}
