import Testing

/// Whole programs in machines of their own. One after the other: each keeps both processors busy, and what is timed in
/// one would say nothing beside another.
@Suite(.serialized, .needsRoot) enum Scenarios {}
