import CloudStackAPI
import ControlPlane
import Foundation
import NetworkVocabulary
import ServiceHosting
import TestSupport
import Testing

/// RFC 2202, section 3.
@Suite struct `Nettle's digest` {
    private static let vectors: [([UInt8], [UInt8], String)] = [
        ([UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8), "b617318655057264e28bc0b6fb378c8ef146be00"),
        (Array("Jefe".utf8), Array("what do ya want for nothing?".utf8), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (
            [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
            "125d7342b9ac11cd91a39af48aa17b4f63f175d3"
        ),
        (
            [UInt8](repeating: 0xaa, count: 80), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112"
        ),
        ([], [], "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"),
    ]

    @Test(arguments: vectors)
    func `is HMAC-SHA1`(key: [UInt8], message: [UInt8], digest: String) {
        let bytes = NettleDigest().hmacSHA1(key: key, message: message)
        #expect(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == digest)
    }

    @Test func `compares`() {
        let digest = NettleDigest()
        #expect(digest.areEqual([1, 2], [1, 2]) && digest.areEqual([], []))
        #expect(!digest.areEqual([1, 2], [1, 3]) && !digest.areEqual([1], [1, 2]) && !digest.areEqual([], [1]))
    }
}

@Suite struct `The API over HTTP` {
    private func serve(_ access: CloudAPI.Access) throws -> (server: HTTPServer, url: String) {
        let service = try ImmediateCloudService()
        service.submit(
            .identity(.adoptAdministrator(apiKey: "k", secretKey: Secret("s"))), caller: service.admin, dryRun: false
        ) { _ in }
        let api = CloudAPI(
            service,
            CloudAPI.Surroundings(
                system: service.admin, digest: NettleDigest(), passwords: CryptPasswords(), keymaker: NettleKeys(),
                certificates: GnuTLSCertificates(),
                now: { 1_795_000_000_000 },
                newID: { .init(random: .random(in: 0 ... .max), .random(in: 0 ... .max)) }, version: "1"))
        let listener = try openListener(host: "127.0.0.1", port: 0)
        let url = "http://127.0.0.1:\(port(of: listener) ?? 0)/client/api"
        return (try HTTPServer(api, access: access, on: listener), url)
    }

    @Test func `answers the signed request of a client`() throws {
        let (server, url) = try serve(.signed)
        defer { server.stop(grace: 1) }
        // Signed by Python: command=listNetworkOfferings, response=json.
        let query = "command=listNetworkOfferings&apiKey=k&response=json&signature=6Bt9Ur2M0DQOtpVrpm%2FmO4trsu4%3D"
        let reply = curl("-i", "\(url)?\(query)").output
        #expect(reply.hasPrefix("HTTP/1.1 200 "))
        #expect(reply.contains("\r\nContent-Type: application/json; charset=UTF-8\r\n"))
        #expect(reply.contains(#"{"listnetworkofferingsresponse":{"count":"#))
        #expect(reply.contains(#""name":"DefaultIsolatedNetworkOfferingWithSourceNatService""#))
        #expect(curl(url, "-d", query).output == curl("\(url)?\(query)").output)
        let refused = curl("-i", "\(url)?\(query)x").output
        #expect(refused.hasPrefix("HTTP/1.1 401 "))
        #expect(refused.contains("\r\nX-Description: unable to verify user credentials and/or request signature\r\n"))
    }

    @Test func `is open on the integration listener, one request a connection`() throws {
        let (server, url) = try serve(.trusted)
        defer { server.stop(grace: 1) }
        let reply = curl("-i", "\(url)?command=listZones&response=json&apikey=junk&signature=junk").output
        #expect(reply.contains("\r\nConnection: close\r\n"))
        #expect(reply.hasSuffix(#"{"listzonesresponse":{}}"#))
        // The query alone counts.
        #expect(curl(url, "-d", "command=listZones").output.contains("Invalid request, no command sent"))
    }
}
