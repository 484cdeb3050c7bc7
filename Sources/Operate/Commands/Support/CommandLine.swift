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
    /// The next option with its value, empty where it takes none.
    /// - Parameter usage: the fatal error after getopt's complaint.
    mutating func nextPair(usage: String) throws(CommandFailure) -> (option: Character, value: String)? {
        switch next() {
        case .flag(let option): (option, "")
        case .value(let option, let value): (option, value)
        case .error(let text): throw CommandFailure(usage, complaint: text)
        case nil: nil
        }
    }
}

/// Buffered standard output.
final class StandardOutput {
    private static let capacity = 65_536
    private let memory: UnsafeMutableRawPointer = .allocate(byteCount: capacity, alignment: 16)
    private var count = 0

    deinit { memory.deallocate() }

    func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            if bytes.count > Self.capacity - count { flush() }
            guard let start = bytes.baseAddress else { return }
            if bytes.count > Self.capacity { return Self.writeAll(bytes) }
            (memory + count).copyMemory(from: start, byteCount: bytes.count)
            count += bytes.count
        }
    }

    /// `key<separator>value` and a newline.
    func write(_ key: [UInt8], _ separator: [UInt8], _ value: [UInt8]) {
        write(key)
        write(separator)
        write(value)
        if count == Self.capacity { flush() }
        memory.storeBytes(of: 0x0A, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    func write(_ text: String) { write(Array(text.utf8)) }

    func flush() {
        Self.writeAll(UnsafeRawBufferPointer(start: memory, count: count))
        count = 0
    }

    /// What nobody reads any more is dropped.
    private static func writeAll(_ bytes: UnsafeRawBufferPointer) {
        do { try Descriptors.writeAll(Array(bytes), to: STDOUT_FILENO) } catch {}
    }
}

/// Lines of standard input, without their newlines.
final class StandardInput {
    private var memory: UnsafeMutableRawPointer
    private var capacity = 65_536
    /// What is in memory and has not been taken.
    private var rest = 0..<0
    private var ended = false

    init() { memory = .allocate(byteCount: capacity, alignment: 16) }

    deinit { memory.deallocate() }

    func nextLine() -> [UInt8]? {
        var line: [UInt8] = []
        return nextLine(into: &line) ? line : nil
    }

    /// Puts the next line in place of `line`, in the same memory.
    /// - Returns: false at the end.
    func nextLine(into line: inout [UInt8]) -> Bool {
        var searched = 0
        while true {
            if let newline = newline(after: searched) {
                take(newline - rest.lowerBound, into: &line)
                rest = (newline + 1)..<rest.upperBound
                return true
            }
            searched = rest.count
            if !fill() { break }
        }
        guard !rest.isEmpty else { return false }
        take(rest.count, into: &line)
        return true
    }

    /// The next line will come without waiting.
    var hasLine: Bool { newline(after: 0) != nil }

    func readAll() -> [UInt8] {
        while fill() {}
        var all: [UInt8] = []
        take(rest.count, into: &all)
        return all
    }

    private func newline(after searched: Int) -> Int? {
        let start = rest.lowerBound + searched
        return memchr(memory + start, 0x0A, rest.upperBound - start).map { memory.distance(to: $0) }
    }

    private func take(_ count: Int, into bytes: inout [UInt8]) {
        let start = rest.lowerBound
        rest = (start + count)..<rest.upperBound
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: memory + start, count: count))
    }

    private func fill() -> Bool {
        if ended { return false }
        makeRoom()
        let room = capacity - rest.upperBound
        var got = read(STDIN_FILENO, memory + rest.upperBound, room)
        while got < 0, errno == EINTR { got = read(STDIN_FILENO, memory + rest.upperBound, room) }
        guard got > 0 else {
            ended = true
            return false
        }
        rest = rest.lowerBound..<(rest.upperBound + got)
        return true
    }

    /// Moves what is left to the front; a line that takes half of the memory gets twice as much.
    private func makeRoom() {
        let kept = memory
        let larger = rest.count > capacity / 2 ? capacity * 2 : capacity
        if larger > capacity { memory = .allocate(byteCount: larger, alignment: 16) }
        memory.copyMemory(from: kept + rest.lowerBound, byteCount: rest.count)
        if larger > capacity { kept.deallocate() }
        capacity = larger
        rest = 0..<rest.count
    }
}
