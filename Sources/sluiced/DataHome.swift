import Glibc

/// The data directory: given, or made for this run and removed with it.
struct DataHome {
    let path: String
    private let isTemporary: Bool

    init(_ options: Options) throws {
        isTemporary = options.isEphemeral
        guard options.isEphemeral else {
            path = options.data
            return
        }
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/sluice-XXXXXX".utf8CString)
        guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap(mkdtemp) }) != nil else {
            throw StartFailure("cannot make a directory in \(parent): \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Takes a directory of our own away with what we put into it; any other stays.
    func remove() {
        guard isTemporary else { return }
        for name in ["admin.json", "admin.json.new"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}
