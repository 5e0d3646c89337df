/// A moment as the API writes it: `2026-11-20T12:36:26+0000`.
struct Timestamp: Hashable, Comparable, Sendable {
    /// Seconds since 1970.
    let seconds: Int64

    init(seconds: Int64) { self.seconds = seconds }

    // The moment is a whole second.
    var firstMillisecond: Int64 { seconds * 1_000 }
    var lastMillisecond: Int64 { seconds * 1_000 + 999 }

    init(milliseconds: Int64) { seconds = milliseconds >= 0 ? milliseconds / 1_000 : (milliseconds - 999) / 1_000 }

    /// `2026-11-20T12:36:26` with `Z`, `+0000`, `+00:00` and the like at the end; of UTC without, and with a space for the
    /// T; a day alone is its first second, or its last where it ends something.
    init?(_ text: String, isEnd: Bool = false) {
        var bytes = Array(text.utf8)
        if bytes.count == 10 { bytes += Array((isEnd ? "T23:59:59" : "T00:00:00").utf8) }
        if bytes.count == 19 {
            if bytes[10] == UInt8(ascii: " ") { bytes[10] = UInt8(ascii: "T") }
            bytes.append(UInt8(ascii: "Z"))
        }
        guard bytes.count >= 20 else { return nil }
        func number(_ from: Int, _ count: Int) -> Int64? {
            guard from + count <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[from..<(from + count)] {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 48)
            }
            return value
        }
        guard bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
            let minute = number(14, 2), let second = number(17, 2), (1...12).contains(month),
            (1...Self.daysInMonth(month, year)).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var offset: Int64 = 0
        let zone = bytes[19...]
        if zone != [UInt8(ascii: "Z")] {
            let hasColon = zone.count == 6 && zone[22] == UInt8(ascii: ":")
            guard zone.count == 5 || hasColon, let sign = zone.first, sign == 43 || sign == 45,
                let hours = number(20, 2), let minutes = number(hasColon ? 23 : 22, 2), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (sign == 43 ? 60 : -60)
        }
        seconds = Self.days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset
    }

    /// A moment that says what zone its clock is of.
    init?(withZone text: String) {
        guard text.utf8.count >= 20 else { return nil }
        self.init(text)
    }

    static func < (a: Self, b: Self) -> Bool { a.seconds < b.seconds }

    private static func daysInMonth(_ month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970 in the Gregorian calendar, counted in years that begin in March.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension Timestamp: CustomStringConvertible {
    var description: String {
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let time = seconds - day * 86_400
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func padded(_ value: Int64, _ width: Int = 2) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return padded(year, 4) + "-" + padded(month) + "-" + padded(dayOfYear - (153 * march + 2) / 5 + 1) + "T"
            + padded(time / 3_600) + ":" + padded(time / 60 % 60) + ":" + padded(time % 60) + "+0000"
    }
}
