import Administration
import Configuration
import Glibc
import MailSystem

/// `postfix logrotate`: maillog_file gets a date in its name and is compressed, logging continues in a new file.
struct LogRotation {
    let parameters: Parameters

    /// - Parameter reload: tells the running system to open the new file.
    func run(reload: () throws -> Int32) throws -> Int32 {
        let path = parameters["maillog_file"]
        for name in ["maillog_file", "maillog_file_rotate_suffix", "maillog_file_compressor"]
        where parameters[name].isEmpty {
            throw ConfigurationError("empty '\(name)' parameter value - logfile rotation failed")
        }
        if path.hasPrefix("/dev/") { throw ConfigurationError("not rotating '\(path)'") }
        guard let status = Files.status(path) else {
            throw ConfigurationError("logfile '\(path)' rotation failed: \(String(cString: strerror(ENOENT)))")
        }
        guard status.size > 0 else { return 0 }
        let stamp = suffix(parameters["maillog_file_rotate_suffix"])
        let target = "\(path).\(stamp)"
        if Files.exists(target) { throw ConfigurationError("\(target) exists already") }
        if rename(path, target) != 0 { throw SystemError("rename", path: path) }
        if RunningMaster.pid(queueDirectory: parameters["queue_directory"]) != nil {
            let result = try reload()
            if result != 0 { return result }
            waitForNewFile(path)
        }
        return try compress(target)
    }

    /// The old file must not be compressed while somebody still writes to it.
    private func waitForNewFile(_ path: String) {
        for _ in 0..<100 where !Files.exists(path) { usleep(50_000) }
        usleep(300_000)
    }

    /// strftime(3) of the local time.
    private func suffix(_ format: String) -> String {
        var now = time(nil)
        var fields = tm()
        localtime_r(&now, &fields)
        var buffer = [CChar](repeating: 0, count: 256)
        let count = strftime(&buffer, buffer.count, format, &fields)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func compress(_ path: String) throws -> Int32 {
        let program = parameters["maillog_file_compressor"]
        let candidates =
            program.hasPrefix("/") ? [program] : ["/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + program }
        guard let executable = candidates.first(where: Files.isExecutable) else {
            throw ConfigurationError("maillog_file_compressor: cannot find \(program)")
        }
        let spawn = Spawn(
            executable: executable, arguments: [program, path], environment: ProcessEnvironment.all,
            descriptors: [1: STDOUT_FILENO, 2: STDERR_FILENO])
        guard case .exited(let code) = ProcessStatus.wait(for: try spawn.start()) else { return 1 }
        return Int32(clamping: code)
    }
}
