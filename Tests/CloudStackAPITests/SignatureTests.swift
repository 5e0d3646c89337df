import CloudStackAPI
import Testing

/// Signatures computed by another program: Python's hmac over urllib's quoting, recorded. The rows are the reference
/// form, a literal tilde, literal brackets, both, and the last two in an order that ignores case.
struct Vector: Sendable, CustomTestStringConvertible {
    let parameters: [String: String]
    let secret: String
    let signatures: [String]

    init(_ parameters: [String: String], _ secret: String, _ signatures: [String]) {
        self.parameters = parameters
        self.secret = secret
        self.signatures = signatures
    }

    var testDescription: String { parameters["command"] ?? "" }

    static let all = [
        Vector(
            ["command": "listZones", "apiKey": "k", "response": "json"], "secret",
            [
                "CQdepPCC722y1TVanooYGlfqlpA=",
                "CQdepPCC722y1TVanooYGlfqlpA=",
                "CQdepPCC722y1TVanooYGlfqlpA=",
                "CQdepPCC722y1TVanooYGlfqlpA=",
                "CQdepPCC722y1TVanooYGlfqlpA=",
                "CQdepPCC722y1TVanooYGlfqlpA=",
            ]),
        Vector(
            [
                "command": "listVirtualMachines",
                "apiKey": "plgWJfZK4gyS3mOMTVmjUVg-X-jlWlnfaUJ9GAbBbf9EdM-kAYMmAiLqzzq1ElZLYq_u38zCm0bewzGUdP66mg",
                "response": "json", "name": "a b+c/d(e)'f\"g!h", "keyword": "größe 網路",
            ], "VDaACYb0LV9eNjTetIOElcVQkvJck_J_QljX_FcHRj87ZKiy0z0ty0ZsYBkoXkY9b7eq1EhwJaw7FF3akA3KBQ",
            [
                "RhEHwR48wAmETIzlHxKz6qpLJjc=",
                "RhEHwR48wAmETIzlHxKz6qpLJjc=",
                "RhEHwR48wAmETIzlHxKz6qpLJjc=",
                "RhEHwR48wAmETIzlHxKz6qpLJjc=",
                "RhEHwR48wAmETIzlHxKz6qpLJjc=",
                "RhEHwR48wAmETIzlHxKz6qpLJjc=",
            ]),
        Vector(
            [
                "command": "createTags", "apikey": "K", "resourceids": "1,2", "tags[0].key": "Env:x",
                "tags[0].value": "[~]*-_.", "tags[10].key": "z", "signatureVersion": "3",
                "expires": "2026-11-20T12:36:26+0000", "Response": "json",
            ], "s",
            [
                "vuSX4g5h9hWZUxplB5hOpwDEyaU=",
                "Lbkm5jh/yf1PhncjJWIxsCnWaVM=",
                "6bm/n4Uzc/pKcRRc5a3vyxtxdK8=",
                "6bm3HN2HlcezDwuL9vQKy+rENj8=",
                "vqGEMrAopeC6dP7DFTcNdj36uDU=",
                "cO5G25FcmeukrFRDF/BUBqXx3Bo=",
            ]),
        Vector(
            [
                "command": "deployVirtualMachine", "apiKey": "a", "Zone": "~[x]~", "networkIds": "n",
                "networkOffering": "m", "apple": "",
            ], "k&y=",
            [
                "JsdQN3+Tunfd8f+4Rr030cFCUhA=",
                "zfYGY/ppzW4wuQc1fqvTrRXPUVA=",
                "QFAHpXpgPqvaP5YSEaAqbvefQjE=",
                "6r9LiMiDn2cHu3Dfbz3YNjhp0A8=",
                "ZkkZLTEwxB3r7Y4FdOiOxdJeFGk=",
                "ndg5IjV2WisnEp65dOhcMiAb8hQ=",
            ]),
    ]
}

@Suite struct `A signature` {
    private func status(
        _ parameters: [String: String], _ signature: String, secret: String, method: String = "GET"
    ) throws -> Int {
        let key = parameters.first { $0.key.lowercased() == "apikey" }?.value ?? ""
        let client = try Client(key: key, secret: secret)
        let query = Client.encoded(parameters.merging(["signature": signature]) { $1 })
        if method == "GET" { return client.get(query, .signed).status }
        return client.send(
            .init(
                method: method, path: "/client/api/", query: "", body: Array(query.utf8),
                contentType: "application/x-www-form-urlencoded; charset=utf-8"), .signed
        ).status
    }

