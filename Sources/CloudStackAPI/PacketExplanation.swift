import CloudModel
import CloudTrace
import ControlPlane
import NetworkVocabulary
import Packets
import Planner
import RouterPlan

// What the virtual networks would do to a packet, and why. Sluice's own: CloudStack has nothing like it. Nothing is sent.

extension Command {
    static let packetExplanation: [Command] = [
        .read(
            "explainPacket", "Tells what becomes of a packet at a port of a guest, stage by stage; sends nothing",
            [
                Parameter(
                    "from", required: true,
                    "the port: a guest's name, its id or an instance's name, with /1 for its second NIC; a NIC's id; outside"
                ),
                Parameter(
                    "packet", required: true, maxLength: 4096,
                    "the packet as a line, or a frame as hexadecimal digits behind 0x"),
                Parameter(
                    "then", .map, maxLength: 4096, "packets that follow it: then[0].from=PORT, then[0].packet=LINE"),
            ]
        ) { call throws(RequestError) in
            var questions = [try Asked(call, "from", "packet", call.arguments.required("from"), required(call))]
            for row in call.arguments.map("then") {
                guard let from = row["from"], let packet = row["packet"] else {
                    throw .refused("then", "Each packet that follows needs then[n].from and then[n].packet")
                }
                questions.append(try Asked(call, "then", "then", from, packet))
                guard questions.count <= 16 else { throw .refused("then", "No more than 15 packets can follow") }
            }
            return ["explanation": .array(try explained(questions, call).map { .object($0) })]
        }
    ]

    private static func required(_ call: Call) throws(RequestError) -> String {
        try call.arguments.required("packet")
    }

    private static func explained(_ questions: [Asked], _ call: Call) throws(RequestError) -> [APIObject] {
        let cloud = call.cloud
        let planner = Planner(installation: call.view.installation, simulatesInternet: false)
        var replies: [APIObject] = []
        var parameter = "from"
        do throws(Question.Failure) {
            var question = try Question(
                cloud, planner, from: questions.map(\.place), about: questions.compactMap(\.pattern))
            for asked in questions {
                parameter = asked.fromParameter
                let port = try question.port(asked.place)
                parameter = asked.packetParameter
                let frame =
                    switch asked.packet {
                    case .frame(let frame): frame
                    case .line(let line): try question.frame(line, at: asked.place)
                    }
                let journey = try question.send(frame, at: asked.place)
                let explanation = Explanation(journey, of: frame, at: port, in: cloud) { node in
                    guard !call.caller.isRootAdmin else { return true }
                    return cloud.router(named: node.text)?.account == call.caller.account
                }
                replies.append(rendered(explanation, at: asked.place, in: cloud))
            }
            return replies
        } catch {
            throw .refused(parameter, "\(error)")
        }
    }

    private static func rendered(
        _ explanation: Explanation, at place: Question.Place, in cloud: Cloud
    ) -> APIObject {
        // Where a packet can be sent for real.
        var (namespace, device) = (String?.none, String?.none)
        if case .nic(let id) = place, let nic = cloud.nics[id], let guest = cloud.guests[nic.guest],
            guest.port == .emulated, nic.delivery == nil
        {
            (namespace, device) = (guest.instanceName, "eth\(nic.index)")
        }
        let passages = explanation.passages.map { passage -> APIValue in
            .object([
                "node": .text(passage.node), "outcome": .string(passage.outcome),
                "decidedby": .text(passage.decidedBy), "decidedbyname": .text(passage.decidedBy.map(cloud.words)),
                "nearest": .array(passage.nearest.map { .string($0) }),
                "stage": .array(passage.stages.map { .object(rendered($0, in: cloud)) }),
            ])
        }
        return [
            "port": .string(explanation.port), "namespace": .text(namespace), "device": .text(device),
            "packet": .string(explanation.sent.line(.ip)),
            "frame": .string(explanation.sent.bytes.hexadecimal), "verdict": .string(explanation.verdict),
            "passage": .array(passages),
            "arrival": .array(
                explanation.arrivals.map {
                    .object([
                        "port": .string($0.port), "packet": .string($0.frame.line(.ip)),
                        "frame": .string($0.frame.bytes.hexadecimal),
                    ])
                }),
            "text": .string(explanation.text),
        ]
    }

    private static func rendered(_ stage: Explanation.Stage, in cloud: Cloud) -> APIObject {
        [
            "chain": .text(stage.chain), "rule": stage.rule.map { .number($0) }, "action": .string(stage.action),
            "verdict": stage.isDrop.map { .string($0 ? "drop" : "accept") }, "origin": .text(stage.origin),
            "originname": .text(stage.origin.map(cloud.words)),
        ]
    }
}

/// One packet of a question, read.
private struct Asked {
    enum Packet {
        case line(PacketPattern)
        case frame(Frame)
    }

    let place: Question.Place
    let packet: Packet
    let fromParameter: String
    let packetParameter: String

    init(
        _ call: Call, _ fromParameter: String, _ packetParameter: String, _ from: String, _ packet: String
    ) throws(RequestError) {
        self.fromParameter = fromParameter
        self.packetParameter = packetParameter
        place = try call.place(from, fromParameter)
        if packet.hasPrefix("0x") {
            guard let bytes = [UInt8](hexadecimal: packet.dropFirst(2)), let frame = try? Frame(parsing: bytes) else {
                throw .invalid(
                    packetParameter, packet, call.command,
                    because: "a frame is at least 14 bytes, two hexadecimal digits each")
            }
            self.packet = .frame(frame)
            return
        }
        do throws(PacketLineError) {
            self.packet = .line(try PacketPattern(parsing: packet))
        } catch {
            throw .refused(packetParameter, "\(error)")
        }
    }

    /// For what the packet names.
    var pattern: PacketPattern? {
        switch packet {
        case .line(let line): line
        case .frame(let frame): PacketPattern(describing: frame)
        }
    }
}

extension Call {
    /// The port that a text names. A tenant's ports are those of the tenant's guests.
    fileprivate func place(_ text: String, _ parameter: String) throws(RequestError) -> Question.Place {
        let unknown = RequestError.refused(parameter, "There is no port \(APIError.excerpt(text))")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let name = parts.first, parts.count <= 2, let index = parts.count == 2 ? Int(parts[1]) : 0, index >= 0
        else { throw unknown }
        if name == "outside" {
            guard caller.isRootAdmin else { throw .denied("Only the administrator may ask about packets from outside") }
            return .outside(index)
        }
        func isVisible(_ guest: Guest) -> Bool { caller.isRootAdmin || guest.account == caller.account }
        if parts.count == 1, let id = ObjectID(text), let nic = cloud.nics[id] {
            guard let guest = cloud.guests[nic.guest], isVisible(guest) else { throw unknown }
            return .nic(id)
        }
        let guests = Array(cloud.guests.values).filter { guest in
            isVisible(guest)
                && (guest.name.lowercased() == name.lowercased() || guest.instanceName == name
                    || guest.id.description == name)
        }
        guard guests.count < 2 else {
            let names = guests.map(\.instanceName).sorted().joined(separator: ", ")
            throw .refused(parameter, "Several guests are called \(APIError.excerpt(text)): name one of \(names)")
        }
        guard let guest = guests.first, let nic = cloud.nics(ofGuest: guest.id).first(where: { $0.index == index })
        else { throw unknown }
        return .nic(nic.id)
    }
}

extension [UInt8] {
    var hexadecimal: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    fileprivate init?(hexadecimal text: Substring) {
        let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
