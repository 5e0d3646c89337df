import Glibc
public import Packets

/// A capture on disk, read a piece at a time: memory stays the same however long it is.
public final class CaptureFile {
    public enum Failure: Error, CustomStringConvertible {
        case unreadable(String, Int32)
        case damaged(String, CaptureFault)

        public var description: String {
            switch self {
            case .unreadable(let path, let number): "\(path): \(String(cString: strerror(number)))"
            case .damaged(let path, let fault): "\(path): \(fault)"
            }
        }
    }

    public let path: String
    /// Bytes of the file; nil where that is unknown, as of a pipe.
    public let size: Int?
    private let descriptor: Int32
    private var reader = CaptureReader()
    private var chunk = [UInt8](repeating: 0, count: 1 << 20)

    /// `-` is standard input.
    public init(_ path: String) throws(Failure) {
        self.path = path
        descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(path, errno) }
        var about = stat()
        size = fstat(descriptor, &about) == 0 && about.st_mode & S_IFMT == S_IFREG ? Int(about.st_size) : nil
    }

    deinit { close(descriptor) }

    public var interfaces: [CaptureInterface] { reader.interfaces }
    /// How far it has been read.
    public var offset: Int { reader.offset }

    /// The next packet, or nil at the end. Damage is an error, behind which there is nothing.
    public func next() throws(Failure) -> CapturedPacket? {
        while true {
            if let packet = try whole({ reader throws(CaptureFault) in try reader.next() }) { return packet }
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .unreadable(path, errno)
            }
            if count == 0 {
                try whole { reader throws(CaptureFault) in try reader.finish() }
                return nil
            }
            reader.append(chunk[..<count])
        }
    }

    private func whole<Value>(
        _ body: (inout CaptureReader) throws(CaptureFault) -> Value
    ) throws(Failure) -> Value {
        do throws(CaptureFault) {
            return try body(&reader)
        } catch {
            throw .damaged(path, error)
        }
    }
}

/// A pcapng file that grows.
public final class CaptureSink {
    private let path: String
    private let descriptor: Int32
    private var writer = PcapngWriter()
    public private(set) var packets = 0

    public init(_ path: String, interfaces: [String]) throws(CaptureFile.Failure) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unreadable(path, errno) }
        for name in interfaces { _ = writer.add(CaptureInterface(name: name)) }
    }

    deinit { close(descriptor) }

    public func write(_ packet: CapturedPacket) throws(CaptureFile.Failure) {
        writer.write(packet)
        packets += 1
        if writer.bytes.count > 1 << 20 { try flush() }
    }

    /// To be called at the end.
    public func flush() throws(CaptureFile.Failure) {
        var bytes = writer.take()[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .unreadable(path, errno) }
            bytes = bytes.dropFirst(count)
        }
    }
}
