enum ASCII { static func equalIgnoringCase(_ a: String, _ b: String) -> Bool { a.lowercased() == b.lowercased() } }
enum EmailAddress {
    static func quoted(_ a: String) -> String { a }
    static func unquote(_ a: String) -> String { a }
}
