import Glibc
import Submission

exit(Postqueue.main(Array(CommandLine.arguments.dropFirst())))
