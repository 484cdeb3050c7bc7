import CommandReference
import Configuration
import Glibc

/// newaliases(1): rebuilds the tables of `alias_database`.
public enum NewaliasesCommand {
    public static func run(_ arguments: [String]) -> Int32 {
        CommandContext.run("newaliases") { () throws(CommandFailure) in
            var directory: String?
            var sources: [String] = []
            // sendmail's options are accepted; only these mean something here.
            var scanner = OptionScanner(arguments, options: CommandSynopsis.newaliases.letters)
            do {
                while let (option, value) = try scanner.nextPair() {
                    if option == "C" { directory = value }
                    if option == "o", value.utf8.first == UInt8(ascii: "A") {
                        sources.append(String(decoding: value.utf8.dropFirst(), as: UTF8.self))
                    }
                }
            } catch OptionScanner.Problem.message(let text) {
                CommandContext.complain("newaliases", text)
                throw CommandFailure("usage: newaliases [options]")
            } catch {
                throw CommandFailure("usage: newaliases [options]")
            }
            let context = try CommandContext(name: "newaliases", directory: directory.map(parent))
            if sources.isEmpty { sources = context.parameters.list("alias_database") }
            if sources.isEmpty { return 0 }
            return PostaliasCommand.run(["-c", context.parameters.directory, "--"] + sources)
        }
    }

    /// `-C` names main.cf, or its directory.
    private static func parent(_ path: String) -> String {
        guard path.utf8.elementsEqual("main.cf".utf8) || path.hasSuffix("/main.cf") else { return path }
        let parent = String(decoding: path.utf8.dropLast("/main.cf".utf8.count), as: UTF8.self)
        return parent.isEmpty ? "." : parent
    }
}
