import CommandReference
import Submission

/// The command line of postmulti(1).
struct PostmultiOptions: Equatable {
    enum Edit: String, CaseIterable {
        case create, destroy, `import`, deport, enable, disable, assign, `init`

        var adds: Bool { self == .create || self == .import }
    }

    enum Mode: Equatable {
        case list
        /// `-p`: a command of postfix(1).
        case postfix
        /// `-x`: any program.
        case program
        case edit(Edit)
    }

    var mode = Mode.list
    /// Nil: none was given.
    var selection: InstanceSelection?
    var reversed = false
    var json = false
    var verbosity = 0
    /// `-I`; empty for `-I -`, nil when not given.
    var newName: String?
    /// `-G`; the same.
    var newGroup: String?
    /// The command of `-p` and `-x`, or the settings of `-e`.
    var operands: [String] = []
    /// config_directory and so on, of `-e create` and `-e import`.
    var settings: [String: String] = [:]

    static let usage =
        "Usage:postmulti -l [-v] [-a] [-g group] [-i instance] | postmulti -p [-v] [-a] [-g group] [-i instance] command..."
        + " | postmulti -x [-v] [-a] [-i name] [-g group] command... | postmulti -e action [-v] [-a] [-i name]"
        + " [-g group] [-I name] [-G group] [param=value ...]"

    private static let directories = ["config_directory", "queue_directory", "data_directory"]

    /// - Parameter complain: gets what getopt(3) says of an unknown option.
    init(_ arguments: [String], complain: (String) -> Void = { _ in }) throws(CommandFailure) {
        var scanner = OptionScanner(arguments, options: CommandSynopsis.postmulti.letters, longFlags: ["json": "j"])
        var modes: [Mode] = []
        var selections = 0
        while let item = scanner.next() {
            switch item {
            case .value("e", let action):
                guard let edit = Edit(rawValue: action) else {
                    throw CommandFailure(
                        "Invalid '-e' edit action '\(action)'. Specify 'create', 'destroy', 'import', 'deport',"
                            + " 'enable', 'disable', 'assign' or 'init'")
                }
                modes.append(.edit(edit))
            case .flag("l"): modes.append(.list)
            case .flag("p"): modes.append(.postfix)
            case .flag("x"): modes.append(.program)
            case .flag("a"):
                selection = .all
                selections += 1
            case .value("g", let group):
                selection = .group(group)
                selections += 1
            case .value("i", let name):
                selection = .name(name)
                selections += 1
            case .flag("R"): reversed = true
            case .flag("j"): json = true
            case .flag("v"): verbosity += 1
            case .value("I", let name):
                guard name == "-" || name.hasPrefix("postfix-") else {
                    throw CommandFailure("New instance name must start with 'postfix-'")
                }
                newName = name == "-" ? "" : name
            case .value("G", let group): newGroup = group == "-" ? "" : group
            case .error(let text):
                complain(text)
                throw CommandFailure(Self.usage)
            default: break
            }
        }
        operands = scanner.operands
        guard modes.count == 1, let mode = modes.first else {
            throw CommandFailure("Specify exactly one of '-e', '-l', '-p', '-x'")
        }
        self.mode = mode
        if selections > 1 { throw CommandFailure("Specity no more than one of '-a', '-g', '-i'") }
        try check()
    }

    private mutating func check() throws(CommandFailure) {
        let assigns = newName != nil || newGroup != nil
        switch mode {
        case .list, .postfix, .program:
            if assigns { throw CommandFailure("Cannot assign instance name or group without '-e assign'") }
            if mode == .list, !operands.isEmpty { throw CommandFailure("Command not allowed with '-l'") }
            if mode != .list, operands.isEmpty {
                throw CommandFailure("Command required with '-p' or '-x' option")
            }
        case .edit(let edit):
            try check(edit, assigns)
        }
        if reversed, mode != .list, mode != .program {
            throw CommandFailure("The '-p' and '-e' options preclude the use of '-R'")
        }
    }

    private mutating func check(_ edit: Edit, _ assigns: Bool) throws(CommandFailure) {
        if edit == .assign, !assigns { throw CommandFailure("Specify new instance name or group with '-e assign'") }
        if !edit.adds, edit != .assign, assigns {
            throw CommandFailure("Cannot assign instance name or group with '-e \(edit.rawValue)'")
        }
        if !edit.adds, edit != .`init` {
            guard case .name = selection else { throw CommandFailure("Select an instance via '-i name'") }
        }
        if !edit.adds, !operands.isEmpty {
            throw CommandFailure("Parameter overrides not valid with '-e \(edit.rawValue)'")
        }
        for operand in operands {
            let parts = operand.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw CommandFailure("Malformed parameter setting '\(operand)'") }
            guard Self.directories.contains(parts[0]), edit == .create || parts[0] == "config_directory" else {
                throw CommandFailure("Parameter '\(parts[0])' not valid with action \(edit.rawValue)")
            }
            guard parts[1].hasPrefix("/") else {
                throw CommandFailure("Parameter setting '\(parts[0])' is not an absolute path")
            }
            settings[parts[0]] = parts[1]
        }
    }
}
