import FoundationEssentials

/// The cryptography that signatures need, from whoever has a library for it.
public protocol SignatureDigest: Sendable {
    func hmacSHA1(key: [UInt8], message: [UInt8]) -> [UInt8]
    /// Takes the same time whatever differs, for arrays of equal length.
    func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool
}

/// The signature of a request, in the reference form and in those that deployed clients compute.
struct Signature {
    /// How a client wrote the values that it signed.
    private struct Form {
        var leavesTilde = false
        var leavesBrackets = false
        var ignoresCaseInOrder = false
    }

    private static let forms: [Form] = [false, true].flatMap { order in
        [(false, false), (true, false), (false, true), (true, true)].map {
            Form(leavesTilde: $0.0, leavesBrackets: $0.1, ignoresCaseInOrder: order)
        }
    }

    let parameters: [String: String]

    /// - Parameter parameters: as sent, `signature` among them or not.
    init(of parameters: [String: String]) { self.parameters = parameters.filter { $0.key.lowercased() != "signature" } }

    func isValid(_ signature: String, secret: String, digest: some SignatureDigest) -> Bool {
        let given = Array(signature.utf8)
        var isEqual = false
        for form in Self.forms where !isEqual {
            let hash = digest.hmacSHA1(key: Array(secret.utf8), message: text(form))
            isEqual = digest.areEqual(Array(Data(hash).base64EncodedString().utf8), given)
        }
        return isEqual
    }

    private func text(_ form: Form) -> [UInt8] {
        let names =
            form.ignoresCaseInOrder
            ? parameters.keys.sorted {
                Array($0.lowercased().utf8).lexicographicallyPrecedes(Array($1.lowercased().utf8))
            }
            : parameters.keys.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        var bytes: [UInt8] = []
        for name in names {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: "&")) }
            bytes += name.lowercased().utf8
            bytes.append(UInt8(ascii: "="))
            for byte in (parameters[name] ?? "").utf8 { Self.append(byte, form, to: &bytes) }
        }
        return bytes
    }

    /// Percent-encoded where it has to be, in lower case.
    private static func append(_ byte: UInt8, _ form: Form, to bytes: inout [UInt8]) {
        let isLiteral =
            switch byte {
            case 48...57, 97...122, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "*"): true
            case UInt8(ascii: "~"): form.leavesTilde
            case UInt8(ascii: "["), UInt8(ascii: "]"): form.leavesBrackets
            default: false
            }
        if isLiteral {
            bytes.append(byte)
        } else if (65...90).contains(byte) {
            bytes.append(byte + 32)
        } else {
            let digits = Array("0123456789abcdef".utf8)
            bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
}
