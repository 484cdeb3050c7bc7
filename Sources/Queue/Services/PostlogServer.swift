import Glibc
import MailSystem
import Synchronization

/// public/postlog: log records from programs that cannot write the log themselves, one a datagram (postlogd(8)). Its
/// senders have no address, so it reads with recv(2) on a thread of its own.
final class PostlogServer: Sendable {
    private let listener: CInt
    private let sink: any LogSink
    private let isStopped = Atomic<Bool>(false)

    init(listener: CInt, sink: any LogSink) {
        self.listener = listener
        self.sink = sink
    }

    /// Serves until `stop`. Blocks.
    func run() {
        while !isStopped.load(ordering: .relaxed) {
            guard Descriptors.waitReadable(listener, milliseconds: 500) else { continue }
            while let message = try? Descriptors.receive(from: listener), !message.bytes.isEmpty {
                write(message.bytes)
            }
        }
    }

    private func write(_ bytes: [UInt8]) {
        if let file = sink as? MaillogFileSink {
            file.append(line: bytes.prefix(Self.longestLine).map { $0 < 0x20 ? UInt8(ascii: "?") : $0 })
        } else if let record = Self.parse(bytes) {
            sink.write(record)
        }
    }

    private static let longestLine = 2048

    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// `Mmm dd HH:MM:SS host tag[pid]: severity: text`: the system log gives date, host and process id of its own.
    static func parse(_ bytes: [UInt8]) -> LogRecord? {
        var line = String(
            decoding: bytes.prefix(longestLine).map { $0 < 0x20 ? UInt8(ascii: " ") : $0 }, as: UTF8.self)[...]
        for _ in 0..<4 {
            line = line.drop { $0 == " " }
            guard let blank = line.firstIndex(of: " ") else { return nil }
            line = line[line.index(after: blank)...]
        }
        guard let bracket = line.firstIndex(of: "["), let colon = line.range(of: "]: ", from: bracket) else {
            return nil
        }
        let tag = String(line[..<bracket])
        var text = line[colon...]
        for severity in LogSeverity.allCases where !severity.label.isEmpty && text.hasPrefix(severity.label) {
            text = text.dropFirst(severity.label.count)
            return LogRecord(tag: tag, severity: severity, text: String(text))
        }
        return LogRecord(tag: tag, severity: .info, text: String(text))
    }
}

extension Substring {
    /// Where the text after the first occurrence of `pattern` begins.
    fileprivate func range(of pattern: String, from start: Index) -> Index? {
        var index = start
        while index < endIndex {
            if self[index...].hasPrefix(pattern) { return self.index(index, offsetBy: pattern.count) }
            index = self.index(after: index)
        }
        return nil
    }
}
