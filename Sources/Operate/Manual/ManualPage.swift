import CommandReference

/// A manual page, made from its source text and the tables of options and parameters.
///
/// The source is plain text. Its first line is `name(section) - what it is`. `## HEADING` and `### Heading` begin
/// sections, `= term` an item whose text follows, an indented line is an example. `@options NAME`, `@subcommands NAME`,
/// `@parameters PROGRAM` and `@catalogue` put tables in.
public struct ManualPage {
    public let name: String
    public let section: String
    public let summary: String
    private let body: [Substring]

    /// Nil when the first line is not as it must be.
    public init?(_ source: String) {
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        guard let title = lines.first, let open = title.firstIndex(of: "("), let close = title.firstIndex(of: ")"),
            open < close, let dash = title.firstRange(of: " - ")
        else { return nil }
        name = String(title[..<open])
        section = String(title[title.index(after: open)..<close])
        summary = String(title[dash.upperBound...])
        body = Array(lines.dropFirst())
    }

    /// In man(7).
    public var roff: String {
        var output = [
            ".TH \(Roff.escaped(name).uppercased()) \(section) \"\" Apus \"Apus Manual\"", ".ad l", ".nh", ".SH NAME",
            "\(Roff.escaped(name)) \\- \(Roff.inline(summary))",
        ]
        var isExample = false
        var wantsParagraph = false
        func endExample() {
            if isExample { output += [".fi", ".RE"] }
            isExample = false
        }
        for line in body {
            if line.first == " " {
                if !isExample { output += [".RS", ".nf"] }
                isExample = true
                output.append(Roff.verbatim(String(line.drop { $0 == " " })))
                continue
            }
            if line.isEmpty, isExample { continue }
            endExample()
            if line.isEmpty {
                wantsParagraph = true
                continue
            }
            if line.hasPrefix("## ") {
                output.append(".SH \(Roff.escaped(String(line.dropFirst(3))))")
            } else if line.hasPrefix("### ") {
                output.append(".SS \(Roff.escaped(String(line.dropFirst(4))))")
            } else if line.hasPrefix("= ") {
                output += Self.item(String(line.dropFirst(2)), text: nil)
            } else if line.hasPrefix("@") {
                output += Self.table(String(line.dropFirst()))
            } else {
                if wantsParagraph, output.last.map({ !$0.hasPrefix(".S") }) == true { output.append(".PP") }
                output.append(Roff.line(String(line)))
            }
            wantsParagraph = false
        }
        endExample()
        return output.joined(separator: "\n") + "\n"
    }

    static func item(_ term: String, text: String?) -> [String] {
        [".TP", Roff.line(term.contains("`") ? term : "`\(term)`")] + (text.map { [Roff.line($0)] } ?? [])
    }

    private static func table(_ request: String) -> [String] {
        let words = request.split(separator: " ").map(String.init)
        switch (words.first, words.count > 1 ? words[1] : "") {
        case ("options", let name):
            return CommandSynopsis.find(name)?.options.flatMap(Self.item) ?? []
        case ("subcommands", let name):
            return CommandSynopsis.find(name)?.subcommands.flatMap { item("`\($0.name)`", text: $0.text) } ?? []
        case ("parameters", let program): return ParameterTables.readBy(program)
        case ("catalogue", _): return ParameterTables.catalogue
        default: return []
        }
    }

    private static func item(_ option: CommandOption) -> [String] {
        let separator = option.isAttached ? "" : " "
        let term = option.argument.isEmpty ? "`\(option.word)`" : "`\(option.word)`\(separator)*\(option.argument)*"
        return item(
            option.isAttached ? "`\(option.word)\(option.argument)`" : term, text: option.text)
    }
}
