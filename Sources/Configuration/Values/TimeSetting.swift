/// Time values of main.cf: `30`, `30s`, `5m`, `2h`, `1d`, `1w`.
public enum TimeSetting {
    static func secondsPerUnit(_ unit: UInt8) -> Int? {
        switch unit {
        case UInt8(ascii: "s"), UInt8(ascii: "S"): 1
        case UInt8(ascii: "m"), UInt8(ascii: "M"): 60
        case UInt8(ascii: "h"), UInt8(ascii: "H"): 3600
        case UInt8(ascii: "d"), UInt8(ascii: "D"): 86400
        case UInt8(ascii: "w"), UInt8(ascii: "W"): 604_800
        default: nil
        }
    }

    /// Seconds, or nil for what is not a time value or exceeds what Postfix can hold (31 bits).
    public static func seconds(_ text: String, defaultUnit: UInt8 = UInt8(ascii: "s")) -> Int? {
        var digits = Substring(text)
        var unit = defaultUnit
        if let last = text.utf8.last, secondsPerUnit(last) != nil {
            unit = last
            digits = text.dropLast()
        }
        guard let factor = secondsPerUnit(unit), let number = decimal(digits) else { return nil }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow, seconds <= Int(Int32.max) else { return nil }
        return seconds
    }

    /// A number of ASCII digits only.
    static func decimal(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return Int(text)
    }
}

/// yes and no, in any case; nil for anything else.
enum BooleanSetting {
    static func parse(_ text: String) -> Bool? {
        let bytes = text.utf8.map { $0 | 0x20 }
        if bytes == Array("yes".utf8) { return true }
        if bytes == Array("no".utf8) { return false }
        return nil
    }
}

/// Lists of main.cf: items separated by commas and white space; `{ … }` is one item, braces included.
public enum ListSetting {
    public static func split(_ text: String) -> [String] {
        split(text) { $0 == 0x2C || isSpace($0) }
    }

    public static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

    /// Splits where `separator` holds outside of braces. An unclosed brace runs to the end.
    public static func split(_ text: String, separator: (UInt8) -> Bool) -> [String] {
        var items: [String] = []
        var current: [UInt8] = []
        var depth = 0
        for byte in text.utf8 {
            if byte == 0x7B {
                depth += 1
            } else if byte == 0x7D, depth > 0 {
                depth -= 1
            }
            if depth == 0, separator(byte) {
                if !current.isEmpty {
                    items.append(String(decoding: current, as: UTF8.self))
                    current.removeAll(keepingCapacity: true)
                }
            } else {
                current.append(byte)
            }
        }
        if !current.isEmpty { items.append(String(decoding: current, as: UTF8.self)) }
        return items
    }

    /// The text inside `{ … }` without the white space beside the braces; nil for anything else.
    public static func unbraced(_ text: String) -> String? {
        guard text.utf8.first == 0x7B, text.utf8.last == 0x7D, text.utf8.count >= 2 else { return nil }
        return trimmed(text.dropFirst().dropLast())
    }

    /// An item of a list whose items may be `{ name = value }`: without the braces, and what is wrong with them.
    public static func bracedItem(_ item: String) -> (text: String, problem: String?) {
        guard item.utf8.first == 0x7B else { return (item, nil) }
        var depth = 0
        for index in item.utf8.indices {
            if item.utf8[index] == 0x7B { depth += 1 }
            if item.utf8[index] == 0x7D { depth -= 1 }
            guard depth == 0 else { continue }
            let rest = item[item.utf8.index(after: index)...]
            let inside = trimmed(item[..<index].dropFirst())
            return (inside, rest.utf8.allSatisfy(isSpace) ? nil : "syntax error after '}' in \"\(item)\"")
        }
        return (trimmed(item[...].dropFirst()), "missing '}' in \"\(item)\"")
    }

    public static func trimmed(_ text: Substring) -> String {
        var rest = text.utf8
        while let first = rest.first, isSpace(first) { rest.removeFirst() }
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return String(Substring(rest))
    }
}
