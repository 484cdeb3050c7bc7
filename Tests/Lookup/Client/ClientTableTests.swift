import Configuration
import Glibc
import MailSystem
import Testing

@testable import Lookup

/// Tables with servers behind them. The real servers are in the acceptance scenarios; here are the protocols.
@Suite struct ClientTableTests {
    @Test func sqliteAnswersAndQuotes() async throws {
        guard (try? SQLiteLibrary.load()) != nil else { return }
        let folder = TableFolder()
        guard
            system(
                "sqlite3 \(folder.path)/db 'create table t(k,v); insert into t values(\"a\",1),(\"a\",2)' 2>/dev/null")
                == 0
        else { return }
        let query = "query = SELECT v FROM t WHERE k = '%s'\n"
        let file = try folder.write("t.cf", "dbpath = \(folder.path)/db\n\(query)")
        let limited = try folder.write("u.cf", "dbpath = \(folder.path)/db\nexpansion_limit = 1\n\(query)")
        let test = TestOpener()
        let table = try test.opener.openOrThrow("sqlite:\(file)")
        #expect(try await table.find("A") == "1,2")
        #expect(try await table.find("b") == nil)
        #expect(try await table.find("x' OR '1'='1") == nil)
        await #expect(throws: LookupError.self) { try await test.maps("sqlite:\(limited)").find("a") }
        #expect(test.sink.contains("dict_sqlite_lookup: \(limited): Expansion limit exceeded for key 'a'"))
    }

    @Test func settingsMayStandInMainCf() async throws {
        guard (try? SQLiteLibrary.load()) != nil else { return }
        let folder = TableFolder()
        let parameters = Parameters(values: [
            "mydb": folder.path, "t_dbpath": "$mydb/db", "t_query": "SELECT '%s'",
        ])
        system("sqlite3 \(folder.path)/db 'create table t(k)' 2>/dev/null")
        guard Files.exists("\(folder.path)/db") else { return }
        let table = try TestOpener { $0.mainParameters = parameters }.opener.openOrThrow("sqlite:t")
        #expect(try await table.find("k") == "k")
    }

    static let mistakes: [(String, String, String)] = [
        ("pgsql", "hosts = h\nquery = x\n", "FILE: bad string length 0 < 1: dbname = "),
        ("pgsql", "hosts = h\ndbname = d\n", "FILE: bad string length 0 < 1: table = "),
        ("mysql", "dbname = d\nquery = %q\n", "db_common_parse: FILE: Invalid query template: %q"),
        ("mysql", "dbname = d\nquery = q\nresult_format = %z\n", "db_common_parse: FILE: Invalid result template: %z"),
        (
            "mysql", "dbname = d\nquery = q\nexpansion_limit = abc\n",
            "FILE: bad numerical configuration: expansion_limit = abc"
        ),
        ("ldap", "query_filter = (mail=%q)\n", "db_common_parse: FILE: Invalid query template: (mail=%q)"),
        ("sqlite", "query\n", "FILE, line 1: missing '=' after attribute name: \"query\""),
    ]

    @Test(arguments: mistakes) func saysWhatIsWrongWithTheSettings(_ type: String, _ text: String, _ reason: String)
        throws
    {
        // Without its library a type says so first.
        guard TestOpener.has(type) else { return }
        let folder = TableFolder()
        let file = try folder.write("t.cf", text)
        let wanted = TableOpenError(reason.replacing("FILE", with: file))
        #expect(throws: wanted) { try TestOpener().opener.openOrThrow("\(type):\(file)") }
    }

    @Test(arguments: [
        ("mongodb:/x", "unsupported dictionary type: mongodb; use pgsql:, mysql:, ldap: or socketmap: instead"),
        ("nisplus:x", "unsupported dictionary type: nisplus; use ldap: instead"),
        ("tcp:host", "host: missing"), ("socketmap:x", "socketmap requires server:socketmap argument"),
        ("socketmap:foo:a:b", "invalid transport name: foo in service: foo:a"),
        ("socketmap:unix:x", "need service transport:endpoint instead of \"unix\""),
        ("socketmap:inet::n", "need service transport:endpoint instead of \"inet:\""),
        ("tcp:host:", "host:: missing service information"), ("tcp:[::1]", "[::1]: missing service information"),
        ("tcp:[::1", "[::1: missing \"]\""), ("tcp:127.1:1", "127.1:1: valid hostname or network address required"),
        ("tcp:host:1x", "host:1x: garbage after numerical service"),
        ("dbm:x", "unsupported dictionary type: dbm; use hash: or lmdb: instead"),
        ("sdbm:x", "unsupported dictionary type: sdbm; use hash: or lmdb: instead"),
        ("netinfo:x", "unsupported dictionary type: netinfo; use ldap: instead"),
        ("nis:x", "unsupported dictionary type: nis; use ldap:, or unix: where the system's name service asks NIS"),
    ]) func refuses(_ table: String, _ reason: String) {
        do {
            _ = try TestOpener().opener.openOrThrow(table)
            #expect(table == "tcp:host", "a service name alone is on this host")
        } catch {
            #expect(error.reason.utf8.starts(with: reason.utf8), "\(error.reason)")
        }
    }

    @Test func aTCPServerAnswers() async throws {
        let server = try LineServer { line in
            switch line {
            case "get ok": "200 a%20b"
            case "get a%20b%25": "200 escaped"
            case "get later": "400 not%20now"
            default: "500 none"
            }
        }
        let test = TestOpener()
        let table = try test.opener.openOrThrow("tcp:127.0.0.1:\(server.port)")
        #expect(try await table.find("ok") == "a b")
        #expect(try await table.find("a b%") == "escaped")
        #expect(try await table.find("other") == nil)
        await #expect(throws: LookupError(table: table.name, reason: "not now")) { try await table.find("later") }
    }

    @Test func directoryReferencesAreNamesOrURLs() throws {
        let name = try #require(LDAPReference(Array("cn=x,dc=example".utf8)))
        #expect(name.base == "cn=x,dc=example" && name.scope == 0)
        let url = try #require(LDAPReference(Array("ldap://h/dc=e%20x?mail,uid?sub?(cn=*)".utf8)))
        #expect(url.base == "dc=e x" && url.attributes == ["mail", "uid"] && url.scope == 2 && url.filter == "(cn=*)")
        #expect(LDAPReference(Array("ldap:///dc=x??nonsense".utf8)) == nil)
        #expect(LDAPClient.quotedFilter(Array("a*(b)\\".utf8)).text == "a\\2a\\28b\\29\\5c")
        #expect(LDAPClient.quotedName(Array("a,b".utf8)).text == "a\\2cb")
    }

    @Test func aHostThatFailedIsLeftAloneAndSocketsComeFirst() {
        let hosts = HostList("one:1 unix:/s inet:two:2", retrySeconds: 60)
        #expect(hosts.hosts.map(\.host) == ["one", "/s", "two"])
        #expect(hosts.next(excluding: []) == 1)
        hosts.markDown(1)
        hosts.markDown(0)
        #expect(hosts.next(excluding: []) == 2)
        #expect(hosts.next(excluding: [2]) == nil)
    }
}

extension TestOpener {
    /// The library of the type is there.
    static func has(_ type: String) -> Bool {
        switch type {
        case "pgsql": (try? PostgreSQLLibrary.load()) != nil
        case "mysql": (try? MySQLLibrary.load()) != nil
        case "ldap": (try? LDAPLibrary.load()) != nil
        case "sqlite": (try? SQLiteLibrary.load()) != nil
        default: true
        }
    }
}
