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

/// A server that a chroot may hide is asked elsewhere, a file is not.
@Suite struct RemoteProxyTableTests {
    private func opener(_ allowed: String, _ answer: ProxyLookup?) -> TableOpener {
        TableOpener(
            parameters: Parameters(values: ["proxy_read_maps": allowed]),
            log: MailLog(tag: "test", sink: MemoryLogSink()), systemDatabase: nil, proxy: answer)
    }

    private let socketmap = "socketmap:unix:/nowhere:x"

    @Test func theOtherSideAnswers() async throws {
        let table = opener("proxy:\(socketmap)") { (table, options, key) async throws(LookupError) in
            key == Array("joe".utf8) ? Array("\(table) \(options.contains(.foldKeys))".utf8) : nil
        }.open("proxy:\(socketmap)")
        #expect(try await table.find("joe") == "\(socketmap) true")
        #expect(try await table.find("jim") == nil)
        #expect(table.takesWholeKeyOnly)
    }

    @Test func noAnswerIsNotNotFound() async {
        let table = opener("proxy:\(socketmap)") { (_, _, _) async throws(LookupError) in
            throw LookupError(table: "x", reason: "down")
        }.open("proxy:\(socketmap)")
        await #expect(throws: LookupError(table: "proxy:\(socketmap)", reason: "down")) { try await table.find("joe") }
    }

    @Test func filesAndOtherTablesAreNotAsked() async throws {
        let opener = opener("proxy:inline:{joe=here}") { (_, _, _) async throws(LookupError) in
            throw LookupError(table: "x", reason: "asked")
        }
        #expect(try await opener.open("proxy:inline:{joe=here}").find("joe") == "here")
    }

    @Test func whatIsListedIsFoundForOthers() async throws {
        let opener = opener("proxy:inline:{joe=here}", nil)
        let key = Array("JOE".utf8)
        #expect(try await opener.findProxied("inline:{joe=here}", options: .standard, key) == Array("here".utf8))
        await #expect(throws: LookupError.self) {
            try await opener.findProxied("inline:{joe=there}", options: .standard, key)
        }
    }
}
