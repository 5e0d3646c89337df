import CloudStackAPI
import ControlPlane
import Glibc
import LinuxKernel
import NetworkVocabulary
import ServiceHosting
import Synchronization

/// The listening sockets, opened before anything else: privileges and namespaces may change after that.
struct Listeners: ~Copyable {
    private(set) var api: FileDescriptor?
    private(set) var integration: FileDescriptor?
    private(set) var metrics: FileDescriptor?
    /// As bound: a port of 0 is the kernel's choice.
    private(set) var apiPort: UInt16 = 0

    init(_ options: Options) throws {
        if let endpoint = options.api {
            let listener = try openListener(host: endpoint.host, port: endpoint.port)
            apiPort = port(of: listener) ?? endpoint.port
            api = consume listener
        }
        if let endpoint = options.integration {
            integration = try openListener(host: endpoint.host, port: endpoint.port, loopbackOnly: true)
        }
        if let endpoint = options.metrics { metrics = try openListener(host: endpoint.host, port: endpoint.port) }
    }

    mutating func takeAPI() -> FileDescriptor? { api.take() }
    mutating func takeMetrics() -> FileDescriptor? { metrics.take() }
    mutating func takeIntegration() -> FileDescriptor? { integration.take() }
}

/// The management API on its listeners.
final class Frontend: Sendable {
    private let servers: Mutex<[HTTPServer]>

    init(
        _ service: EngineLane, _ keys: AdminKeys, _ listeners: inout Listeners,
        process: @escaping @Sendable () -> ProcessFacts?
    ) throws {
        let admin = Caller(account: service.administrator, isRootAdmin: true)
        let user = APIUser(caller: admin, secretKey: keys.secretkey)
        let api = CloudAPI(
            service,
            CloudAPI.Surroundings(
                user: { [key = keys.apikey] in $0 == key ? user : nil }, system: admin, digest: NettleDigest(),
                keymaker: NettleKeys(),
                now: Daemon.milliseconds, newID: { ObjectID(random: .random(in: 0 ... .max), .random(in: 0 ... .max)) },
                version: Version.text, process: process))
        var servers: [HTTPServer] = []
        if let listener = listeners.takeAPI() { servers.append(try HTTPServer(api, access: .signed, on: listener)) }
        if let listener = listeners.takeIntegration() {
            servers.append(try HTTPServer(api, access: .trusted, on: listener))
        }
        if let listener = listeners.takeMetrics() {
            servers.append(try HTTPServer(metrics: { Metrics.text(service.view) }, on: listener))
        }
        self.servers = Mutex(servers)
    }

    /// Lets the requests under way finish.
    func stop() { servers.withLock { $0 }.forEach { $0.stop(grace: 5) } }
}
