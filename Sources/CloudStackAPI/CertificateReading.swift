public import CloudModel
public import NetworkVocabulary

/// Certificates and their keys, from whoever has a library for it.
public protocol CertificateReading: Sendable {
    /// What belongs together, in a form of ours; or what is wrong with it at this time (milliseconds since 1970).
    func read(_ upload: CertificateUpload, at time: Int64) throws(CertificateFault) -> CertificateMaterial
}

/// What somebody sends, in PEM.
public struct CertificateUpload: Hashable, Sendable {
    public var certificate: String
    /// Who issued it, and who issued that.
    public var chain: String?
    public var privateKey: Secret
    /// Of the key, where it is encrypted.
    public var password: Secret?

    public init(certificate: String, chain: String? = nil, privateKey: Secret, password: Secret? = nil) {
        self.certificate = certificate
        self.chain = chain
        self.privateKey = privateKey
        self.password = password
    }
}

/// Why something uploaded is no certificate to serve. Says nothing of the key but that.
public struct CertificateFault: Error, Hashable {
    /// The parameter of `uploadSslCert`.
    public let parameter: String
    public let text: String

    public init(_ parameter: String, _ text: String) {
        self.parameter = parameter
        self.text = text
    }
}
