import CLinux
public import CloudModel
public import CloudStackAPI
import NetworkVocabulary

/// Certificates by GnuTLS, which the HTTP server brings along. What is taken here, a proxy takes too: one that refused a
/// file would keep all rules of its router from being served.
public struct GnuTLSCertificates: CertificateReading {
    /// From the certificate to what it all goes back to.
    private static let longestChain = 10

    public init() {}

    public func read(_ upload: CertificateUpload, at time: Int64) throws(CertificateFault) -> CertificateMaterial {
        guard let all = X509Certificate.read(upload.certificate, limit: Self.longestChain), let certificate = all.first
        else { throw CertificateFault("certificate", "Parsing certificate failed: it is no certificate in PEM") }
        guard all.count == 1 else {
            throw CertificateFault("certificate", "Those who issued the certificate belong into certchain")
        }
        try certificate.check("certificate", at: time)
        let key = try privateKey(upload)
        guard let identity = certificate.keyIdentity, key.identity == identity else {
            throw CertificateFault("privatekey", "Private key does not match the certificate")
        }
        let chain = try chain(upload, above: certificate, at: time)
        guard let text = certificate.text, let keyText = key.text, let fingerprint = certificate.fingerprint else {
            throw CertificateFault("certificate", "The certificate cannot be written again")
        }
        let above = chain.compactMap(\.text)
        guard above.count == chain.count else {
            throw CertificateFault("certchain", "A certificate of the chain cannot be written again")
        }
        return CertificateMaterial(
            certificate: text, chain: above.isEmpty ? nil : above.joined(), privateKey: Secret(keyText),
            fingerprint: fingerprint, expires: ([certificate] + chain).map(\.expires).min() ?? certificate.expires)
    }

    private func privateKey(_ upload: CertificateUpload) throws(CertificateFault) -> X509Key {
        if let key = X509Key(upload.privateKey, upload.password) { return key }
        guard upload.privateKey.revealed.contains("ENCRYPTED") else {
            throw CertificateFault("privatekey", "Parsing private key failed: it is no private key in PEM")
        }
        throw CertificateFault(
            "password",
            upload.password == nil
                ? "The private key is encrypted: its password is missing"
                : "The private key cannot be decrypted with the password")
    }

    /// In the order in which each issued the one before.
    private func chain(
        _ upload: CertificateUpload, above certificate: X509Certificate, at time: Int64
    ) throws(CertificateFault) -> [X509Certificate] {
        guard let text = upload.chain, !text.isEmpty else { return [] }
        guard var rest = X509Certificate.read(text, limit: Self.longestChain) else {
            throw CertificateFault(
                "certchain",
                "Parsing certificate chain failed: it is not 1 to \(Self.longestChain) certificates in PEM")
        }
        var chain: [X509Certificate] = []
        var last = certificate
        while !rest.isEmpty {
            guard let index = rest.firstIndex(where: { last.isIssued(by: $0) }) else {
                throw CertificateFault(
                    "certchain", "Invalid certificate chain: it does not lead up from the certificate")
            }
            last = rest.remove(at: index)
            try last.check("certchain", at: time)
            chain.append(last)
        }
        return chain
    }
}

/// A certificate in the library's hands.
private final class X509Certificate {
    private let handle: OpaquePointer

    private init(_ handle: OpaquePointer) { self.handle = handle }
    deinit { gnutls_x509_crt_deinit(handle) }

    /// All that are in a text; nil where there is none, where there are more than so many, or where one cannot be read.
    static func read(_ text: String, limit: Int) -> [X509Certificate]? {
        var handles = [gnutls_x509_crt_t?](repeating: nil, count: limit)
        var count = UInt32(limit)
        let result = withDatum(text) { datum in
            gnutls_x509_crt_list_import(
                &handles, &count, datum, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED.rawValue)
        }
        guard result > 0 else { return nil }
        return handles.prefix(Int(result)).compactMap { $0.map(X509Certificate.init) }
    }