    @Test(arguments: Vector.all, ["GET", "POST"])
    func `is accepted in every form that clients compute`(vector: Vector, method: String) throws {
        for signature in vector.signatures {
            #expect(try status(vector.parameters, signature, secret: vector.secret, method: method) != 401)
        }
    }

    @Test(arguments: Vector.all)
    func `is refused when anything of it differs`(vector: Vector) throws {
        let good = vector.signatures[0]
        var parameters = vector.parameters
        let secret = vector.secret
        #expect(try status(parameters, good, secret: secret + "x") == 401)
        #expect(try status(parameters, String(good.dropLast()), secret: secret) == 401)
        #expect(try status(parameters, good + "=", secret: secret) == 401)
        #expect(try status(parameters, "", secret: secret) == 401)
        for name in vector.parameters.keys where name.lowercased() != "command" && name.lowercased() != "apikey" {
            var less = parameters
            less[name] = nil
            #expect(try status(less, good, secret: secret) == 401, "\(name) was not signed")
        }
        parameters["extra"] = ""
        #expect(try status(parameters, good, secret: secret) == 401)
    }

    @Test func `with a space as a plus, or not in lower case, is none`() throws {
        let vector = Vector.all[1]
        for wrong in ["D4sLBEg3ob0PEB39mhL0Hc8zQCE=", "EeYetO3ovmvAYILsiOzbfSTZtdU="] {
            #expect(try status(vector.parameters, wrong, secret: vector.secret) == 401)
        }
    }

    @Test func `is needed, with a key that is known`() throws {
        let client = try Client()
        for query in [
            "command=listZones", "command=listZones&apikey=the-key", "command=listZones&apikey=x&signature=y", "",
        ] {
            let reply = client.get(query + "&response=json", .signed)
            #expect(reply.status == 401)
            #expect(reply.body.contains("unable to verify user credentials and/or request signature"))
        }
        let reply = client.get("command=listZones&response=json", .signed)
        #expect(reply.body.hasPrefix(#"{"listzonesresponse":{"uuidList":[],"errorcode":401,"cserrorcode":"#))
    }

    /// Signed with the key `k` and the secret `s` at the moment 1795000000 = 2026-11-18T11:06:40Z.
    @Test(arguments: [
        ("2026-11-18T11:06:41+0000", "D4d+9V7g/1qLD88RVldCbF5Ig4c=", true),
        ("2026-11-18T11:06:41Z", "WlemkyyAOQehFCbj/MtE9GqJegg=", true),
        ("2026-11-18T13:06:41+02:00", "R+Sb31lXfjinzhUdmc2jloefEbI=", true),
        ("2026-11-18T11:06:40+0000", "lNa9m2y2h6KaKCnsTEZY/4SBpSA=", false),
        ("2026-11-18T11:06:39Z", "IBO4Nbzr1COLwucikhfkiM1V5p4=", false),
        ("2026-11-18T13:06:40+02:00", "OVmjXmNoUzCEXHj9wuWnXzsOjPA=", false),
        ("tomorrow", "q4veI62I2YiaODnUf4ppE00BKbU=", false),
        ("2026-02-30T11:06:41Z", "/+1JM1Fj24Y4xir7UgwvTcii0Ok=", false),
        ("2027-11-18T11:06:41", "drj0UaOZJIdG9Gt87KyWU/6690I=", false),
    ])
    func `of version 3 expires`(expires: String, signature: String, isValid: Bool) throws {
        let parameters = ["command": "listZones", "apiKey": "k", "signatureVersion": "3", "expires": expires]
        #expect(try (status(parameters, signature, secret: "s") == 200) == isValid)
    }

    @Test func `of version 3 without a time is none`() throws {
        let parameters = ["command": "listZones", "apiKey": "k", "signatureversion": "3"]
        #expect(try status(parameters, "LMHEfYCjDh3shKDdmtiu6LVVAoU=", secret: "s") == 401)
    }
}
