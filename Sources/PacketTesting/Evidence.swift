import CloudTrace
import FoundationEssentials
import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan

// What a run consists of, for people who look into it: captures, decisions, counters.

extension CaseRun {
    /// Everything that was sent and arrived at a lane's ports, or at one of them.
    func capture(of lanes: [Lane], at port: String? = nil, arrivalsOnly: Bool = false) -> [UInt8] {
        var writer = PcapngWriter()
        var numbers: [String: Int] = [:]
        for lane in lanes {
            for found in lane.world.wiring.ports where port == nil || found.name == port {
                let name = lanes.count > 1 ? "\(found.name) (\(lane.world.name))" : found.name
                numbers["\(found.name) (\(lane.world.name))"] = writer.add(CaptureInterface(name: name))
            }
        }
        for lane in lanes {
            for logged in lane.log where logged.isArrival || !arrivalsOnly {
                guard let number = numbers["\(logged.port) (\(lane.world.name))"] else { continue }
                // The clock of a case is its line number.
                writer.write(
                    CapturedPacket(
                        interface: number, time: CaptureTime(seconds: Int64(logged.step)), bytes: logged.frame.bytes,
                        comments: [logged.comment]))
            }
        }
        return writer.bytes
    }

    /// What each router did with each packet, with the objects by their names.
    func decisions(of lane: Lane) -> String {
        var lines: [String] = []
        for (step, passages) in lane.decisions {
            lines.append("\(step.line): \(step.text)")
            if passages.isEmpty { lines.append("    no router has seen it") }
            for passage in passages {
                lines.append("  \(passage.node)")
                if let trace = passage.trace {
                    lines += trace.lines { cloud.cloud.words(for: $0) }.map { "    \($0)" }
                } else {
                    lines += passage.rulings.map { "    \($0)" } + ["    decided by \(describe(passage))"]
                }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What objects have counted, one a line; what has counted nothing is left out.
    func counters(of lane: Lane) throws -> String {
        var lines: [String] = []
        let objects = Set(cloud.routers.flatMap(\.objects))
        for object in objects {
            let counts = try lane.world.counts(of: object).filter { $0.value > 0 }
            guard !counts.isEmpty else { continue }
            let words = counts.sorted { $0.key < $1.key }.map { "\($0.key.rawValue) \($0.value)" }
            lines.append("\(cloud.cloud.words(for: object)) \(words.joined(separator: " "))")
        }
        return lines.sorted().map { "\($0)\n" }.joined()
    }

    /// Leaves what a failure consists of below a folder. Returns it, or nil where it cannot be written.
    func leaveEvidence(below root: String, _ failure: String) -> String? {
        let folder = "\(root)/\(test.name)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try write(capture(of: lanes), "\(folder)/all-ports.pcapng")
            let plans = cloud.inOrder.map(\.description).joined(separator: "\n")
            try write(Array(plans.utf8), "\(folder)/plan.txt")
            func each(_ body: (Lane) throws -> String) rethrows -> [UInt8] {
                Array(try lanes.map { "# on the \($0.world.name)\n\(try body($0))" }.joined(separator: "\n").utf8)
            }
            try write(each { $0.world.rulesets() }, "\(folder)/ruleset.nft")
            try write(each(decisions), "\(folder)/decisions.txt")
            try write(each(counters), "\(folder)/counters.txt")
            try write(Array(failure.utf8), "\(folder)/failure.txt")
            return folder
        } catch {
            return nil
        }
    }

    func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }
}
