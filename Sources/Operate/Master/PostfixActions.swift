import Administration
import Configuration
import Glibc
import MailSyntax
import MailSystem
import Runtime
import Submission

/// What each subcommand of `postfix` does.
struct PostfixActions {
    let parameters: Parameters
    let log: MailLog
    let verbose: Int

    private var queueDirectory: String { parameters["queue_directory"] }
    private var running: pid_t? { RunningMaster.pid(queueDirectory: queueDirectory) }

    func run(_ subcommand: String, _ arguments: [String]) throws -> Int32 {
        switch subcommand {
        case "start": return try start()
        case "start-fg": return try startInForeground()
        case "stop": return stop()
        case "quick-stop":
            _ = stop()
            return 0
        case "abort": return abort()
        case "drain": return drain()
        case "reload": return try reload()
        case "flush": return flush()
        case "check": return try check(CheckForm(arguments))
        case "status": return status()
        case "set-permissions", "upgrade-configuration":
            return try PostInstall(directory: parameters.directory, log: log).run([subcommand] + arguments)
        case "post-install": return try PostInstall(directory: parameters.directory, log: log).run(arguments)
        case "non-bdb": return NonBDBMigration(parameters: parameters).run(arguments)
        case "tls": return TLSAdministration(parameters: parameters).run(arguments)
        // The parts of a check, as start asks for them in Postfix's script.
        case "check-fatal":
            _ = try ServerSettings(directory: parameters.directory)
            return 0
        case "check-warn":
            for problem in problems() { log.warning(problem) }
            return 0
        case "start_msg", "stop_msg":
            let text = subcommand == "start_msg" ? "Start postfix\n" : "Stop postfix\n"
            try Descriptors.writeAll(Array(text.utf8), to: STDOUT_FILENO)
            return 0
        case "logrotate": return try LogRotation(parameters: parameters).run { try reload() }
        default:
            log.fatal("unknown command: '\(subcommand)'. \(PostfixCommand.usage)")
            return 1
        }
    }

    // MARK: Starting

    /// Loads and checks the configuration, makes what is missing in the queue, warns of what looks wrong.
    private func check() throws -> ServerSettings {
        if !Privileges.isRoot, parameters["mail_owner"] != ownName {
            throw ConfigurationError(
                "to run without root, mail_owner must be the user who starts (it is \(parameters["mail_owner"]))")
        }
        let tree = QueueTree(parameters)
        try tree.makeMissing()
        let settings = try ServerSettings(directory: parameters.directory)
        MissingIndexes(parameters: parameters, log: log).make()
        // master logs them itself when it starts or reloads.
        let terminal = MailLog(tag: log.tag, sink: StandardErrorSink())
        for warning in settings.warnings { terminal.warning(warning) }
        for problem in problems() { log.warning(problem) }
        return settings
    }

    /// Owners and modes that are not what they should be.
    private func problems() -> [String] {
        QueueTree(parameters).problems() + Installation(parameters: parameters).problems()
    }

    /// How `postfix check` tells what it finds.
    private struct CheckForm {
        /// An object a line on standard output.
        let json: Bool
        /// The exit status tells the worst: 0 nothing, 2 warnings, 1 errors. Without it warnings leave 0, as in Postfix:
        /// scripts go on after a check that start would pass.
        let countsWarnings: Bool

        init(_ arguments: [String]) {
            json = arguments.contains("--json")
            countsWarnings = json || arguments.contains("--strict")
        }
    }

    /// `postfix check`: what start would refuse or warn of, and what would be found out only when mail comes. Silent when
    /// there is nothing to tell, as cron jobs expect.
    private func check(_ form: CheckForm) throws -> Int32 {
        if form.json { return try checkInJSON() }
        let settings = try check()
        let deep = Self.deepProblems(settings.parameters, settings.master)
        for problem in deep { log.warning(problem.description) }
        if verbose > 0 { log.info(separation(settings)) }
        let warned = !deep.isEmpty || !settings.warnings.isEmpty || !problems().isEmpty
        return form.countsWarnings && warned ? 2 : 0
    }

    private static func deepProblems(
        _ parameters: Parameters, _ master: MasterConfiguration
    ) -> [ConfigurationDiagnostic] {
        DeepCheck(parameters: parameters, master: master, files: CheckedFiles(parameters: parameters)).problems()
    }

    private func separation(_ settings: ServerSettings) -> String {
        if settings.parameters.list("import_environment").contains("APUS_SEPARATION=no") {
            return "separation: seccomp and landlock are switched off in import_environment"
        }
        return Confinement.summary(chrooted: settings.master.services.filter(\.isChrooted).map(\.name))
    }

    /// Nothing is made or changed, and an error is an object as well.
    private func checkInJSON() throws -> Int32 {
        var all: [ConfigurationDiagnostic] = []
        do {
            let settings = try Self.findings(in: parameters.directory, &all)
            all += Self.deepProblems(settings.parameters, settings.master)
            if !all.contains(where: { $0.severity == .fatal }) {
                _ = try ServerSettings(directory: parameters.directory)
            }
        } catch {
            all.append(ConfigurationDiagnostic(.fatal, "\(error)"))
        }
        all += problems().map { ConfigurationDiagnostic(.warning, $0) }
        let lines = all.map { "\(Self.json($0))\n" }.joined()
        try Descriptors.writeAll(Array(lines.utf8), to: STDOUT_FILENO)
        return all.contains { $0.severity == .fatal } ? 1 : all.isEmpty ? 0 : 2
    }

