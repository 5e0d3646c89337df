extension APIObject {
    /// As JSON text (RFC 8259).
    public var json: String {
        var bytes: [UInt8] = []
        APIValue.object(self).write(json: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// As CloudStack's XML: the single field is the root, arrays are repeated elements.
    public var xml: String {
        var bytes = Array(#"<?xml version="1.0" encoding="UTF-8"?>"#.utf8)
        for (key, value) in fields { value.write(xml: &bytes, as: key) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension APIValue {
    fileprivate func write(json bytes: inout [UInt8]) {
        switch self {
        case .string(let text): Self.write(jsonString: text, to: &bytes)
        case .integer(let number): bytes += String(number).utf8
        case .boolean(let value): bytes += (value ? "true" : "false").utf8
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(json: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (index, field) in object.fields.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(jsonString: field.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                field.value.write(json: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(jsonString text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        defer { bytes.append(UInt8(ascii: "\"")) }
        // Nearly every text can stand as it is.
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5c || $0 == 0x7f }) else {
            bytes += text.utf8
            return
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0a: bytes += "\\n".utf8
            case 0x0d: bytes += "\\r".utf8
            case 0x09: bytes += "\\t".utf8
            case 0..<0x20, 0x7f:
                let digits = String(byte, radix: 16)
                bytes += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
            default: bytes.append(byte)
            }
        }
    }

    fileprivate func write(xml bytes: inout [UInt8], as name: String) {
        if case .array(let values) = self {
            for value in values { value.write(xml: &bytes, as: name) }
            return
        }
        bytes += "<\(name)>".utf8
        switch self {
        case .string(let text): Self.write(xmlText: text, to: &bytes)
        case .integer(let number): bytes += String(number).utf8
        case .boolean(let value): bytes += (value ? "true" : "false").utf8
        case .object(let object): for field in object.fields { field.value.write(xml: &bytes, as: field.key) }
        case .array: break
        }
        bytes += "</\(name)>".utf8
    }

    private static func write(xmlText text: String, to bytes: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": bytes += "&amp;".utf8
            case "<": bytes += "&lt;".utf8
            case ">": bytes += "&gt;".utf8
            case "\"": bytes += "&quot;".utf8
            case "\r": bytes += "&#13;".utf8
            case "\t", "\n": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            // XML 1.0 has no way to say these, not even escaped.
            case "\0"..." ", "\u{fffe}", "\u{ffff}": bytes += (scalar == " " ? " " : "\u{fffd}").utf8
            default: bytes += String(scalar).utf8
            }
        }
    }
}
