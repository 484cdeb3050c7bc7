import Glibc
import TestSupport
import Testing

@testable import MailSystem

@Suite struct LogSinkTests {
    @Test(arguments: [
        (LogRecord(tag: "postfix/smtpd", severity: .info, text: "a\tb\u{7f}é"), "a?b?é"),
        (LogRecord(tag: "postfix/smtpd", severity: .warning, text: "x"), "warning: x"),
        (LogRecord(tag: "postfix/smtpd", severity: .fatal, text: "y\r\nz"), "fatal: y??z"),
    ])
    func messageText(record: LogRecord, expected: String) {
        #expect(String(decoding: LogLine.message(record), as: UTF8.self) == expected)
    }

    @Test func recordsAreCut() {
        let long = LogRecord(tag: "t", severity: .warning, text: String(repeating: "x", count: 5000))
        #expect(LogLine.message(long).count == 2000)
    }

    @Test func whatACommandSaysIsWhole() throws {
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let text = String(repeating: "x", count: 5000)
        StandardErrorSink(descriptor: ends[1]).write(LogRecord(tag: "t", severity: .warning, text: text))
        var octets = [UInt8](repeating: 0, count: 10_000)
        let count = read(ends[0], &octets, octets.count)
        #expect(String(decoding: octets.prefix(max(count, 0)), as: UTF8.self) == "t: warning: \(text)\n")
    }

    @Test(arguments: [("mail", 16), ("local7", 184), ("daemon", 24)]) func facilities(name: String, code: Int) {
        #expect(LogLine.facility(name) == code)
        #expect(LogLine.facility("local9") == nil)
    }

    @Test func maillogLine() throws {
        setenv("TZ", "UTC", 1)
        let path = "/tmp/apus-log-\(getpid())"
        defer { unlink(path) }
        let sink = try MaillogFileSink(path: path, hostName: "mail.example.com", clock: SimulatedClock())
        MailLog(syslogName: "postfix", program: "qmgr", sink: sink).warning("hello")
        #expect(try Files.readText(path) == "Nov 23 10:00:00 mail postfix/qmgr[\(getpid())]: warning: hello\n")
    }

    @Test func syslogDatagram() throws {
        setenv("TZ", "UTC", 1)
        let path = "/tmp/apus-devlog-\(getpid())"
        let server = try Listeners.unix(path: path, permissions: 0o666, type: .datagram)
        defer {
            Descriptors.close(server)
            unlink(path)
        }
        let sink = SyslogSink(facility: 16, path: path, clock: SimulatedClock(MailTime(seconds: 1_793_613_600)))
        MailLog(syslogName: "postfix", program: "smtpd", sink: sink).info("connect from x")
        let line = String(decoding: try Descriptors.receive(from: server).bytes, as: UTF8.self)
        #expect(line == "<22>Nov  2 10:00:00 postfix/smtpd[\(getpid())]: connect from x")
    }

    /// A log daemon that hangs holds nobody up for long; what it did not read is counted when it reads again.
    @Test func aDeafLogDaemon() throws {
        let path = "/tmp/apus-deaflog-\(getpid())"
        let server = try Listeners.unix(path: path, permissions: 0o666, type: .datagram)
        defer {
            Descriptors.close(server)
            unlink(path)
        }
        let log = MailLog(syslogName: "postfix", program: "smtpd", sink: SyslogSink(facility: 16, path: path))
        let begin = ContinuousClock.now
        // More than any system keeps for a reader (net.unix.max_dgram_qlen, the socket's buffer).
        let count = 5000
        for number in 0..<count { log.info("line \(number) \(String(repeating: "x", count: 500))") }
        #expect(ContinuousClock.now - begin < .seconds(20))
        Descriptors.setNonBlocking(server)
        var kept = 0
        while let message = try? Descriptors.receive(from: server), !message.bytes.isEmpty { kept += 1 }
        #expect(kept > 0 && kept < count)
        log.info("again")
        let lines = try (0..<2).map { _ in String(decoding: try Descriptors.receive(from: server).bytes, as: UTF8.self)
        }
        #expect(lines[0].hasSuffix(": again"))
        #expect(lines[1].hasSuffix(": warning: \(count - kept) log lines lost: the log daemon did not read"))
    }

    @Test func times() {
        setenv("TZ", "UTC", 1)
        LocalTime.prepare()
        let time = MailTime(seconds: 1_793_613_600)
        #expect(LocalTime.rfc5322(time) == "Mon, 2 Nov 2026 10:00:00 +0000 (UTC)")
        #expect(LocalTime.asctime(time) == "Mon Nov  2 10:00:00 2026")
    }
}
