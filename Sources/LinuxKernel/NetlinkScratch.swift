internal import CLinux

/// Room for one request and one reply. The sockets of a lane share one: a thousand routers' sockets need no buffer
/// each.
public final class NetlinkScratch {
    let message: NetlinkMessage
    let received: UnsafeMutableRawBufferPointer

    public init() throws(KernelError) {
        message = try NetlinkMessage(capacity: 8192)
        // The kernel fills a list's datagrams up to 32 KiB.
        received = .allocate(byteCount: 65536, alignment: 16)
    }

    deinit { received.deallocate() }
}
