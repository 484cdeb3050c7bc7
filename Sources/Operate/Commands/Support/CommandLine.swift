import CommandReference
import Glibc
import MailSystem
import Submission

package typealias CommandFailure = Submission.CommandFailure

extension CommandFailure {
    /// What went wrong has been said.
    static let reported = CommandFailure("")

    var text: String { message }
}

extension OptionScanner {
    enum Problem: Error {
        /// `invalid option -- 'z'`, `option requires an argument -- 'q'`.
        case message(String)
    }

    /// The next option with its value, empty where it takes none.
    mutating func nextPair() throws(Problem) -> (option: Character, value: String)? {
        switch next() {
        case .flag(let option): (option, "")
        case .value(let option, let value): (option, value)
        case .error(let text): throw .message(text)
        case nil: nil
        }
    }
}

/// Buffered standard output.
final class StandardOutput {
    private var buffer: [UInt8] = []

    func write(_ bytes: [UInt8]) {
        buffer.append(contentsOf: bytes)
        if buffer.count > 65_536 { flush() }
    }

    /// `key<separator>value` and a newline.
    func write(_ key: [UInt8], _ separator: [UInt8], _ value: [UInt8]) {
        buffer.append(contentsOf: key)
        buffer.append(contentsOf: separator)
        buffer.append(contentsOf: value)
        buffer.append(0x0A)
        if buffer.count > 65_536 { flush() }
    }

    func write(_ text: String) { write(Array(text.utf8)) }

    func flush() {
        do { try Descriptors.writeAll(buffer, to: STDOUT_FILENO) } catch {}
        buffer.removeAll(keepingCapacity: true)
    }
}

/// Lines of standard input, without their newlines.
final class StandardInput {
    private var buffer: [UInt8] = []
    private var position = 0
    private var ended = false

    func nextLine() -> [UInt8]? {
        var searched = position
        while true {
            if let newline = newline(from: searched) {
                defer { position = newline + 1 }
                return Array(buffer[position..<newline])
            }
            searched = buffer.count
            if !fill() { break }
            searched -= discarded
        }
        guard position < buffer.count else { return nil }
        defer { position = buffer.count }
        return Array(buffer[position...])
    }

    /// The next line will come without waiting.
    var hasLine: Bool { newline(from: position) != nil }

    private func newline(from start: Int) -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, start < bytes.count else { return nil }
            return memchr(base + start, 0x0A, bytes.count - start).map { base.distance(to: UnsafeRawPointer($0)) }
        }
    }

    func readAll() -> [UInt8] {
        while fill() {}
        defer { position = buffer.count }
        return Array(buffer[position...])
    }

    private var discarded = 0

    private func fill() -> Bool {
        discarded = 0
        if ended { return false }
        if position > 0 {
            buffer.removeFirst(position)
            discarded = position
            position = 0
        }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var count = read(STDIN_FILENO, &chunk, chunk.count)
        while count < 0, errno == EINTR { count = read(STDIN_FILENO, &chunk, chunk.count) }
        guard count > 0 else {
            ended = true
            return false
        }
        buffer.append(contentsOf: chunk[..<count])
        return true
    }
}
