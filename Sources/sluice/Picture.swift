/// A drawing, as SVG 1.1 that browsers and documents show: boxes, lines and words.
struct Picture {
    enum Tone: String {
        case plain = "#ffffff"
        case quiet = "#eef1f4"
        case good = "#d9efd9"
        case allowed = "#fff0c9"
        case bad = "#f5c3c3"
        case dark = "#39424e"
    }

    private var parts: [String] = []
    private var width = 0
    private var height = 0

    mutating func box(_ x: Int, _ y: Int, _ width: Int, _ height: Int, _ tone: Tone, title: String? = nil) {
        grow(x + width, y + height)
        let title = title.map { "<title>\(Self.escaped($0))</title>" } ?? ""
        parts.append(
            "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" rx=\"4\" fill=\"\(tone.rawValue)\" "
                + "stroke=\"#8a94a0\">\(title)</rect>")
    }

    mutating func line(_ x: Int, _ y: Int, _ toX: Int, _ toY: Int) {
        grow(max(x, toX), max(y, toY))
        parts.append("<path d=\"M\(x) \(y)L\(toX) \(toY)\" stroke=\"#8a94a0\" fill=\"none\"/>")
    }

    mutating func text(_ x: Int, _ y: Int, _ text: String, isBold: Bool = false, anchor: String = "start") {
        grow(x + (anchor == "start" ? text.count * 7 : 0), y + 4)
        parts.append(
            "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\"\(isBold ? " font-weight=\"bold\"" : "")>"
                + "\(Self.escaped(text))</text>")
    }

    private mutating func grow(_ x: Int, _ y: Int) {
        width = max(width, x + 12)
        height = max(height, y + 12)
    }

    var svg: String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" \
        font-family="monospace" font-size="12">
        <rect width="100%" height="100%" fill="#ffffff"/>

        """ + parts.joined(separator: "\n") + "\n</svg>\n"
    }

    /// Names are anybody's text.
    private static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            // XML has no place for the others.
            case _ where scalar.value < 32: out += " "
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
