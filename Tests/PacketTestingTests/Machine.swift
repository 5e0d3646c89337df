import Foundation
import Testing

let canActAsRoot = geteuid() == 0

/// The repository's root.
let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

extension Trait where Self == ConditionTrait {
    static var needsRoot: Self {
        .enabled(if: canActAsRoot, "needs root, or a user namespace where the caller is root")
    }
}
