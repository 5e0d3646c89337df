import CloudModel
import Foundation
import NetworkVocabulary
import Testing

/// Keys and fingerprints are `ssh-keygen`'s.
@Suite struct SSHPublicKeyTests {
    static let rsa =
        "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDlJgkJlMnjEt4VtES2f8AuDJD3trWUg1bmOPrglJkpEhPt3atXiV7RhxhNUBUSH38yodl6HMr8AU0Kn"
        + "1YOnO+tlQ2sGP1CRHmlmuUPkYZd23LX2y+Frd2d/FcAuMhSbdB3ZAw9omoNN1EZUIR3xjjQaroZGqepRScOAmPrwGFjuw=="
    static let ed25519 = "AAAAC3NzaC1lZDI1NTE5AAAAIOc3kCQxkHNnfBNsAwUSiZA3MutwEuJ0RiAIqsS1gStK"
    static let p521 =
        "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAAGBYA+MwtjRp7VlMKHMNlGejos/gykN9A/CAZmyXdKRIlgeWDyyq21F6"
        + "Sfl6Lkkp748xXvvuO0qtlRxAAt+bNemwDPEbKUwS2tCxli1LXW8wYGrRI7wTywG0dsnmEwlVIkd0pBetnUuvoEYRRI+LbKQCXz5jDOCbyuehGt"
        + "gviwQVtkoA=="

    @Test(arguments: [
        ("ssh-rsa", rsa, "2e:14:a7:59:41:2a:1e:a4:ca:c2:8e:99:6b:1c:24:2a"),
        ("ssh-ed25519", ed25519, "63:19:b9:36:ed:26:e3:b3:2c:05:eb:d8:e2:5f:42:80"),
        ("ecdsa-sha2-nistp521", p521, "07:a9:45:e1:a4:36:c3:17:1f:9c:9e:1b:9e:b5:cf:8d"),
    ])
    func `a key has the fingerprint that ssh-keygen gives it`(_ type: String, _ blob: String, _ fingerprint: String)
        throws
    {
        let key = try #require(SSHPublicKey("\(type) \(blob) somebody at home\n"))
        #expect(key.fingerprint == fingerprint)
        #expect(key.description == "\(type) \(blob)")
        #expect(SSHPublicKey(key.description) == key)
    }

    @Test func `an RSA key tells its numbers`() throws {
        let numbers = try #require(SSHPublicKey("ssh-rsa \(Self.rsa)")?.rsaNumbers)
        #expect(numbers.exponent == [1, 0, 1])
        #expect(numbers.modulus.count == 129 && numbers.modulus[0] == 0)
    }

    @Test(arguments: [
        "", "ssh-rsa", "ssh-rsa ", "ssh-ed25519 \(rsa)", "ssh-rsa \(rsa.dropLast(4))", "rsa \(rsa)", "ssh-rsa ?\(rsa)",
        "ssh-rsa \(rsa) c\nssh-rsa \(rsa)", "command=\"x\" ssh-rsa \(rsa)", "ssh-rsa AAAAB3NzaC1yc2E=",
        "-----BEGIN RSA PRIVATE KEY-----", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAA==",
    ])
    func `anything else is no key`(_ text: String) {
        #expect(SSHPublicKey(text) == nil)
    }

    @Test func `base64 is Foundation's, and nothing that is not whole is read`() {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ length) }
            let text = Data(bytes).base64EncodedString()
            #expect(Base64.encode(bytes) == text)
            #expect(Base64.decode(text) == bytes)
        }
        for text in [
            "A", "AA", "AAA", "AA=", "A===", "====", "AB==", "AAB=", "AA==AA==", "AA=A", "AA-_", "A A=", "é===",
        ] {
            #expect(Base64.decode(text) == nil, "\(text)")
        }
        #expect(Base64.decode("QUJD\r\nRA==\n") == Array("ABCD".utf8))
    }
}
