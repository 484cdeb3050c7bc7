import Glibc
import MailSystem
import Testing

/// The files in Scripts: dialogues with the answers that Debian's smtpd gave to the same commands under the same settings.
struct DialogueTests {
    @Test(arguments: [
        "stages",  // warnings and deferrals
        "access",  // every action of access-table.txt
        "unlisted",  // listed and unlisted addresses
    ])
    func answersAsDebiansServer(_ name: String) async throws {
        var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer {
            unlink("\(directory)/access")
            rmdir(directory)
        }
        try Files.writeAtomically(Self.script("access-table"), to: "\(directory)/access")
        let expected = String(decoding: try Self.script(name), as: UTF8.self).split(separator: "\n").map(String.init)
        let commands = expected.filter { $0.hasPrefix(">>> ") }.map { $0.dropFirst(4) }
        let runner = ScriptRunner(zone: "")
        await runner.run(commands.joined(separator: "\n").replacing("TABLE", with: "texthash:\(directory)/access"))
        let ours = runner.output.map { $0.replacing("texthash:\(directory)/access", with: "TABLE") }
        var command = ""
        for (left, right) in zip(ours, expected) {
            if right.hasPrefix(">>> ") { command = right }
            #expect(left == right, "after \(command)")
        }
        #expect(ours.count == expected.count)
    }

    private static func script(_ name: String, file: String = #filePath) throws -> [UInt8] {
        let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return try Files.read("\(folder)/Scripts/\(name).txt", limit: 1 << 20)
    }
}
