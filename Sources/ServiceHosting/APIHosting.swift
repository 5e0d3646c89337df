public import CloudStackAPI
public import LinuxKernel

extension HTTPServer {
    /// Serves figures to Prometheus, and nothing else.
    public convenience init(metrics: @escaping @Sendable () -> String, on listener: consuming FileDescriptor)
        throws(KernelError)
    {
        try self.init(listener) { request, respond in
            let isKnown = request.path == "/metrics" && ["GET", "HEAD"].contains(request.method)
            respond(
                isKnown
                    ? HTTPResponse(
                        status: 200, headers: [("Content-Type", Metrics.contentType)], body: Array(metrics().utf8))
                    : HTTPResponse(status: 404))
        }
    }

    /// Serves the management API on a listening socket.
    public convenience init(
        _ api: CloudAPI, access: CloudAPI.Access, on listener: consuming FileDescriptor,
        limits: HTTPLimits = HTTPLimits(), certificate: HTTPCertificate? = nil
    ) throws(KernelError) {
        let isSecure = certificate != nil
        try self.init(listener, limits: limits, certificate: certificate) { request, respond in
            let message = APIRequest(
                method: request.method, path: request.path, query: request.query, body: request.body,
                contentType: request.header("Content-Type"), cookie: request.header("Cookie"), peer: request.peer)
            api.answer(message, access: access) { response in
                var headers = [("Content-Type", response.contentType), ("Cache-Control", "no-store")]
                for cookie in response.cookies {
                    headers.append(("Set-Cookie", isSecure ? cookie + "; Secure" : cookie))
                }
                if let description = response.description { headers.append(("X-Description", description)) }
                respond(
                    HTTPResponse(
                        status: response.status, headers: headers, body: Array(response.body.utf8),
                        // Without authentication a connection is good for one request.
                        closesConnection: access == .trusted))
            }
        }
    }
}
