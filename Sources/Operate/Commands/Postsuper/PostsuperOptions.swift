import CommandReference
import Submission

/// What postsuper is asked to do. Pure.
struct PostsuperOptions: Equatable {
    enum Action: Character, CaseIterable {
        case delete = "d"
        case expire = "e"
        case release = "H"
        case expireAndRelease = "f"
        case hold = "h"
        case requeue = "r"

        /// The queues that are searched when none are named.
        var defaultQueues: [String] {
            switch self {
            case .hold: ["incoming", "active", "deferred"]
            case .release: ["hold"]
            default: ["hold", "incoming", "active", "deferred"]
            }
        }
    }

    enum Target: Equatable {
        case message(String)
        case all
        /// Queue ids on standard input.
        case input
    }

    struct Request: Equatable {
        var action: Action
        var target: Target
    }

    var requests: [Request] = []
    var purge = false
    var repair = false
    /// `-S`: long names must match their inodes too.
    var repairLongNames = false
    var configuration: String?
    var verbosity = 0
    var queues: [String] = []

    static let knownQueues = [
        "incoming", "active", "deferred", "hold", "maildrop", "corrupt", "bounce", "defer", "trace", "flush",
    ]
    static let usage =
        "usage: postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)]"
        + " [-f queue_id (expire and/or un-hold)] [-h queue_id (hold)] [-H queue_id (un-hold)]"
        + " [-p (purge temporary files)] [-r queue_id (requeue)] [-s (structure fix)] [-S (redundant structure fix)]"
        + "[-v (verbose)] [queue...]"

    init(_ arguments: [String]) throws(Submission.CommandFailure) {
        var scanner = OptionScanner(arguments, options: CommandSynopsis.postsuper.letters)
        while let item = scanner.next() {
            switch item {
            case .value("c", let value): configuration = value
            case .value(let letter, let value):
                guard let action = Action(rawValue: letter) else { continue }
                let target: Target = value == "ALL" ? .all : value == "-" ? .input : .message(value)
                requests.append(Request(action: action, target: target))
            case .flag("p"): purge = true
            case .flag("v"): verbosity += 1
            case .flag("s"): repair = true
            case .flag("S"):
                repair = true
                repairLongNames = true
            case .error(let text): throw Submission.CommandFailure(Self.usage, complaint: text)
            default: break
            }
        }
        queues = scanner.operands
        for queue in queues where !Self.knownQueues.contains(queue) {
            throw Submission.CommandFailure("invalid directory name: \(queue)")
        }
        if requests.isEmpty, !purge, !repair {
            purge = true
            repair = true
        }
    }
}
