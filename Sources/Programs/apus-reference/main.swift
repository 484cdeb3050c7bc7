import CommandReference
import Glibc
import MailSystem
import Manual

// apus-reference man SOURCES DIRECTORY | bash | zsh | commands
//
// Writes what `make install` lays out besides programs: manual pages from their sources, completions for two shells.

func fail(_ text: String) -> Never {
    MailLog(tag: "apus-reference", sink: StandardErrorSink()).fatal(text)
    exit(1)
}

/// One page for each source.
func writePages(from sources: String, to directory: String) throws {
    var names: [String] = []
    try POSIXFileStore(root: sources).list(".") { name in
        if name.hasSuffix(".txt") { names.append(name) }
        return true
    }
    for file in names.sorted() {
        guard let page = ManualPage(try Files.readText("\(sources)/\(file)")) else {
            fail("\(file): the first line must be: name(section) - summary")
        }
        let folder = "\(directory)/man\(page.section)"
        try Files.makeDirectories(folder)
        try Files.writeAtomically(Array(page.roff.utf8), to: "\(folder)/\(page.name).\(page.section)")
    }
}

let arguments = CommandLine.arguments
do {
    switch arguments.dropFirst().first {
    case "man" where arguments.count == 4: try writePages(from: arguments[2], to: arguments[3])
    case "bash": try Descriptors.writeAll(Array(ShellCompletions.bash.utf8), to: STDOUT_FILENO)
    case "zsh": try Descriptors.writeAll(Array(ShellCompletions.zsh.utf8), to: STDOUT_FILENO)
    // The option letters of each command, for the test of the installation.
    case "commands":
        let lines = CommandSynopsis.all.filter { !$0.isPart }.map { "\($0.name) \($0.section) \($0.letters)\n" }
        try Descriptors.writeAll(Array(lines.joined().utf8), to: STDOUT_FILENO)
    default: fail("usage: apus-reference man SOURCES DIRECTORY | bash | zsh | commands")
    }
} catch {
    fail("\(error)")
}
