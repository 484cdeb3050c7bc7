import Glibc
import Operate

// The name it was started under, or the first argument, says which program this is.
var arguments = CommandLine.arguments
let name = arguments.isEmpty ? "apus" : arguments.removeFirst()
let program = String(name.utf8.split(separator: UInt8(ascii: "/")).last.map(Substring.init) ?? "apus")
if let command = Commands.find(program) { exit(command.run(arguments)) }
if let first = arguments.first, let command = Commands.find(first) { exit(command.run(Array(arguments.dropFirst()))) }
print("apus")
