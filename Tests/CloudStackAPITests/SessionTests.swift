import CloudStackAPI
import Foundation
import NetworkVocabulary
import Testing

@Suite struct `A session` {
    let tenants: Tenants
    var client: Client { tenants.client }

    init() throws { tenants = try Tenants() }

    private func login(
        _ name: String, _ password: String, _ domain: String? = nil, method: String = "POST", peer: String = "192.0.2.1"
    ) -> APIResponse {
        var form = ["command": "login", "username": name, "password": password, "response": "json"]
        form["domain"] = domain
        let text = Client.encoded(form)
        return client.send(
            APIRequest(
                method: method, path: "/client/api", query: method == "GET" ? text : "",
                body: method == "GET" ? [] : Array(text.utf8), contentType: "application/x-www-form-urlencoded",
                peer: peer), .signed)
    }

    private func content(_ reply: APIResponse, _ key: String) throws -> [String: Any] {
        let envelope = try JSONSerialization.jsonObject(with: Data(reply.body.utf8)) as? [String: Any]
        return try #require(envelope?[key] as? [String: Any])
    }

    private func cookies(_ reply: APIResponse) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: reply.cookies.map { cookie in
                let pair = cookie.prefix { $0 != ";" }.split(separator: "=", omittingEmptySubsequences: false)
                return (String(pair[0]), String(pair[1]))
            })
    }

    private func call(_ command: String, session: String?, key: String?) -> APIResponse {
        var parameters = ["command": command, "response": "json"]
        parameters["sessionkey"] = key
        return client.send(
            APIRequest(
                method: "GET", path: "/client/api", query: Client.encoded(parameters),
                cookie: session.map { "other=1; JSESSIONID=\($0)" }), .signed)
    }

    @Test func `begins with a password, is shown by cookie and key, and ends`() throws {
        let reply = login("ann", "ann's", "north")
        #expect(reply.status == 200)
        let content = try content(reply, "loginresponse")
        #expect(content["username"] as? String == "ann" && content["type"] as? String == "0")
        #expect(content["timeout"] as? Int == 1_800 && content["registered"] as? String == "false")
        let cookies = cookies(reply)
        let session = try #require(cookies["JSESSIONID"])
        let key = try #require(cookies["sessionkey"])
        #expect(key.count == 27 && content["sessionkey"] as? String == key)
        #expect(reply.cookies.allSatisfy { $0.contains("HttpOnly") })
        let own = try #require(tenants.object("listNetworks", of: "ann"))
        #expect(call("listNetworks", session: session, key: key).body.contains(own))
        #expect(call("createZone", session: session, key: key).status == 401)
        let out = call("logout", session: session, key: nil)
        #expect(try self.content(out, "logoutresponse")["description"] as? String == "success")
        #expect(call("listNetworks", session: session, key: key).status == 401)
    }

    @Test func `is not begun by GET`() { #expect(login("ann", "ann's", "north", method: "GET").status == 405) }

    @Test(
        arguments: [
            ("ann", "wrong", "north"), ("ann", "ann's", "south"), ("ann", "ann's", nil), ("nobody", "x", "north"),
            ("ann", "ann's", "no/such"), ("admin", "password", nil), ("admin", "", nil),
        ] as [(String, String, String?)])
    func `is not begun by the wrong words, and the answer is always the same`(
        name: String, password: String, domain: String?
    ) {
        let reply = login(name, password, domain)
        #expect(reply.status == (password.isEmpty ? 431 : 531))
        #expect(reply.cookies.isEmpty)
        guard !password.isEmpty else { return }
        #expect(
            reply.description?.hasPrefix("Failed to authenticate user \(name) in domain ") == true
                && reply.description?.hasSuffix("; please provide valid credentials") == true)
    }

    @Test func `with another key is dropped`() throws {
        let cookies = cookies(login("ann", "ann's", "/north/"))
        #expect(call("listNetworks", session: cookies["JSESSIONID"], key: "x").status == 401)
        #expect(call("listNetworks", session: cookies["JSESSIONID"], key: cookies["sessionkey"]).status == 401)
        #expect(call("listNetworks", session: nil, key: cookies["sessionkey"]).status == 401)
    }

    @Test func `is over when nothing was heard of it for half an hour`() throws {
        let cookies = cookies(login("ann", "ann's", "north"))
        client.clock.advance(seconds: 1_799)
        #expect(call("listNetworks", session: cookies["JSESSIONID"], key: cookies["sessionkey"]).status == 200)
        client.clock.advance(seconds: 1_799)
        #expect(call("listNetworks", session: cookies["JSESSIONID"], key: cookies["sessionkey"]).status == 200)
        client.clock.advance(seconds: 1_800)
        #expect(call("listNetworks", session: cookies["JSESSIONID"], key: cookies["sessionkey"]).status == 401)
    }

    @Test(arguments: ["disableUser", "lockUser", "updateUser", "disableAccount", "deleteUser"])
    func `ends when its user may not come in any more, or has another password`(command: String) throws {
        let cookies = cookies(login("ann", "ann's", "north"))
        let account = command == "disableAccount"
        let target = try #require(tenants.object(account ? "listAccounts" : "listUsers", of: "ann"))
        var parameters = ["id": target]
        if account { parameters["lock"] = "true" }
        if command == "updateUser" { parameters["password"] = "new" }
        if command == "deleteUser" {
            // The last owner of a project stays.
            _ = try client.call("deleteProject", ["id": tenants.project, "cleanup": "true"])
        }
        _ = try client.call(command, parameters)
        #expect(call("listNetworks", session: cookies["JSESSIONID"], key: cookies["sessionkey"]).status == 401)
        if command == "updateUser" {
            #expect(login("ann", "ann's", "north").status == 531 && login("ann", "new", "north").status == 200)
        } else {
            #expect(login("ann", "ann's", "north").status == 531)
            #expect(client.signed(try #require(tenants.signers["ann"]), "listNetworks").status == 401)
        }
    }

    @Test func `is harder to guess with every try, by name and by address`() throws {
        for _ in 0..<4 { #expect(login("ann", "wrong", "north").status == 531) }
        // The right word comes too soon, from anywhere.
        #expect(login("ann", "ann's", "north").status == 531)
        #expect(login("ann", "ann's", "north", peer: "198.51.100.7").status == 531)
        // Somebody else from elsewhere is not kept waiting, from here is.
        #expect(login("bob", "bob's", "north").status == 531)
        #expect(login("bob", "bob's", "north", peer: "198.51.100.7").status == 200)
        client.clock.advance(seconds: 2)
        #expect(login("ann", "ann's", "north").status == 200)
        #expect(login("ann", "ann's", "north").status == 200)
    }
}
