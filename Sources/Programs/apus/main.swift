import Administration
import Deliver
import Glibc
import MailSystem
import Master
import Operate
import Queue
import Receive
import Runtime
import Send
import Submission

// One program under many names: argv[0], or the first argument after `apus`. master starts the daemon processes from
// the same file.

/// Runs the daemon process that master asked for; returns only for a name that is none.
func runDaemon(_ name: String) -> Int32 {
    switch name {
    case DeliverProcess.name: DaemonRuntime.main(DeliverProcess.self)
    case QueueProcess.name: DaemonRuntime.main(QueueProcess.self)
    case ReceiveProcess.name: DaemonRuntime.main(ReceiveProcess.self)
    case SendProcess.name: DaemonRuntime.main(SendProcess.self)
    default:
        MailLog(tag: "apus", sink: StandardErrorSink()).fatal("unknown process: \(name)")
        return 1
    }
}

func program() -> Int32 {
    var arguments = CommandLine.arguments
    if arguments.count >= 3, arguments[1] == DaemonRuntime.argument { return runDaemon(arguments[2]) }
    if arguments.count >= 2, arguments[1] == DeliveryWorker.argument { DeliveryWorker.main() }
    var name = arguments.first?.split(separator: "/").last.map(String.init) ?? "apus"
    if name == "apus", arguments.count > 1 {
        arguments.removeFirst()
        name = arguments[0]
    }
    let operands = Array(arguments.dropFirst())
    switch name {
    case "master": return MasterProgram.main(arguments: arguments)
    case "postfix": return PostfixCommand.main(arguments: arguments)
    case "sendmail", "mailq": return Sendmail.main(operands, program: name)
    case "postdrop": return Postdrop.main(operands)
    case "posttls-finger": return PosttlsFinger.main(operands)
    case "postmulti": return PostmultiCommand.main(operands)
    case "postqueue": return Postqueue.main(operands)
    case "postkick": return Postkick.main(operands)
    case "postlog": return Postlog.main(operands)
    case "postlock": return Postlock.main(operands)
    // What postqueue starts when the mail system is down.
    case "showq": return ShowQueueProgram.main(operands)
    // What `sendmail -bs` starts.
    case "smtpd": return StandAloneServer.main(operands)
    default:
        if let command = Commands.find(name) { return command.run(operands) }
        MailLog(tag: "apus", sink: StandardErrorSink()).fatal("unknown command: \(name)")
        return 1
    }
}

ProcessStatus.leave(program())
