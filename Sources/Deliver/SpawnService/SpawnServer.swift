import CMailSystem
import Configuration
import Glibc
import MailSystem
import NIOConcurrencyHelpers
import Runtime

/// Runs a command for each connection, with the connection as its standard input and output: spawn(8).
final class SpawnServer: Sendable {
    private struct State {
        var stopped = false
        var running = 0
    }

    private let hosted: HostedService
    private let agent: AgentContext
    private let attributes: Result<PipeAttributes, ConfigurationError>
    private let seconds: Int
    private let state = NIOLockedValueBox(State())

    init(_ hosted: HostedService, _ agent: AgentContext) {
        self.hosted = hosted
        self.agent = agent
        let arguments = hosted.service.arguments
        attributes = Result { () throws(ConfigurationError) in try PipeAttributes(arguments) }
        seconds = agent.parameters.transportSeconds(hosted.service.name, "_time_limit")
    }

    /// One thread a listener.
    func start() {
        for listener in hosted.listeners { agent.pool.submit { [self] in serve(listener.descriptor) } }
    }

    /// Takes no more connections; commands under way go on.
    func stop() { state.withLockedValue { $0.stopped = true } }

    private func serve(_ listener: CInt) {
        while !state.withLockedValue({ $0.stopped }) {
            let limit = hosted.service.processLimit
            if limit > 0, state.withLockedValue({ $0.running >= limit }) {
                usleep(100_000)
                continue
            }
            guard Descriptors.waitReadable(listener, milliseconds: 500) else { continue }
            if let connection = Listeners.accept(listener) {
                run(connection)
                Descriptors.close(connection)
            }
        }
        Descriptors.close(listener)
    }

    private func run(_ connection: CInt) {
        do {
            let attributes = try attributes.get()
            let owner = (try Users.lookup(name: agent.parameters["mail_owner"]))?.uid ?? UInt32.max
            let identity = try attributes.identity(mailOwner: owner)
            var spawn = Spawn(
                executable: CommandEnvironment.executable(attributes.argv[0]), arguments: attributes.argv,
                environment: CommandEnvironment.list(CommandEnvironment.variables(agent.parameters)),
                descriptors: [0: connection, 1: connection, 2: connection])
            if Privileges.isRoot { spawn.identity = identity }
            spawn.group = .newSession
            spawn.fileMask = 0o077
            let pid = try spawn.start()
            state.withLockedValue { $0.running += 1 }
            agent.pool.submit { [self] in watch(pid, attributes.argv[0]) }
        } catch {
            agent.log.fatal("\(error)")
        }
    }

    private func watch(_ pid: pid_t, _ command: String) {
        let process = apus_process_descriptor(pid)
        if seconds > 0, process >= 0 {
            let milliseconds = CInt(clamping: Int64(seconds) * 1000)
            if !Descriptors.waitReadable(process, milliseconds: milliseconds) {
                agent.log.warning("process id \(pid): command time limit exceeded")
                kill(-pid, SIGKILL)
            }
        }
        Descriptors.close(process)
        switch ProcessStatus.wait(for: pid) {
        case .exited(let code) where code != 0:
            agent.log.warning("command \(command) exit status \(code)")
        case .killed(let signal): agent.log.warning("command \(command) killed by signal \(signal)")
        default: break
        }
        state.withLockedValue { $0.running -= 1 }
    }
}
