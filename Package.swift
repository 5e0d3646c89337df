// swift-tools-version: 6.3

import PackageDescription

/// Every Swift target is built the same way: language mode 6, warnings are errors, imports are part of the
/// reviewed interface.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A module of the house: folder = target = module name.
func module(_ name: String, _ imports: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: imports, swiftSettings: settings)
}

func program(_ name: String, _ imports: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: imports, swiftSettings: settings)
}

func tests(_ name: String, _ imports: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: imports, swiftSettings: settings)
}

/// An empty module that only carries a C library's compiler and linker flags; `CLinux` includes its headers.
func library(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/Libraries/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let package = Package(
    name: "sluice",
    products: [
        .executable(name: "sluiced", targets: ["sluiced"]),
        .executable(name: "sluice", targets: ["sluice"]),
        .executable(name: "sluice-worker", targets: ["sluice-worker"]),
    ],
    targets: [
        // C libraries.
        library("CNetlink", pkgConfig: "libnl-3.0", apt: "libnl-3-dev"),
        library("CNetlinkRoute", pkgConfig: "libnl-route-3.0", apt: "libnl-route-3-dev"),
        library("CMinimalNetlink", pkgConfig: "libmnl", apt: "libmnl-dev"),
        library("CNftables", pkgConfig: "libnftnl", apt: "libnftnl-dev"),
        library("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        library("CMicroHTTP", pkgConfig: "libmicrohttpd", apt: "libmicrohttpd-dev"),
        library("CNettle", pkgConfig: "nettle", apt: "nettle-dev"),
        library("CHogweed", pkgConfig: "hogweed", apt: "nettle-dev"),
        library("CGMP", pkgConfig: "gmp", apt: "libgmp-dev"),
        library("CCrypt", pkgConfig: "libcrypt", apt: "libcrypt-dev"),
        library("CGnuTLS", pkgConfig: "gnutls", apt: "libgnutls28-dev"),
        .target(
            name: "CLinux",
            dependencies: [
                "CNetlink", "CNetlinkRoute", "CMinimalNetlink", "CNftables", "CSQLite", "CMicroHTTP", "CNettle",
                "CHogweed", "CGMP", "CCrypt", "CGnuTLS",
            ]),

        // The door of the program that serves guests, which loads none of these libraries.
        .target(name: "CServing"),

        // Values and pure functions.
        module("NetworkVocabulary"),
        module("Packets", ["NetworkVocabulary"]),
        module("Ruleset", ["NetworkVocabulary"]),
        module("CloudModel", ["NetworkVocabulary"]),
        module("RouterPlan", ["NetworkVocabulary", "Ruleset"]),
        module("LoadBalancer", ["NetworkVocabulary"]),
        module("Planner", ["CloudModel", "LoadBalancer", "NetworkVocabulary", "RouterPlan", "Ruleset"]),
        module("PacketTrace", ["NetworkVocabulary", "Packets", "RouterPlan", "Ruleset"]),
        module(
            "CloudTrace",
            ["CloudModel", "NetworkVocabulary", "PacketTrace", "Packets", "Planner", "RouterPlan", "Ruleset"]),
        module("Reconciler", ["NetworkVocabulary", "RouterPlan", "Ruleset"]),
        module("DHCPServer", ["NetworkVocabulary", "Packets", "RouterPlan"]),
        module("DNSServer", ["NetworkVocabulary", "Packets", "RouterPlan"]),
        module("MetadataServer", ["NetworkVocabulary", "RouterPlan"]),
        module("ControlPlane", ["CloudModel", "LoadBalancer", "NetworkVocabulary", "Planner", "RouterPlan"]),
        module(
            "CloudStackAPI",
            ["CloudModel", "CloudTrace", "ControlPlane", "NetworkVocabulary", "Packets", "Planner", "RouterPlan"]),

        // What touches the machine.
        module(
            "GuestServing",
            [
                "CServing", "DHCPServer", "DNSServer", "MetadataServer", "NetworkVocabulary", "Packets", "RouterPlan",
            ]),
        module("LinuxKernel", ["CLinux", "NetworkVocabulary", "Ruleset"]),
        module(
            "LinuxDataplane",
            ["LinuxKernel", "LoadBalancer", "NetworkVocabulary", "Reconciler", "RouterPlan", "Ruleset"]),
        module("SQLiteLedger", ["CLinux", "CloudModel", "ControlPlane", "NetworkVocabulary", "RouterPlan"]),
        module(
            "ServiceHosting",
            [
                "CLinux", "CServing", "CloudModel", "CloudStackAPI", "GuestServing", "LinuxKernel", "NetworkVocabulary",
                "RouterPlan",
            ]),
        module(
            "PacketTesting",
            [
                "CloudModel", "CloudTrace", "ControlPlane", "LinuxDataplane", "LinuxKernel", "NetworkVocabulary",
                "PacketTrace", "Packets", "Planner", "Reconciler", "RouterPlan", "Ruleset",
            ]),

        // Wiring.
        program(
            "sluiced",
            [
                "CLinux", "CloudModel", "CloudStackAPI", "ControlPlane", "GuestServing", "LinuxDataplane",
                "LinuxKernel",
                "NetworkVocabulary", "PacketTrace", "Planner", "Reconciler", "RouterPlan", "SQLiteLedger",
                "ServiceHosting",
            ]),
        program("sluice-worker", ["CServing", "GuestServing"]),
        program("sluice", ["CLinux", "CloudTrace", "ControlPlane", "NetworkVocabulary", "PacketTesting", "Packets"]),

        // Tests.
        module(
            "TestSupport",
            ["CloudModel", "ControlPlane", "NetworkVocabulary", "Planner", "Reconciler", "RouterPlan", "Ruleset"]),
        tests("ArchitectureTests", []),
        tests("NetworkVocabularyTests", ["NetworkVocabulary"]),
        tests("PacketsTests", ["NetworkVocabulary", "Packets", "TestSupport"]),
        tests("LoadBalancerTests", ["LoadBalancer", "NetworkVocabulary"]),
        tests("RulesetTests", ["NetworkVocabulary", "Ruleset", "TestSupport"]),
        tests("CloudModelTests", ["CloudModel", "NetworkVocabulary", "TestSupport"]),
        tests(
            "PlannerTests",
            ["CloudModel", "ControlPlane", "NetworkVocabulary", "Planner", "RouterPlan", "Ruleset", "TestSupport"]),
        tests(
            "PacketTraceTests",
            [
                "CloudModel", "ControlPlane", "NetworkVocabulary", "PacketTrace", "Packets", "RouterPlan", "Ruleset",
                "TestSupport",
            ]),
        tests(
            "ReconcilerTests",
            ["CloudModel", "ControlPlane", "NetworkVocabulary", "Reconciler", "RouterPlan", "Ruleset", "TestSupport"]),
        tests("DHCPServerTests", ["DHCPServer", "NetworkVocabulary", "Packets", "RouterPlan"]),
        tests("DNSServerTests", ["DNSServer", "NetworkVocabulary", "Packets", "RouterPlan"]),
        tests("MetadataServerTests", ["MetadataServer", "NetworkVocabulary", "RouterPlan"]),
        tests(
            "ControlPlaneTests",
            ["CloudModel", "ControlPlane", "NetworkVocabulary", "Planner", "RouterPlan", "Ruleset", "TestSupport"]),
        tests(
            "CloudStackAPITests",
            [
                "CloudModel", "CloudStackAPI", "ControlPlane", "NetworkVocabulary", "RouterPlan", "ServiceHosting",
                "TestSupport",
            ]),
        tests(
            "ServiceHostingTests",
            [
                "CLinux", "CServing", "CloudStackAPI", "ControlPlane", "LinuxKernel", "NetworkVocabulary",
                "ServiceHosting", "TestSupport",
            ]),
        tests(
            "SQLiteLedgerTests",
            ["CLinux", "CloudModel", "ControlPlane", "NetworkVocabulary", "RouterPlan", "SQLiteLedger", "TestSupport"]),
        tests(
            "KernelTests",
            [
                "CLinux", "CloudModel", "ControlPlane", "LinuxDataplane", "LinuxKernel", "NetworkVocabulary",
                "PacketTrace", "Packets", "Planner", "Reconciler", "RouterPlan", "Ruleset", "TestSupport",
            ]),
        tests(
            "PacketTestingTests",
            ["ControlPlane", "LinuxKernel", "NetworkVocabulary", "PacketTesting", "Packets", "RouterPlan", "Ruleset"]),
        tests("ScenarioTests", ["CLinux", "LinuxKernel", "NetworkVocabulary", "TestSupport"]),
    ]
)
