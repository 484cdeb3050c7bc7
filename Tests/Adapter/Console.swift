import Glibc
import MailSystem
import Synchronization

/// Standard input, standard output and diagnostics of a harness. Output and diagnostics keep their order where both go to
/// one place.
final class Console: LogSink {
    let arguments: [String]
    /// Diagnostics go to standard output.
    private let mergesDiagnostics: Bool
    private let buffer = Mutex<[UInt8]>([])

    init(arguments: [String], mergesDiagnostics: Bool = false) {
        self.arguments = arguments
        self.mergesDiagnostics = mergesDiagnostics
    }

    /// A source of log lines that become diagnostics.
    var log: MailLog { MailLog(tag: "", sink: self) }

    func write(_ record: LogRecord) {
        let line = LogLine.message(record) + [0x0A]
        if mergesDiagnostics { return write(line) }
        flush()
        Self.writeAll(STDERR_FILENO, line)
    }

    func write(_ bytes: some Sequence<UInt8>) {
        let isFull = buffer.withLock { buffer in
            buffer += bytes
            return buffer.count > 1 << 16
        }
        if isFull { flush() }
    }

    func write(_ text: String) { write(text.utf8) }

    func print(_ text: String) { write(text + "\n") }

    func print(_ bytes: [UInt8]) { write(bytes + [0x0A]) }

    func flush() {
        let bytes = buffer.withLock { buffer in
            defer { buffer = [] }
            return buffer
        }
        Self.writeAll(STDOUT_FILENO, bytes)
    }

    private static func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    // MARK: Input

    /// All of standard input.
    func readAll() -> [UInt8] {
        var input: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(STDIN_FILENO, &chunk, chunk.count)
            guard count > 0 else { return input }
            input += chunk[..<count]
        }
    }

    /// The lines of standard input, without their ends.
    func octetLines() -> [[UInt8]] {
        let input = readAll()
        guard !input.isEmpty else { return [] }
        var lines = input.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) }
        if input.last == 0x0A { lines.removeLast() }
        return lines
    }

    func lines() -> [String] { octetLines().map { String(decoding: $0, as: UTF8.self) } }

    /// Lines with the lines that continue them: those that begin with white space.
    func logicalLines() -> [[UInt8]] {
        var result: [[UInt8]] = []
        for line in octetLines() {
            if let first = line.first, first == 0x20 || first == 0x09, !result.isEmpty {
                result[result.count - 1] += line
            } else {
                result.append(line)
            }
        }
        return result
    }

    /// Ends the program as a fatal error does.
    func fatal(_ text: String) -> Never {
        log.fatal(text)
        flush()
        exit(1)
    }
}

/// The words of a line between blanks and tabs.
func words(_ line: String) -> [String] {
    line.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
}
