import Configuration
import Foundation
import Lookup
import MailSyntax
import Routing

/// Tables that give addresses for addresses.
enum AddressMapHarness {
    private struct Case: Decodable {
        var name: String
        var table: String
        var propagate: Bool
        var recipient_delimiter: String
        var in_form: String
        var query_form: String
        var out_form: String
        var address: String
    }

    private static func table(
        _ parameter: String, feature: String, _ values: [(String, String)], _ console: Console
    ) -> AddressMapTable {
        let parameters = HarnessHome.parameters.with(overrides: values.map { (name: $0.0, value: $0.1) })
        let opener = TableOpener(settings: TableSettings(), log: console.log)
        return AddressMapTable(
            parameter, extensionFeature: feature, parameters, opener: opener,
            localDomains: LocalDomains(parameters, opener: opener), rewriter: AddressRewriter(parameters),
            log: console.log)
    }

    private static func inside(_ address: String, _ form: String) -> String {
        form.hasPrefix("external") ? EmailAddress.unquote(address) : address
    }

    private static func outside(_ address: String, _ form: String) -> String {
        form.hasPrefix("external") ? EmailAddress.quoted(address) : address
    }

    static func map(_ console: Console) async {
        for line in console.lines() {
            guard let test = try? JSONDecoder().decode(Case.self, from: Data(line.utf8)) else {
                console.log.warning("bad case: \(line)")
                continue
            }
            let table = table(
                "virtual_alias_maps", feature: "virtual",
                [
                    ("virtual_alias_maps", test.table), ("recipient_delimiter", test.recipient_delimiter),
                    ("propagate_unmatched_extensions", test.propagate ? "virtual" : ""),
                ], console)
            let results = (try? await table.map(inside(test.address, test.in_form))) ?? nil
            let text = results.map { "|" + $0.map { outside($0, test.out_form) }.joined(separator: "|") + "|" }
            console.print("\(test.name): \(text ?? "(none)")")
        }
    }

    static func crunch(_ console: Console) async {
        let lines = console.lines()
        guard lines.count >= 3 else { console.fatal("need input form, output form and extension") }
        let tail = lines[2].isEmpty ? nil : lines[2]
        for line in lines.dropFirst(3) {
            let list = lines[0].hasPrefix("external") ? line : EmailAddress.quoted(line)
            for address in AddressListParser.addresses(list.utf8) {
                let complete = AddressMapTable.complete(address, from: "", extensionText: tail)
                console.print("|\(outside(complete, lines[1]))|")
            }
        }
    }

    /// smtp_generic_maps
    static func generic(_ console: Console) async {
        var maps = ""
        for octets in console.logicalLines() {
            let line = String(decoding: octets, as: UTF8.self)
            if line.isEmpty || line.hasPrefix("#") { continue }
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            if parts[0] == "maps" {
                maps = parts[1]
                console.print(maps)
                continue
            }
            let fields = parts[1].split(separator: ":", maxSplits: 1).map(String.init)
            let form = parts[0] == "internal" ? "internal" : "external"
            let table = table(
                "smtp_generic_maps", feature: "generic",
                [("smtp_generic_maps", maps), ("propagate_unmatched_extensions", "generic")], console)
            var result = "(error)"
            do {
                let addresses =
                    parts[0] == "tree" ? AddressListParser.addresses(fields[0].utf8) : [inside(fields[0], form)]
                let found = try await table.map(addresses.first ?? "")
                result = found?.first.map { outside($0, form) } ?? "(no match)"
            } catch {}
            console.print("\(parts[0]):\(fields[0]) -> \(result)")
            if fields.count > 1, fields[1] != result {
                console.log.warning("unexpected mapping: \(fields[0]) -> \(result), expected \(fields[1])")
            }
        }
    }
}
