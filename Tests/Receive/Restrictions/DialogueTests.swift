import Glibc
import Testing

/// Dialogues with the answers that Debian's smtpd gave to the same commands under the same settings.
struct DialogueTests {
    @Test(arguments: Dialogues.all)
    func answersAsDebiansServer(_ dialogue: Dialogue) async throws {
        var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer {
            unlink("\(directory)/access")
            rmdir(directory)
        }
        let file = try #require(fopen("\(directory)/access", "w"))
        fputs(Dialogues.table, file)
        fclose(file)
        let commands = dialogue.text.split(separator: "\n").filter { $0.hasPrefix(">>> ") }.map { $0.dropFirst(4) }
        let runner = ScriptRunner(zone: "")
        await runner.run(commands.joined(separator: "\n").replacing("TABLE", with: "texthash:\(directory)/access"))
        let ours = runner.output.map { $0.replacing("texthash:\(directory)/access", with: "TABLE") }
        let expected = dialogue.text.split(separator: "\n").map(String.init)
        var command = ""
        for (left, right) in zip(ours, expected) {
            if right.hasPrefix(">>> ") { command = right }
            #expect(left == right, "after \(command)")
        }
        #expect(ours.count == expected.count)
    }
}

struct Dialogue: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String

    var testDescription: String { name }
}
