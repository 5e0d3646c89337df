internal import CLinux
internal import Ruleset

/// The bytes that nft keeps with kernel objects for itself: comments, and how to print a set's values. A list of
/// type, length, value; numbers in machine order.
struct NetfilterUserData {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ type: Int, number: UInt32) {
        bytes += [UInt8(type), 4]
        withUnsafeBytes(of: number) { bytes += $0 }
    }

    mutating func append(_ type: Int, nested data: NetfilterUserData) {
        bytes += [UInt8(type), UInt8(data.bytes.count)] + data.bytes
    }

    /// What a set's key is made of, by example (`typeof`): a device's name, a source address, and so many bytes of a header.
    /// Without it nft prints keys of types that have no name as nothing. The numbers are those of nft's own expressions.
    static func example(ofKey key: [DataType]) -> NetfilterUserData {
        func expression(_ kind: UInt32, _ content: NetfilterUserData) -> NetfilterUserData {
            var data = NetfilterUserData()
            data.append(0, number: kind)
            data.append(1, nested: content)
            return data
        }
        func parts(_ numbers: [UInt32]) -> NetfilterUserData {
            var data = NetfilterUserData()
            for (type, number) in numbers.enumerated() { data.append(type, number: number) }
            return data
        }
        let (meta, payload, concatenation): (UInt32, UInt32, UInt32) = (9, 7, 13)
        func example(of type: DataType) -> NetfilterUserData {
            let bits = UInt32(8 * type.byteCount)
            return switch type {
            case .interfaceName: expression(meta, parts([UInt32(NFT_META_IIFNAME.rawValue)]))
            case .ipv4: expression(payload, parts([12, 11]))
            // Of the header behind the ports, and of the network's.
            case .rawVNI: expression(payload, parts([0, 0, 3, 96, bits]))
            default: expression(payload, parts([0, 0, 2, 0, bits]))
            }
        }
        if key.count == 1 { return example(of: key[0]) }
        var components = NetfilterUserData()
        for (place, type) in key.enumerated() { components.append(place, nested: example(of: type)) }
        return expression(concatenation, components)
    }

    /// Longer text than fits is cut: it is for people. `Table.validate` refuses it beforehand.
    mutating func append(_ type: Int, text: String) {
        let text = text.utf8.prefix(Int(NFTNL_UDATA_COMMENT_MAXLEN))
        bytes += [UInt8(type), UInt8(text.count + 1)]
        bytes += text
        bytes.append(0)
    }

    private mutating func append(_ type: Int, list: [UInt8]) { bytes += [UInt8(type), UInt8(list.count)] + list }

    /// What nft calls `typeof`: expressions, by its own numbers, from which it knows how to print keys and data that have
    /// no type of their own.
    mutating func appendExamples(of declaration: SetDeclaration) {
        guard declaration.key == [.slot], case .values(let types) = declaration.yield, types.count == 1 else { return }
        append(Int(NFTNL_UDATA_SET_KEY_TYPEOF.rawValue), list: Self.example(of: .slot))
        append(Int(NFTNL_UDATA_SET_DATA_TYPEOF.rawValue), list: Self.example(of: types[0]))
    }

    /// The kind of an expression, and what it is made of.
    private static func example(of type: DataType) -> [UInt8] {
        func expression(_ kind: UInt32, _ parts: [UInt32]) -> [UInt8] {
            var fields = NetfilterUserData()
            for (place, part) in parts.enumerated() { fields.append(place, number: part) }
            var whole = NetfilterUserData()
            whole.append(0, number: kind)
            whole.append(1, list: fields.bytes)
            return whole.bytes
        }
        let (payload, numgen): (UInt32, UInt32) = (7, 23)
        return switch type {
        case .slot: expression(numgen, [0, 2, 0])
        case .ipv4: expression(payload, [12, 11])
        case .ipv6: expression(payload, [13, 8])
        default: []
        }
    }

    static func comment(_ text: String, type: Int = 0) -> NetfilterUserData {
        var data = NetfilterUserData()
        data.append(type, text: text)
        return data
    }

    /// The text of this type in what was read.
    static func comment(in bytes: [UInt8], type: Int = 0) -> String? {
        var offset = 0
        while offset + 2 <= bytes.count {
            let (found, length) = (Int(bytes[offset]), Int(bytes[offset + 1]))
            guard offset + 2 + length <= bytes.count else { return nil }
            if found == type {
                let text = bytes[offset + 2..<offset + 2 + length].prefix { $0 != 0 }
                return String(decoding: text, as: UTF8.self)
            }
            offset += 2 + length
        }
        return nil
    }
}

/// libnftnl declares attribute numbers in named and nameless enumerations, which Swift sees as different types.
func number(_ attribute: Int) -> UInt16 { UInt16(truncatingIfNeeded: attribute) }
func number<Attribute: RawRepresentable>(_ attribute: Attribute) -> UInt16 where Attribute.RawValue == UInt32 {
    UInt16(truncatingIfNeeded: attribute.rawValue)
}

/// Bytes that a library object lends until it changes.
func bytes(_ pointer: UnsafeRawPointer?, _ count: UInt32) -> [UInt8] {
    pointer.map { Array(UnsafeRawBufferPointer(start: $0, count: Int(count))) } ?? []
}
