import CloudTrace
import FoundationEssentials
import Packets

// The folder `expected` of a case: the frames that arrive at each port, as a capture and as text, what decided and what
// was counted. It is compared with what the model does; the kernel is compared with the model.

extension CaseRun {
    private static let folder = "expected"

    /// Records, or compares where the case has such a folder.
    func compareWithExpected() throws {
        guard let lane = lanes.first, lane.world is ModelWorld else { return }
        if options.records {
            try record(lane)
        } else {
            try compare(lane)
        }
    }

    private func contents(_ lane: Lane) throws -> [(name: String, bytes: [UInt8])] {
        var files: [(String, [UInt8])] = []
        for port in lane.world.wiring.ports {
            let arrived = lane.log.filter { $0.isArrival && $0.port == port.name }
            guard !arrived.isEmpty else { continue }
            let name = port.name.replacing("/", with: "-")
            files.append(("\(name).pcapng", capture(of: [lane], at: port.name, arrivalsOnly: true)))
            files.append(("\(name).txt", Self.twin(arrived.map { ($0.step, $0.frame) })))
        }
        files.append(("decisions.txt", Array(decisions(of: lane).utf8)))
        files.append(("counters.txt", Array(try counters(of: lane).utf8)))
        return files
    }

    /// Frames as lines, each behind the line of the script that it is due to.
    private static func twin(_ frames: [(Int, Frame)]) -> [UInt8] {
        Array(frames.map { "\($0.0): \($0.1.line([.ip, .link, .payload]))\n" }.joined().utf8)
    }

    private func record(_ lane: Lane) throws {
        let folder = "\(test.path)/\(Self.folder)"
        do {
            try? FileManager.default.removeItem(atPath: folder)
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (name, bytes) in try contents(lane) { try write(bytes, "\(folder)/\(name)") }
        } catch {
            throw CaseError(file: folder, "cannot be written: \(error)")
        }
    }

    private func compare(_ lane: Lane) throws {
        let folder = "\(test.path)/\(Self.folder)"
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
        let found = Dictionary(try contents(lane).map { ($0.name, $0.bytes) }) { first, _ in first }
        for name in Set(names + found.keys).sorted() {
            let wanted = FileManager.default.contents(atPath: "\(folder)/\(name)").map(Array.init)
            guard wanted != found[name] else { continue }
            throw Mismatch(step: nil, "\(folder)/\(name): \(Self.difference(wanted, found[name], name))")
        }
        for name in names where name.hasSuffix(".pcapng") { try checkTwin(folder, name) }
    }

    /// A capture and its text must tell the same.
    private func checkTwin(_ folder: String, _ name: String) throws {
        let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)").map(Array.init) ?? []
        let (packets, _, fault) = CaptureReader.packets(in: bytes)
        let frames = packets.compactMap { packet in
            (try? Frame(parsing: packet.bytes)).map { (Int(packet.time?.seconds ?? 0), $0) }
        }
        let text = FileManager.default.contents(atPath: "\(folder)/\(name.dropLast(7)).txt").map(Array.init)
        guard fault == nil, text == Self.twin(frames) else {
            throw Mismatch(step: nil, "\(folder)/\(name) and its text tell different things")
        }
    }

    private static func difference(_ wanted: [UInt8]?, _ found: [UInt8]?, _ name: String) -> String {
        guard let wanted else { return "not expected, and there" }
        guard let found else { return "expected, and not there" }
        if name.hasSuffix(".pcapng") { return "other frames; the text beside it says which" }
        let (old, new) = (String(decoding: wanted, as: UTF8.self), String(decoding: found, as: UTF8.self))
        let (before, after) = (old.split(separator: "\n"), new.split(separator: "\n"))
        for index in 0..<max(before.count, after.count) {
            let a = index < before.count ? String(before[index]) : "nothing"
            let b = index < after.count ? String(after[index]) : "nothing"
            if a != b { return "line \(index + 1): expected '\(a)', got '\(b)'" }
        }
        return "differs in blank lines"
    }
}
