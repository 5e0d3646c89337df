import CloudStackAPI
import Foundation
import TestSupport
import Testing

@Suite struct `A parameter` {
    private func zone(_ client: Client, _ name: String) throws -> [[String: Any]] {
        _ = try client.call(
            "createZone", ["name": name, "networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.1"])
        return try client.list("listZones", "zone")
    }

    @Test(arguments: [
        ("name=a+b%20c", "a b c"), ("name=%C3%A9", "é"), ("NAME=x", "x"), ("name=first&name=last", "last"),
        ("name=a%26b%3Dc%2B", "a&b=c+"), ("name=a=b", "a=b"), ("&&name=x&", "x"),
    ])
    func `is decoded as forms are`(query: String, name: String) throws {
        let client = try Client()
        let fixed = "command=createZone&networktype=advanced&dns1=192.0.2.1&internaldns1=192.0.2.1&response=json&"
        #expect(client.status(fixed + query) == 200)
        #expect(try client.list("listZones", "zone").first?["name"] as? String == name)
    }

    @Test func `of the query wins over one of the body, and both count`() throws {
        let client = try Client()
        let request = APIRequest(
            method: "POST", path: "/client/api", query: "name=query&response=json",
            body: Array("command=createZone&name=body&networktype=Advanced&dns1=192.0.2.1&internaldns1=192.0.2.1".utf8),
            contentType: "application/x-www-form-urlencoded")
        // The integration listener reads no bodies; so this one is signed.
        let vector = signedBody(request)
        #expect(client.send(vector, .signed).status == 200)
        #expect(try client.list("listZones", "zone").first?["name"] as? String == "query")
    }

    @Test(arguments: ["name=%", "name=%2", "name=%zz", "%=1", "name=%ff", "name=%c3%28"])
    func `that cannot be decoded is malformed`(query: String) throws {
        let reply = try Client().get("command=listZones&response=json&" + query)
        #expect(reply.status == 430)
        #expect(reply.contentType == "application/json; charset=UTF-8")
    }

    @Test(arguments: ["%00", "%09", "%1b", "%7f"])
    func `with control characters is refused`(character: String) throws {
        let reply = try Client().get("command=listZones&response=json&keyword=a\(character)b")
        #expect(reply.status == 431)
        #expect(
            reply.description
                == "Received value containing illegal ASCII non-printable characters for parameter keyword")
    }

    @Test func `may hold line breaks`() throws {
        #expect(try Client().status("command=listZones&response=json&keyword=a%0d%0ab") == 200)
    }

    @Test func `that is missing is named`() throws {
        let client = try Client()
        #expect(
            throws: Refused(status: 431, text: "Unable to execute API command createzone due to missing parameter dns1")
        ) {
            try client.call("createZone", ["name": "z", "networktype": "Advanced"])
        }
        #expect(
            throws: Refused(status: 431, text: "Unable to execute API command createzone due to missing parameter name")
        ) {
            try client.call("createZone", ["name": "", "networktype": "Advanced"])
        }
        #expect(client.service.submissions == 0)
    }

    @Test func `is at most 255 characters long`() throws {
        let client = try Client()
        #expect(throws: Refused(status: 431, text: "Value greater than max allowed length 255 for param: keyword")) {
            try client.call("listZones", ["keyword": String(repeating: "x", count: 256)])
        }
        _ = try client.call("listZones", ["keyword": String(repeating: "x", count: 255)])
        #expect(throws: Refused.self) {
            try client.call("createZone", ["name": String(repeating: "x", count: 1_000_000)])
        }
    }

    @Test(arguments: ["x", "00000000-0000-0000-0000-00000000000", "6e0c1f7a-1111-4222-8333-444455556666"])
    func `that names no object says so in words that clients look for`(id: String) throws {
        for (command, name) in [("listNetworks", "id"), ("deleteNetwork", "id"), ("listNetworks", "zoneid")] {
            #expect {
                try Client().call(command, [name: id])
            } throws: {
                guard let error = $0 as? Refused else { return false }
                return error.status == 431
                    && error.text.contains(
                        "Invalid parameter \(name) value=\(id) due to incorrect long value format, or entity does not exist"
                    )
            }
        }
    }

    @Test func `that must be a number is one`() throws {
        #expect(
            throws: Refused(
                status: 431, text: "Unable to execute API command listzones due to invalid value ten for parameter page"
            )
        ) {
            try Client().call("listZones", ["page": "ten", "pagesize": "1"])
        }
    }

    @Test func `of a kind that nobody knows is ignored`() throws {
        _ = try Client().call("listZones", ["vpc_id": "x", "listItems": "1", "tags[0].key": "a"])
    }

    @Test func `that asks for what is not there is refused, not ignored`() throws {
        #expect(throws: Refused(status: 432, text: "The parameter vpcid of createNetwork is not supported here")) {
            try Client().call("createNetwork", ["vpcid": "x"])
        }
    }

    @Test(arguments: [
        "iptonetworklist[x].ip", "iptonetworklist[0]", "iptonetworklist[0].", "iptonetworklist[-1].ip",
        "iptonetworklist[",
    ])
    func `with a bad index is malformed`(name: String) throws {
        let reply = try Client().get(
            "command=deployVirtualMachine&response=json&zoneid=6e0c1f7a-1111-4222-8333-444455556666&\(Client.escaped(name))=1"
        )
        #expect(reply.status == 430, "\(reply.body)")
    }

    @Test func `too many of them are refused`() throws {
        let many = (0...10_000).map { "p\($0)=" }.joined(separator: "&")
        #expect(try Client().status("command=listZones&response=json&" + many) == 430)
    }

    /// Signed by the reference rules, over query and body together; the digest is checked elsewhere.
    private func signedBody(_ request: APIRequest) -> APIRequest {
        let parameters = [
            "command": "createZone", "name": "query", "networktype": "Advanced", "dns1": "192.0.2.1",
            "internaldns1": "192.0.2.1", "response": "json", "apikey": Client.key,
        ]
        let text = parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
            .lowercased()
        let signature = hmac(text, Client.secret)
        return APIRequest(
            method: "POST", path: "/api",
            query: request.query + "&apikey=\(Client.key)&signature=\(Client.escaped(signature))",
            body: request.body, contentType: request.contentType)
    }
}
