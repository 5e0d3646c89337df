import CloudModel
import ControlPlane
import NetworkVocabulary

// What rules for `ssl` end TLS with. A key goes in and never comes out again.

extension Command {
    static let sslCertificates: [Command] = [
        .change(
            "uploadSslCert", "Keeps a certificate and its key for load balancer rules", isAsync: false,
            [
                Parameter("name", required: true, "its name"),
                Parameter("certificate", required: true, maxLength: 65_536, "the certificate in PEM"),
                Parameter("privatekey", required: true, maxLength: 65_536, "its key in PEM"),
                Parameter("certchain", maxLength: 262_144, "who issued it, and who issued that, in PEM"),
                Parameter("password", "of the key, where it is encrypted"),
                Parameter(
                    "enabledrevocationcheck", .boolean, "false: nobody is asked whether it was revoked; nor otherwise"),
            ] + .owner
        ) { call throws(RequestError) in
            let arguments = call.arguments
            guard arguments.boolean("enabledrevocationcheck") != true else {
                throw .unsupported(
                    "enabledrevocationcheck", "Whether a certificate was revoked cannot be asked from here")
            }
            let upload = CertificateUpload(
                certificate: try arguments.required("certificate"), chain: arguments.string("certchain"),
                privateKey: Secret(try arguments.required("privatekey")),
                password: arguments.string("password").map { Secret($0) })
            let name = try arguments.required("name")
            let account = try call.account()
            do throws(CertificateFault) {
                let surroundings = call.api.surroundings
                let material = try surroundings.certificates.read(upload, at: surroundings.now())
                return .balancing(.uploadCertificate(.init(name: name, account: account, material: material)))
            } catch {
                throw RequestError.refused(error.parameter, error.text)
            }
        } reply: { _, outcome in
            outcome.answer("sslcert", \.sslCertificates) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listSslCerts", "Lists certificates, without their keys",
            [
                Parameter("certid", .uuid, related: "listSslCerts", "only this certificate"),
                Parameter("lbruleid", .uuid, related: "listLoadBalancerRules", "only that of this rule"),
                Parameter("accountid", .uuid, related: "listAccounts", "of this account instead of the caller's own"),
                Parameter("projectid", .uuid, related: "listProjects", "of this project"),
            ]
        ) { call throws(RequestError) in
            try call.page("sslcert", try call.certificates()) { $0.rendered(in: call.cloud) }
        },
        .change(
            "deleteSslCert", "Forgets a certificate that no rule has, and its key", isAsync: false,
            [.id("listSslCerts", "the certificate")]
        ) { call throws(RequestError) in
            .balancing(.deleteCertificate(try call.arguments.requiredID("id")))
        } reply: { _, _ in
            .success
        },
        .change(
            "assignCertToLoadBalancer", "Has a rule for ssl end TLS with a certificate", isAsync: true,
            [
                Parameter("lbruleid", .uuid, required: true, related: "listLoadBalancerRules", "the rule"),
                Parameter("certid", .uuid, required: true, related: "listSslCerts", "the certificate"),
                Parameter("forced", .boolean, "true: it takes the place of the one that the rule has"),
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            return .balancing(
                .assignCertificate(
                    .init(
                        rule: try arguments.requiredID("lbruleid"), certificate: try arguments.requiredID("certid"),
                        replaces: arguments.boolean("forced") ?? false)))
        } reply: { _, _ in
            .success
        },
        .change(
            "removeCertFromLoadBalancer", "Closes a rule for ssl by taking its certificate away", isAsync: true,
            [Parameter("lbruleid", .uuid, required: true, related: "listLoadBalancerRules", "the rule")]
        ) { call throws(RequestError) in
            .balancing(.removeCertificate(rule: try call.arguments.requiredID("lbruleid")))
        } reply: { _, _ in
            .success
        },
    ]
}

extension Call {
    fileprivate func certificates() throws(RequestError) -> [SSLCertificate] {
        let certificate = try visible("certid", in: cloud.sslCertificates, by: \.account)
        let rule = try visible("lbruleid", in: cloud.loadBalancerRules) {
            cloud.place(of: $0)?.account
        }
        let account = try visible("accountid", in: cloud.accounts, by: \.id)?.id
        let project = try project()?.account
        if let certificate { return [certificate] }
        if let rule { return [rule.certificate.flatMap { cloud.sslCertificates[$0] }].compactMap(\.self) }
        return cloud.sslCertificatesByAccount[project ?? account ?? caller.account]
            .compactMap { cloud.sslCertificates[$0] }.filter { matches($0.name) }
    }
}

extension SSLCertificate {
    fileprivate func rendered(in cloud: Cloud) -> APIObject {
        let object: APIObject = [
            "id": .text(id), "name": .string(name), "certificate": .string(certificate),
            "certchain": chain.map { .string($0) }, "fingerprint": .string(fingerprint),
            "loadbalancerrulelist": .array(cloud.loadBalancerRulesByCertificate[id].map { .text($0) }),
        ]
        return object.owned(by: account, in: cloud)
    }
}
