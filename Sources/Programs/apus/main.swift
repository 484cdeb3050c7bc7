import Deliver
import Glibc
import MailSystem
import Master
import Operate
import Runtime

/// One program under many names: argv[0], or the first argument after `apus`.
func program() -> Int32 {
    var arguments = CommandLine.arguments
    if arguments.count >= 3, arguments[1] == DaemonRuntime.argument { return runDaemon(arguments[2]) }
    if arguments.count >= 2, arguments[1] == DeliveryWorker.argument { DeliveryWorker.main() }
    var name = arguments.first?.split(separator: "/").last.map(String.init) ?? "apus"
    if name == "apus", arguments.count > 1 {
        arguments.removeFirst()
        name = arguments[0]
    }
    switch name {
    case "master": return MasterProgram.main(arguments: arguments)
    case "postfix": return PostfixCommand.main(arguments: arguments)
    default:
        if let command = Commands.find(name) { return command.run(Array(arguments.dropFirst())) }
        MailLog(tag: "apus", sink: StandardErrorSink()).fatal("unknown command: \(name)")
        return 1
    }
}

/// Daemon processes start through master only.
func runDaemon(_ name: String) -> Int32 {
    switch name {
    case DeliverProcess.name: DaemonRuntime.main(DeliverProcess.self)
    default:
        MailLog(tag: "apus", sink: StandardErrorSink()).fatal("unknown process: \(name)")
        return 1
    }
}

exit(program())
