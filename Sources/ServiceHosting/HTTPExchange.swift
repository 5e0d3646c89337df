import CLinux
import Synchronization

/// One request and its response, from the first byte of the head to the last byte sent.
///
/// The server's thread reads and writes; the handler may answer from any thread. Whoever comes second completes:
/// a response that is there when the handler returns is sent at once, otherwise the connection sleeps until it comes.
final class HTTPExchange: Sendable {
    private enum Phase {
        case head
        case body
        /// With the handler; the server's thread has not let go of the connection yet.
        case handed
        /// Asleep; the number is the connection's address.
        case sleeping(UInt)
        case answered(HTTPResponse)
        case over
    }

    private struct State {
        var phase = Phase.head
        var method = ""
        var headers: [(name: String, value: String)] = []
        var body: [UInt8] = []
        var peer = ""
    }

    private let target: String
    private let server: HTTPServerCore
    private let state = Mutex(State())

    init(target: String, server: HTTPServerCore) {
        self.target = target
        self.server = server
    }

    /// The server has something: the head, then pieces of the body, then the body's end, then the end of a sleep.
    func advance(_ connection: OpaquePointer, method: String, version: String, piece: UnsafeRawBufferPointer) -> Advance
    {
        enum Next {
            case done(Advance)
            case hand(HTTPRequest)
        }
        let isHead = state.withLock { if case .head = $0.phase { true } else { false } }
        let headers = isHead ? readHeaders(connection) : []
        let peer = isHead ? readPeer(connection) : ""
        let next: Next = state.withLock { state in
            switch state.phase {
            case .head:
                if target.utf8.count > server.limits.target {
                    return .done(
                        .respond(.plain(414, "The request's target is larger than \(server.limits.target) bytes")))
                }
                let head = RequestHead(method: method, version: version, headers: headers)
                if let fault = head.framingFault(bodyLimit: server.limits.body) { return .done(.respond(fault)) }
                state.method = method
                state.headers = headers
                state.peer = peer
                state.phase = .body
                return .done(.proceed)
            case .body:
                if !piece.isEmpty {
                    // Only a chunked body gets here: a length that is too large was refused in the head.
                    guard state.body.count + piece.count <= server.limits.body else { return .done(.drop) }
                    state.body += piece
                    return .done(.proceed)
                }
                state.phase = .handed
                let question = target.firstIndex(of: "?")
                return .hand(
                    HTTPRequest(
                        method: state.method, path: String(target[..<(question ?? target.endIndex)]),
                        query: question.map { String(target[target.index(after: $0)...]) } ?? "",
                        headers: state.headers, body: state.body, peer: state.peer))
            case .answered(let response):
                state.phase = .over
                return .done(.respond(response))
            case .handed, .sleeping, .over: return .done(.proceed)
            }
        }
        switch next {
        case .done(let advance): return advance
        case .hand(let request):
            guard server.enter(self) else {
                return .respond(.plain(503, "The server is shutting down"))
            }
            server.handler(request) { self.answer($0) }
            return state.withLock { state in
                if case .answered(let response) = state.phase {
                    state.phase = .over
                    return .respond(response)
                }
                MHD_suspend_connection(connection)
                state.phase = .sleeping(UInt(bitPattern: connection))
                return .proceed
            }
        }
    }

    /// The handler's answer. The first one counts; one that comes after the connection is gone goes nowhere.
    func answer(_ response: HTTPResponse) {
        state.withLock { state in
            switch state.phase {
            case .handed: state.phase = .answered(response)
            case .sleeping(let address):
                state.phase = .answered(response)
                MHD_resume_connection(OpaquePointer(bitPattern: address))
            case .head, .body, .answered, .over: break
            }
        }
    }

    /// The connection is done with this request, one way or another.
    func end() {
        state.withLock { $0.phase = .over }
        server.leave(self)
    }

    enum Advance {
        case proceed
        case respond(HTTPResponse)
        /// Close the connection without a word.
        case drop
    }
}

private func readPeer(_ connection: OpaquePointer) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
        guard let text = buffer.baseAddress else { return "" }
        sluice_http_peer(connection, text, buffer.count)
        return String(cString: text)
    }
}

private func readHeaders(_ connection: OpaquePointer) -> [(name: String, value: String)] {
    var headers: [(name: String, value: String)] = []
    withUnsafeMutablePointer(to: &headers) {
        _ = MHD_get_connection_values(connection, .HEADER_KIND, collectHeader, $0)
    }
    return headers
}

// Callbacks are functions of the file: a closure would take the isolation of the place where it is written along.
private func collectHeader(
    context: UnsafeMutableRawPointer?, kind: MHD_ValueKind, name: UnsafePointer<CChar>?, value: UnsafePointer<CChar>?
) -> MHD_Result {
    guard let headers = context?.assumingMemoryBound(to: [(name: String, value: String)].self), let name else {
        return .NO
    }
    headers.pointee.append((String(cString: name), value.map { String(cString: $0) } ?? ""))
    return .YES
}
