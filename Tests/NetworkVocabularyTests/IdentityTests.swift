import NetworkVocabulary
import Testing

@Suite struct IdentityTests {
    static let text = "6e0c1f2a-3b4c-4d5e-8f60-718293a4b5c6"

    @Test func `an id is read in either case and written in lower`() throws {
        let id = try #require(ObjectID(Self.text))
        #expect(id.description == Self.text)
        #expect(ObjectID(Self.text.uppercased()) == id)
        #expect(id.high == 0x6e0c_1f2a_3b4c_4d5e && id.low == 0x8f60_7182_93a4_b5c6)
    }

    @Test(arguments: [
        "", "6e0c1f2a3b4c4d5e8f60718293a4b5c6", "6e0c1f2a-3b4c-4d5e-8f60-718293a4b5c", "{\(text)}", "\(text) ",
        " \(text)",
        "6e0c1f2a-3b4c-4d5e-8f60-718293a4b5cg", "6e0c1f2a_3b4c_4d5e_8f60_718293a4b5c6",
        "6e0c1f2a3-b4c-4d5e-8f60-718293a4b5c6", "6e0c1f2a-3b4c-4d5e-8f60-718293a4b5é",
    ])
    func `anything else is no id`(_ text: String) {
        #expect(ObjectID(text) == nil)
    }

    @Test func `new ids are random UUIDs by RFC 9562 and repeat with their seed`() throws {
        var ids = RandomIDs(Seeded(seed: 7))
        var again = RandomIDs(Seeded(seed: 7))
        let made = (0..<1_000).map { _ in ids.next() }
        #expect(made == (0..<1_000).map { _ in again.next() })
        #expect(Set(made).count == 1_000)
        for id in made {
            let text = Array(id.description)
            #expect(text[14] == "4" && "89ab".contains(text[19]))
            #expect(ObjectID(id.description) == id)
        }
        #expect(zip(made.sorted(), made.map(\.description).sorted()).allSatisfy { $0.description == $1 })
    }

    @Test(arguments: [
        "network/\(text)", "network/\(text)#egress", "publicAddress/\(text)#10.1.1.1 tcp/80#x",
        "publicIPv6Range/\(text)",
    ])
    func `an origin is read and written back`(_ text: String) throws {
        let origin = try #require(Origin(text))
        #expect(origin.description == text)
        #expect(origin.object.part == nil && origin.object.id.description == Self.text)
    }

    @Test(arguments: [
        "", "/", "#", "network", "network/", "/\(text)", "network/x", "network/\(text)/1", "network/\(text)#",
        "#\(text)",
        "Network/\(text)", "net work/\(text)", "net\nwork/\(text)", "network/\(text)#a\nb", "network/\(text)#a\"b",
        "network/\(text)#\u{202e}", "1network/\(text)", "networ\u{6b}\u{301}/\(text)",
    ])
    func `anything else is no origin`(_ text: String) {
        #expect(Origin(text) == nil)
    }

    @Test func `origins of one object stand together, the object first`() throws {
        let texts = ["guest/\(Self.text)", "guest/\(Self.text)#a", "guest/\(Self.text)#b", "network/\(Self.text)"]
        let origins = try texts.map { try #require(Origin($0)) }
        #expect(origins.reversed().sorted() == origins)
    }

    @Test func `revisions count up`() {
        #expect(Revision.zero.next == Revision(1) && Revision(1) < Revision(2) && Revision(7).description == "7")
    }
}
