import Glibc
import MailSystem

/// authorized_submit_users and its sisters: names, `!name`, `static:…` and files with more of these. Other tables are
/// refused: a set-gid program opens no databases.
public struct UserList {
    private let patterns: [String]

    public init(_ patterns: [String]) { self.patterns = patterns }

    /// The first pattern that names the user decides; a user id without a name is `unknown`.
    public func contains(_ user: String) throws(CommandFailure) -> Bool {
        try match(patterns, user, depth: 0) ?? false
    }

    private func match(_ patterns: [String], _ user: String, depth: Int) throws(CommandFailure) -> Bool? {
        for pattern in patterns {
            var name = pattern[...]
            var wanted = true
            while name.first == "!" {
                name = name.dropFirst()
                wanted.toggle()
            }
            if name.hasPrefix("/") {
                guard depth < 10 else { throw CommandFailure("too many nested files in a list of users") }
                let text: String
                do { text = try Files.readText(String(name)) } catch { throw CommandFailure("\(error)") }
                let inner = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }
                    .flatMap { $0.split(whereSeparator: { $0 == " " || $0 == "," || $0 == "\t" }).map(String.init) }
                if let found = try match(inner, user, depth: depth + 1), found { return wanted }
            } else if name.hasPrefix("static:") {
                return wanted
            } else if name.contains(":") {
                throw CommandFailure("table type not supported in a list of users: \(name)")
            } else if name == user {
                return wanted
            }
        }
        return nil
    }
}
