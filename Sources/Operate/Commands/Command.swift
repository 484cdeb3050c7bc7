import Submission

/// One command of the multi-call binary.
public struct Command: Sendable {
    /// As argv[0] has it.
    public let name: String
    /// Takes the arguments after the name and returns the exit status.
    public let run: @Sendable ([String]) -> Int32

    public init(name: String, run: @escaping @Sendable ([String]) -> Int32) {
        self.name = name
        self.run = run
    }
}

public enum Commands {
    /// One line a command.
    public static let all: [Command] = [
        Command(name: "mailq") { Sendmail.main($0, program: "mailq") },
        Command(name: "newaliases") { Sendmail.main($0, program: "newaliases") },
        Command(name: "postalias", run: PostaliasCommand.run),
        Command(name: "postcat", run: Postcat.main),
        Command(name: "postdrop", run: Postdrop.main),
        Command(name: "postkick", run: Postkick.main),
        Command(name: "postlock", run: Postlock.main),
        Command(name: "postlog", run: Postlog.main),
        Command(name: "postconf", run: PostconfCommand.run),
        Command(name: "postmap", run: PostmapCommand.run),
        Command(name: "postqueue", run: Postqueue.main),
        Command(name: "postsuper", run: Postsuper.main),
        Command(name: "qshape", run: Qshape.main),
        Command(name: "sendmail") { Sendmail.main($0) },
    ]

    public static func find(_ name: String) -> Command? { all.first { $0.name == name } }
}
