import Glibc
import Testing

@testable import Configuration

/// Expansions with known results, from the directory that APUS_CORPUS names; skipped without.
@Suite(.enabled(if: getenv("APUS_CORPUS") != nil))
struct MacroCorpusTests {
    @Test(arguments: ["mac_expand", "compat_level_expand"])
    func expandsAsExpected(_ name: String) throws {
        let path = "\(String(cString: getenv("APUS_CORPUS")))/internal/\(name)/\(name).ref"
        let text = String(decoding: try ConfigurationFile.read(path), as: UTF8.self)
        var values: [String: String] = [:]
        var defining = true
        var pattern: Substring?
        var compared = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("<< ") || line == "<<" {
                let input = line.dropFirst(3)
                if defining {
                    if input.isEmpty {
                        defining = false
                    } else if let (key, value) = try? NameValue.split(String(input)) {
                        values[key] = value
                    }
                } else if input.isEmpty {
                    defining = true
                    values = [:]
                } else {
                    pattern = input
                }
            } else if line.hasPrefix("stat="), let input = pattern {
                // Operators and functions that main.cf does not have.
                if input.contains("length") || input.contains("test_named_fn") { continue }
                let expected = line.drop { $0 != "=" }.dropFirst().drop { $0 != "=" }.dropFirst()
                let failed = ["1", "3"].contains(line.dropFirst(5).prefix(1))
                let ours = try? MacroText.expand(String(input)) { (name) throws(MacroError) in values[name] }
                #expect(failed ? ours == nil : ours == String(expected), "\(input)")
                compared += 1
            }
        }
        #expect(compared > 10)
    }
}
