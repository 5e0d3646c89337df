import CloudModel
import CloudStackAPI
import ControlPlane
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

/// Certificates that OpenSSL has made, uploaded, assigned and refused.
@Suite struct `Certificates for load balancers` {
    let client: Client
    let site: Site
    let forge: Forge

    init() throws {
        client = try Client()
        site = try Site(client)
        forge = try Forge.shared.get()
        // They are valid from now on, whenever that is.
        client.clock.advance(seconds: Int64(Date().timeIntervalSince1970) - Client.now / 1_000 + 5)
    }

    private var leaf: [String: String] {
        [
            "name": "shop", "certificate": forge["leaf.crt"], "privatekey": forge["leaf.key"],
            "certchain": forge["root.crt"] + forge["mid.crt"],
        ]
    }

    private func upload(_ parameters: [String: String], by client: Client? = nil) throws -> [String: Any] {
        let made = try (client ?? self.client).call("uploadSslCert", parameters)
        return try #require(made["sslcert"] as? [String: Any])
    }

    private func rule(_ port: Int = 443, _ transport: String = "ssl") throws -> String {
        let made = try client.finished(
            "createLoadBalancerRule",
            [
                "publicipid": try site.acquire(), "name": "shared", "algorithm": "roundrobin", "protocol": transport,
                "publicport": "\(port)", "privateport": "80",
            ], makes: "loadbalancer")
        return try #require(made["id"]?.text)
    }

