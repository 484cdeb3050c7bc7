import CMailSystem
import Glibc
import MailSystem
import Spool

/// How a command ended, with the first part of what it printed.
package struct CommandEnd: Sendable, Equatable {
    package enum How: Sendable, Equatable {
        case exited(Int)
        case killed(signal: Int)
        /// The process group was killed.
        case timedOut
        case notStarted(step: String, reason: String)
        /// Our side could not read the message.
        case corruptMessage
    }

    package var how: How
    package var output: [UInt8] = []

    package init(how: How, output: [UInt8] = []) {
        self.how = how
        self.output = output
    }

    /// Our side could not read the message.
    package static func unreadable(_ error: QueueFileError) -> CommandEnd { CommandEnd(how: .corruptMessage) }
}

/// Runs a command, or stands in for it. Blocks.
package typealias CommandStart = @Sendable (CommandRunner) -> CommandEnd

/// Runs one command with a message on its standard input. Blocks: one thread of the pool a command.
package struct CommandRunner {
    /// Kept of standard output and error.
    static let outputLimit = 4096
    /// Read and dropped beyond: this much, and twice what the command was given, so that filters that print what they
    /// read are not cut off. Then the command finds its output closed, as it does in Postfix after `outputLimit`.
    static let droppedLimit = 1 << 20

    package var spawn: Spawn
    var prefix: [UInt8] = []
    var content: ContentReader?
    var transformer = LineTransformer()
    var suffix: [UInt8] = []
    /// For the whole run; 0: none.
    package var seconds: Int

    /// All that the command would read.
    package func input() throws(QueueFileError) -> [UInt8] {
        var transformer = transformer
        var bytes = prefix
        while let chunk = try content?.nextChunk() { bytes += transformer.transform(chunk) }
        return bytes + transformer.finish() + suffix
    }

    func run() -> CommandEnd {
        do throws(SystemError) {
            return try start()
        } catch {
            return CommandEnd(how: .notStarted(step: step(error), reason: error.reason))
        }
    }

    /// The failed step in Postfix's words.
    private func step(_ error: SystemError) -> String {
        switch error.operation {
        case "exec": "execvp \(spawn.arguments.first ?? spawn.executable)"
        case "chdir": "cannot change directory to \"\(spawn.workingDirectory ?? "")\""
        default: error.operation
        }
    }

    private func start() throws(SystemError) -> CommandEnd {
        let input = try Descriptors.pipe()
        let output: (reading: CInt, writing: CInt)
        do throws(SystemError) {
            output = try Descriptors.pipe()
        } catch {
            Descriptors.close(input.reading)
            Descriptors.close(input.writing)
            throw error
        }
        var spawn = spawn
        spawn.group = .newSession
        // As in Postfix: a command may go on when its output is closed.
        spawn.ignoresWriteSignals = true
        spawn.descriptors = [0: input.reading, 1: output.writing, 2: output.writing]
        let started = Result { () throws(SystemError) in try spawn.start() }
        Descriptors.close(input.reading)
        Descriptors.close(output.writing)
        var run = CommandRun(
            command: self, input: input.writing, output: output.reading)
        defer { run.closeAll() }
        return run.converse(with: try started.get())
    }
}

/// The conversation with a running command: the message in, its words out, until it ends or time is up.
private struct CommandRun {
    private let content: ContentReader?
    private var transformer: LineTransformer
    private let suffix: [UInt8]
    private let deadline: UInt64?
    private var input: CInt
    private var output: CInt
    private var process: CInt = -1
    /// Bytes on their way to the command.
    private var pending: [UInt8]
    private var sent = 0
    private var totalSent = 0
    private var contentEnded = false
    private var isCorrupt = false
    private var kept: [UInt8] = []
    /// Bytes of output that are not kept.
    private var dropped = 0

