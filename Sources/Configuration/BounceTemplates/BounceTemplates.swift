/// The four templates in force.
public struct BounceTemplates: Sendable, Equatable {
    private var templates: [BounceTemplate.Kind: BounceTemplate] = [:]

    public subscript(kind: BounceTemplate.Kind) -> BounceTemplate {
        get { templates[kind] ?? Self.builtIn(kind) }
        set { templates[kind] = newValue }
    }

    /// The built-in texts.
    public init() {}

    /// What a file gave.
    public struct Loaded: Sendable, Equatable {
        public var templates = BounceTemplates()
        /// In Postfix's words.
        public var warnings: [String] = []
        /// Why the rest of the file was not read. Postfix' bounce program ends there.
        public var failure: String?

        public init() {}
    }

    /// The built-in texts, and those of bounce_template_file in their place. What is wrong with that file is a warning:
    /// notifications must not stop for it.
    public static func load(_ parameters: Parameters) -> Loaded {
        let path = parameters["bounce_template_file"]
        return path.isEmpty ? Loaded() : load(file: path)
    }

    public static func load(file path: String) -> Loaded {
        do {
            return parse(String(decoding: try ConfigurationFile.read(path), as: UTF8.self), file: path)
        } catch {
            var loaded = Loaded()
            loaded.warnings = ["\(error)"]
            return loaded
        }
    }

    /// Reads a template file: bounce(5). Total.
    public static func parse(_ text: String, file: String) -> Loaded {
        var reader = BounceTemplateReader(text, file: file)
        reader.run()
        return reader.result
    }
}

/// A template file: `name = <<MARK`, lines, `MARK`; or a text of one line behind the equals sign.
private struct BounceTemplateReader {
    private var lines: ArraySlice<String>
    private let file: String
    /// Of the line that comes next.
    private var number = 1
    var result = BounceTemplates.Loaded()

    init(_ text: String, file: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
        if lines.last == "" { lines = lines.dropLast() }
        self.file = file
    }

    private mutating func next() -> String? {
        guard let line = lines.popFirst() else { return nil }
        number += 1
        return line
    }

    mutating func run() {
        while result.failure == nil, let line = next() {
            let visible = Self.trim(line)
            if visible.isEmpty || visible.hasPrefix("#") { continue }
            guard let equals = line.firstIndex(of: "=") else {
                return fail("missing '=' after attribute name: \"\(line)\"")
            }
            let name = Self.trim(String(line[..<equals]))
            if name.isEmpty { return fail("missing attribute name: \"\(line)\"") }
            guard let body = body(Self.trim(String(line[line.index(after: equals)...]))) else { return }
            guard let kind = BounceTemplate.Kind(rawValue: name) else {
                warn("line \(number): unknown template name: \(name) -- ignoring this template")
                continue
            }
            // The last one of a name counts, also when it is ignored.
            result.templates[kind] = template(kind, body) ?? BounceTemplates.builtIn(kind)
        }
    }

    private mutating func fail(_ text: String) { result.failure = "\(file), line \(number): \(text)" }

    private mutating func warn(_ text: String) {
        result.warnings.append(text.hasPrefix("line ") ? "\(file), \(text)" : "\(file): \(text)")
    }

    private mutating func body(_ value: String) -> [String]? {
        guard value.hasPrefix("<<") else { return [value] }
        let marker = Self.trim(String(value.dropFirst(2)))
        if marker.isEmpty {
            fail("missing end marker after <<")
            return nil
        }
        var body: [String] = []
        while let line = next() {
            if line == marker { return body }
            body.append(line)
        }
        warn("line \(number): missing \"\(marker)\" end marker")
        return body
    }

    /// Nil, after a warning, for a template that cannot be used.
    private mutating func template(_ kind: BounceTemplate.Kind, _ body: [String]) -> BounceTemplate? {
        var template = BounceTemplates.builtIn(kind)
        template.origin = file
        var rest = body.drop { Self.trim($0).isEmpty }
        while let line = rest.first, let (label, value) = Self.header(line) {
            rest = rest.dropFirst()
            if let problem = set(label, value, in: &template) {
                warn("\(problem) in \(kind.word) template -- ignoring this template")
                return nil
            }
        }
        rest = rest.drop { Self.trim($0).isEmpty }
        if rest.isEmpty {
            warn("missing message text in \(kind.word) template -- ignoring this template")
            return nil
        }
        if template.charset.lowercased() == "us-ascii", rest.contains(where: { $0.utf8.contains { $0 >= 0x80 } }) {
            warn("8-bit message text in \(kind.word) template")
            result.warnings += [
                "please specify a charset value other than us-ascii", "-- ignoring this template for now",
            ]
            return nil
        }
        template.text = Array(rest)
        return template
    }

    /// - Returns: what is wrong.
    private func set(_ label: String, _ value: String, in template: inout BounceTemplate) -> String? {
        let name = label.lowercased()
        guard ["charset", "from", "subject", "postmaster-subject"].contains(name) else {
            return "unknown \"\(label)\" header label"
        }
        if name == "postmaster-subject", template.postmasterSubject == nil {
            return "inapplicable \"\(label)\" header label"
        }
        if value.isEmpty { return "empty \"\(label)\" header value" }
        if value.utf8.contains(where: { $0 >= 0x80 }) { return "non-ASCII \"\(label)\" header value" }
        switch name {
        case "charset": template.charset = value
        case "from": template.from = value
        case "subject": template.subject = value
        default: template.postmasterSubject = value
        }
        return nil
    }

    /// `Label: value`; blanks may stand before the colon, and not in the label (RFC 822 §3.2).
    private static func header(_ line: String) -> (label: String, value: String)? {
        guard let colon = line.firstIndex(of: ":") else { return nil }
        let label = trimEnd(String(line[..<colon]))
        guard !label.isEmpty, label.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        return (label, trim(String(line[line.index(after: colon)...])))
    }

    private static func trim(_ text: String) -> String {
        var rest = trimEnd(text)[...]
        while let first = rest.utf8.first, first == 0x20 || first == 0x09 { rest = rest.dropFirst() }
        return String(rest)
    }

    private static func trimEnd(_ text: String) -> String {
        var bytes = Array(text.utf8)
        while let last = bytes.last, last == 0x20 || (last >= 0x09 && last <= 0x0d) { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
