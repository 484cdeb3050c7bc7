import CommandReference
import Glibc
import MailSystem
import Testing

@testable import Manual

struct ManualPageTests {
    /// The checkout that these tests are part of.
    private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
        .joined(separator: "/")

    private static func page(_ name: String, _ section: Int) throws -> ManualPage {
        let text = try Files.readText("\(root)/Documentation/manual/\(name).\(section).txt")
        return try #require(ManualPage(text), "\(name)")
    }

    @Test(arguments: CommandSynopsis.all.map(\.name))
    func eachCommandHasAPageWithAllItsOptions(_ name: String) throws {
        let command = try #require(CommandSynopsis.find(name))
        let roff = try Self.page(name, command.section).roff
        #expect(roff.hasPrefix(".TH \(Roff.escaped(name.uppercased())) \(command.section) "))
        for letter in command.letters where letter != ":" {
            #expect(roff.contains("\n\\fB\\-\(letter)"), "-\(letter)")
        }
        for subcommand in command.subcommands {
            #expect(roff.contains("\n\\fB\(Roff.escaped(subcommand.name))\\fR\n"), "\(subcommand.name)")
        }
    }

    @Test func marksAndControlCharactersAreProtected() throws {
        let page = try #require(
            ManualPage(
                """
                x(5) - one - two
                ## A-B
                .text with `a\\b` and *it* of master(8)
                 - c'd
                = `k` *v*
                text
                """))
        #expect(page.summary == "one - two")
        #expect(
            page.roff == """
                .TH X 5 "" Apus "Apus Manual"
                .ad l
                .nh
                .SH NAME
                x \\- one \\- two
                .SH A\\-B
                \\&.text with \\fBa\\eb\\fR and \\fIit\\fR of \\fBmaster\\fR(8)
                .RS
                .nf
                \\- c\\(aqd
                .fi
                .RE
                .TP
                \\fBk\\fR \\fIv\\fR
                text

                """)
    }

    @Test func parametersComeFromTheCatalogue() throws {
        let page = try #require(ManualPage("x(8) - y\n## PARAMETERS\n@parameters anvil\n"))
        #expect(
            page.roff.contains(
                "\n\\fBanvil_rate_time_unit\\fR\ntime (unit without a letter: seconds), default \\fI60s\\fR\n"))
        #expect(!page.roff.contains("queue_directory"))
    }

    /// Every name that Scripts/install lays out in a directory of commands.
    @Test func eachInstalledCommandHasAPage() throws {
        let lines = try Files.readText("\(Self.root)/Scripts/install").split(separator: "\n").filter {
            $0.hasPrefix("for name in post") || $0.hasPrefix("for name in mailq ")
        }
        let names = lines.flatMap { $0.prefix { $0 != ";" }.split(separator: " ").dropFirst(3) }
        #expect(names.count >= 12)
        for name in names { _ = try Self.page(String(name), 1) }
    }

    @Test(.enabled(if: Files.isExecutable("/usr/bin/man")))
    func manHasNothingToSayOfThePages() throws {
        var sources: [String] = []
        try POSIXFileStore(root: "\(Self.root)/Documentation/manual").list(".") { name in
            sources.append(name)
            return true
        }
        let path = "/tmp/apus-page-\(getpid())"
        defer {
            unlink("\(path).8")
            unlink("\(path).warnings")
        }
        for source in sources {
            let text = try Files.readText("\(Self.root)/Documentation/manual/\(source)")
            let page = try #require(ManualPage(text), "\(source)")
            #expect(source == "\(page.name).\(page.section).txt")
            try Files.writeAtomically(Array(page.roff.utf8), to: "\(path).8")
            let warnings = open("\(path).warnings", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            let pid = try Spawn(
                executable: "/bin/sh", arguments: ["sh", "-c", "man --warnings -l \(path).8 >/dev/null"],
                environment: ["PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "MANPAGER=cat"], descriptors: [2: warnings]
            ).start()
            close(warnings)
            _ = ProcessStatus.wait(for: pid)
            #expect(try Files.readText("\(path).warnings") == "", "\(source)")
        }
    }

    /// The words that the shell offers behind a command: every option of its table, every subcommand, nothing else.
    @Test func bashOffersTheOptionTables() throws {
        let path = "/tmp/apus-completions-\(getpid())"
        var script = ShellCompletions.bash
        script += "ask() { COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)); _apus; echo \"${*:1}:\" \"${COMPREPLY[@]}\"; }\n"
        let names = ShellCompletions.commands.map(\.name)
        for name in names { script += "ask \(name) -; ask \(name) ''\n" }
        script += "ask postfix tls ''; ask postconf -T ''; ask postmulti -e cr\n"
        defer {
            unlink(path)
            unlink("\(path).out")
        }
        try Files.writeAtomically(Array("exec >\(path).out\n\(script)".utf8), to: path)
        let pid = try Spawn(
            executable: "/bin/bash", arguments: ["bash", path], environment: ["PATH=/nowhere"],
            descriptors: [1: 1, 2: 2]
        ).start()
        guard case .exited(0) = ProcessStatus.wait(for: pid) else {
            Issue.record("bash refuses it")
            return
        }
        var answers: [String: Set<String>] = [:]
        for line in try Files.readText("\(path).out").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            answers[parts[0]] = Set(parts.count > 1 ? parts[1].split(separator: " ").map(String.init) : [])
        }
        for name in names {
            let command = try #require(CommandSynopsis.find(name))
            let offered = answers["\(name) -"] ?? []
            for option in command.options {
                #expect(offered.contains { $0.hasPrefix(option.word) }, "\(name) \(option.word)")
            }
            for word in offered { #expect(command.options.contains { word.hasPrefix($0.word) }, "\(name) \(word)") }
            if !command.subcommands.isEmpty { #expect(answers["\(name) "] == Set(command.subcommands.map(\.name))) }
        }
        #expect(answers["postfix tls "] == Set(CommandSynopsis.postfixTLS.subcommands.map(\.name)))
        #expect(answers["postconf -T "] == ["compile-version", "run-version", "public-key-algorithms"])
        #expect(answers["postmulti -e cr"] == ["create"])
    }

    @Test func zshKnowsTheOptionTables() throws {
        let text = ShellCompletions.zsh
        for command in ShellCompletions.commands {
            let start = try #require(text.firstRange(of: "\n\(command.name))\n"), "\(command.name)")
            let part = text[start.upperBound...]
            let own = part.firstRange(of: "\n    ;;").map { part[..<$0.lowerBound] } ?? part
            for option in command.options {
                #expect(own.contains("'*\(option.word)"), "\(command.name) \(option.word)")
            }
            for subcommand in command.subcommands { #expect(own.contains(subcommand.name)) }
        }
    }

    @Test func completionsAreAcceptedByTheShell() throws {
        let path = "/tmp/apus-completion-\(getpid())"
        try Files.writeAtomically(Array(ShellCompletions.bash.utf8), to: path)
        defer { unlink(path) }
        let pid = try Spawn(
            executable: "/bin/bash", arguments: ["bash", "-n", path], environment: [], descriptors: [1: 1, 2: 2]
        ).start()
        guard case .exited(0) = ProcessStatus.wait(for: pid) else {
            Issue.record("bash -n refuses it")
            return
        }
    }
}
