internal import CLinux
internal import Glibc

/// The kernel's network settings under `/proc/sys/net`, which show and change the namespace of the thread that opens
/// them.
///
/// A setting is named by its path, `net/ipv4/ip_forward`: interface names may hold dots, so dots are no separators.
public enum Sysctl {
    /// Reads a setting in `namespace`, or in the calling thread's when that is nil.
    public static func read(_ path: String, in namespace: NetworkNamespace? = nil) throws(KernelError) -> String {
        let file = try file(path, "read sysctl")
        let read = { () throws(KernelError) -> String in
            let descriptor = try open(file, O_RDONLY, "read sysctl", path)
            var bytes = [UInt8](repeating: 0, count: 4096)
            let length = Glibc.read(descriptor.rawValue, &bytes, bytes.count)
            guard length >= 0 else { throw .last("read sysctl", path) }
            return String(decoding: bytes[..<length].prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }, as: UTF8.self)
        }
        return if let namespace { try namespace.enter(read) } else { try read() }
    }

    /// Writes a setting.
    public static func write(
        _ path: String, _ value: String, in namespace: NetworkNamespace? = nil
    ) throws(KernelError) {
        try write([(path, value)], in: namespace)
    }

    /// Writes several settings in order, entering the namespace once. The first failure ends it; what was written
    /// before stays.
    public static func write(
        _ settings: [(path: String, value: String)], in namespace: NetworkNamespace? = nil
    ) throws(KernelError) {
        var files: [String] = []
        for setting in settings { files.append(try file(setting.path, "write sysctl")) }
        let write = { () throws(KernelError) in
            for (setting, file) in zip(settings, files) {
                let object = "\(setting.path) = \(setting.value)"
                let descriptor = try open(file, O_WRONLY, "write sysctl", object)
                var value = setting.value
                let length = value.utf8.count
                let written = value.withUTF8 { Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count) }
                guard written == length else { throw .last("write sysctl", object) }
            }
        }
        if let namespace { try namespace.enter(write) } else { try write() }
    }

    private static func open(
        _ file: String, _ flags: Int32, _ operation: String, _ object: String
    ) throws(KernelError) -> FileDescriptor {
        let number = Glibc.open(file, flags | O_CLOEXEC)
        guard number >= 0 else { throw .last(operation, object) }
        return FileDescriptor(owning: number)
    }

    /// Only network settings: all others are the machine's, whatever namespace one is in.
    private static func file(_ path: String, _ operation: String) throws(KernelError) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 1, parts[0] == "net", !path.utf8.contains(0),
            parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
        else {
            throw KernelError(
                operation: operation, object: path, errno: EINVAL, explanation: "not the path of a network setting")
        }
        return "/proc/sys/" + path
    }
}
