import CloudModel
import NetworkVocabulary

// What load balancer rules end TLS with.
extension Draft {
    mutating func uploadCertificate(_ request: BalancingRequest.UploadCertificate) throws(RequestError) -> [Reference] {
        let account = try owner(request.account)
        let name = try name(request.name, "name")
        guard request.material.expires > time else {
            throw .refused("certificate", "The certificate, or one that it is issued by, has expired")
        }
        let held = cloud.sslCertificatesByAccount[account].count
        guard held < RuleLimits.certificates else {
            throw .limit("name", "An account has at most \(RuleLimits.certificates) certificates")
        }
        let certificate = SSLCertificate(id: newID(), account: account, name: name, request.material)
        try put(.sslCertificate(certificate))
        return [Reference(.sslCertificate, certificate.id)]
    }

    mutating func deleteCertificate(_ id: ObjectID) throws(RequestError) -> [Reference] {
        let certificate = try accessibleCertificate(id, "id")
        let users = cloud.loadBalancerRulesByCertificate[id].prefix(8).map(\.description)
        guard users.isEmpty else {
            throw .inUse("id", "Certificate in use by a loadbalancer(s) \(users.joined(separator: ", "))")
        }
        try remove(.sslCertificate, certificate.id)
        return []
    }

    /// Connections that there are go on with the certificate that they began with.
    mutating func assignCertificate(_ request: BalancingRequest.AssignCertificate) throws(RequestError) -> [Reference] {
        var rule = try accessibleBalancer(request.rule, "lbruleid")
        let certificate = try accessibleCertificate(request.certificate, "certid")
        guard rule.transport == .ssl else {
            throw .refused(
                "lbruleid",
                "The load balancer rule \(rule.id) is for \(rule.transport.rawValue); only one for ssl has a certificate"
            )
        }
        guard certificate.account == cloud.place(of: rule)?.account else {
            throw .refused("certid", "Owners of the certificate \(certificate.id) and of the load balancer rule differ")
        }
        guard rule.certificate == nil || rule.certificate == certificate.id || request.replaces else {
            throw .conflict(
                "lbruleid",
                "The load balancer rule \(rule.id) has a certificate already; with forced=true another replaces it")
        }
        guard certificate.expires > time else {
            throw .refused("certid", "The certificate \(certificate.id) has expired")
        }
        rule.certificate = certificate.id
        drains = true
        try put(.loadBalancerRule(rule))
        return [Reference(.loadBalancerRule, rule.id)]
    }

    /// The port is closed, and who came by it is gone.
    mutating func removeCertificate(from id: ObjectID) throws(RequestError) -> [Reference] {
        var rule = try accessibleBalancer(id, "lbruleid")
        guard rule.certificate != nil else {
            throw .refused("lbruleid", "No certificate is bound to the load balancer rule \(rule.id)")
        }
        rule.certificate = nil
        try put(.loadBalancerRule(rule))
        return [Reference(.loadBalancerRule, rule.id)]
    }

    private func accessibleCertificate(_ id: ObjectID, _ parameter: String) throws(RequestError) -> SSLCertificate {
        guard let certificate = cloud.sslCertificates[id] else { throw unknown(parameter, id) }
        try requireAccess(to: certificate.account)
        return certificate
    }
}
