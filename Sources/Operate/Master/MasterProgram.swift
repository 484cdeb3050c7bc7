import Administration
import Configuration
import Glibc
import MailSystem
import Runtime

/// The `master` program: master(8).
public enum MasterProgram {
    /// Where a background start reports: one byte 0, or the text of why it failed.
    static let readinessDescriptor: CInt = 3
    static let readinessOption = "--report-readiness"

    /// - Parameter arguments: with argv[0].
    /// - Returns: exit status.
    public static func main(arguments: [String]) -> Int32 {
        var options = Arguments()
        if let problem = options.read(arguments.dropFirst()) {
            return fail(problem, options)
        }
        let directory = options.directory ?? ProcessEnvironment.value("MAIL_CONFIG") ?? "/etc/postfix"
        do {
            if options.testsLock {
                let parameters = try Parameters.load(directory: directory)
                return RunningMaster.pid(queueDirectory: parameters["queue_directory"]) == nil ? 0 : 1
            }
            if options.waitsForReadiness {
                if let problem = BackgroundStart.run(directory: directory, verbose: options.verbose) {
                    return fail(problem, options)
                }
                return 0
            }
            try serve(directory: directory, options)
            return 0
        } catch {
            return fail("\(error)", options)
        }
    }

    private static func fail(_ text: String, _ options: Arguments) -> Int32 {
        if options.reportsReadiness {
            // The starting command logs it.
            do { try Descriptors.writeAll(Array(text.utf8), to: readinessDescriptor) } catch {}
        } else {
            MailLog(tag: "postfix/master", sink: StandardErrorSink()).fatal(text)
        }
        return 1
    }

    /// Runs in the foreground until stopped.
    private static func serve(directory: String, _ options: Arguments) throws {
        Privileges.ignoreBrokenPipes()
        umask(0o077)
        let signals = try SignalDescriptor([SIGCHLD, SIGHUP, SIGTERM, SIGINT])
        let settings = try ServerSettings(directory: directory)
        guard let executable = Files.ownExecutable else { throw SystemError("find", path: "/proc/self/exe") }
        let sink = try LogSetup.sink(settings.parameters)
        if chdir(settings.queueDirectory) != 0 { throw SystemError("chdir", path: settings.queueDirectory) }
        let locks = try MasterLocks.take(
            queueDirectory: settings.queueDirectory, dataDirectory: settings.parameters["data_directory"],
            owner: settings.owner)
        let supervisor = try Supervisor(
            settings: settings,
            options: Supervisor.Options(
                executable: replacedExecutable(executable), keepsOutput: options.keepsOutput,
                verbose: options.verbose, reloaded: { locks.noteReload() }),
            signals: signals, sink: sink)
        if options.reportsReadiness {
            try Descriptors.writeAll([0], to: readinessDescriptor)
            Descriptors.close(readinessDescriptor)
        }
        supervisor.run()
        withExtendedLifetime(locks) {}
    }

    /// After an upgrade the kernel names the running file `… (deleted)`: new processes come from the new file.
    static func replacedExecutable(_ path: String) -> String {
        let mark = " (deleted)"
        return path.hasSuffix(mark) ? String(path.dropLast(mark.count)) : path
    }

    struct Arguments {
        var directory: String?
        var verbose = 0
        var testsLock = false
        var waitsForReadiness = false
        var reportsReadiness = false
        var keepsOutput = false

        /// - Returns: what is wrong with them, or nil.
        mutating func read(_ arguments: ArraySlice<String>) -> String? {
            var rest = arguments
            while let argument = rest.popFirst() {
                switch argument {
                case MasterProgram.readinessOption: reportsReadiness = true
                case "-c":
                    guard let value = rest.popFirst() else { return "option requires an argument -- c" }
                    directory = value
                case "-e":
                    guard let value = rest.popFirst(), let seconds = UInt32(value) else {
                        return "option requires a number of seconds -- e"
                    }
                    alarm(seconds)
                case "-t": testsLock = true
                case "-w": waitsForReadiness = true
                case "-d", "-s", "-i": keepsOutput = true
                case "-D": break
                case _ where argument.hasPrefix("-v"): verbose += argument.utf8.count - 1
                default:
                    return "usage: master [-c config_dir] [-D (debug)] [-d (don't detach from terminal)]"
                        + " [-e exit_time] [-s (keep stdout)] [-t (test)] [-v] [-w (wait for initialization)]"
                }
            }
            return nil
        }
    }
}
