/// A set in ascending order; copies share, as those of `SortedMap` do.
public struct SortedSet<Element: Comparable & Sendable>: Sequence, Equatable, Sendable {
    fileprivate struct Member: Equatable, Sendable {}

    private var members = SortedMap<Element, Member>()

    public init() {}

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }
    public var first: Element? { members.first?.key }

    public func contains(_ element: Element) -> Bool { members[element] != nil }

    @discardableResult
    public mutating func insert(_ element: Element) -> Bool {
        members.updateValue(Member(), forKey: element) == nil
    }

    @discardableResult
    public mutating func remove(_ element: Element) -> Bool { members.removeValue(forKey: element) != nil }

    /// Elements in ascending order.
    public struct Iterator: IteratorProtocol {
        fileprivate var entries: SortedMap<Element, Member>.Iterator
        public mutating func next() -> Element? { entries.next()?.key }
    }

    public func makeIterator() -> Iterator { Iterator(entries: members.makeIterator()) }
    public var underestimatedCount: Int { count }
}

/// From an owner to what belongs to it, in ascending order; an owner without anything takes no room.
public struct Relation<Owner: Comparable & Sendable, Member: Comparable & Sendable>: Equatable, Sendable {
    private var owners = SortedMap<Owner, SortedSet<Member>>()

    public init() {}

    public var isEmpty: Bool { owners.isEmpty }

    public subscript(owner: Owner) -> SortedSet<Member> { owners[owner] ?? SortedSet() }

    mutating func insert(_ member: Member, of owner: Owner) {
        var members = owners[owner] ?? SortedSet()
        members.insert(member)
        owners[owner] = members
    }

    mutating func remove(_ member: Member, of owner: Owner) {
        guard var members = owners[owner] else { return }
        members.remove(member)
        owners[owner] = members.isEmpty ? nil : members
    }
}
