/// A map in key order whose copies share all they have in common: a copy is free, and a change to a copy touches only
/// the path to the key. The model is a value that is drafted, snapshotted and rolled back all the time, which a
/// dictionary (copied whole by the first change) could not be at 10,000 objects a table.
public struct SortedMap<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    var root = SortedMapNode<Key, Value>()
    public private(set) var count = 0

    public init() {}

    public var isEmpty: Bool { count == 0 }

    public subscript(key: Key) -> Value? {
        get { root.value(of: key) }
        set {
            if let newValue { updateValue(newValue, forKey: key) } else { removeValue(forKey: key) }
        }
    }

    @discardableResult
    public mutating func updateValue(_ value: Value, forKey key: Key) -> Value? {
        let (old, overflow) = root.update(key, value)
        if let overflow {
            var grown = SortedMapNode<Key, Value>()
            grown.keys = [overflow.key]
            grown.values = [overflow.value]
            grown.children = [root, overflow.right]
            root = grown
        }
        if old == nil { count += 1 }
        return old
    }

    @discardableResult
    public mutating func removeValue(forKey key: Key) -> Value? {
        guard let old = root.remove(key) else { return nil }
        if root.keys.isEmpty, let only = root.children.first { root = only }
        count -= 1
        return old
    }

    /// The entry with the greatest key that is not greater than `key`.
    public func last(upTo key: Key) -> (key: Key, value: Value)? { root.last(upTo: key) }

    /// The entry with the least key that is not less than `key`.
    public func first(from key: Key) -> (key: Key, value: Value)? { root.first(from: key) }

    public var first: (key: Key, value: Value)? { root.first }
    public var last: (key: Key, value: Value)? { root.last }

    public var keys: LazyMapSequence<Self, Key> { lazy.map { $0.key } }
    public var values: LazyMapSequence<Self, Value> { lazy.map { $0.value } }
}

extension SortedMap: Sequence {
    /// Entries in ascending key order.
    public struct Iterator: IteratorProtocol {
        private var path: [(node: SortedMapNode<Key, Value>, next: Int)] = []

        init(_ root: SortedMapNode<Key, Value>) { descend(root) }

        private mutating func descend(_ start: SortedMapNode<Key, Value>) {
            var node = start
            path.append((node, 0))
            while let child = node.children.first {
                node = child
                path.append((node, 0))
            }
        }

        public mutating func next() -> (key: Key, value: Value)? {
            while let (node, index) = path.last {
                guard index < node.keys.count else {
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next = index + 1
                if !node.children.isEmpty { descend(node.children[index + 1]) }
                return (node.keys[index], node.values[index])
            }
            return nil
        }
    }

    public func makeIterator() -> Iterator { Iterator(root) }
    public var underestimatedCount: Int { count }
}

extension SortedMap: Equatable where Value: Equatable {
    /// Equal entries; the shape of the tree, which remembers the order of insertion, does not count.
    public static func == (a: Self, b: Self) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }
}
