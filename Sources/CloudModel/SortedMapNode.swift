/// A B-tree node. The arrays are the copy-on-write boxes: changing a child in place copies exactly the nodes on the
/// path that another map still shares.
struct SortedMapNode<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    var keys: [Key] = []
    var values: [Value] = []
    /// Empty in a leaf, otherwise one more than keys.
    var children: [SortedMapNode] = []

    static var most: Int { 15 }
    static var least: Int { 7 }

    /// The upper half of a node that became too full, and the entry that separates the two.
    struct Overflow {
        let key: Key
        let value: Value
        let right: SortedMapNode
    }

    /// The index of the first key that is not less than `key`, and whether it is `key`.
    func position(of key: Key) -> (index: Int, found: Bool) {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return (low, low < keys.count && keys[low] == key)
    }

    func value(of key: Key) -> Value? {
        var node = self
        while true {
            let (index, found) = node.position(of: key)
            if found { return node.values[index] }
            guard !node.children.isEmpty else { return nil }
            node = node.children[index]
        }
    }

    func last(upTo key: Key) -> (key: Key, value: Value)? {
        var node = self
        var best: (key: Key, value: Value)?
        while true {
            let (index, found) = node.position(of: key)
            if found { return (node.keys[index], node.values[index]) }
            if index > 0 { best = (node.keys[index - 1], node.values[index - 1]) }
            guard !node.children.isEmpty else { return best }
            node = node.children[index]
        }
    }

    func first(from key: Key) -> (key: Key, value: Value)? {
        var node = self
        var best: (key: Key, value: Value)?
        while true {
            let (index, found) = node.position(of: key)
            if index < node.keys.count { best = (node.keys[index], node.values[index]) }
            guard !found, !node.children.isEmpty else { return best }
            node = node.children[index]
        }
    }

    var first: (key: Key, value: Value)? {
        if let child = children.first { return child.first }
        return keys.isEmpty ? nil : (keys[0], values[0])
    }

    var last: (key: Key, value: Value)? {
        if let child = children.last { return child.last }
        return keys.isEmpty ? nil : (keys[keys.count - 1], values[values.count - 1])
    }
}

extension SortedMapNode {
    mutating func update(_ key: Key, _ value: Value) -> (old: Value?, overflow: Overflow?) {
        let (index, found) = position(of: key)
        if found {
            let old = values[index]
            values[index] = value
            return (old, nil)
        }
        var old: Value?
        if children.isEmpty {
            keys.insert(key, at: index)
            values.insert(value, at: index)
        } else {
            let below = children[index].update(key, value)
            old = below.old
            if let split = below.overflow {
                keys.insert(split.key, at: index)
                values.insert(split.value, at: index)
                children.insert(split.right, at: index + 1)
            }
        }
        return (old, keys.count > Self.most ? split() : nil)
    }

    private mutating func split() -> Overflow {
        let middle = keys.count / 2
        var right = SortedMapNode()
        right.keys = Array(keys[(middle + 1)...])
        right.values = Array(values[(middle + 1)...])
        let overflow: Overflow
        if children.isEmpty {
            overflow = Overflow(key: keys[middle], value: values[middle], right: right)
        } else {
            right.children = Array(children[(middle + 1)...])
            overflow = Overflow(key: keys[middle], value: values[middle], right: right)
            children.removeSubrange((middle + 1)...)
        }
        keys.removeSubrange(middle...)
        values.removeSubrange(middle...)
        return overflow
    }

    mutating func remove(_ key: Key) -> Value? {
        let (index, found) = position(of: key)
        guard !children.isEmpty else {
            guard found else { return nil }
            keys.remove(at: index)
            return values.remove(at: index)
        }
        guard found else {
            let old = children[index].remove(key)
            if old != nil { refill(index) }
            return old
        }
        let old = values[index]
        (keys[index], values[index]) = children[index].removeLast()
        refill(index)
        return old
    }

    private mutating func removeLast() -> (Key, Value) {
        guard !children.isEmpty else { return (keys.removeLast(), values.removeLast()) }
        let last = children[children.count - 1].removeLast()
        refill(children.count - 1)
        return last
    }

    /// Gives a child that has too few entries one of a neighbour's, or joins the two.
    private mutating func refill(_ index: Int) {
        guard children[index].keys.count < Self.least else { return }
        if index > 0, children[index - 1].keys.count > Self.least {
            children[index].keys.insert(keys[index - 1], at: 0)
            children[index].values.insert(values[index - 1], at: 0)
            keys[index - 1] = children[index - 1].keys.removeLast()
            values[index - 1] = children[index - 1].values.removeLast()
            if !children[index - 1].children.isEmpty {
                children[index].children.insert(children[index - 1].children.removeLast(), at: 0)
            }
        } else if index + 1 < children.count, children[index + 1].keys.count > Self.least {
            children[index].keys.append(keys[index])
            children[index].values.append(values[index])
            keys[index] = children[index + 1].keys.removeFirst()
            values[index] = children[index + 1].values.removeFirst()
            if !children[index + 1].children.isEmpty {
                children[index].children.append(children[index + 1].children.removeFirst())
            }
        } else {
            let left = index > 0 ? index - 1 : index
            let right = children.remove(at: left + 1)
            children[left].keys.append(keys.remove(at: left))
            children[left].values.append(values.remove(at: left))
            children[left].keys.append(contentsOf: right.keys)
            children[left].values.append(contentsOf: right.values)
            children[left].children.append(contentsOf: right.children)
        }
    }
}
