/// `20261122194034`: a moment in UTC, for message ids. Pure.
enum UTCStamp {
    static func text(seconds: Int) -> String {
        let secondsPerDay = 86400
        var days = seconds / secondsPerDay
        var rest = seconds % secondsPerDay
        if rest < 0 {
            rest += secondsPerDay
            days -= 1
        }
        let (year, month, day) = civil(days)
        let parts = [month, day, rest / 3600, rest / 60 % 60, rest % 60]
        return String(year) + parts.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined()
    }

    /// Gregorian date of a day counted from 1970-01-01: eras of 400 years that start on 1 March.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let daysPerEra = 146_097
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - daysPerEra + 1) / daysPerEra
        let dayOfEra = shifted - era * daysPerEra
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    }
}
