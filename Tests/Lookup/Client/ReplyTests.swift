import Glibc
import MailSystem
import Testing

@testable import Lookup

/// What tcp_table(5), socketmap_table(5) and memcache_table(5) servers may answer, and what they may not. Debian's postmap
/// says the same of each reply.
@Suite struct ReplyTests {
    /// A reply, the value (nil: none), and what the log says when the lookup fails.
    typealias Reply = (reply: String, value: String?, complaint: String?)

    static let tcpReplies: [Reply] = [
        ("200 value\n", "value", nil), ("200 a%20b%25%2d%2D\n", "a b%--", nil), ("200\tvalue\n", "value", nil),
        ("200  two\n", " two", nil), ("200 x\r\n", "x\r", nil), ("200 x%00y\n", "x", nil), ("200 x\0y\n", "x", nil),
        ("200 trailing  \n", "trailing  ", nil), ("500 none\n", nil, nil), ("500 \n", nil, nil),
        ("200 bad%zz\n", nil, "malformed reply: 200 bad%zz"), ("200 cut%2\n", nil, "malformed reply: 200 cut%2"),
        ("200\n", nil, "malformed reply: 200"), ("2000 x\n", nil, "malformed reply: 2000 x"),
        (" 200 x\n", nil, "malformed reply:  200 x"), ("300 x\n", nil, "bad status code: 300 x"),
        ("\n", nil, "malformed reply: "), ("400 later\n", nil, ""),
    ]

    @Test(arguments: tcpReplies) func tcp(_ reply: Reply) async throws {
        let server = try LineServer(endingWith: 0x0A) { _ in Array(reply.reply.utf8) }
        try await check("tcp:127.0.0.1:\(server.port)", reply)
    }

    private func check(_ name: String, _ reply: Reply) async throws {
        let test = TestOpener()
        let table = try test.opener.openOrThrow(name)
        if let complaint = reply.complaint {
            await #expect(throws: LookupError.self) { try await table.find("k") }
            #expect(test.sink.texts.joined().utf8.reversed().starts(with: complaint.utf8.reversed()))
        } else {
            #expect(try await table.find("k") == reply.value)
            #expect(test.sink.texts == [])
        }
    }

    /// tcp_table(5): 4096 characters with the newline.
    @Test func tcpRepliesAreNoLongerThan4096() throws {
        let server = try LineServer(endingWith: 0x0A) { request in
            Array("200 ".utf8) + Array(repeating: UInt8(ascii: "v"), count: request.last == 0x31 ? 4091 : 4092) + [0x0A]
        }
        let test = TestOpener()
        let endpoint = try ClientEndpoint(hostAndPort: "127.0.0.1:\(server.port)")
        let client = TCPClient(endpoint, "server", test.opener.log, attempts: 1)
        #expect(try client.find(Array("key1".utf8)).get()?.count == 4091)
        #expect(throws: LookupError.self) { try client.find(Array("key2".utf8)).get() }
        #expect(test.sink.texts == ["warning: read TCP map reply from server: text longer than 4096"])
    }

    @Test func tcpKeysAreEncoded() async throws {
        let server = try LineServer { "200 \($0.replacing("%", with: "%25"))" }
        let table = try TestOpener().opener.openOrThrow("tcp:127.0.0.1:\(server.port)")
        #expect(try await table.find("A b%\té/x@y") == "get A%20b%25%09%C3%A9/x@y")
    }

    static let socketmapReplies: [Reply] = [
        ("8:OK value,", "value", nil), ("08:OK value,", "value", nil), ("7:OK  two,", " two", nil),
        ("6:OK a\0b,", "a", nil),
        ("2:OK,", nil, nil), ("9:NOTFOUND ,", nil, nil), ("8:NOTFOUND,", nil, nil),
        ("6:TEMP a,", nil, "socketmap server temporary error: a"), ("4:TEMP,", nil, "socketmap server temporary error"),
        ("8:TIMEOUT ,", nil, "socketmap server timeout error"),
        ("8:PERM  xy,", nil, "socketmap server permanent error: xy"),
        ("4:ok v,", nil, "socketmap server unknown error: v"), ("0:,", nil, "socketmap server unknown error"),
        ("5: OK x,", nil, "socketmap server unknown error: OK x"),
        ("8:OK value;", nil, "lookup error: input format error"),
        (":OK v,", nil, "lookup error: input format error"), ("4:OK value,", nil, "lookup error: input format error"),
        ("100001:", nil, "lookup error: input exceeds size limit"),
        ("99999999999999999999999:", nil, "lookup error: input exceeds size limit"),
    ]

