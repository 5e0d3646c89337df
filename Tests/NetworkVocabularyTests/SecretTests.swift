import Foundation
import NetworkVocabulary
import Testing

@Suite struct SecretTests {
    private struct Holder {
        let name = "web"
        let password: Secret? = Secret("hunter2")
        let all = ["a": Secret("hunter2")]
    }

    @Test func `a secret is in nothing that is printed`() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(Holder(), to: &dumped)
        dump(secret, to: &dumped)
        let printed = [
            "\(secret)", secret.debugDescription, String(reflecting: secret), "\(Holder())",
            String(describing: [secret]),
            "\(Result<Secret, any Error>.success(secret))", dumped,
        ]
        for text in printed { #expect(!text.contains("hunter2")) }
    }

    @Test func `the ledger brings it back`() throws {
        let secret = Secret("hunter2\n\"é")
        let data = try JSONEncoder().encode([secret])
        #expect(try JSONDecoder().decode([Secret].self, from: data) == [secret])
        #expect(secret.revealed == "hunter2\n\"é")
    }
}
