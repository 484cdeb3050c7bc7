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
    /// - Returns: the lines, and warnings in Postfix's words.
    public func expanded(_ parameters: Parameters) -> (lines: [String], warnings: [String]) {
        var warnings: [String] = []
        let lines = text.map { line in
            do {
                return try MacroText.expand(line) { (name) throws(MacroError) in
                    timeValue(name, parameters, &warnings) ?? parameters.value(name)
                }
            } catch {
                warnings.append("\(origin): \(kind.word) template: \(error)")
                return line
            }
        }
        return (lines, warnings)
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

/// The four templates in force.
public struct BounceTemplates: Sendable, Equatable {
    private var templates: [BounceTemplate.Kind: BounceTemplate] = [:]

    public subscript(kind: BounceTemplate.Kind) -> BounceTemplate {
        templates[kind] ?? Self.builtIn(kind)
    }

    /// The built-in texts.
    public init() {}

    /// The built-in texts, and those of bounce_template_file in their place. What is wrong with that file is a warning:
    /// notifications must not stop for it.
    public static func load(_ parameters: Parameters) -> (templates: BounceTemplates, warnings: [String]) {
        let path = parameters["bounce_template_file"]
        guard !path.isEmpty else { return (BounceTemplates(), []) }
        return load(file: path)
    }

    public static func load(file path: String) -> (templates: BounceTemplates, warnings: [String]) {
        do {
            return parse(String(decoding: try ConfigurationFile.read(path), as: UTF8.self), file: path)
        } catch {
            return (BounceTemplates(), ["\(error)"])
        }
    }

    /// Reads a template file. Total.
    public static func parse(_ text: String, file: String) -> (templates: BounceTemplates, warnings: [String]) {
        var result = BounceTemplates()
        var warnings: [String] = []
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
        if lines.last == "" { lines = lines.dropLast() }
        var number = 0
        while let line = lines.popFirst() {
            number += 1
            let trimmed = trim(line)
            if trimmed.isEmpty || trimmed.hasPrefix("#") { continue }
            guard let (name, marker) = opening(trimmed) else {
                warnings.append("\(file), line \(number): syntax error: \"\(trimmed)\"")
                continue
            }
            var body: [String] = []
            var closed = false
            while let inner = lines.popFirst() {
                number += 1
                if trimEnd(inner) == marker {
                    closed = true
                    break
                }
                body.append(inner)
            }
            if !closed {
                warnings.append("\(file): missing \"\(marker)\" end marker")
                break
            }
            guard let kind = BounceTemplate.Kind(rawValue: name) else {
                warnings.append("\(file), line \(number): unknown template name: \(name) -- ignored")
                continue
            }
            result.templates[kind] = template(kind, body, file: file, &warnings)
        }
        return (result, warnings)
    }

    /// `name = <<EOF`
    private static func opening(_ line: String) -> (name: String, marker: String)? {
        guard let equals = line.firstIndex(of: "=") else { return nil }
        let name = trim(String(line[..<equals]))
        let rest = trim(String(line[line.index(after: equals)...]))
        guard !name.isEmpty, rest.hasPrefix("<<") else { return nil }
        let marker = trim(String(rest.dropFirst(2)))
        return marker.isEmpty ? nil : (name, marker)
    }

    private static func template(
        _ kind: BounceTemplate.Kind, _ body: [String], file: String, _ warnings: inout [String]
    ) -> BounceTemplate {
        var template = builtIn(kind)
        template.origin = file
        var rest = body[...]
        while let line = rest.first, let colon = line.firstIndex(of: ":"), isHeaderName(line[..<colon]) {
            rest = rest.dropFirst()
            let value = trim(String(line[line.index(after: colon)...]))
            switch line[..<colon].lowercased() {
            case "charset": template.charset = value
            case "from": template.from = value
            case "subject": template.subject = value
            case "postmaster-subject":
                if template.postmasterSubject == nil {
                    warnings.append("\(file): \"\(line[..<colon])\" header label in \(kind.word) template -- ignored")
                } else {
                    template.postmasterSubject = value
                }
            default:
                warnings.append(
                    "\(file): unknown \"\(line[..<colon])\" header label in \(kind.word) template -- ignoring this header"
                )
            }
        }
        if let first = rest.first, trim(first).isEmpty { rest = rest.dropFirst() }
        template.text = Array(rest)
        return template
    }

    private static func isHeaderName(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }

    private static func trim(_ text: String) -> String {
        var rest = trimEnd(text)[...]
        while let first = rest.utf8.first, first == 0x20 || first == 0x09 { rest = rest.dropFirst() }
        return String(rest)
    }

    private static func trimEnd(_ text: String) -> String {
        var bytes = Array(text.utf8)
        while let last = bytes.last, last == 0x20 || last == 0x09 || last == 0x0d { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
