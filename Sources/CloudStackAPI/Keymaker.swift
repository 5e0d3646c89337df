public import CloudModel
public import NetworkVocabulary

/// Keys and what is encrypted with them, from whoever has a library for it.
public protocol Keymaker: Sendable {
    /// A new RSA key: the public half, and the private one in PEM. Takes a good part of a second.
    func makeKey() -> (key: SSHPublicKey, privateKey: Secret)?
    /// What only the owner of the key can read (PKCS #1 v1.5); nil where the key is no RSA key or too short.
    func encrypt(_ secret: Secret, for key: SSHPublicKey) -> [UInt8]?
}

extension Keymaker {
    /// A password that a person can type: letters and digits without those that look alike.
    func makePassword(length: Int = 12) -> Secret {
        let alphabet = Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
        var random = SystemRandomNumberGenerator()
        return Secret(String((0..<length).map { _ in alphabet[Int.random(in: alphabet.indices, using: &random)] }))
    }
}
