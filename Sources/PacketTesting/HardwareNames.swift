import CloudTrace
import NetworkVocabulary
import Packets

/// The hardware addresses of a case and those that the same cards have in a running cloud, found by the names of ports and
/// the addresses of routers. What is nobody's here or there stays as it is.
struct HardwareNames {
    private var running: [MACAddress: MACAddress] = [:]
    private var own: [MACAddress: MACAddress] = [:]

    mutating func add(_ mac: MACAddress, is other: MACAddress) {
        running[mac] = other
        own[other] = mac
    }

    /// As the running cloud has it.
    func sent(_ frame: Frame) -> Frame { renamed(frame, running) }
    /// As the case has it.
    func heard(_ frame: Frame) -> Frame { renamed(frame, own) }

    private func renamed(_ frame: Frame, _ names: [MACAddress: MACAddress]) -> Frame {
        var frame = frame
        frame.source = names[frame.source] ?? frame.source
        frame.destination = names[frame.destination] ?? frame.destination
        if case .arp(var arp) = frame.body {
            arp.senderMAC = names[arp.senderMAC] ?? arp.senderMAC
            arp.targetMAC = names[arp.targetMAC] ?? arp.targetMAC
            frame.body = .arp(arp)
        }
        return frame
    }
}
