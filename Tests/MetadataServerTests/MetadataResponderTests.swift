import Foundation
import MetadataServer
import NetworkVocabulary
import RouterPlan
import Testing

/// What a guest gets to read.
@Suite struct MetadataResponderTests {
    private static let script = Array("#!/bin/sh\necho \u{0}\u{ff}\n".utf8)

    static func pages(password: ServedMetadata.Password? = nil, userData: [UInt8]? = script) throws -> GuestPages? {
        let metadata = ServedMetadata(
            leaves: [
                .init("service-offering", "small"), .init("local-hostname", "web"), .init("instance-id", "i-1"),
                .init("public-keys", "ssh-rsa A\nssh-ed25519 B\n"),
            ],
            variables: ["role": Secret("front"), "../x": Secret("never")],
            userData: userData.map { Secret(Data($0).base64EncodedString()) }, password: password)
        let nic = ServedNIC(
            origin: Origin("nic", ObjectID(random: 0, 1)), guest: ObjectID(random: 1, 1),
            mac: MACAddress(2, 0, 0, 0, 0, 1), address: IPv4Address(10, 1, 1, 10), hostName: "web", isDefault: true,
            metadata: metadata)
        return GuestPages(nic) { Data(base64Encoded: $0).map(Array.init) }
    }

    struct Answer {
        let status: Int
        let body: [UInt8]
        let head: String
        let event: MetadataResponder.Event
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    static func ask(
        _ path: String, _ pages: inout GuestPages?, _ service: MetadataResponder.Service = .metadata,
        method: String = "GET", header: String = ""
    ) throws -> Answer {
        let bytes = Array("\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(header)\r\n".utf8)
        guard case .request(let request, _) = HTTPRequest.read(bytes.span.bytes) else { throw Refused() }
        var out: [UInt8] = []
        let event = MetadataResponder.answer(
            request, bytes.span.bytes, service, &pages, date: Array("now".utf8), to: &out)
        let end = try #require(out.indices.dropLast(3).first { out[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) })
        let head = String(decoding: out[..<end], as: UTF8.self)
        return Answer(
            status: Int(head.dropFirst(9).prefix(3)) ?? 0, body: Array(out[(end + 4)...]), head: head, event: event)
    }

    struct Refused: Error {}

    private func get(_ path: String, method: String = "GET") throws -> Answer {
        var pages = try Self.pages()
        return try Self.ask(path, &pages, method: method)
    }

    @Test func `every leaf that is listed can be read, and nothing else is listed`() throws {
        // One leaf that is listed and not there makes cloud-init lose all of them.
        let listing = try get("/latest/meta-data/")
        #expect(listing.text == "service-offering\nlocal-hostname\ninstance-id\npublic-keys\nrole")
        #expect(try get("/latest/meta-data").text == listing.text)
        for leaf in listing.text.split(separator: "\n") {
            #expect(try get("/latest/meta-data/\(leaf)").status == 200)
            #expect(try get("/latest/\(leaf)").text == get("/latest/meta-data/\(leaf)").text)
        }
        #expect(try get("/latest/").text == "meta-data/\nuser-data")
        #expect(try get("/").text == "latest/")
    }

    @Test func `user data comes as it was given, byte for byte, and is not there when there is none`() throws {
        #expect(try get("/latest/user-data").body == Self.script)
        var none = try Self.pages(userData: nil)
        #expect(try Self.ask("/latest/user-data", &none).status == 404)
        #expect(try Self.ask("/latest/", &none).text == "meta-data/")
        let megabyte = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var large = try Self.pages(userData: megabyte)
        #expect(try Self.ask("/latest/user-data", &large).body == megabyte)
    }

    @Test func `paths are read whatever their case, and tricks with them lead nowhere`() throws {
        #expect(try get("/LATEST/Meta-Data/Instance-ID").text == "i-1")
        #expect(try get("/latest/meta%2ddata/instance-id").text == "i-1")
        for path in [
            "/latest/../latest/user-data", "/latest//user-data", "//latest/user-data",
            "/latest/%2e%2e/latest/user-data",
            "/latest%2fuser-data", "/latest/user-data/", "/latest/user-data%00", "/latest/meta-data/../x",
            "/latest/meta-data/..%2fx", "/latest/meta-data/none", "/2009-04-04/meta-data/", "/latest/user-data%", "/%",
        ] {
            #expect(try get(path).status == 404, "\(path)")
        }
    }

    @Test func `HEAD says how much GET would bring, and brings nothing`() throws {
        let answer = try get("/latest/user-data", method: "HEAD")
        #expect(answer.body.isEmpty)
        #expect(answer.head.contains("Content-Length: \(Self.script.count)\r\n"))
        #expect(try get("/", method: "DELETE").status == 405)
    }

    @Test func `who is no guest of the network reads nothing`() throws {
        var nobody: GuestPages?
        #expect(try Self.ask("/latest/meta-data/", &nobody).status == 404)
        #expect(try Self.ask("/", &nobody, .password, header: "DomU_Request: send_my_password\r\n").status == 400)
    }

    @Test func `a password is told until the guest has it, and then no more`() throws {
        var pages = try Self.pages(password: .waiting(Secret("s3cret\"\n")))
        let ask = "DomU_Request: send_my_password\r\n"
        for _ in 0..<2 {
            let answer = try Self.ask("/", &pages, .password, header: ask)
            #expect(answer.text == "s3cret\"\n")
            guard case .passwordServed = answer.event else { throw Refused() }
        }
        let saved = try Self.ask("/", &pages, .password, header: "DomU_Request: saved_password\r\n")
        guard case .passwordSaved = saved.event else { throw Refused() }
        #expect(saved.text == "saved_password")
        #expect(try Self.ask("/", &pages, .password, header: ask).text == "saved_password")
    }

    @Test func `a guest without a password is told that it has it; without the header nothing is told`() throws {
        var pages = try Self.pages()
        #expect(
            try Self.ask("/", &pages, .password, header: "DomU_Request: send_my_password\r\n").text == "saved_password")
        for header in ["", "DomU_Request: give\r\n", "X-DomU_Request: send_my_password\r\n"] {
            let answer = try Self.ask("/", &pages, .password, header: header)
            #expect(answer.status == 400 && answer.text == "bad_request")
        }
    }
}