    @Test(arguments: socketmapReplies) func socketmap(_ reply: Reply) async throws {
        let server = try LineServer(endingWith: UInt8(ascii: ",")) { _ in Array(reply.reply.utf8) }
        try await check("socketmap:inet:127.0.0.1:\(server.port):m", reply)
    }

    /// postconf(5), socketmap_max_query_size: without the map's name.
    @Test func socketmapQueriesThatAreTooLongAreNotMade() async throws {
        let server = try LineServer(endingWith: UInt8(ascii: ",")) { _ in Array("4:OK x,".utf8) }
        let test = TestOpener()
        let table = try test.opener.openOrThrow("socketmap:inet:127.0.0.1:\(server.port):m")
        #expect(try await table.find(String(repeating: "k", count: 10_000)) == "x")
        #expect(test.sink.texts == [])
        #expect(try await table.find(String(repeating: "k", count: 10_001)) == nil)
        #expect(test.sink.contains("query of 10001 octets exceeds socketmap_max_query_size"))
    }

    /// What a server says too much is not the answer to the next question, and one that hangs up is asked anew.
    @Test(arguments: [false, true]) func eachQuestionHasItsOwnAnswer(hangsUp: Bool) async throws {
        let line = try LineServer(endingWith: 0x0A, hangsUp: hangsUp) {
            Array("200 ".utf8) + $0 + Array("\n200 stale\n".utf8)
        }
        let net = try LineServer(endingWith: UInt8(ascii: ","), hangsUp: hangsUp) { request in
            Array("\(request.count + 3):OK ".utf8) + request + Array(",8:OK stale,".utf8)
        }
        let cache = try LineServer(endingWith: 0x0A, hangsUp: hangsUp) { request in
            let key = request.dropFirst(4).dropLast()
            return Array("VALUE k 0 \(key.count)\r\n".utf8) + key + Array("\r\nEND\r\nEND\r\n".utf8)
        }
        let folder = TableFolder()
        let file = try folder.write("m.cf", "memcache = inet:127.0.0.1:\(cache.port)\n")
        for (name, answer) in [
            ("tcp:127.0.0.1:\(line.port)", "get "), ("socketmap:inet:127.0.0.1:\(net.port):m", "5:m "),
            ("memcache:\(file)", ""),
        ] {
            let table = try TestOpener().opener.openOrThrow(name)
            for key in ["abc", "def", "ghi"] { #expect(try await table.find(key) == answer + key, "\(name)") }
        }
    }

    static let cacheReplies: [Reply] = [
        ("VALUE k 0 5\r\nvalue\r\nEND\r\n", "value", nil), ("END\r\n", nil, nil),
        ("VALUE k 0 5 7\r\nva\0ue\r\nEND\r\n", "va", nil),
        ("ERROR\r\n", nil, "unexpected memcache server reply: ERROR"),
        ("VALUE k 0 x\r\nvalue\r\nEND\r\n", nil, "unexpected memcache server reply: VALUE k 0 x"),
        ("VALUE k 0 10241\r\n", nil, "unexpected memcache server reply: VALUE k 0 10241"),
        ("VALUE k 0 4\r\nvalue\r\nEND\r\n", nil, "EOF receiving memcache server reply"),
    ]

    @Test(arguments: cacheReplies) func memcache(_ reply: Reply) async throws {
        let server = try LineServer(endingWith: 0x0A) { _ in Array(reply.reply.utf8) }
        let folder = TableFolder()
        let file = try folder.write("m.cf", "memcache = inet:127.0.0.1:\(server.port)\nmax_try = 1\n")
        try await check("memcache:\(file)", reply)
    }

    @Test func aCacheIsListedByItsBackup() throws {
        let folder = TableFolder()
        let file = try folder.write("m.cf", "memcache = inet:127.0.0.1:1\nbackup = inline:{a=b}\n")
        let table = try #require(
            try TestOpener().opener.openUnchecked(TableSpecification("memcache:\(file)")) as? any ListableTable)
        var entries: [String] = []
        try table.forEach { entries.append("\($0.text)=\($1.text)") }
        #expect(entries == ["a=b"])
    }
}
