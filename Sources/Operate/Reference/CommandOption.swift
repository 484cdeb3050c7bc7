/// One option of a command, as its parser, its manual page and the completions of the shells know it.
public struct CommandOption: Sendable, Equatable {
    /// What completions offer for the argument.
    public enum Values: Sendable, Equatable {
        case none, directories, files, parameters, queueIDs
        case words([String])
    }

    /// `c` of `-c`; empty for a long option.
    public let letter: String
    /// `json` of `--json`; empty for a letter.
    public let longName: String
    /// What stands for the argument in the manual; empty when there is none.
    public let argument: String
    /// The argument is written in the same word: `-bd`.
    public let isAttached: Bool
    public let values: Values
    /// A sentence or more: the manual's.
    public let text: String

    /// `-l`
    public static func flag(_ letter: String, _ text: String) -> CommandOption {
        CommandOption(letter: letter, longName: "", argument: "", isAttached: false, values: .none, text: text)
    }

    /// `-c directory`
    public static func value(
        _ letter: String, _ argument: String, _ values: Values = .none, _ text: String
    ) -> CommandOption {
        CommandOption(letter: letter, longName: "", argument: argument, isAttached: false, values: values, text: text)
    }

    /// `-bd`: one of the words that may follow a letter. A variable part stands in upper case.
    public static func attached(_ letter: String, _ argument: String, _ text: String) -> CommandOption {
        CommandOption(letter: letter, longName: "", argument: argument, isAttached: true, values: .none, text: text)
    }

    /// `--json`, `--explain NAME`
    public static func long(
        _ name: String, _ argument: String = "", _ values: Values = .none, _ text: String
    ) -> CommandOption {
        CommandOption(letter: "", longName: name, argument: argument, isAttached: false, values: values, text: text)
    }

    /// `-c` or `--json`.
    public var word: String { longName.isEmpty ? "-\(letter)" : "--\(longName)" }
}

/// The command line of one program.
public struct CommandSynopsis: Sendable {
    public let name: String
    public let section: Int
    public let options: [CommandOption]
    /// Words that the first operand may be, with what they do: `postfix start`.
    public let subcommands: [(name: String, text: String)]
    /// What completions offer for operands.
    public let operands: CommandOption.Values

    public init(
        _ name: String, section: Int = 1, operands: CommandOption.Values = .none,
        subcommands: [(name: String, text: String)] = [], _ options: [CommandOption]
    ) {
        self.name = name
        self.section = section
        self.operands = operands
        self.subcommands = subcommands
        self.options = options
    }

    /// A subcommand with a page of its own: `postfix-tls` of `postfix tls`.
    public var isPart: Bool { name.hasPrefix("postfix-") }

    /// The option letters as getopt(3) wants them: those with an argument are followed by a colon.
    public var letters: String {
        var result = ""
        var seen: Set<String> = []
        for option in options where !option.letter.isEmpty && seen.insert(option.letter).inserted {
            result += option.letter
            if !option.argument.isEmpty { result += ":" }
        }
        return result
    }
}

extension CommandOption {
    static let configuration = CommandOption.value(
        "c", "directory", .directories,
        "Read main.cf and master.cf in this directory instead of the default one. It becomes MAIL_CONFIG of what the command starts."
    )
    static let verbose = CommandOption.flag("v", "Say more in the log. May be given several times.")
}
