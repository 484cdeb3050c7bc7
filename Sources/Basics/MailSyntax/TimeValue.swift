/// Time values of main.cf: a number and a unit of s, m, h, d or w.
public enum TimeValue {
    /// - Parameter defaultUnit: for a number without unit.
    /// - Returns: seconds; nil when malformed, negative or too large.
    public static func seconds(_ text: String, defaultUnit: Character = "s") -> Int? {
        let bytes = text.utf8
        let digits = bytes.prefix(while: ASCII.isDigit)
        guard let number = ASCII.decimal(digits) else { return nil }
        let unit: UInt8
        switch bytes.count - digits.count {
        case 0: unit = defaultUnit.asciiValue ?? 0
        case 1: unit = bytes.last ?? 0
        default: return nil
        }
        guard let factor = factor(unit) else { return nil }
        let (result, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow || result > Int(Int32.max) ? nil : result
    }

    private static func factor(_ unit: UInt8) -> Int? {
        switch ASCII.lowercased(unit) {
        case UInt8(ascii: "s"): 1
        case UInt8(ascii: "m"): 60
        case UInt8(ascii: "h"): 3600
        case UInt8(ascii: "d"): 86400
        case UInt8(ascii: "w"): 604_800
        default: nil
        }
    }
}
