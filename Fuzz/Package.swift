// swift-tools-version: 6.3

import PackageDescription

// Targets for libFuzzer. A package of its own: a program without `main` breaks commands that link every product. What is
// fuzzed is compiled here from the very same sources.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func module(_ name: String, _ imports: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: imports, path: "Modules/\(name)", swiftSettings: settings)
}

func fuzzer(_ name: String, _ imports: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: imports, path: "Sources/\(name)",
        swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
    name: "fuzz",
    targets: [
        module("NetworkVocabulary"),
        module("Packets", ["NetworkVocabulary"]),
        module("Ruleset", ["NetworkVocabulary"]),
        module("RouterPlan", ["NetworkVocabulary", "Ruleset"]),
        module("DHCPServer", ["NetworkVocabulary", "Packets", "RouterPlan"]),
        module("DNSServer", ["NetworkVocabulary", "Packets", "RouterPlan"]),
        module("MetadataServer", ["NetworkVocabulary", "RouterPlan"]),
        fuzzer("capture-file", ["NetworkVocabulary", "Packets"]),
        fuzzer("frame", ["NetworkVocabulary", "Packets"]),
        fuzzer("dhcp-message", ["Packets"]),
        fuzzer("dhcp-server", ["DHCPServer", "NetworkVocabulary", "Packets", "RouterPlan"]),
        fuzzer("dns-responder", ["DNSServer", "NetworkVocabulary", "Packets", "RouterPlan"]),
        fuzzer("dns-upstream", ["DNSServer", "NetworkVocabulary", "Packets"]),
        fuzzer("http-request", ["MetadataServer", "NetworkVocabulary", "RouterPlan"]),
    ]
)
