import Configuration
import MailSystem
import TestSupport
import Testing

@testable import Lookup

/// What a chroot hides is asked elsewhere, through `proxy:` too.
@Suite struct RemoteUnixTableTests {
    private func opener(_ answer: @escaping SystemDatabase) -> TableOpener {
        TableOpener(
            parameters: Parameters(values: ["proxy_read_maps": "proxy:unix:passwd.byname"]),
            log: MailLog(tag: "test", sink: MemoryLogSink()), systemDatabase: answer)
    }

    @Test(arguments: ["unix:passwd.byname", "proxy:unix:passwd.byname"])
    func theOtherSideAnswers(specification: String) async throws {
        let table = opener { (database, key) async throws(LookupError) in
            key == "joe" ? "\(database) of joe" : nil
        }.open(specification)
        #expect(try await table.find("joe") == "passwd.byname of joe")
        #expect(try await table.find("jim") == nil)
    }

    @Test func noAnswerIsNotNotFound() async {
        let table = opener { (_, _) async throws(LookupError) in
            throw LookupError(table: "unix:passwd.byname", reason: "down")
        }.open("unix:passwd.byname")
        await #expect(throws: LookupError.self) { try await table.find("joe") }
    }

    @Test func theLocalDatabase() throws {
        #expect(try LocalSystemDatabase.find("passwd.byname", "root")?.hasPrefix("root:") == true)
        #expect(try LocalSystemDatabase.find("passwd.byname", "nobody-at-all") == nil)
        #expect(throws: LookupError.self) { try LocalSystemDatabase.find("shadow.byname", "root") }
    }
}
