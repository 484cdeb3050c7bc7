import Glibc
import Testing

/// Dialogues with known answers, from the directory that APUS_CORPUS names (its `internal` folder); skipped without.
@Suite(.enabled(if: getenv("APUS_CORPUS") != nil))
struct CorpusTests {
    @Test(arguments: [
        ("smtpd_acl", "smtpd_acl.in", "smtpd_acl.ref"),
        ("smtpd_check_dsn", "smtpd_check_dsn.in", "smtpd_check_dsn.ref"),
        ("smtpd_check_test4", "smtpd_check.in4", "smtpd_check.ref4"),
        ("smtpd_nullmx", "smtpd_nullmx.in", "smtpd_nullmx.ref"),
    ])
    func answersAsExpected(folder: String, script: String, reference: String) async throws {
        let corpus = String(cString: getenv("APUS_CORPUS"))
        let folder = "\(corpus)/internal/\(folder)"
        let runner = ScriptRunner(zone: try text("\(corpus)/internal/zone.txt"))
        // texthash reads the source that the case makes a hash: table of.
        let input = try text("\(folder)/\(script)").replacing("hash:./", with: "hash:")
            .replacing("hash:", with: "texthash:\(folder)/")
        await runner.run(input)
        let ours = runner.output.map {
            $0.replacing("texthash:\(folder)/", with: "hash:").replacing("hash:./", with: "hash:")
        }
        let theirs = try text("\(folder)/\(reference)").split(separator: "\n").map {
            $0.replacing("./smtpd_check: ", with: "").replacing("hash:./", with: "hash:")
                // The C library's words, which differ from system to system.
                .replacing("hostname nor servname provided, or not known", with: "Name or service not known")
        }
        for (line, (left, right)) in zip(ours, theirs).enumerated() { #expect(left == right, "line \(line + 1)") }
        #expect(ours.count == theirs.count)
    }

    private func text(_ path: String) throws -> String {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[0..<count]
        }
    }
}
