import CloudModel
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
    private let aside: SideLane
    private let later: DelayLane

    init(
        _ service: EngineLane, data: String, _ listeners: inout Listeners, certificate: HTTPCertificate?,
        publishesKeys: Bool,
        process: @escaping @Sendable () -> ProcessFacts?
    ) throws {
        let aside = try SideLane(name: "passwords")
        self.aside = aside
        // Most jobs are done by then; who waits for more has waited little.
        let later = try DelayLane(name: "answers", delay: .milliseconds(40))
        self.later = later
        let surroundings = CloudAPI.Surroundings(
            system: Caller(account: service.administrator, isRootAdmin: true), digest: NettleDigest(),
            passwords: CryptPasswords(), keymaker: NettleKeys(), certificates: GnuTLSCertificates(),
            now: Daemon.milliseconds,
            newID: { ObjectID(random: .random(in: 0 ... .max), .random(in: 0 ... .max)) },
            aside: { aside.run($0) }, later: { later.run($0) }, version: Version.text,
            publishesKeys: publishesKeys, process: process)
        try Self.agreeOnKeys(service, data, surroundings)
        let api = CloudAPI(service, surroundings)
        var servers: [HTTPServer] = []
        if let listener = listeners.takeAPI() {
            servers.append(try HTTPServer(api, access: .signed, on: listener, certificate: certificate))
        }
        if let listener = listeners.takeIntegration() {
            servers.append(try HTTPServer(api, access: .trusted, on: listener))
        }
        if let listener = listeners.takeMetrics() {
            servers.append(try HTTPServer(metrics: { Metrics.text(service.view) }, on: listener))
        }
        self.servers = Mutex(servers)
    }

    /// The administrator's keys: those of the ledger, else those of the file, else new ones; in both from then on.
    private static func agreeOnKeys(_ service: EngineLane, _ data: String, _ surroundings: APISurroundings) throws {
        let file = try AdminKeys.load(from: data)
        let keys = file ?? AdminKeys.draw(surroundings)
        try service.perform(
            .identity(.adoptAdministrator(apiKey: keys.apikey, secretKey: Secret(keys.secretkey))),
            caller: surroundings.system)
        let user = service.view.cloud.user(named: "admin", inDomain: Domain.root.id)
        guard let key = user?.apiKey, let secret = user?.secretKey else {
            throw StartFailure("the administrator has no API keys")
        }
        let held = AdminKeys(apikey: key, secretkey: secret.revealed)
        if held != file { try held.store(in: data) }
    }

    /// Lets the requests under way finish.
    func stop() {
        servers.withLock { $0 }.forEach { $0.stop(grace: 5) }
        aside.stop()
        later.stop()
    }
}
