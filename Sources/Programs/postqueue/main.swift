import MailSystem
import Submission

ProcessStatus.leave(Postqueue.main(Array(CommandLine.arguments.dropFirst())))
