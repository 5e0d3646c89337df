import CloudTrace
import ControlPlane
import LinuxKernel
import NetworkVocabulary
import Packets
import RouterPlan

/// The cloud of a case in a daemon that runs. It shows what arrives; who decided and what was counted stays with the model
/// beside it, as the daemon's objects have ids of their own.
final class LiveWorld: World {
    let name = "daemon"
    let tellsDecisions = false
    private(set) var wiring: Wiring
    private let running: any RunningCloud
    private let field: LiveField

    init(_ cloud: CaseCloud, _ file: CloudFile, in running: any RunningCloud) throws {
        self.running = running
        wiring = cloud.wiring
        field = try LiveField(wiring)
        try become(file)
    }

    /// The case's own file at first, then what changes have made of it.
    private func become(_ file: CloudFile) throws {
        try running.check()
        var file = file
        for index in file.guests.indices { file.guests[index].port = "emulated" }
        guard let text = file.json() else { throw Refusal(description: "the cloud cannot be written as a file") }
        try running.become(text)
        for name in try running.routers() {
            let namespace = try NamespaceDirectory.system.open(name)
            // As a world on the kernel has them; these routers go with the case.
            try Sysctl.write("net/netfilter/nf_conntrack_tcp_be_liberal", "1", in: namespace)
            try Sysctl.write("net/ipv4/icmp_ratemask", "0", in: namespace)
        }
        try field.follow(wiring, try running.ports())
    }

    func follow(_ cloud: CaseCloud, _: CaseCloud.Following) throws {
        wiring = cloud.wiring
        try become(CloudFile(describing: cloud.cloud))
    }

    func send(_ frames: [Frame], at port: Wiring.Port) throws -> Fate {
        try running.check()
        return Fate(arrivals: try field.send(frames, at: port))
    }

    func advance(by _: Int) throws { throw Refusal(description: "no time of a daemon's can pass faster") }
    func restart() throws { throw Refusal(description: "the daemon is not this run's") }
    func kill() {}

    func counts(of _: Origin) -> [Meter: UInt64] { [:] }
    func rulesets() -> String { "the daemon tells them: sluice plan show\n" }
}
