import CLinux
public import CloudStackAPI

/// Signatures by nettle.
public struct NettleDigest: SignatureDigest {
    public init() {}

    public func hmacSHA1(key: [UInt8], message: [UInt8]) -> [UInt8] {
        var context = hmac_sha1_ctx()
        key.withUnsafeBufferPointer { nettle_hmac_sha1_set_key(&context, $0.count, $0.baseAddress) }
        message.withUnsafeBufferPointer { nettle_hmac_sha1_update(&context, $0.count, $0.baseAddress) }
        return [UInt8](unsafeUninitializedCapacity: Int(SHA1_DIGEST_SIZE)) { buffer, count in
            nettle_hmac_sha1_digest(&context, Int(SHA1_DIGEST_SIZE), buffer.baseAddress)
            count = Int(SHA1_DIGEST_SIZE)
        }
    }

    public func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        return a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                guard let first = a.baseAddress, let second = b.baseAddress else { return true }
                return nettle_memeql_sec(first, second, a.count) == 1
            }
        }
    }
}
