import ControlPlane
import Foundation
import TestSupport
import Testing

@Suite struct `Goldens` {
    @Test func `are found`() { #expect(GoldenCase.all.count >= 10) }

    @Test(arguments: GoldenCase.all)
    func `are what is planned for their clouds`(golden: GoldenCase) throws {
        for (file, text) in try golden.outputs().sorted(by: { $0.key < $1.key }) {
            if let mismatch = try golden.golden(file).mismatch(with: text) {
                Issue.record(Comment(rawValue: mismatch))
            }
        }
    }

    @Test(arguments: GoldenCase.all)
    func `have no files beside`(golden: GoldenCase) throws {
        let inputs: Set = ["cloud.json", "steps.txt"]
        let present = Set(try FileManager.default.contentsOfDirectory(atPath: golden.url.path))
        let wanted = Set(try golden.outputs().keys)
        #expect(present.subtracting(inputs) == wanted)
    }

    @Test func `of the demo begin with the daemon's demo`() throws {
        let file = try CloudFile(json: try GoldenCase(name: "demo/two-guests").text(of: "cloud.json"))
        #expect(file == CloudFile.demo)
    }

    @Test(.enabled(if: geteuid() == 0, "needs root: nft asks the kernel, in a network namespace of its own"))
    func `are rulesets that nft accepts`() throws {
        for golden in GoldenCase.all {
            for file in try golden.rulesets() {
                let (output, status) = try nftCheck(file)
                #expect(status == 0, "\(golden) \(file.lastPathComponent):\n\(output)")
            }
        }
    }

    /// What nft thinks of a file, in a namespace that is gone when nft is.
    private func nftCheck(_ file: URL) throws -> (output: String, status: Int32) {
        let pipe = try #require(popen("unshare --net nft --check -f '\(file.path)' 2>&1", "r"))
        var output: [UInt8] = []
        while true {
            let byte = fgetc(pipe)
            if byte == EOF { break }
            output.append(UInt8(byte))
        }
        return (String(decoding: output, as: UTF8.self), pclose(pipe))
    }
}
