import Glibc
import MailSyntax
import MailSystem
import TestSupport

@testable import Lookup

extension FuzzTarget {
    static let opener = TableOpener(
        settings: TableSettings(), log: MailLog(tag: "fuzz", sink: DiscardingSink()))

    struct DiscardingSink: LogSink {
        func write(_ record: LogRecord) {}
    }

    /// A file that only this process sees.
    static func withFile(_ bytes: [UInt8], suffix: String = "", _ body: (_ path: String) -> Void) {
        let path = "/dev/shm/apus-fuzz-\(getpid())"
        let descriptor = open(path + suffix, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { fatalError("no shared memory") }
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        body(path)
        unlink(path + suffix)
    }

    static let keys: [[UInt8]] = ["a", "foo@example.com", "example.com", "192.0.2.1", ""].map { Array($0.utf8) }

    /// hash: and btree: files: every page is checked, time and memory are bounded by the size of the file.
    static let berkeley = FuzzTarget("berkeley-db") { input in
        withFile(input) { path in
            guard let lock = TableLock(path: path, writing: false) else { fatalError("no file") }
            for map in [nil, FileMap(lock.descriptor, size: input.count)] {
                let pages = try? BerkeleyPages(descriptor: lock.descriptor, cacheSize: 1 << 16, map: map)
                guard let pages else { return }
                for key in keys {
                    for tail in [[], [UInt8(0)]] {
                        let value = try? pages.get(key + tail)
                        require(value?.count ?? 0 <= input.count, "a value is in the file")
                    }
                }
            }
        }
    }

    static let constantDB = FuzzTarget("cdb") { input in
        withFile(input) { path in
            for isMapped in [false, true] {
                guard let lock = TableLock(path: path, writing: false),
                    let file = try? ConstantFile(lock, isMapped: isMapped)
                else { continue }
                for key in keys {
                    let value = try? file.get(key)
                    require(value?.count ?? 0 <= input.count, "a value is in the file")
                }
                var total = 0
                try? file.forEach { total += $0.count + $1.count }
                require(total <= input.count, "entries are in the file")
            }
        }
    }

    /// Sources of postmap, texthash, and lists.
    static let tableSource = FuzzTarget("table-source") { input in
        for options in [TableOptions.standard, [.standard, .utf8]] {
            var reader = SourceReader("x", input, options: options)
            var total = 0
            while let entry = reader.next(warn: { _ in }) {
                require(!entry.key.isEmpty, "a key")
                total += entry.key.count + entry.value.count
            }
            require(total <= input.count, "entries come from the file")
        }
        lookUp("texthash", input)
        let text = String(decoding: input, as: UTF8.self)
        _ = ListSyntax.split(text)
        if !text.contains(":"), !text.contains("/") {
            let list = NetworkList(text, name: "x", opener: opener)
            _ = list
        }
        _ = try? opener.openOrThrow("inline:{\(text)}")
    }

    static let cidr = FuzzTarget("cidr") { lookUp("cidr", $0) }
    static let pcre = FuzzTarget("pcre") { if isModest($0) { lookUp("pcre", $0) } }
    static let regexp = FuzzTarget("regexp") { if isModest($0) { lookUp("regexp", $0) } }

    /// Repetitions of repetitions take the C library's regcomp and matchers exponential memory and time. Only the
    /// administrator can write them.
    private static func isModest(_ source: [UInt8]) -> Bool {
        let repeats = Set("*+?{})".utf8)
        var count = 0
        for (byte, next) in zip(source, source.dropFirst()) {
            if repeats.contains(byte), repeats.contains(next) { return false }
            if byte == UInt8(ascii: "{"), next >= 0x30, next <= 0x39 { return false }
            if byte == UInt8(ascii: "*") || byte == UInt8(ascii: "+") { count += 1 }
        }
        return count <= 8
    }

    private static func lookUp(_ type: String, _ source: [UInt8]) {
        withFile(source) { path in
            guard let table = try? opener.openUnchecked(TableSpecification(type: type, name: path)),
                let immediate = table as? any ImmediateTable
            else { return }
            for key in keys {
                let value = try? immediate.lookUp(key)
                require(value?.count ?? 0 <= 64 * source.count + 64, "a bounded value")
            }
        }
    }

    static let tcpTable = FuzzTarget("tcp-table") { input in
        require(TCPClient.decoded(TCPClient.encoded(input)[...]) == input, "decode(encode(x))")
        _ = TCPClient.decoded(input[...])
        ScriptedPeer.answer(input) { endpoint in
            let client = TCPClient(endpoint, "x", opener.log, attempts: 1)
            check(client.find(Array("key".utf8)), input)
        }
    }

    static let socketmap = FuzzTarget("socketmap") { input in
        ScriptedPeer.answer(input) { endpoint in
            let client = SocketmapClient(
                endpoint, name: "x", server: "x", map: "m", .init(reply: 1000, query: 100), opener.log)
            check(client.find(Array("key".utf8)), input)
        }
    }

    static let memcache = FuzzTarget("memcache") { input in
        ScriptedPeer.answer(input) { endpoint in
            let client = MemcacheClient(.init(trying: endpoint), opener.log)
            if case .success(let value?) = client.get(Array("key".utf8)) {
                require(value.count <= min(input.count, 1000), "a value is in the answer")
            }
        }
    }

    private static func check(_ result: Result<[UInt8]?, LookupError>, _ input: [UInt8]) {
        if case .success(let value?) = result { require(value.count <= input.count, "a value is in the answer") }
    }
}
