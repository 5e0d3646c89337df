internal import CServing
internal import MetadataServer

/// A guest's connection by TCP, or ours to a resolver.
final class StreamConnection {
    enum Purpose {
        case http(MetadataResponder.Service)
        case dns
        /// The question's number, of the router's forwarder.
        case resolver(UInt64)
    }

    let descriptor: Int32
    let number: UInt64
    let router: ServedRouter
    let guest: ServedGuest?
    /// The guest's address at its other end.
    let peer: UInt32
    let purpose: Purpose
    var deadline: UInt64
    private(set) var received: [UInt8] = []
    /// What the peer has not been sent yet; who answers appends.
    var unsent: [UInt8] = []
    private var sent = 0
    /// It has had an answer, and is kept for the next request.
    var hasServed = false
    /// No more requests: it ends when everything is sent.
    var isClosing = false
    /// Questions over TCP that wait for an answer.
    var waiting = 0
    var watchesWriting = false

    init(
        _ descriptor: Int32, number: UInt64, _ router: ServedRouter, _ guest: ServedGuest?, at peer: UInt32,
        _ purpose: Purpose, deadline: UInt64
    ) {
        self.descriptor = descriptor
        self.number = number
        self.router = router
        self.guest = guest
        self.peer = peer
        self.purpose = purpose
        self.deadline = deadline
    }

    var hasUnsent: Bool { sent < unsent.count }

    enum Reading { case some, nothing, end }

    /// Takes in what has come, up to a limit: who sends faster than it is answered waits.
    func read(_ buffer: UnsafeMutableBufferPointer<UInt8>, limit: Int) -> Reading {
        guard received.count < limit else { return .nothing }
        let count = serving_read(descriptor, buffer.baseAddress, min(buffer.count, limit - received.count))
        if count > 0 {
            received.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[..<count]))
            return .some
        }
        return count < 0 && serving_errno() == 11 ? .nothing : .end
    }

    func consume(_ count: Int) {
        if count == received.count { received.removeAll(keepingCapacity: true) } else { received.removeFirst(count) }
    }

    /// False when the connection is broken.
    func flush() -> Bool {
        while sent < unsent.count {
            let count = unsent.withUnsafeBufferPointer { bytes in
                serving_write(descriptor, bytes.baseAddress.map { $0 + sent }, bytes.count - sent)
            }
            if count < 0 { return serving_errno() == 11 }
            sent += count
        }
        sent = 0
        // A large answer's room is not kept for the small ones after it.
        if unsent.capacity > 1 << 16 { unsent = [] } else { unsent.removeAll(keepingCapacity: true) }
        return true
    }
}