    /// What start would say of both files.
    private static func findings(
        in directory: String, _ all: inout [ConfigurationDiagnostic]
    ) throws(ConfigurationError) -> (parameters: Parameters, master: MasterConfiguration) {
        let parameters = try Parameters.load(directory: directory, processName: "master")
        var master = try MasterConfiguration.load(directory: directory, parameters: parameters)
        let disabled = DisabledServices(parameters)
        master.services.removeAll(where: disabled.contains)
        all += parameters.diagnostics(master: master)
        all += ProcessPlan(master.services).skipped.map { index, reason in
            let service = master.services[index]
            return ConfigurationDiagnostic(
                .warning, file: master.file, line: service.line, "service \(service.name): \(reason)")
        }
        return (parameters, master)
    }

    private static func json(_ problem: ConfigurationDiagnostic) -> String {
        "{\"severity\": \"\(problem.severity == .fatal ? "error" : "warning")\", \"file\": \(JSONText.string(problem.file)), "
            + "\"line\": \(problem.line), \"problem\": \(JSONText.string(problem.text)), "
            + "\"cure\": \(JSONText.string(problem.cure))}"
    }

    private var ownName: String { ((try? Users.lookup(uid: geteuid())) ?? nil)?.name ?? "" }

    private func prepare() throws -> Bool {
        if running != nil {
            log.fatal("the Postfix mail system is already running")
            return false
        }
        let settings = try check()
        try ChrootFiles.synchronize(settings.parameters, settings.master)
        return true
    }

    private func start() throws -> Int32 {
        guard try prepare() else { return 1 }
        log.info("starting the Postfix mail system")
        guard try QueueRepair(parameters: parameters).beforeStart() else { return 1 }
        if let problem = BackgroundStart.run(directory: parameters.directory, verbose: verbose) {
            log.fatal(problem)
            log.fatal("mail system startup failed")
            return 1
        }
        QueueRepair(parameters: parameters).inBackground(log)
        return 0
    }

    private func startInForeground() throws -> Int32 {
        guard try prepare() else { return 1 }
        log.info("starting the Postfix mail system")
        let repair = QueueRepair(parameters: parameters)
        guard try repair.beforeStart() else { return 1 }
        repair.inBackground(log)
        let options = ["-s"] + Array(repeating: "-v", count: verbose)
        return MasterProgram.main(arguments: ["master", "-c", parameters.directory] + options)
    }

    // MARK: Stopping

    private func notRunning() -> Int32 {
        log.fatal("the Postfix mail system is not running")
        return 1
    }

    private func stop() -> Int32 {
        guard let pid = running else { return notRunning() }
        log.info("stopping the Postfix mail system")
        kill(pid, SIGTERM)
        // master itself gives its processes ten seconds.
        if waitForEnd(seconds: 20) { return 0 }
        log.warning("stopping the Postfix mail system with force")
        kill(pid, SIGINT)
        return waitForEnd(seconds: 10) ? 0 : 1
    }

    private func abort() -> Int32 {
        guard let pid = running else { return notRunning() }
        log.info("aborting the Postfix mail system")
        kill(pid, SIGINT)
        return waitForEnd(seconds: 10) ? 0 : 1
    }

    /// Only master goes; its processes notice and finish by themselves.
    private func drain() -> Int32 {
        guard let pid = running else { return notRunning() }
        log.info("stopping the Postfix mail system")
        kill(pid, SIGKILL)
        return 0
    }

    private func waitForEnd(seconds: Int) -> Bool {
        for _ in 0..<seconds * 20 {
            if running == nil { return true }
            usleep(50_000)
        }
        return running == nil
    }

    // MARK: The running system

    private func reload() throws -> Int32 {
        guard let pid = running else { return notRunning() }
        // A configuration that start would refuse does not reach the running system.
        let settings = try check()
        try ChrootFiles.synchronize(settings.parameters, settings.master)
        log.info("refreshing the Postfix mail system")
        let mark = "\(queueDirectory)/pid/master.pid"
        let before = Files.modificationTime(mark)
        kill(pid, SIGHUP)
        // Whoever connects after this command has ended meets the new configuration.
        for _ in 0..<1_000 {
            guard kill(pid, 0) == 0, Files.modificationTime(mark) == before else { break }
            usleep(10_000)
        }
        QueueRepair(parameters: parameters).inBackground(log)
        return 0
    }

    private func status() -> Int32 { RunningMaster.status(queueDirectory: queueDirectory, log: log) ? 0 : 1 }

    private func flush() -> Int32 {
        guard running != nil else {
            CommandLog.make(program: "postqueue", parameters: parameters)
                .fatal("Cannot flush mail queue - mail system is down")
            return 69
        }
        // Dead destinations, deferred and incoming mail, whatever their times, as `postqueue -f` asks.
        WakeUps.trigger("\(queueDirectory)/public/qmgr", request: "DFAI")
        return 0
    }
}
