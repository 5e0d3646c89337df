import NetworkVocabulary
import ServiceHosting
import Testing

@Suite struct `Passwords` {
    /// scrypt's hash in crypt's form, from the documentation of libscrypt and yescrypt.
    @Test func `are compared with hashes that others made`() {
        let hash = Secret("$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D")
        #expect(CryptPasswords().matches("pleaseletmein", hash))
        #expect(!CryptPasswords().matches("pleaseletmeIn", hash))
    }

    @Test func `are hashed by yescrypt, each with a salt of its own`() throws {
        let passwords = CryptPasswords()
        let (one, two) = (try #require(passwords.hash("größe\n")), try #require(passwords.hash("größe\n")))
        #expect(one.revealed.hasPrefix("$y$") && one != two)
        #expect(passwords.matches("größe\n", one) && passwords.matches("größe\n", two))
        #expect(!passwords.matches("größe", one) && !passwords.matches("", one))
    }

    @Test func `are nobody's where the hash is none`() {
        let passwords = CryptPasswords()
        for hash in ["", "*", "*0", "*1", "$y$", "x", "$9$abc$def"] {
            for word in ["", "x", hash] { #expect(!passwords.matches(word, Secret(hash)), "\(hash) \(word)") }
        }
        #expect(passwords.hash("a\0b") == nil)
        #expect(!passwords.matches("password", passwords.nobodys) && !passwords.matches("", passwords.nobodys))
    }
}
