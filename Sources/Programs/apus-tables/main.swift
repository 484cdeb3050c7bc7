import Glibc
import MailSystem
import Operate

// postmap and postalias by themselves: without the libraries of the daemons they start in half the time, and scripts
// start them often.

let name = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? ""
let operands = Array(CommandLine.arguments.dropFirst())
switch name {
case "postalias": ProcessStatus.leave(PostaliasCommand.run(operands))
case "postmap": ProcessStatus.leave(PostmapCommand.run(operands))
default:
    MailLog(tag: "apus-tables", sink: StandardErrorSink()).fatal("unknown command: \(name)")
    exit(1)
}
