/// The text of one kind of notification: bounce(5).
public struct BounceTemplate: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        case failure = "failure_template"
        case delay = "delay_template"
        case success = "success_template"
        case verify = "verify_template"

        /// `failure`, as warnings call it.
        public var word: String { String(rawValue.dropLast("_template".utf8.count)) }
    }

    public var kind: Kind
    public var charset: String
    public var from: String
    public var subject: String
    /// Of the copies for the postmaster; nil where there are none.
    public var postmasterSubject: String?
    /// Lines with `$name` in them.
    public var text: [String]
    /// Where the template was read: a path, or `[built-in]`.
    public var origin = "[built-in]"

    /// The name that `postconf -b` gives the expanded text.
    public var expandedName: String { "expanded_\(kind.word)_text" }

    /// Header and text as `postconf -t` and a template file have them, without the lines around.
    public var lines: [String] {
        var lines = ["Charset: \(charset)", "From: \(from)", "Subject: \(subject)"]
        if let postmasterSubject { lines.append("Postmaster-Subject: \(postmasterSubject)") }
        return lines + [""] + text
    }

    /// The text with main.cf's names expanded, and the times in units of their own (`$delay_warning_time_hours`).
    /// - Returns: the lines, warnings in Postfix's words, and why a line cannot be expanded: it stays as it is then.
    public func expanded(_ parameters: Parameters) -> (lines: [String], warnings: [String], failure: String?) {
        var warnings: [String] = []
        var failure: String?
        let lines = text.map { line in
            do {
                return try MacroText.expand(line) { (name) throws(MacroError) in
                    timeValue(name, parameters, &warnings) ?? parameters.value(name)
                }
            } catch {
                warnings.append("\(error)")
                failure = failure ?? "\(origin): bad $name syntax in \(kind.word) template: \(line)"
                return line
            }
        }
        return (lines, warnings, failure)
    }

    private static let units = [
        ("seconds", 1), ("minutes", 60), ("hours", 3600), ("days", 86_400), ("weeks", 604_800),
    ]

    private func timeValue(_ name: String, _ parameters: Parameters, _ warnings: inout [String]) -> String? {
        for parameter in ["delay_warning_time", "maximal_queue_lifetime"] {
            for (unit, seconds) in Self.units where name == "\(parameter)_\(unit)" {
                let time = parameters.seconds(parameter)
                let value = (time + seconds / 2) / seconds
                if time > 0, value == 0, unit != "seconds" {
                    warnings += [
                        "\(origin): zero result in \(kind.word) template conversion of parameter \"\(name)\"",
                        "please reduce time unit \"\(unit)\" of \"\(name)\" in \(kind.word) template",
                        "for instructions see the bounce(5) manual",
                    ]
                }
                return "\(value)"
            }
        }
        return nil
    }
}
