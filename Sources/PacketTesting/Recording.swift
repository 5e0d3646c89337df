import CloudTrace
public import ControlPlane
import FoundationEssentials
import NetworkVocabulary
import PacketTrace
public import Packets

/// A complaint made into a case: packets that were captured, the cloud that they were sent in, and what should have come
/// of the last of them. What is not needed to show it is left out.
///
/// What the packets before the last one lead to is how things are, and is expected to stay so; of the last one what
/// was complained about is expected. So the case fails until that is cured, and passes then. What it is cured by must have a
/// place: the last packet keeps the way that it had, rule by rule.
public struct Recording: Sendable {
    public struct Send: Hashable, Sendable {
        public let port: String
        public let packet: PacketPattern

        public init(port: String, packet: PacketPattern) {
            self.port = port
            self.packet = packet
        }
    }

    public enum Failure: Error, CustomStringConvertible {
        case refused(String)
        /// The model does what is expected already.
        case holds

        public var description: String {
            switch self {
            case .refused(let text): text
            case .holds: "the plans do what is expected: whatever went wrong is not in them, or is cured"
            }
        }
    }

    public private(set) var cloud: CloudFile
    public private(set) var sends: [Send]
    /// Lines of the script behind the last packet.
    public let expectations: [String]

    public init(_ cloud: CloudFile, _ sends: [Send], expecting expectations: [String]) {
        self.cloud = cloud
        for index in self.cloud.guests.indices { self.cloud.guests[index].port = "none" }
        self.sends = sends
        self.expectations = expectations
    }

    /// The script as it is now.
    public func script() throws(Failure) -> String { try told().script }

    /// The script, and what becomes of the last packet: which rules say what, and what it is translated to.
    private func told() throws(Failure) -> (script: String, fate: [String]) {
        do {
            var fate: [String] = []
            let world = ModelWorld(try CaseCloud(cloud))
            var lines: [String] = []
            for (index, send) in sends.enumerated() {
                guard let port = world.wiring.port(send.port) else {
                    throw Failure.refused("the cloud has no port \(send.port)")
                }
                var destination: IPAddress?
                if case .ip(let ip) = send.packet.packet, case .exactly(let address) = ip.destination {
                    destination = address
                }
                let frame = try send.packet.frame(world.wiring.defaults(at: port, to: destination), bindings: [:])
                let came = try world.send([frame], at: port)
                lines.append("at \(send.port) send \(send.packet)")
                guard index < sends.count - 1 else {
                    fate = came.passages.map(Self.words)
                    break
                }
                lines += came.arrivals.map { "expect at \($0.port) \($0.frame)" }
            }
            return ((lines + expectations).joined(separator: "\n") + "\n", fate)
        } catch let failure as Failure {
            throw failure
        } catch let error as RequestError {
            throw .refused(error.text)
        } catch {
            throw .refused("\(error)")
        }
    }

    private static func words(_ passage: Passage) -> String {
        let translations = passage.trace?.translations.map { "\($0)" } ?? []
        let reason = passage.reason.map { "\($0)" } ?? ""
        return (passage.rulings.map { "\($0)" } + translations + [reason, passage.origin.kind]).joined(separator: "; ")
    }

    /// Whether the case fails where it should and nowhere else, and for the reason that it had.
    private func shows(_ fate: [String]) -> Bool {
        guard let (script, found) = try? told(), found == fate, let json = cloud.json(),
            let test = try? PacketCase(name: "recorded", files: ["cloud.json": json, "traffic.packets": script])
        else { return false }
        let first = script.split(separator: "\n").count - expectations.count + 1
        let outcome = test.run(on: .model)
        guard outcome.failure != nil else { return false }
        // What is left over at the end is told of the line that sent it.
        return (outcome.failedLine ?? 0) >= first - 1
    }

    /// Leaves out what is not needed: packets first, then objects of the cloud.
    public mutating func minimize() throws(Failure) {
        let fate = try told().fate
        guard shows(fate) else { throw .holds }
        drop(from: \.sends, fate, keepingLast: true)
        for index in cloud.publicAddresses.indices {
            dropOptional(from: \.cloud.publicAddresses[index].forward, fate)
            dropOptional(from: \.cloud.publicAddresses[index].firewall, fate)
        }
        for index in cloud.networks.indices {
            dropOptional(from: \.cloud.networks[index].egress, fate)
        }
        drop(from: \.cloud.guests, fate)
        drop(from: \.cloud.publicAddresses, fate)
        drop(from: \.cloud.networks, fate)
        drop(from: \.cloud.accounts, fate)
        drop(from: \.cloud.networkOfferings, fate)
        for index in cloud.zones.indices { drop(from: \.cloud.zones[index].publicRanges, fate) }
        drop(from: \.cloud.zones, fate)
    }

    /// Takes elements away, as long as the case still shows it.
    private mutating func drop<Element>(
        from path: WritableKeyPath<Recording, [Element]>, _ fate: [String], keepingLast: Bool = false
    ) {
        var index = self[keyPath: path].count - (keepingLast ? 2 : 1)
        while index >= 0 {
            var smaller = self
            smaller[keyPath: path].remove(at: index)
            if smaller.shows(fate) { self = smaller }
            index -= 1
        }
    }

    private mutating func dropOptional<Element>(
        from path: WritableKeyPath<Recording, [Element]?>, _ fate: [String]
    ) {
        guard let elements = self[keyPath: path] else { return }
        for index in elements.indices.reversed() {
            var smaller = self
            smaller[keyPath: path]?.remove(at: index)
            if smaller[keyPath: path]?.isEmpty == true { smaller[keyPath: path] = nil }
            if smaller.shows(fate) { self = smaller }
        }
    }

    /// Writes the folder of the case.
    public func write(to folder: String, title: String, story: String) throws(Failure) {
        let script = try script()
        guard let json = cloud.json() else { throw .refused("the cloud cannot be written as a file") }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (name, text) in [
                ("README.md", "# \(title)\n\n\(story)\n"), ("cloud.json", json + "\n"), ("traffic.packets", script),
            ] {
                try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
            }
        } catch {
            throw .refused("\(folder): \(error)")
        }
    }
}
