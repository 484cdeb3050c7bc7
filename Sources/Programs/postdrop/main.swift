import Glibc
import Submission

exit(Postdrop.main(Array(CommandLine.arguments.dropFirst())))
