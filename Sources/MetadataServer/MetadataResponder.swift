/// Answers guests' requests for what they are told about themselves: bytes in, bytes out.
///
/// Whose pages they are is decided before the request is read, by the port that it came by. Nothing in the request changes
/// that (promise 12).
public enum MetadataResponder {
    /// Which of the router's ports was asked.
    public enum Service: Sendable {
        /// 80: metadata and user data.
        case metadata
        /// 8080: the password.
        case password
    }

    public enum Event: Sendable {
        case read
        case passwordServed
        case passwordSaved
        case none
    }

    /// Appends the answer to a request. `pages` is nil for who is no guest of the network, or has no metadata; `date` is the
    /// value of the header of that name.
    public static func answer(
        _ request: HTTPRequest, _ bytes: RawSpan, _ service: Service, _ pages: inout GuestPages?, date: [UInt8],
        to out: inout [UInt8]
    ) -> Event {
        guard request.method != .other else {
            write(405, "Method Not Allowed", [], request, date, extra: "Allow: GET, HEAD\r\n", to: &out)
            return .none
        }
        switch service {
        case .metadata:
            guard let page = pages?.page(bytes, request.path) else {
                write(404, "Not Found", [], request, date, to: &out)
                return .none
            }
            write(200, "OK", page.body, request, date, isBinary: page.isBinary, to: &out)
            return .read
        case .password: return password(request, bytes, &pages, date, &out)
        }
    }

    /// As CloudStack's routers do it: the password until the guest says that it has it, then the words that say so.
    private static func password(
        _ request: HTTPRequest, _ bytes: RawSpan, _ pages: inout GuestPages?, _ date: [UInt8], _ out: inout [UInt8]
    ) -> Event {
        guard let asked = request.passwordRequest, pages != nil else {
            write(400, "Bad Request", Array("bad_request".utf8), request, date, to: &out)
            return .none
        }
        if bytes.equals(asked, "send_my_password") {
            let password = pages?.password
            write(200, "OK", password ?? Array("saved_password".utf8), request, date, to: &out)
            return password == nil || request.method == .head ? .none : .passwordServed
        }
        if bytes.equals(asked, "saved_password") {
            let had = pages?.password != nil && request.method == .get
            if had { pages?.password = nil }
            write(200, "OK", Array("saved_password".utf8), request, date, to: &out)
            return had ? .passwordSaved : .none
        }
        write(400, "Bad Request", Array("bad_request".utf8), request, date, to: &out)
        return .none
    }

    /// An answer to what is no request; the connection ends with it.
    public static func refuse(_ status: Int, date: [UInt8], to out: inout [UInt8]) {
        let reason =
            switch status {
            case 413: "Content Too Large"
            case 417: "Expectation Failed"
            case 431: "Request Header Fields Too Large"
            case 503: "Service Unavailable"
            case 505: "HTTP Version Not Supported"
            default: "Bad Request"
            }
        let request = HTTPRequest(method: .get, path: 0..<0, keepsAlive: false, passwordRequest: nil)
        write(status, reason, [], request, date, to: &out)
    }

    private static func write(
        _ status: Int, _ reason: String, _ body: [UInt8], _ request: HTTPRequest, _ date: [UInt8],
        isBinary: Bool = false, extra: String = "", to out: inout [UInt8]
    ) {
        if status == 200 {
            out += "HTTP/1.1 200 OK\r\nDate: ".utf8
        } else {
            out += "HTTP/1.1 \(status) \(reason)\r\nDate: ".utf8
        }
        out += date
        out += "\r\nContent-Length: ".utf8
        decimal(body.count, to: &out)
        if isBinary {
            out += "\r\nContent-Type: application/octet-stream\r\n".utf8
        } else {
            out += "\r\nContent-Type: text/plain; charset=utf-8\r\n".utf8
        }
        out += extra.utf8
        if request.keepsAlive {
            out += "Connection: keep-alive\r\n\r\n".utf8
        } else {
            out += "Connection: close\r\n\r\n".utf8
        }
        if request.method != .head { out += body }
    }

    private static func decimal(_ number: Int, to out: inout [UInt8]) {
        if number >= 10 { decimal(number / 10, to: &out) }
        out.append(0x30 + UInt8(number % 10))
    }
}
