public import NetworkVocabulary

/// A certificate with its key: what load balancer rules of its account end TLS with. It never changes; another one takes
/// its place.
public struct SSLCertificate: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let account: ObjectID
    public let name: String
    /// In PEM, as everything here.
    public let certificate: String
    /// What leads up from it, each issued by the next.
    public let chain: String?
    public let privateKey: Secret
    /// SHA-512 of the certificate, as `openssl x509 -fingerprint` writes it.
    public let fingerprint: String
    /// Milliseconds since 1970, by the first of it and its chain to expire.
    public let expires: Int64

    public init(id: ObjectID, account: ObjectID, name: String, _ material: CertificateMaterial) {
        self.id = id
        self.account = account
        self.name = name
        certificate = material.certificate
        chain = material.chain
        privateKey = material.privateKey
        fingerprint = material.fingerprint
        expires = material.expires
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, account, name, certificate, chain, privateKey, fingerprint, expires
    }
}

/// A certificate, what leads up from it and its key, found to belong together. In PEM, without anything beside it.
public struct CertificateMaterial: Hashable, Sendable {
    public let certificate: String
    public let chain: String?
    public let privateKey: Secret
    public let fingerprint: String
    public let expires: Int64

    public init(certificate: String, chain: String?, privateKey: Secret, fingerprint: String, expires: Int64) {
        self.certificate = certificate
        self.chain = chain
        self.privateKey = privateKey
        self.fingerprint = fingerprint
        self.expires = expires
    }
}

extension SSLCertificate: CloudObject {
    static var kind: RecordKind { .sslCertificate }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, SSLCertificate>> { \.sslCertificates }
    var record: Record { .sslCertificate(self) }

    var references: [Reference] { [Reference(.account, account)] }

    func contradiction(in cloud: Cloud, replacing old: SSLCertificate?) -> String? {
        old.map { $0 != self } ?? false ? "a certificate cannot change" : nil
    }
}
