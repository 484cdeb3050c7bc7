import CommandReference
import Submission

/// What postcat shows. Pure.
struct PostcatOptions: Equatable {
    var body = false
    var envelope = false
    var header = false
    var decimalTypes = false
    var offsets = false
    var raw = false
    var verbose = false
    /// `-f`: the file name before each line.
    var fileNames = false
    /// The operands are queue ids.
    var queueIDs = false
    var start = 0
    var configuration: String?
    var operands: [String] = []

    static let usage =
        "usage: \(Submission.CommandContext.asCalled("postcat")) [-b (body text)] [-c config_dir]"
        + " [-d (decimal record type)] [-e (envelope records)] [-h (header text)] [-q (access queue)] [-v] [file(s)...]"

    init(_ arguments: [String]) throws(Submission.CommandFailure) {
        var scanner = OptionScanner(arguments, options: CommandSynopsis.postcat.letters)
        while let item = scanner.next() {
            switch item {
            case .flag("b"): body = true
            case .flag("d"): decimalTypes = true
            case .flag("e"): envelope = true
            case .flag("f"): fileNames = true
            case .flag("h"): header = true
            case .flag("o"): offsets = true
            case .flag("q"): queueIDs = true
            case .flag("r"): raw = true
            case .flag("v"): verbose = true
            case .value("c", let value): configuration = value
            case .value("s", let value):
                guard let number = Int(value), number >= 0 else {
                    throw Submission.CommandFailure("bad offset: \(value)")
                }
                start = number
            case .error(let text): throw Submission.CommandFailure(Self.usage, complaint: text)
            default: break
            }
        }
        if !body, !envelope, !header { (body, envelope, header) = (true, true, true) }
        operands = scanner.operands
    }
}
