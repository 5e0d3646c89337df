// swift-tools-version: 6.3

import PackageDescription

// Fuzz targets have no `main` of their own, which would break builds of everything; so they are a package of their own. The
// modules that they are about are the main package's, by links in `Sources`.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func module(_ name: String, _ imports: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: imports, swiftSettings: settings)
}

/// A program whose only door is `LLVMFuzzerTestOneInput`.
func fuzzer(_ name: String, _ imports: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: imports, swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
    name: "fuzz",
    targets: [
        module("NetworkVocabulary"),
        module("Packets", ["NetworkVocabulary"]),
        fuzzer("CaptureFuzz", ["NetworkVocabulary", "Packets"]),
        fuzzer("FrameFuzz", ["NetworkVocabulary", "Packets"]),
    ])
