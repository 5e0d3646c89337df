internal import CServing
internal import GuestServing
internal import LinuxKernel
internal import NetworkVocabulary
internal import RouterPlan

/// The sockets by which a router's guests are served, opened inside its namespace by who may do that. The process that
/// serves gets copies; these stay, so that nothing that arrives is lost when it ends.
struct RouterSockets: ~Copyable, Sendable {
    /// What they are bound to: another server address takes other sockets.
    struct Place: Hashable, Sendable {
        let server: IPv4Address
        let kinds: GuestServices.Kinds

        init(_ services: GuestServices) {
            server = services.server
            kinds = services.kinds
        }
    }

    let kinds: [ServingSocket]
    let descriptors: [Int32]
    let place: Place?
    /// The namespace that they are in.
    let namespace: UInt64

    /// `place` is not known of sockets that an earlier process had.
    init(owning descriptors: [Int32], _ kinds: [ServingSocket], place: Place?) {
        self.kinds = kinds
        self.descriptors = descriptors
        self.place = place
        namespace = descriptors.first.map(serving_namespace_of) ?? 0
    }

    deinit { descriptors.forEach(serving_close) }

    var isInherited: Bool { place == nil }

    /// Whether these are the sockets that the services take. Of those that an earlier process had it is known what they are
    /// for, and not at which address; the router's own name is never given to another, and its address never changes.
    func isFor(_ services: GuestServices, _ namespace: UInt64) -> Bool {
        guard self.namespace == namespace else { return false }
        return place.map { $0 == Place(services) } ?? (Set(kinds) == Set(Self.plan(services).map(\.kind)))
    }

    /// So many sockets to ask resolvers by: their ports and ids are what a forger has to guess.
    private static let askers = 4
    private static let streamAskers = 2

    /// Opens what the services take.
    static func open(_ services: GuestServices, in namespace: NetworkNamespace) throws(KernelError) -> RouterSockets {
        var (kinds, descriptors) = ([ServingSocket](), [Int32]())
        do throws(KernelError) {
            try namespace.enter { () throws(KernelError) in
                for wanted in plan(services) {
                    kinds.append(wanted.kind)
                    descriptors.append(try open(wanted))
                }
            }
        } catch {
            descriptors.forEach(serving_close)
            throw error
        }
        return RouterSockets(owning: descriptors, kinds, place: Place(services))
    }

    private struct Wanted {
        let kind: ServingSocket
        let isStream: Bool
        var address = IPv4Address(bits: 0)
        var port: UInt16 = 0
        var room: Int32 = 0
    }

    private static func plan(_ services: GuestServices) -> [Wanted] {
        var wanted: [Wanted] = []
        if services.kinds.contains(.dhcp) {
            // At no address: guests without one ask everybody.
            wanted.append(Wanted(kind: .dhcp, isStream: false, port: 67, room: 1 << 20))
        }
        if services.kinds.contains(.dns) {
            let server = services.server
            wanted.append(Wanted(kind: .dns, isStream: false, address: server, port: 53, room: 1 << 20))
            wanted.append(Wanted(kind: .dnsStream, isStream: true, address: server, port: 53))
            for _ in 0..<askers { wanted.append(Wanted(kind: .resolver, isStream: false)) }
            for _ in 0..<streamAskers { wanted.append(Wanted(kind: .resolverStream, isStream: true)) }
        }
        if services.kinds.contains(.metadata) {
            wanted += [
                Wanted(kind: .metadata, isStream: true, address: services.server, port: 80),
                Wanted(
                    kind: .linkLocalMetadata, isStream: true, address: GuestServices.linkLocalServer, port: 80),
                Wanted(kind: .password, isStream: true, address: services.server, port: 8080),
            ]
        }
        return wanted
    }

    private static func open(_ wanted: Wanted) throws(KernelError) -> Int32 {
        let type: Int32 = wanted.isStream ? 1 : 2
        let descriptor =
            wanted.port == 0
            ? serving_asker(type) : serving_listen(type, wanted.address.bits, wanted.port, wanted.room)
        guard descriptor >= 0 else {
            throw KernelError(
                operation: "open", object: "\(wanted.kind) at \(wanted.address):\(wanted.port)", errno: serving_errno())
        }
        return descriptor
    }
}
