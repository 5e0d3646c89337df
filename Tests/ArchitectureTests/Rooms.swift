/// One module's place in the house: what it may import, and why no more.
struct Room: Sendable {
    let name: String
    /// Modules of this package.
    let modules: Set<String>
    /// Modules of the toolchain and the system.
    let system: Set<String>
    let reason: String

    init(_ name: String, _ modules: Set<String> = [], system: Set<String> = [], because reason: String) {
        self.name = name
        self.modules = modules
        self.system = system
        self.reason = reason
    }
}

/// The edges that are allowed, from the bottom up. A new edge is a decision: it is added here with its reason, in
/// the same change that needs it.
let rooms = [
    Room("Libraries", because: "flags for the C compiler and linker; no code"),
    Room("CLinux", because: "the one door to C: headers and a small shim"),

    Room(
        "CServing",
        because: "the one door to C of the program that serves guests: a shim that loads no library"),

    Room(
        "NetworkVocabulary",
        because: "words every layer shares; a system type here would reach every pure function"),
    Room(
        "Packets", ["NetworkVocabulary"],
        because: "frames and captures are bytes: what they mean does not depend on who sent or caught them"),
    Room(
        "Ruleset", ["NetworkVocabulary"],
        because: "nftables as values: what a rule is does not depend on who loads it"),
    Room(
        "CloudModel", ["NetworkVocabulary"],
        because: "the user's words; it must not know how they are realised"),
    Room(
        "RouterPlan", ["NetworkVocabulary", "Ruleset"],
        because: "the contract between planning and realising; it knows neither side"),
    Room(
        "LoadBalancer", ["NetworkVocabulary"],
        because: "what a proxy is told, and what its answers mean: values, so that no user's text becomes configuration"
    ),
    Room(
        "Planner", ["CloudModel", "LoadBalancer", "NetworkVocabulary", "RouterPlan", "Ruleset"],
        because: "a pure function: no clock, no file, no kernel, so that a dry run and a replay are the same program"),
    Room(
        "PacketTrace", ["NetworkVocabulary", "Packets", "RouterPlan", "Ruleset"],
        because: "says what a plan does to a packet; it must not know how plans are made, so that it can disagree"),
    Room(
        "CloudTrace",
        ["CloudModel", "NetworkVocabulary", "PacketTrace", "Packets", "Planner", "RouterPlan", "Ruleset"],
        because: "a packet's way from port to port needs the cloud's names and all its plans; it still touches nothing"),
    Room(
        "Reconciler", ["NetworkVocabulary", "RouterPlan", "Ruleset"],
        because: "decides what to change from values; the kernel is behind its Dataplane protocol"),
    Room(
        "DHCPServer", ["NetworkVocabulary", "Packets", "RouterPlan"],
        because: "bytes in, decision out: no socket and no clock, so that tests and fuzzers ask what guests ask"),
    Room(
        "DNSServer", ["NetworkVocabulary", "Packets", "RouterPlan"],
        because: "bytes in, decision out: no socket and no clock, so that tests and fuzzers ask what guests ask"),
    Room(
        "MetadataServer", ["NetworkVocabulary", "RouterPlan"],
        because: "bytes in, decision out: no socket and no clock, so that tests and fuzzers ask what guests ask"),
    Room(
        "ControlPlane", ["CloudModel", "LoadBalancer", "NetworkVocabulary", "Planner", "RouterPlan"],
        system: ["FoundationEssentials", "Synchronization"],
        because: "decides; storage is behind its Ledger protocol, the kernel behind the plan (JSON: declared clouds)"
    ),
    Room(
        "CloudStackAPI",
        ["CloudModel", "CloudTrace", "ControlPlane", "NetworkVocabulary", "Packets", "Planner", "RouterPlan"],
        system: ["FoundationEssentials", "Synchronization"],
        because: """
            text in, text out: no socket, so that every command is tested without one; packets are explained from the \
            model that the call sees
            """),

    Room(
        "LinuxKernel", ["CLinux", "NetworkVocabulary", "Ruleset"],
        system: ["Glibc", "Synchronization"],
        because: "netlink and namespaces; it does not know routers or clouds"),
    Room(
        "LinuxDataplane",
        ["CLinux", "LinuxKernel", "LoadBalancer", "NetworkVocabulary", "Reconciler", "RouterPlan", "Ruleset"],
        system: ["Glibc", "Synchronization"],
        because: "a plan on the real kernel; it must not know the cloud behind the plan"),
    Room(
        "SQLiteLedger", ["CLinux", "CloudModel", "ControlPlane", "NetworkVocabulary", "RouterPlan"],
        system: ["FoundationEssentials", "Glibc", "Synchronization"],
        because: "one way to keep the log, and what meters counted; nothing else may depend on SQLite"),
    Room(
        "GuestServing",
        ["CServing", "DHCPServer", "DNSServer", "MetadataServer", "NetworkVocabulary", "Packets", "RouterPlan"],
        because: """
            the loop that serves guests, and the words that it and the daemon have for each other; it runs without power, \
            so it knows nothing that needs some
            """),
    Room(
        "ServiceHosting",
        [
            "CLinux", "CServing", "CloudModel", "CloudStackAPI", "GuestServing", "LinuxKernel", "NetworkVocabulary",
            "RouterPlan",
        ],
        system: ["Glibc", "Synchronization"],
        because: "sockets, event loops and keys; it carries text between sockets and the pure servers"),

    Room(
        "PacketTesting",
        [
            "CloudModel", "CloudTrace", "ControlPlane", "LinuxDataplane", "LinuxKernel", "NetworkVocabulary",
            "PacketTrace", "Packets", "Planner", "Reconciler", "RouterPlan", "Ruleset",
        ],
        system: ["FoundationEssentials", "Glibc", "Synchronization"],
        because: "shows what plans do to packets, on the model and on the kernel, and so sees both and what is between"
    ),

    Room(
        "sluiced",
        [
            "CLinux", "CloudModel", "CloudStackAPI", "ControlPlane", "GuestServing", "LinuxDataplane", "LinuxKernel",
            "NetworkVocabulary", "PacketTrace", "Planner", "Reconciler", "RouterPlan", "Ruleset", "SQLiteLedger",
            "ServiceHosting",
        ],
        system: ["FoundationEssentials", "Glibc", "Synchronization"],
        because: "wiring: the only place that sees everything"),
    Room(
        "sluice-worker", ["CServing", "GuestServing"],
        because: "what serves guests and nothing else: the less it can reach, the less can reach it"),
    Room(
        "sluice", ["CLinux", "CloudTrace", "ControlPlane", "NetworkVocabulary", "PacketTesting", "Packets"],
        system: ["FoundationEssentials", "Glibc", "Synchronization"],
        because: """
            a client like any other: it speaks to the daemon through the API alone; cases of packets it runs by itself, \
            with no daemon about
            """),

    Room(
        "TestSupport",
        ["CloudModel", "ControlPlane", "NetworkVocabulary", "Planner", "Reconciler", "RouterPlan", "Ruleset"],
        system: ["Foundation", "FoundationEssentials", "Glibc", "Synchronization", "Testing"],
        because: "fakes obey the protocols, so they import those who own them and never what they stand in for"),
]

/// Places that may start another program, and why. Everything else does its work through system calls.
let startsPrograms = [
    "sluice/Exec.swift": "`sluice exec` becomes the program a person asked for, inside a node's namespace",
    "CLinux/include/CLinux.h": "declares what start.c does",
    "CLinux/start.c":
        "starts a program without power in a router's namespace: fork and exec, which Swift cannot do safely",
    "LinuxKernel/ConfinedProgram.swift": "the one way to start HAProxy, where rules need it",
    "CServing/power.c": "starts the program that serves guests, without any power",
    "CLinux/shim.c": "carries execvp for `sluice exec`, which Swift cannot call by itself",
]
