import CLinux
public import CloudModel
public import CloudStackAPI
public import NetworkVocabulary

/// RSA by nettle's public-key half.
public struct NettleKeys: Keymaker {
    private static let bits: UInt32 = 2_048

    public init() {}

    public func makeKey() -> (key: SSHPublicKey, privateKey: Secret)? {
        var half = rsa_public_key()
        var whole = rsa_private_key()
        nettle_rsa_public_key_init(&half)
        nettle_rsa_private_key_init(&whole)
        defer {
            nettle_rsa_public_key_clear(&half)
            nettle_rsa_private_key_clear(&whole)
        }
        __gmpz_set_ui(&half.e, 65_537)
        guard nettle_rsa_generate_keypair(&half, &whole, nil, randomBytes, nil, nil, Self.bits, 0) == 1,
            let key = SSHPublicKey(
                .rsa,
                blob: SSHWire.string(Array(SSHPublicKey.Algorithm.rsa.rawValue.utf8)) + SSHWire.string(bytes(&half.e))
                    + SSHWire.string(bytes(&half.n)))
        else { return nil }
        // RSAPrivateKey of RFC 8017, A.1.2.
        let numbers = [
            [0], bytes(&half.n), bytes(&half.e), bytes(&whole.d), bytes(&whole.p), bytes(&whole.q), bytes(&whole.a),
            bytes(&whole.b), bytes(&whole.c),
        ]
        let sequence = DER.element(0x30, numbers.flatMap { DER.element(0x02, $0) })
        return (key, Secret(PEM.text("RSA PRIVATE KEY", sequence)))
    }

    public func encrypt(_ secret: Secret, for key: SSHPublicKey) -> [UInt8]? {
        guard let (exponent, modulus) = key.rsaNumbers else { return nil }
        var half = rsa_public_key()
        var cipher = __mpz_struct()
        nettle_rsa_public_key_init(&half)
        __gmpz_init(&cipher)
        defer {
            nettle_rsa_public_key_clear(&half)
            __gmpz_clear(&cipher)
        }
        nettle_mpz_set_str_256_u(&half.e, exponent.count, exponent)
        nettle_mpz_set_str_256_u(&half.n, modulus.count, modulus)
        let clear = Array(secret.revealed.utf8)
        guard nettle_rsa_public_key_prepare(&half) == 1,
            nettle_rsa_encrypt(&half, nil, randomBytes, clear.count, clear, &cipher) == 1
        else { return nil }
        return [UInt8](unsafeUninitializedCapacity: half.size) { buffer, count in
            nettle_mpz_get_str_256(half.size, buffer.baseAddress, &cipher)
            count = half.size
        }
    }

    /// Most significant byte first, as a number that is not negative: with a zero before a byte that would make it one.
    private func bytes(_ number: inout __mpz_struct) -> [UInt8] {
        let size = nettle_mpz_sizeinbase_256_s(&number)
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            nettle_mpz_get_str_256(size, buffer.baseAddress, &number)
            count = size
        }
    }
}

/// The system's generator, as nettle asks for it.
private func randomBytes(_: UnsafeMutableRawPointer?, _ count: Int, _ bytes: UnsafeMutablePointer<UInt8>?) {
    var random = SystemRandomNumberGenerator()
    for index in 0..<count { bytes?[index] = random.next() }
}

/// What SSH puts on the wire (RFC 4251, 5).
private enum SSHWire {
    static func string(_ bytes: [UInt8]) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (24 - 8 * $0)) } + bytes
    }
}

/// The few rules of X.690 that a key needs.
private enum DER {
    static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        if content.count < 128 {
            length = [UInt8(content.count)]
        } else {
            var rest = content.count
            while rest > 0 {
                length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
                rest >>= 8
            }
            length.insert(0x80 | UInt8(length.count), at: 0)
        }
        return [tag] + length + content
    }
}

private enum PEM {
    static func text(_ label: String, _ content: [UInt8]) -> String {
        var lines = ["-----BEGIN \(label)-----"]
        var rest = Base64.encode(content)[...]
        while !rest.isEmpty {
            lines.append(String(rest.prefix(64)))
            rest = rest.dropFirst(64)
        }
        return (lines + ["-----END \(label)-----", ""]).joined(separator: "\n")
    }
}
