import LinuxKernel
import LoadBalancer
import NetworkVocabulary
import RouterPlan

/// The proxy of one router: a HAProxy that runs, or is coming up, and those before it that finish what they have.
struct RunningProxy {
    static let program = "/usr/sbin/haproxy"

    let namespace: NetworkNamespace.Identity
    private(set) var plan: ProxyPlan
    private(set) var isStarting: Bool
    let deadline: Duration
    /// Whether it was ever up.
    private(set) var hasServed: Bool
    private let files: ProxyFiles
    private let process: ConfinedProgram
    private var finishing: [ConfinedProgram]
    /// While it comes up: whom it takes over from, to be asked once more when that one takes nobody new.
    private var former: Former?

    private struct Former {
        let process: ConfinedProgram
        let socket: String
        let plan: ProxyPlan
    }

    /// Starts one.
    init(
        home: String, _ name: NodeName, _ plan: ProxyPlan, _ namespace: NetworkNamespace, _ now: Duration,
        taking old: RunningProxy? = nil
    ) throws(KernelError) {
        let files = try ProxyFiles(home: home, name, turn: old.map { 1 - $0.files.turn } ?? 0)
        former = old.map { Former(process: $0.process, socket: $0.files.socket, plan: $0.plan) }
        // Members that did not answer the one before do not count as well with this one.
        let found = former.flatMap { try? LocalSocket.ask($0.socket, ProxyCommand.showState.wire) }
        try files.folder.write(found ?? "", to: ProxyFiles.state)
        try files.write(plan)
        var arguments = ["-db", "-q", "-f", files.configurationFile]
        if let former { arguments += ["-x", former.socket] }
        process = try ConfinedProgram(Self.program, arguments, in: namespace, as: files.folder.owner)
        self.files = files
        self.plan = plan
        self.namespace = namespace.identity
        finishing = (old.map { $0.finishing + [$0.process] } ?? []).filter(\.isAlive)
        isStarting = true
        hasServed = old?.hasServed ?? false
        deadline = now + .seconds(10)
    }

    /// One that a daemon before this one started, if its configuration can still be read.
    static func adopted(home: String, _ name: NodeName, _ namespace: NetworkNamespace) throws(KernelError)
        -> RunningProxy?
    {
        let turns = try [0, 1].map { turn throws(KernelError) in try ProxyFiles(home: home, name, turn: turn) }
        let all = ConfinedProgram.running(program, with: turns[0].configurationFile, in: namespace)
        // Of two that both answer, the one that the configuration is of.
        let written = turns[0].folder.read(ProxyFiles.configuration) ?? ""
        let current = turns.sorted { written.contains($0.socket + " ") && !written.contains($1.socket + " ") }
            .lazy.compactMap { files in
                files.currentProcess().flatMap { number in all.first { $0.process == number } }.map { (files, $0) }
            }.first
        guard let (files, process) = current else {
            for stray in all { stray.end() }
            return nil
        }
        // One that had not been told yet that another is there.
        let others = all.filter { $0 != process }
        for other in others { other.finish() }
        return RunningProxy(files, process, others, namespace)
    }

    private init(
        _ files: ProxyFiles, _ process: ConfinedProgram, _ finishing: [ConfinedProgram], _ namespace: NetworkNamespace
    ) {
        self.files = files
        self.process = process
        self.finishing = finishing
        self.namespace = namespace.identity
        former = nil
        // Nothing is known of it but its text: whatever it is to be, that is compared.
        plan = ProxyPlan([])
        isStarting = false
        hasServed = true
        deadline = .zero
    }

    var isAlive: Bool { process.isAlive }

    /// Forgets those before it that have finished.
    mutating func reap() { finishing.removeAll { !$0.isAlive } }

    /// Whether it answers.
    mutating func comeUp() -> Bool {
        guard files.currentProcess() == process.process else { return false }
        isStarting = false
        hasServed = true
        return true
    }

    /// The proxy as it is to be: the same that was told, or a new process.
    func become(
        _ target: ProxyPlan, in namespace: NetworkNamespace, drains: Bool, _ now: Duration
    ) throws(KernelError) -> RunningProxy {
        if plan.frontends.isEmpty, files.hold(target) {
            var same = self
            same.plan = target
            return same
        }
        switch ProxyDifference(from: plan, to: target, drains: drains, folder: files.folder.path) {
        case .nothing: return self
        case .commands(let commands):
            var told = self
            told.plan = target
            do throws(KernelError) {
                for command in commands {
                    let answer = try LocalSocket.ask(files.socket, command.wire)
                    guard command.isDone(by: answer) else { return try successor(target, in: namespace, now) }
                }
                // For whoever starts after this one.
                try files.write(target)
                return told
            } catch {
                return try successor(target, in: namespace, now)
            }
        case .reload(let ending):
            for command in ending { _ = try? LocalSocket.ask(files.socket, command.wire) }
            return try successor(target, in: namespace, now)
        }
    }

