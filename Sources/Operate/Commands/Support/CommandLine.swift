import Glibc
import MailSystem

/// Ends a command: `postmap: fatal: TEXT` and exit status 1.
struct CommandFailure: Error {
    let text: String

    init(_ text: String) { self.text = text }
}

/// Command-line options in the manner of getopt(3), as Postfix's commands read them: options end at the first operand.
struct OptionScanner {
    private var arguments: ArraySlice<String>
    private var cluster: Substring.UTF8View = ""[...].utf8
    private let valued: Set<UInt8>
    private let plain: Set<UInt8>

    enum Problem: Error {
        /// `invalid option -- 'z'`, `option requires an argument -- 'q'`.
        case message(String)
    }

    /// - Parameter specification: option letters, those with a value followed by a colon.
    init(_ arguments: [String], _ specification: String) {
        self.arguments = arguments[...]
        var valued: Set<UInt8> = []
        var plain: Set<UInt8> = []
        var last: UInt8 = 0
        for byte in specification.utf8 {
            if byte == UInt8(ascii: ":") {
                valued.insert(last)
                plain.remove(last)
            } else {
                plain.insert(byte)
            }
            last = byte
        }
        self.valued = valued
        self.plain = plain
    }

    /// What is left when `next` has returned nil.
    var operands: [String] { Array(arguments) }

    mutating func next() throws(Problem) -> (option: Character, value: String)? {
        if cluster.isEmpty {
            guard let argument = arguments.first, argument.utf8.first == UInt8(ascii: "-"), argument.utf8.count > 1
            else { return nil }
            arguments.removeFirst()
            if argument == "--" { return nil }
            cluster = argument[...].utf8.dropFirst()
        }
        guard let letter = cluster.first else { return nil }
        cluster = cluster.dropFirst()
        let option = Character(Unicode.Scalar(letter))
        if plain.contains(letter) { return (option, "") }
        guard valued.contains(letter) else { throw .message("invalid option -- '\(option)'") }
        if !cluster.isEmpty {
            defer { cluster = cluster.dropFirst(cluster.count) }
            return (option, String(Substring(cluster)))
        }
        guard let value = arguments.popFirst() else {
            throw .message("option requires an argument -- '\(option)'")
        }
        return (option, value)
    }
}

/// Buffered standard output.
final class StandardOutput {
    private var buffer: [UInt8] = []

    func write(_ bytes: [UInt8]) {
        buffer.append(contentsOf: bytes)
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
            if let newline = buffer[searched...].firstIndex(of: 0x0A) {
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
