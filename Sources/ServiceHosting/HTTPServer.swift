import CLinux
import Glibc
public import LinuxKernel
public import NetworkVocabulary
import Synchronization

/// An HTTP/1.1 server on one listening socket, with one thread for all connections.
///
/// The handler is called on that thread with a whole request and answers when it can, from any thread.
public final class HTTPServer: Sendable {
    public typealias Handler =
        @Sendable (_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) -> Void

    private let core: HTTPServerCore
    /// The daemon's address until it is stopped.
    private let daemon: Mutex<UInt>

    /// Starts to serve. The socket listens already: it may have been opened before privileges or a namespace changed.
    public init(
        _ listener: consuming FileDescriptor, limits: HTTPLimits = HTTPLimits(), certificate: HTTPCertificate? = nil,
        handler: @escaping Handler
    ) throws(KernelError) {
        core = try HTTPServerCore(limits: limits, handler: handler)
        let number = listener.release()
        var options = sluice_http_options(
            listener: number, connections: UInt32(clamping: limits.connections),
            idle_seconds: UInt32(clamping: limits.idle),
            // Room for the target, which is parsed in place into a list of its parameters, and for the headers.
            connection_memory: limits.target * 3 + 65_536, certificate: nil, key: nil)
        // The daemon's callbacks hold the core until the daemon is stopped.
        let context = Unmanaged.passRetained(core)
        guard let started = Self.start(&options, certificate, context.toOpaque()) else {
            let reason = errno
            context.release()
            close(number)
            throw KernelError(operation: "start HTTP server", object: "", errno: reason == 0 ? ENOMEM : reason)
        }
        daemon = Mutex(UInt(bitPattern: started))
    }

    deinit { stop(grace: 0) }

    /// Whether a text is PEM as a server can use it shows when it starts.
    private static func start(
        _ options: inout sluice_http_options, _ certificate: HTTPCertificate?, _ context: UnsafeMutableRawPointer
    ) -> OpaquePointer? {
        guard let certificate else { return sluice_http_start(&options, context, began, advanced, completed) }
        return certificate.chain.withCString { chain in
            certificate.key.revealed.withCString { key in
                (options.certificate, options.key) = (chain, key)
                return sluice_http_start(&options, context, began, advanced, completed)
            }
        }
    }

    /// Takes no more connections, lets the requests under way finish for at most so many seconds, answers those that
    /// are left with 503, and ends.
    public func stop(grace: Int) {
        let address = daemon.withLock { address in
            defer { address = 0 }
            return address
        }
        guard let daemon = OpaquePointer(bitPattern: address) else { return }
        let listener = MHD_quiesce_daemon(daemon)
        if listener >= 0 { close(listener) }
        core.drain(seconds: grace)
        MHD_stop_daemon(daemon)
        Unmanaged.passUnretained(core).release()
    }
}

/// What a server shows of itself: certificates and the key of the first, in PEM.
public struct HTTPCertificate: Sendable {
    public let chain: String
    public let key: Secret

    public init(chain: String, key: Secret) {
        self.chain = chain
        self.key = key
    }
}

/// What the server's thread and the handlers share.
final class HTTPServerCore: Sendable {
    private struct State {
        var exchanges: [ObjectIdentifier: HTTPExchange] = [:]
        var isStopping = false
    }

    let limits: HTTPLimits
    let handler: HTTPServer.Handler
    private let state = Mutex(State())
    /// Told when the last exchange has left a server that is stopping.
    private let drained: FileDescriptor

    init(limits: HTTPLimits, handler: @escaping HTTPServer.Handler) throws(KernelError) {
        self.limits = limits
        self.handler = handler
        let number = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard number >= 0 else { throw KernelError(operation: "create eventfd", object: "", errno: errno) }
        drained = FileDescriptor(owning: number)
    }

    /// Whether a request may still be handled.
    func enter(_ exchange: HTTPExchange) -> Bool {
        state.withLock { state in
            guard !state.isStopping else { return false }
            state.exchanges[ObjectIdentifier(exchange)] = exchange
            return true
        }
    }

    func leave(_ exchange: HTTPExchange) {
        let isLast = state.withLock { state in
            state.exchanges[ObjectIdentifier(exchange)] = nil
            return state.isStopping && state.exchanges.isEmpty
        }
        if isLast { signal() }
    }

    func drain(seconds: Int) {
        let isIdle = state.withLock { state in
            state.isStopping = true
            return state.exchanges.isEmpty
        }
        if isIdle { return }
        wait(milliseconds: Int32(clamping: seconds * 1_000))
        // Nobody waits for a handler that never answers. The daemon must not be stopped while connections sleep.
        let left = state.withLock { Array($0.exchanges.values) }
        if left.isEmpty { return }
        for exchange in left { exchange.answer(.plain(503, "The server is shutting down")) }
        wait(milliseconds: 1_000)
    }

    private func signal() {
        var one: UInt64 = 1
        _ = write(drained.rawValue, &one, 8)
    }

    private func wait(milliseconds: Int32) {
        var entry = pollfd(fd: drained.rawValue, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, milliseconds) < 0, errno == EINTR {}
    }
}

// MARK: - Callbacks, on the server's thread

private func began(
    context: UnsafeMutableRawPointer?, target: UnsafePointer<CChar>?, connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let context, let target else { return nil }
    let core = Unmanaged<HTTPServerCore>.fromOpaque(context).takeUnretainedValue()
    return Unmanaged.passRetained(HTTPExchange(target: String(cString: target), server: core)).toOpaque()
}

private func advanced(
    context: UnsafeMutableRawPointer?, connection: OpaquePointer?, url: UnsafePointer<CChar>?,
    method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?, piece: UnsafePointer<CChar>?,
    pieceCount: UnsafeMutablePointer<Int>?, slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let connection, let method, let version, let pieceCount, let object = slot?.pointee else { return .NO }
    let exchange = Unmanaged<HTTPExchange>.fromOpaque(object).takeUnretainedValue()
    let bytes = UnsafeRawBufferPointer(start: piece, count: piece == nil ? 0 : pieceCount.pointee)
    let next = exchange.advance(
        connection, method: String(cString: method), version: String(cString: version), piece: bytes)
    switch next {
    case .proceed:
        pieceCount.pointee = 0
        return .YES
    case .respond(let response): return queue(response, on: connection)
    case .drop: return .NO
    }
}

private func completed(
    context: UnsafeMutableRawPointer?, connection: OpaquePointer?,
    slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, code: MHD_RequestTerminationCode
) {
    guard let slot, let object = slot.pointee else { return }
    slot.pointee = nil
    Unmanaged<HTTPExchange>.fromOpaque(object).takeRetainedValue().end()
}

private func queue(_ response: HTTPResponse, on connection: OpaquePointer) -> MHD_Result {
    var body = response.body
    let made = body.withUnsafeMutableBytes {
        MHD_create_response_from_buffer($0.count, $0.baseAddress, .RESPMEM_MUST_COPY)
    }
    guard let made else { return .NO }
    defer { MHD_destroy_response(made) }
    for (name, value) in response.headers where MHD_add_response_header(made, name, value) == .NO { return .NO }
    if response.closesConnection { MHD_add_response_header(made, "Connection", "close") }
    return MHD_queue_response(connection, UInt32(clamping: response.status), made)
}
