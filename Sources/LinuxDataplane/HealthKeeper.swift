public import LinuxKernel
public import LoadBalancer
public import NetworkVocabulary
public import RouterPlan

/// The thread that checks members which no proxy checks, from inside their routers' namespaces.
public final class HealthKeeper: Sendable {
    fileprivate enum Message: Sendable {
        case check(NodeName, rule: ObjectID, [MemberCheck])
    }

    private let inbox: Inbox<Message>
    private let thread: KernelThread

    /// `report` is told of members that are another thing than they were; it runs on the keeper's thread and must return
    /// soon.
    public init(
        directory: NamespaceDirectory = .system,
        report: @escaping @Sendable (_ member: ObjectID, _ isDown: Bool) -> Void
    ) throws {
        let inbox = try Inbox<Message>()
        self.inbox = inbox
        thread = try KernelThread(name: "health checks") {
            let work = HealthWork(directory, report)
            let clock = ContinuousClock()
            let start = clock.now
            while let messages = inbox.receive(timeout: work.pause(clock.now - start)) {
                let now = clock.now - start
                for case .check(let name, let rule, let checks) in messages { work.take(name, rule, checks, now) }
                work.attend(now)
            }
        }
    }

    /// The members of one of a router's rules that are to be checked from now on.
    public func check(_ name: NodeName, rule: ObjectID, _ checks: [MemberCheck]) {
        inbox.send(.check(name, rule: rule, checks))
    }

    public func stop() {
        inbox.close()
        thread.join()
    }
}

/// What the thread knows and does.
private final class HealthWork {
    private struct Member {
        let node: NodeName
        var check: MemberCheck
        var health: MemberHealth
        /// When it is asked next; while it is being asked, when it has taken too long.
        var due: Duration
        var isAsked = false
    }

    private let directory: NamespaceDirectory
    private let report: (ObjectID, Bool) -> Void
    private struct Rule: Hashable {
        let node: NodeName
        let rule: ObjectID
    }

    private var members: [ObjectID: Member] = [:]
    private var rules: [Rule: Set<ObjectID>] = [:]
    private let probes = ConnectionProbes<ObjectID>()
    /// More than these are not asked at once.
    private static let crowd = 512

    init(_ directory: NamespaceDirectory, _ report: @escaping (ObjectID, Bool) -> Void) {
        self.directory = directory
        self.report = report
    }

    func pause(_ now: Duration) -> Duration? {
        if probes.count > 0 { return .milliseconds(20) }
        return members.values.map(\.due).min().map { max(.milliseconds(1), $0 - now) }
    }

    func take(_ name: NodeName, _ rule: ObjectID, _ checks: [MemberCheck], _ now: Duration) {
        let wanted = Set(checks.map(\.member))
        let key = Rule(node: name, rule: rule)
        let gone = (rules[key] ?? []).subtracting(wanted)
        rules[key] = wanted.isEmpty ? nil : wanted
        for id in gone where members[id]?.node == name {
            probes.abandon(id)
            members[id] = nil
        }
        for check in checks {
            if var known = members[check.member], known.node == name, known.check.isSame(as: check) {
                known.check = check
                members[check.member] = known
                continue
            }
            // Not all at the same moment.
            let spread = Duration.milliseconds(Int(check.member.low % UInt64(check.intervalSeconds * 1_000)))
            members[check.member] = Member(
                node: name, check: check, health: MemberHealth(isDown: check.isDown), due: now + spread)
        }
    }

    func attend(_ now: Duration) {
        for (id, answers) in probes.decided() { decide(id, answers, now) }
        for (id, member) in members where member.due <= now {
            if member.isAsked {
                probes.abandon(id)
                decide(id, false, now)
            } else if probes.count < Self.crowd {
                ask(id, member, now)
            }
        }
    }

    private func ask(_ id: ObjectID, _ member: Member, _ now: Duration) {
        members[id]?.isAsked = true
        members[id]?.due = now + .seconds(member.check.timeoutSeconds)
        // A router that is not there cannot say anything about its members.
        guard (try? directory.isMounted(member.node.text)) == true,
            let namespace = try? directory.open(member.node.text)
        else {
            members[id]?.isAsked = false
            members[id]?.due = now + .seconds(member.check.intervalSeconds)
            return
        }
        let isUnderWay = try? probes.start(id, member.check.address, member.check.port, in: namespace)
        if isUnderWay == false { decide(id, false, now) }
    }

    private func decide(_ id: ObjectID, _ answers: Bool, _ now: Duration) {
        guard var member = members[id] else { return }
        let isChanged = member.health.take(answers: answers, member.check)
        member.isAsked = false
        member.due = now + .seconds(member.check.intervalSeconds)
        members[id] = member
        if isChanged { report(id, member.health.isDown) }
    }
}
