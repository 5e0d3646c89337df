import CLinux
public import CloudStackAPI
public import NetworkVocabulary

/// Passwords by yescrypt, which the C library's `crypt` has; older hashes that it knows are compared with too.
public struct CryptPasswords: PasswordHashing {
    public init() {}

    public func hash(_ password: String) -> Secret? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CRYPT_GENSALT_OUTPUT_SIZE)) { salt in
            guard let buffer = salt.baseAddress,
                crypt_gensalt_rn("$y$", 0, nil, 0, buffer, CRYPT_GENSALT_OUTPUT_SIZE) != nil
            else { return nil }
            return crypted(password, String(cString: buffer)).map { Secret($0) }
        }
    }

    public func matches(_ password: String, _ hash: Secret) -> Bool {
        guard let result = crypted(password, hash.revealed) else { return false }
        return NettleDigest().areEqual(Array(result.utf8), Array(hash.revealed.utf8))
    }

    /// Of nobody's password.
    public var nobodys: Secret { Secret("$y$j9T$F5Jx5fExrKuPp53xLKQ..1$52gIgWiW9hf.N27UBqxhRbah9F/GyBKK5Nh3peAdQ05") }

    /// Nil for what `crypt` cannot do, which it says by a text that begins with an asterisk.
    private func crypted(_ password: String, _ setting: String) -> String? {
        // What follows a zero byte would not count.
        guard !password.utf8.contains(0) else { return nil }
        let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        defer {
            // Traces of the password are in it.
            explicit_bzero(data, MemoryLayout<crypt_data>.size)
            data.deallocate()
        }
        explicit_bzero(data, MemoryLayout<crypt_data>.size)
        guard let result = crypt_r(password, setting, data), result.pointee != 42 else { return nil }
        return String(cString: result)
    }
}
