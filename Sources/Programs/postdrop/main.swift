import MailSystem
import Submission

ProcessStatus.leave(Postdrop.main(Array(CommandLine.arguments.dropFirst())))