    private func refused(
        _ command: String, _ parameters: [String: String], _ status: Int, _ words: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let before = client.service.view.cloud
        #expect("\(command): \(words)", sourceLocation: sourceLocation) {
            try client.finished(command, parameters)
        } throws: {
            let error = $0 as? Refused
            return error?.status == status && error?.text.contains(words) == true
        }
        #expect(client.service.view.cloud == before, sourceLocation: sourceLocation)
    }

    @Test func `are read as OpenSSL wrote them, their chain in order, their key never shown`() throws {
        let made = try upload(leaf)
        #expect(made["certificate"] as? String == forge["leaf.pem"])
        #expect(made["certchain"] as? String == forge["mid.crt"] + forge["root.crt"])
        #expect(made["fingerprint"] as? String == forge["leaf.print"].trimmingCharacters(in: .newlines))
        #expect(made["account"] as? String == "admin" && made["privatekey"] == nil)
        let listed = try client.list("listSslCerts", "sslcert")
        #expect(listed.map(id) == [id(made)])
        #expect(try client.list("listSslCerts", "sslcert", ["certid": id(made)]).map(id) == [id(made)])
        let kept = try #require(Array(client.service.view.cloud.sslCertificates.values).first)
        #expect(kept.privateKey.revealed == forge["leaf.pkcs8"])
        let rehearsed = try client.call("uploadSslCert", leaf.merging(["plan": "true", "name": "other"]) { $1 })
        let line = try #require(forge["leaf.pkcs8"].split(separator: "\n").dropFirst().first)
        #expect(!"\(rehearsed)\(listed)\(made)\(client.service.view.cloud)".contains(line))
    }

    @Test(arguments: ["leaf.enc", "leaf.old"]) func `have keys that a password opens`(key: String) throws {
        let encrypted = leaf.merging(["privatekey": forge[key]]) { $1 }
        refused("uploadSslCert", encrypted, 431, "password is missing")
        refused("uploadSslCert", encrypted.merging(["password": "guess"]) { $1 }, 431, "cannot be decrypted")
        _ = try upload(encrypted.merging(["password": "open-sesame"]) { $1 })
        let kept = Array(client.service.view.cloud.sslCertificates.values)
        #expect(kept.map(\.privateKey.revealed) == [forge["leaf.pkcs8"]])
    }

    @Test func `are refused for what is wrong with them, and nothing changes`() throws {
        func refuse(_ name: String, _ value: String, _ words: String, _ line: SourceLocation = #_sourceLocation) {
            refused("uploadSslCert", leaf.merging([name: value]) { $1 }, 431, words, sourceLocation: line)
        }
        refuse("certificate", "no PEM", "Parsing certificate failed")
        let spoilt = forge["leaf.crt"].replacingOccurrences(of: "MII", with: "MIX")
        refuse("certificate", spoilt, "Parsing certificate failed")
        refuse("certificate", forge["leaf.key"], "Parsing certificate failed")
        refuse("certificate", forge["leaf.crt"] + forge["mid.crt"], "belong into certchain")
        refuse("privatekey", "no PEM", "Parsing private key failed")
        refuse("privatekey", forge["leaf.crt"], "Parsing private key failed")
        refuse("privatekey", forge["lone.key"], "does not match")
        refuse("certchain", "no PEM", "Parsing certificate chain failed")
        refuse("certchain", forge["root.crt"], "does not lead up")
        refuse("certchain", forge["mid.crt"] + forge["lone.crt"], "does not lead up")
        refuse("certchain", String(repeating: forge["mid.crt"], count: 11), "Parsing certificate chain failed")
        refuse("name", "a\nb", "control characters")
        refuse("name", "", "name")
        refused("uploadSslCert", leaf.merging(["enabledrevocationcheck": "true"]) { $1 }, 432, "revoked")
        let weak = ["name": "w", "certificate": forge["weak.crt"], "privatekey": forge["weak.key"]]
        refused("uploadSslCert", weak, 431, "2048 bits")
        client.clock.advance(seconds: 86_400 * 11)
        refused("uploadSslCert", leaf, 431, "expired")
        client.clock.advance(seconds: -86_400 * 400)
        refused("uploadSslCert", leaf, 431, "not yet valid")
    }

    @Test func `are what rules for ssl end TLS with, and stay while one does`() throws {
        let (shop, rule) = (id(try upload(leaf)), try rule())
        let lone = id(
            try upload(["name": "lone", "certificate": forge["lone.crt"], "privatekey": forge["lone.key"]]))
        refused("removeCertFromLoadBalancer", ["lbruleid": rule], 431, "No certificate")
        _ = try client.finished("assignCertToLoadBalancer", ["lbruleid": rule, "certid": shop])
        #expect(try client.list("listSslCerts", "sslcert", ["lbruleid": rule]).map(id) == [shop])
        #expect(
            try client.list("listSslCerts", "sslcert", ["certid": shop]).first?["loadbalancerrulelist"] as? [String]
                == [rule])
        refused("deleteSslCert", ["id": shop], 536, "in use by a loadbalancer(s) \(rule)")
        refused("assignCertToLoadBalancer", ["lbruleid": rule, "certid": lone], 537, "has a certificate already")
        refused("updateLoadBalancerRule", ["id": rule, "protocol": "tcp"], 537, "has to go first")
        _ = try client.finished("assignCertToLoadBalancer", ["lbruleid": rule, "certid": lone, "forced": "true"])
        #expect(try client.list("listSslCerts", "sslcert", ["lbruleid": rule]).map(id) == [lone])
        #expect(try client.call("deleteSslCert", ["id": shop])["success"] as? Bool == true)
        _ = try client.finished("removeCertFromLoadBalancer", ["lbruleid": rule])
        #expect(try client.list("listSslCerts", "sslcert", ["lbruleid": rule]).isEmpty)
        _ = try client.finished("assignCertToLoadBalancer", ["lbruleid": rule, "certid": lone])
        _ = try client.finished("deleteLoadBalancerRule", ["id": rule])
        #expect(try client.call("deleteSslCert", ["id": lone])["success"] as? Bool == true)
        #expect(client.service.view.cloud.violations() == [])
    }

    @Test func `are for rules for ssl, of their own account, and go with it`() throws {
        let plain = try rule(80, "tcp")
        let shop = id(try upload(leaf))
        refused("assignCertToLoadBalancer", ["lbruleid": plain, "certid": shop], 431, "only one for ssl")
        let stranger = try Client(besides: client, account: "stranger")
        stranger.clock.advance(seconds: client.clock.now / 1_000 - Client.now / 1_000)
        let theirs = id(try upload(leaf, by: stranger))
        refused(
            "assignCertToLoadBalancer", ["lbruleid": try rule(), "certid": theirs], 431, "Owners of the certificate")
        #expect(try stranger.list("listSslCerts", "sslcert").map(id) == [theirs])
        let accounts = try client.list("listAccounts", "account", ["name": "stranger", "listall": "true"])
        let account = try #require(accounts.first.map(id))
        #expect(try client.list("listSslCerts", "sslcert", ["accountid": account]).map(id) == [theirs])
        _ = try client.finished("deleteAccount", ["id": account])
        #expect(client.service.view.cloud.sslCertificates.values.map { "\($0.id)" } == [shop])
    }
}
