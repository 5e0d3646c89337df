import Foundation

/// Certificates as OpenSSL makes them: `root` issues `mid`, which issues `leaf`; `lone` signed itself, and so did `weak`
/// with a short key.
struct Forge: Sendable {
    private let files: [String: String]

    /// Made once for all tests.
    static let shared = Result { try Forge() }

    private static let script = """
        set -e
        ec() { echo "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"; }
        printf 'basicConstraints=critical,CA:TRUE\\n' > ca.ext
        openssl req -x509 $(ec) -keyout root.key -out root.crt -days 30 -subj /CN=root
        openssl req $(ec) -keyout mid.key -out mid.csr -subj /CN=mid
        openssl x509 -req -in mid.csr -CA root.crt -CAkey root.key -CAcreateserial -days 20 -extfile ca.ext -out mid.crt
        openssl req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf
        openssl x509 -req -in leaf.csr -CA mid.crt -CAkey mid.key -CAcreateserial -days 10 -out leaf.crt
        openssl req -x509 $(ec) -keyout lone.key -out lone.crt -days 10 -subj /CN=lone
        openssl req -x509 -newkey rsa:1024 -nodes -keyout weak.key -out weak.crt -days 10 -subj /CN=weak
        openssl pkcs8 -topk8 -in leaf.key -out leaf.enc -passout pass:open-sesame
        openssl rsa -in leaf.key -traditional -aes128 -passout pass:open-sesame -out leaf.old
        openssl x509 -in leaf.crt -noout -fingerprint -sha512 | cut -d= -f2 > leaf.print
        openssl pkey -in leaf.key -out leaf.pkcs8
        openssl x509 -in leaf.crt -out leaf.pem
        """

    private init() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "forge-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", Self.script]
        process.currentDirectoryURL = folder
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Refused(status: 0, text: "openssl failed") }
        var files: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            files[name] = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        }
        self.files = files
    }

    subscript(_ name: String) -> String { files[name] ?? "" }
}
