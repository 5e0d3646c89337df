import CloudTrace
import LinuxKernel
import NetworkVocabulary
import Packets

/// The ports of a running cloud, with the kernels behind them silenced: a port says what the case says and nothing else.
/// Frames have the case's hardware addresses on this side, and the running cloud's on the wire.
///
/// As in a `Field` nothing is waited for, and the thread stays on one processor.
final class LiveField {
    private struct Plug {
        let port: Wiring.Port
        let sender: FrameSender
        let listener: FrameListener
    }

    private var wiring: Wiring
    private var names = HardwareNames()
    private var plugs: [Plug] = []
    private var silences: [String: NetfilterSilence] = [:]
    private let calm: Calm
    private var collected = Fragments()
    /// Who has just been made to send something.
    private var speakers: Set<MACAddress> = []

    init(_ wiring: Wiring) throws {
        self.wiring = wiring
        calm = try Calm()
    }

    /// Takes hold of the ports that the wiring has, and waits until every segment carries their frames.
    func follow(_ wiring: Wiring, _ running: [RunningPort]) throws {
        self.wiring = wiring
        names = HardwareNames()
        // Namespaces come and go with their guests, under the same name.
        plugs = []
        silences = [:]
        let running = Dictionary(running.map { ($0.name, $0) }) { first, _ in first }
        for port in wiring.ports {
            guard let found = running[port.name] else {
                throw Refusal(description: "the daemon has no port \(port.name)")
            }
            guard let place = found.place else {
                throw Refusal(description: "\(port.name) has no namespace at the daemon")
            }
            try plug(port, into: place, found)
        }
        for leg in wiring.legs {
            for port in wiring.ports where port.segment == leg.segment {
                let neighbours = running[port.name]?.neighbours ?? [:]
                guard let mac = leg.addresses.lazy.compactMap({ neighbours[$0] }).first else { continue }
                names.add(leg.mac, is: mac)
            }
        }
        try awaitPaths()
    }

    private func plug(_ port: Wiring.Port, into place: Replay.Port, _ found: RunningPort) throws {
        let namespace = try place.open()
        if let name = place.namespace, silences[name] == nil {
            var made: Result<NetfilterSilence, NetfilterError>?
            try namespace.enter { () throws(KernelError) in
                made = Result { () throws(NetfilterError) in try NetfilterSilence() }
            }
            silences[name] = try made?.get()
        }
        let mac = try found.mac ?? RouteSocket(in: namespace).link(named: place.device).mac
        guard let mac else { throw Refusal(description: "\(port.name) has no hardware address") }
        names.add(port.mac, is: mac)
        plugs.append(
            Plug(
                port: port, sender: try FrameSender(by: place.device, in: namespace),
                listener: try FrameListener(on: place.device, in: namespace, room: 8 << 20)))
    }

    /// A bridge begins to carry a new port's frames some time after the port is up: when the router has answered, both
    /// ways are open.
    private func awaitPaths() throws {
        for plug in plugs {
            for leg in wiring.legs where leg.segment == plug.port.segment {
                guard case .v4(let address)? = leg.addresses.sorted().first else { continue }
                var own = IPv4Address(0, 0, 0, 0)
                if case .v4(let found)? = plug.port.addresses.sorted().first { own = found }
                let question = ARPPacket.request(for: address, tell: own, at: plug.port.mac)
                let probe = Frame(
                    destination: MACAddress(255, 255, 255, 255, 255, 255), source: plug.port.mac,
                    body: .arp(question))
                let deadline = ContinuousClock.now + .seconds(20)
                var isOpen = false
                while !isOpen {
                    guard ContinuousClock.now < deadline else {
                        throw Refusal(description: "\(leg.link) of \(leg.node) does not answer \(plug.port.name)")
                    }
                    try plug.sender.append(names.sent(probe).bytes)
                    try plug.sender.flush()
                    // Guards of ports let only so many questions a second pass.
                    isOpen = try heard(by: plug, waiting: 50).contains { $0.source == leg.mac }
                }
            }
        }
        // Late answers are not to be taken for something else.
        try calm.settle()
        for plug in plugs { _ = try heard(by: plug) }
    }

    /// Sends, and returns what has arrived anywhere when all that follows from it is through.
    func send(_ frames: [Frame], at port: Wiring.Port) throws -> [Journey.Arrival] {
        guard let plug = plugs.first(where: { $0.port == port }) else {
            throw Refusal(description: "\(port.name) is not plugged in")
        }
        speakers = Set(frames.map(\.source))
        let refused = plug.sender.refused
        for frame in frames { try plug.sender.append(names.sent(frame).bytes) }
        try plug.sender.flush()
        guard plug.sender.refused == refused else {
            throw Refusal(description: "a frame is longer than \(port.name) takes")
        }
        var arrivals: [Journey.Arrival] = []
        var hasAnswered = true
        while hasAnswered {
            try calm.settle()
            hasAnswered = false
            for plug in plugs {
                for frame in try heard(by: plug) {
                    if try answer(frame, plug) {
                        hasAnswered = true
                    } else if plug.port.takes(frame, from: speakers), let whole = collected.take(frame) {
                        arrivals.append(.init(port: plug.port.name, frame: whole))
                    }
                }
                guard plug.listener.lost() == 0 else {
                    throw Refusal(description: "frames came to \(plug.port.name) faster than they were taken")
                }
            }
        }
        return arrivals
    }

    /// What has come to a port, with the case's hardware addresses.
    private func heard(by plug: Plug, waiting milliseconds: Int32 = 0) throws -> [Frame] {
        var frames: [Frame] = []
        var wait = milliseconds
        while true {
            let count = try plug.listener.receive(waiting: wait) { (sighting) throws(KernelError) in
                guard !sighting.isOutgoing, let frame = try? Frame(parsing: sighting.bytes) else { return }
                frames.append(names.heard(frame.finished))
            }
            if count == 0 { return frames }
            wait = 0
        }
    }

    /// Routers ask who has an address; the ports say so, of their own and, outside, of everybody's.
    private func answer(_ frame: Frame, _ plug: Plug) throws -> Bool {
        guard let answer = wiring.answer(to: frame, at: plug.port) else { return false }
        if case .says(let reply) = answer {
            try plug.sender.append(names.sent(reply).bytes)
            try plug.sender.flush()
        }
        return true
    }
}