    init(command: CommandRunner, input: CInt, output: CInt) {
        content = command.content
        transformer = command.transformer
        suffix = command.suffix
        pending = command.prefix
        self.input = input
        self.output = output
        deadline =
            command.seconds > 0
            ? SystemClock().monotonicNanoseconds() + UInt64(command.seconds) * 1_000_000_000 : nil
        contentEnded = command.content == nil
        Descriptors.setNonBlocking(input)
        Descriptors.setNonBlocking(output)
    }

    mutating func closeAll() {
        for descriptor in [input, output, process] { Descriptors.close(descriptor) }
        input = -1
        output = -1
        process = -1
    }

    mutating func converse(with pid: pid_t) -> CommandEnd {
        process = apus_process_descriptor(pid)
        while true {
            var milliseconds: CInt = -1
            if let deadline {
                let now = SystemClock().monotonicNanoseconds()
                if now >= deadline { return kill(pid, .timedOut) }
                milliseconds = CInt(clamping: (deadline - now) / 1_000_000 + 1)
            }
            // Kernels without process descriptors: look every so often.
            if process < 0 { milliseconds = milliseconds < 0 ? 50 : min(50, milliseconds) }
            var entries = [
                pollfd(fd: process, events: Int16(POLLIN), revents: 0),
                pollfd(fd: output, events: Int16(POLLIN), revents: 0),
                pollfd(fd: input, events: Int16(POLLOUT), revents: 0),
            ]
            if poll(&entries, nfds_t(entries.count), milliseconds) < 0, errno != EINTR { return kill(pid, .timedOut) }
            if entries[2].revents != 0 { feed() }
            if isCorrupt { return kill(pid, .corruptMessage) }
            if entries[1].revents != 0 { listen() }
            if entries[0].revents != 0 || process < 0 {
                guard let status = ProcessStatus.wait(for: pid, block: process >= 0) else {
                    if process >= 0 { return CommandEnd(how: .timedOut, output: kept) }
                    continue
                }
                while output >= 0, Descriptors.waitReadable(output, milliseconds: 0) { listen() }
                switch status {
                case .exited(let code): return CommandEnd(how: .exited(code), output: kept)
                case .killed(let signal): return CommandEnd(how: .killed(signal: signal), output: kept)
                }
            }
        }
    }

    private mutating func kill(_ pid: pid_t, _ how: CommandEnd.How) -> CommandEnd {
        // The command leads a session of its own: its children go with it.
        Glibc.kill(-pid, SIGKILL)
        _ = ProcessStatus.wait(for: pid)
        return CommandEnd(how: how, output: kept)
    }

    private mutating func feed() {
        while true {
            if sent == pending.count {
                guard refill() else {
                    Descriptors.close(input)
                    input = -1
                    return
                }
            }
            let put = pending.withUnsafeBytes { buffer in
                buffer.baseAddress.map { write(input, $0 + sent, buffer.count - sent) } ?? 0
            }
            if put < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN { return }
                // It does not want to read more: its exit status tells.
                Descriptors.close(input)
                input = -1
                return
            }
            sent += put
            totalSent += put
        }
    }

    /// The next bytes; false at the end.
    private mutating func refill() -> Bool {
        sent = 0
        pending = []
        guard !contentEnded, let content else { return false }
        do throws(QueueFileError) {
            while pending.isEmpty {
                guard let chunk = try content.nextChunk() else {
                    contentEnded = true
                    pending = transformer.finish() + suffix
                    return !pending.isEmpty
                }
                pending = transformer.transform(chunk)
            }
            return true
        } catch {
            isCorrupt = true
            return false
        }
    }

    private mutating func listen() {
        do throws(SystemError) {
            let bytes = try Descriptors.read(output, count: 8192)
            let wanted = bytes.prefix(max(0, CommandRunner.outputLimit - kept.count))
            kept += wanted
            dropped += bytes.count - wanted.count
            // Also when it has ended and its children go on printing.
            if bytes.isEmpty || dropped > CommandRunner.droppedLimit + 2 * totalSent {
                Descriptors.close(output)
                output = -1
            }
        } catch {
            if error.errno == EAGAIN { return }
            Descriptors.close(output)
            output = -1
        }
    }
}
