internal import CLinux
internal import Glibc

/// Notices names that vanish from the directory of named namespaces: netlink says nothing about files.
final class NamespaceNameWatch: Sendable {
    let descriptor: FileDescriptor

    init(_ directory: NamespaceDirectory) throws(KernelError) {
        try directory.prepare()
        let flags = Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)
        descriptor = try KernelMonitor.check(inotify_init1(flags), "inotify")
        guard inotify_add_watch(descriptor.rawValue, directory.path, UInt32(IN_DELETE | IN_MOVED_FROM)) >= 0 else {
            throw .last("start kernel monitor", "watch \(directory.path)")
        }
    }

    func drain(_ buffer: UnsafeMutableRawBufferPointer, _ deliver: (KernelEvent.Change) -> Void) {
        let size = MemoryLayout<inotify_event>.size
        let length = read(descriptor.rawValue, buffer.baseAddress, buffer.count)
        guard length > 0 else { return }
        var rest = UnsafeRawBufferPointer(rebasing: buffer[..<length])
        while rest.count >= size {
            let head = rest.loadUnaligned(as: inotify_event.self)
            let end = size + Int(head.len)
            guard end <= rest.count else { return }
            if head.mask & UInt32(IN_Q_OVERFLOW) != 0 {
                deliver(.overflow)
            } else if head.len > 0 {
                deliver(.namespaceFileGone(String(decoding: rest[size..<end].prefix { $0 != 0 }, as: UTF8.self)))
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[end...])
        }
    }
}
