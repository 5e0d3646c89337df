import NetworkVocabulary

extension Value {
    /// Whether a set component or map value of the type can hold this.
    func fits(_ type: DataType) -> Bool {
        switch self {
        case .icmpType, .icmpTypeRange: type == .icmpType || type == .icmpv6Type
        case .icmpCode, .icmpCodeRange: type == .icmpCode || type == .icmpv6Code
        default: dataType == type && isWritable
        }
    }

    /// A star ends a pattern in nft, where a name was meant.
    private var isWritable: Bool {
        if case .interface(let name) = self { !name.rawValue.contains("*") } else { true }
    }

    /// Whether the value is of the kind that the field has.
    func fits(_ field: Field) -> Bool {
        switch (self, field) {
        case (.arpOperation, .arpOperation), (.etherType, .etherType), (.direction, .connectionDirection): true
        case (.etherType, .frameType): true
        case (.macRange, .etherSource), (.macRange, .etherDestination): true
        case (.interfacePrefix(let prefix), .inputInterface), (.interfacePrefix(let prefix), .outputInterface):
            !prefix.isEmpty && prefix.utf8.count < 16 && prefix.utf8.allSatisfy(isNameByte)
        case (.bytes(let bytes), .bytes(_, _, let count)): bytes.count == count
        case (_, .connectionState): false
        default: field.dataType.map { fits($0) } ?? false
        }
    }

    /// A prefix of no bits.
    var matchesEverything: Bool {
        switch self {
        case .ipv4Prefix(let prefix): prefix.length == 0
        case .ipv6Prefix(let prefix): prefix.length == 0
        default: false
        }
    }
}

/// What names of devices are made of here; a star would end a pattern.
func isNameByte(_ byte: UInt8) -> Bool {
    (97...122).contains(byte) || (48...57).contains(byte) || byte == 45 || byte == 46
}
