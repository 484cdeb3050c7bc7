/// The parent domains of a name, nearest first: of `a.b.c`, `b.c` and `c`, or `.b.c` and `.c`.
public struct ParentDomains: Sequence, IteratorProtocol, Sendable {
    private var rest: Substring.UTF8View
    private let dotted: Bool

    /// - Parameter dotted: with a leading dot, as tables have it for features that are not in
    ///   `parent_domain_matches_subdomains`.
    public init(of domain: String, dotted: Bool) {
        rest = domain[...].utf8
        self.dotted = dotted
    }

    public mutating func next() -> String? {
        guard let dot = rest.dropFirst().firstIndex(of: UInt8(ascii: ".")) else { return nil }
        rest = rest[dot...]
        return String(Substring(dotted ? rest : rest.dropFirst()))
    }

    /// Whether a feature is listed in `parent_domain_matches_subdomains`.
    public static func match(feature: String, in list: String) -> Bool {
        ListSyntax.split(list).contains { $0.utf8.elementsEqual(feature.utf8) }
    }
}