    private func successor(
        _ target: ProxyPlan, in namespace: NetworkNamespace, _ now: Duration
    ) throws(KernelError) -> RunningProxy {
        try RunningProxy(home: files.home, files.name, target, namespace, now, taking: self)
    }

    func end(drains: Bool) {
        for process in [process] + finishing {
            if drains { process.finish() } else { process.end() }
        }
    }

    /// Once it is up beside the one before: is told who is with whom there, sends that one to finish what it has, and says
    /// all that it has counted. Nobody can ask it later.
    mutating func takeOver() -> [ProxyMemberStatistics] {
        guard let former else { return [] }
        self.former = nil
        // Whoever is connected is answered after nobody new is let in.
        let line = try? LocalSocket(former.socket)
        let counted = (try? LocalSocket.ask(former.socket, ProxyCommand.showStatistics.wire)) ?? ""
        if let question = ProxyHandover.question(former.plan),
            let answer = try? LocalSocket.ask(former.socket, question),
            let state = try? LocalSocket.ask(files.socket, ProxyCommand.showState.wire)
        {
            for command in ProxyHandover(answer).commands(from: former.plan, to: plan, state: state) {
                _ = try? LocalSocket.ask(files.socket, command)
            }
        }
        former.process.finish()
        let last = (try? line?.ask(ProxyCommand.showStatistics.wire)) ?? ""
        return ProxyMemberStatistics.read(ProxyCommand.showStatistics.isDone(by: last) ? last : counted)
    }

    func statistics() -> [ProxyMemberStatistics]? {
        (try? LocalSocket.ask(files.socket, ProxyCommand.showStatistics.description)).map {
            ProxyMemberStatistics.read($0)
        }
    }

    static func forget(home: String, _ name: NodeName) {
        if let files = try? ProxyFiles(home: home, name, turn: 0) { files.remove() }
    }
}

/// Where a router's proxy has its files.
private struct ProxyFiles {
    let home: String
    let name: NodeName
    let folder: PrivateFolder

    static let configuration = "haproxy.cfg"
    static let state = "state"
    /// Each has another place to be spoken to than the one before: for a moment there are both.
    let turn: Int

    init(home: String, _ name: NodeName, turn: Int) throws(KernelError) {
        self.home = home
        self.name = name
        self.turn = turn
        folder = try PrivateFolder(
            home, name.text, owner: ConfinedProgram.User(firstOf: ["haproxy", "nobody"]))
    }

    var socket: String { folder.file(turn == 0 ? "control" : "control-2") }
    var configurationFile: String { folder.file(Self.configuration) }

    func configuration(_ plan: ProxyPlan) -> String {
        ProxyConfiguration(
            plan, controlSocket: socket, stateFile: folder.file(Self.state), folder: folder.path
        ).description
    }

    /// The configuration and the certificates, for whoever starts next; keys of rules that are not there any more go.
    func write(_ plan: ProxyPlan) throws(KernelError) {
        let kept = certificates(plan)
        for (name, pem) in kept { try folder.write(pem.revealed, to: name) }
        try folder.write(configuration(plan), to: Self.configuration)
        folder.delete(PrivateFolder.names(in: folder.path).filter { $0.hasSuffix(".pem") && kept[$0] == nil })
    }

    /// Whether they are what was written for this plan.
    func hold(_ plan: ProxyPlan) -> Bool {
        folder.read(Self.configuration) == configuration(plan)
            && certificates(plan).allSatisfy { folder.read($0.key) == $0.value.revealed }
    }

    private func certificates(_ plan: ProxyPlan) -> [String: Secret] {
        let files = plan.frontends.compactMap { frontend in
            frontend.certificate.map { (frontend.certificateFile, $0.pem) }
        }
        return Dictionary(files) { first, _ in first }
    }

    /// Who answers at the control socket.
    func currentProcess() -> Int32? {
        guard let answer = try? LocalSocket.ask(socket, "show info", within: .milliseconds(500)) else { return nil }
        let line = answer.split(separator: "\n").first { $0.hasPrefix("Pid: ") }
        return line.flatMap { Int32($0.dropFirst(5)) }
    }

    func remove() { folder.remove(PrivateFolder.names(in: folder.path)) }
}
