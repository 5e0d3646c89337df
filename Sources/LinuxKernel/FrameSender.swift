internal import CLinux
internal import Glibc

/// Frames by one link, many in a system call and past its queue: what a replay needs to be as fast as the kernel takes
/// them.
public final class FrameSender {
    /// Frames that went out, and those that the link did not take, being longer than it carries.
    public private(set) var sent: UInt64 = 0
    public private(set) var refused: UInt64 = 0

    private static let capacity = 64
    private static let room = 256 << 10

    private let descriptor: FileDescriptor
    private let name: String
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: FrameSender.room, alignment: 64)
    private let parts = UnsafeMutableBufferPointer<iovec>.allocate(capacity: FrameSender.capacity)
    private var count = 0
    private var used = 0

    public init(by link: String, in namespace: NetworkNamespace) throws(KernelError) {
        name = link
        let index = try RouteSocket(in: namespace).link(named: link).index
        descriptor = try namespace.enter { () throws(KernelError) in
            // Protocol 0: it hears nothing.
            let number = socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard number >= 0 else { throw .last("open", "packet socket") }
            return FileDescriptor(owning: number)
        }
        var one: Int32 = 1
        // Older kernels have no such option: then frames go through the queue.
        setsockopt(descriptor.rawValue, SOL_PACKET, PACKET_QDISC_BYPASS, &one, 4)
        var size: Int32 = 8 << 20
        setsockopt(descriptor.rawValue, SOL_SOCKET, SO_SNDBUFFORCE, &size, 4)
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_ifindex = index
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor.rawValue, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
            }
        }
        guard bound == 0 else { throw .last("bind packet socket to", link) }
    }

    deinit {
        buffer.deallocate()
        parts.deallocate()
    }

    /// Takes a frame, and sends what has come together when there is no more room.
    public func append(_ frame: [UInt8]) throws(KernelError) {
        guard frame.count <= Self.room else {
            refused += 1
            return
        }
        if count == Self.capacity || used + frame.count > Self.room { try flush() }
        let place = UnsafeMutableRawBufferPointer(rebasing: buffer[used..<used + frame.count])
        place.copyBytes(from: frame)
        parts[count] = iovec(iov_base: place.baseAddress, iov_len: frame.count)
        count += 1
        used += (frame.count + 7) & ~7
    }

    /// Sends what has come together.
    public func flush() throws(KernelError) {
        defer { (count, used) = (0, 0) }
        guard let first = parts.baseAddress else { return }
        try push(first, count)
    }

    /// Sends frames that are kept, from one number to another.
    public func send(_ store: FrameStore, _ range: Range<Int>) throws(KernelError) {
        try flush()
        guard let first = store.parts.baseAddress else { return }
        try push(first + range.lowerBound, range.count)
    }

    private func push(_ first: UnsafeMutablePointer<iovec>, _ count: Int) throws(KernelError) {
        var done = 0
        var attempts = 0
        while done < count {
            let taken = sluice_send_frames(descriptor.rawValue, first + done, UInt32(count - done))
            if taken > 0 {
                done += Int(taken)
                sent += UInt64(taken)
                attempts = 0
                continue
            }
            switch errno {
            case EINTR: continue
            case EMSGSIZE, EINVAL:
                refused += 1
                done += 1
            case ENOBUFS, EAGAIN:
                // The other end has no room: it gets the processor.
                attempts += 1
                guard attempts < 1_000_000 else { throw .last("send frames by", name) }
                sched_yield()
            default: throw .last("send frames by", name)
            }
        }
    }
}

/// Frames in memory, ready to be sent any number of times.
public final class FrameStore {
    private static let block = 4 << 20

    private var blocks: [UnsafeMutableRawBufferPointer] = []
    private var used = FrameStore.block
    fileprivate private(set) var parts = UnsafeMutableBufferPointer<iovec>.allocate(capacity: 1024)
    public private(set) var count = 0
    public private(set) var bytes = 0

    public init() {}

    deinit {
        for block in blocks { block.deallocate() }
        parts.deallocate()
    }

    public func append(_ frame: [UInt8]) {
        if used + frame.count > Self.block {
            blocks.append(.allocate(byteCount: max(Self.block, frame.count), alignment: 64))
            used = 0
        }
        if count == parts.count { grow() }
        guard let block = blocks.last else { return }
        let place = UnsafeMutableRawBufferPointer(rebasing: block[used..<used + frame.count])
        place.copyBytes(from: frame)
        parts[count] = iovec(iov_base: place.baseAddress, iov_len: frame.count)
        count += 1
        bytes += frame.count
        used += (frame.count + 7) & ~7
    }

    private func grow() {
        let larger = UnsafeMutableBufferPointer<iovec>.allocate(capacity: parts.count * 2)
        _ = larger.initialize(from: parts.prefix(count))
        parts.deallocate()
        parts = larger
    }
}
