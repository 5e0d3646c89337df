public import ControlPlane
public import NetworkVocabulary

/// What the API needs of the world around it.
public struct APISurroundings: Sendable {
    /// Who comes in by the integration listener.
    public var system: Caller
    public var digest: any SignatureDigest
    public var passwords: any PasswordHashing
    public var keymaker: any Keymaker
    public var certificates: any CertificateReading
    /// Milliseconds since 1970.
    public var now: @Sendable () -> Int64
    public var newID: @Sendable () -> ObjectID
    /// Bytes that nobody can guess.
    public var random: @Sendable (_ count: Int) -> [UInt8]
    /// Runs what takes long, such as the hashing of passwords, where it keeps nobody waiting. False when too much waits
    /// there already.
    public var aside: @Sendable (@escaping @Sendable () -> Void) -> Bool
    /// Runs it after some milliseconds, for answers that wait for their job.
    public var later: @Sendable (@escaping @Sendable () -> Void) -> Void
    /// The program's own version, for `getStatus`.
    public var version: String
    /// So many jobs are remembered.
    public var jobCapacity: Int
    /// Whether the administrator's keys are given to whoever asks for `/admin.json`: only where nothing is worth protecting.
    public var publishesKeys: Bool
    /// About the daemon's own process, for `getStatus`; nil where there is none to speak of.
    public var process: @Sendable () -> ProcessFacts?

    public init(
        system: Caller, digest: any SignatureDigest, passwords: any PasswordHashing,
        keymaker: any Keymaker, certificates: any CertificateReading,
        now: @escaping @Sendable () -> Int64, newID: @escaping @Sendable () -> ObjectID,
        random: @escaping @Sendable (_ count: Int) -> [UInt8] = APISurroundings.systemRandom,
        aside: @escaping @Sendable (@escaping @Sendable () -> Void) -> Bool = { body in
            body()
            return true
        }, later: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void = { $0() }, version: String,
        jobCapacity: Int = 10_000, publishesKeys: Bool = false,
        process: @escaping @Sendable () -> ProcessFacts? = { nil }
    ) {
        self.system = system
        self.digest = digest
        self.passwords = passwords
        self.keymaker = keymaker
        self.certificates = certificates
        self.now = now
        self.newID = newID
        self.random = random
        self.aside = aside
        self.later = later
        self.version = version
        self.jobCapacity = jobCapacity
        self.publishesKeys = publishesKeys
        self.process = process
    }

    /// The kernel's, which is as good as it gets.
    public static func systemRandom(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// 64 random bytes as CloudStack's keys are: base64 for URLs, without padding.
    public func drawKey() -> String { random(64).base64ForURLs }
}

/// How passwords are kept, from whoever has a library for it.
public protocol PasswordHashing: Sendable {
    /// A new hash with a salt of its own; nil for what cannot be hashed.
    func hash(_ password: String) -> Secret?
    /// Takes about the same time whatever the password is.
    func matches(_ password: String, _ hash: Secret) -> Bool
    /// A hash to compare with where there is none, so that this takes as long.
    var nobodys: Secret { get }
}

/// What `getStatus` says about the process that serves it.
public struct ProcessFacts: Sendable, Hashable {
    public let id: Int32
    /// It lives in a user namespace of its own: who wants to look into its namespaces enters that one first.
    public let isRootless: Bool
    /// Requests and settings that could have changed the kernel since the start; none after a start that found
    /// everything as planned.
    public let kernelWrites: Int

    public init(id: Int32, isRootless: Bool, kernelWrites: Int) {
        self.id = id
        self.isRootless = isRootless
        self.kernelWrites = kernelWrites
    }
}