    /// What a server of Debian's would refuse, and what clients would.
    func check(_ parameter: String, at time: Int64) throws(CertificateFault) {
        guard Int64(gnutls_x509_crt_get_activation_time(handle)) * 1_000 <= time else {
            throw CertificateFault(parameter, "Certificate not yet valid")
        }
        guard expires > time else { throw CertificateFault(parameter, "Certificate expired") }
        var bits: UInt32 = 0
        let kind = gnutls_x509_crt_get_pk_algorithm(handle, &bits)
        let isStrong =
            switch gnutls_pk_algorithm_t(rawValue: UInt32(max(0, kind))) {
            case GNUTLS_PK_RSA, GNUTLS_PK_RSA_PSS: bits >= 2_048
            case GNUTLS_PK_ECDSA: bits >= 256
            case GNUTLS_PK_EDDSA_ED25519, GNUTLS_PK_EDDSA_ED448: true
            default: false
            }
        guard isStrong else {
            throw CertificateFault(parameter, "The key of a certificate is RSA of 2048 bits or more, ECDSA or EdDSA")
        }
        let signature = gnutls_sign_algorithm_t(
            rawValue: UInt32(max(0, gnutls_x509_crt_get_signature_algorithm(handle))))
        // Nobody looks at the signature of one that signed itself.
        guard gnutls_sign_is_secure(signature) != 0 || gnutls_x509_crt_check_issuer(handle, handle) == 1 else {
            throw CertificateFault(parameter, "The certificate's signature is made in a way that is not safe any more")
        }
    }

    func isIssued(by issuer: X509Certificate) -> Bool {
        guard gnutls_x509_crt_check_issuer(handle, issuer.handle) == 1 else { return false }
        var issuers: [gnutls_x509_crt_t?] = [issuer.handle]
        var faults: UInt32 = 0
        // Whether it is too late is looked at by the clock that the caller goes by.
        let flags =
            GNUTLS_VERIFY_DISABLE_TIME_CHECKS.rawValue | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS.rawValue
        return gnutls_x509_crt_verify(handle, &issuers, 1, flags, &faults) == 0 && faults == 0
    }

    /// Milliseconds since 1970.
    var expires: Int64 { Int64(gnutls_x509_crt_get_expiration_time(handle)) * 1_000 }

    var text: String? { exported { gnutls_x509_crt_export2(handle, GNUTLS_X509_FMT_PEM, $0) } }

    var fingerprint: String? {
        digest { gnutls_x509_crt_get_fingerprint(handle, GNUTLS_DIG_SHA512, $0, $1) }.map { bytes in
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: ":")
        }
    }

    var keyIdentity: [UInt8]? {
        digest { gnutls_x509_crt_get_key_id(handle, GNUTLS_KEYID_USE_SHA256.rawValue, $0, $1) }
    }
}

/// A private key in the library's hands.
private final class X509Key {
    private let handle: OpaquePointer

    init?(_ text: Secret, _ password: Secret?) {
        var handle: gnutls_x509_privkey_t?
        guard gnutls_x509_privkey_init(&handle) == 0, let handle else { return nil }
        self.handle = handle
        let result = withDatum(text.revealed) { datum in
            if let password {
                gnutls_x509_privkey_import2(handle, datum, GNUTLS_X509_FMT_PEM, password.revealed, 0)
            } else {
                gnutls_x509_privkey_import2(handle, datum, GNUTLS_X509_FMT_PEM, nil, 0)
            }
        }
        guard result == 0, gnutls_x509_privkey_verify_params(handle) == 0 else { return nil }
    }

    deinit { gnutls_x509_privkey_deinit(handle) }

    var identity: [UInt8]? {
        digest { gnutls_x509_privkey_get_key_id(handle, GNUTLS_KEYID_USE_SHA256.rawValue, $0, $1) }
    }

    /// Not encrypted: whoever serves with it has nobody to ask for a password.
    var text: String? {
        exported {
            gnutls_x509_privkey_export2_pkcs8(handle, GNUTLS_X509_FMT_PEM, nil, GNUTLS_PKCS_PLAIN.rawValue, $0)
        }
    }
}

private func withDatum<Value>(_ text: String, _ body: (UnsafePointer<gnutls_datum_t>) -> Value) -> Value {
    var bytes = Array(text.utf8) + [0]
    return bytes.withUnsafeMutableBufferPointer { buffer in
        var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(buffer.count - 1))
        return body(&datum)
    }
}

private func exported(_ export: (UnsafeMutablePointer<gnutls_datum_t>) -> Int32) -> String? {
    var datum = gnutls_datum_t()
    guard export(&datum) == 0, let data = datum.data else { return nil }
    defer { free(data) }
    return String(decoding: UnsafeBufferPointer(start: data, count: Int(datum.size)), as: UTF8.self)
}

private func digest(_ make: (UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<Int>) -> Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 64)
    var count = bytes.count
    let result = bytes.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.map { make($0, &count) } ?? -1
    }
    return result == 0 ? Array(bytes.prefix(count)) : nil
}
