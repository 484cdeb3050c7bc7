import CommandReference

/// Completions for bash and zsh, from the tables that the parsers use.
public enum ShellCompletions {
    /// A script that bash-completion loads; it serves all commands.
    public static var bash: String {
        var cases = ""
        for command in commands {
            let words = command.options.map(word).filter(unique()).joined(separator: " ")
            var values = ""
            for option in command.options where !option.argument.isEmpty && !option.isAttached {
                values += "        \(option.word)) \(bashReply(option.values)); return ;;\n"
            }
            for (word, inner) in inner(command) {
                values += "        \(word)) _apus_words '\(inner.joined(separator: " "))'; return ;;\n"
            }
            let first = command.subcommands.map(\.name).joined(separator: " ")
            let operands = first.isEmpty ? bashReply(command.operands) : "_apus_words '\(first)'"
            cases += """
                \(command.name))
                    case $previous in
                \(values)        esac
                    case $current in
                    -*) _apus_words '\(words)' ;;
                    *) \(operands) ;;
                    esac
                    ;;

                """
        }
        return """
            # Completions of Apus' commands for bash. Written by apus-reference.
            _apus_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }
            _apus_files() { mapfile -t COMPREPLY < <(compgen -f -- "$current"); }
            _apus_directories() { mapfile -t COMPREPLY < <(compgen -d -- "$current"); }
            _apus_parameters() { _apus_words "$(postconf -dH 2>/dev/null)"; }
            _apus_queue_ids() { _apus_words "ALL $(postqueue -j 2>/dev/null | sed -n 's/.*"queue_id": "\\([^"]*\\)".*/\\1/p')"; }
            _apus() {
                local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
                COMPREPLY=()
                case ${COMP_WORDS[0]##*/} in
            \(cases)    esac
            }
            complete -F _apus \(commands.map(\.name).joined(separator: " "))

            """
    }

    /// A file for zsh's function path.
    public static var zsh: String {
        var cases = ""
        for command in commands {
            var lines: [String] = []
            let isNew = unique()
            for option in command.options {
                let name = word(option)
                guard isNew(name) else { continue }
                let takesValue = !option.argument.isEmpty && !option.isAttached
                let action = takesValue ? ":\(zshQuoted(option.argument)):\(zshAction(option.values))" : ""
                lines.append("'*\(name)[\(zshQuoted(option.text))]\(action)'")
            }
            if command.subcommands.isEmpty {
                lines.append("'*:operand:\(zshAction(command.operands))'")
            } else {
                lines.append("'1:command:(\(command.subcommands.map(\.name).joined(separator: " ")))'")
                let inner = inner(command).map { "\($0.word)) compadd \($0.words.joined(separator: " ")) ;;" }
                if !inner.isEmpty {
                    lines.append("'*:argument:{ case ${words[CURRENT-1]} in \(inner.joined(separator: " ")) esac }'")
                }
            }
            cases +=
                "\(command.name))\n    _arguments -s \\\n        \(lines.joined(separator: " \\\n        "))\n    ;;\n"
        }
        return """
            #compdef \(commands.map(\.name).joined(separator: " "))
            # Completions of Apus' commands for zsh. Written by apus-reference.
            case $service in
            \(cases)esac

            """
    }

    /// What is installed under a name of its own: `postfix-tls` is a page, not a program.
    static let commands = CommandSynopsis.all.filter { $0.section == 1 && !$0.isPart }

    /// Subcommands that have subcommands: `postfix tls enable-client`.
    private static func inner(_ command: CommandSynopsis) -> [(word: String, words: [String])] {
        command.subcommands.compactMap { subcommand in
            CommandSynopsis.find("\(command.name)-\(subcommand.name)").map {
                (subcommand.name, $0.subcommands.map(\.name))
            }
        }
    }

    private static func word(_ option: CommandOption) -> String {
        let isLiteral = option.isAttached && option.argument.allSatisfy { $0.isLowercase || $0.isNumber }
        return isLiteral ? option.word + option.argument : option.word
    }

    private static func unique() -> (String) -> Bool {
        var seen: Set<String> = []
        return { seen.insert($0).inserted }
    }

    private static func bashReply(_ values: CommandOption.Values) -> String {
        switch values {
        case .none: "COMPREPLY=()"
        case .directories: "_apus_directories"
        case .files: "_apus_files"
        case .parameters: "_apus_parameters"
        case .queueIDs: "_apus_queue_ids"
        case .words(let words): "_apus_words '\(words.joined(separator: " "))'"
        }
    }

    private static func zshAction(_ values: CommandOption.Values) -> String {
        switch values {
        case .none: " "
        case .directories: "_files -/"
        case .files: "_files"
        case .parameters: "(${(f)\"$(postconf -dH 2>/dev/null)\"})"
        case .queueIDs: "(ALL)"
        case .words(let words): "(\(words.joined(separator: " ")))"
        }
    }

    private static func zshQuoted(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "'": result += "'\\''"
            case "[", "]", ":": result += "\\\(character)"
            default: result.append(character)
            }
        }
        return result
    }
}
