/// The logical lines of a table's source, with warnings about those that are none.
public struct SourceLines {
    public typealias Line = LogicalLines.Line

    private let path: String
    private let utf8: Bool
    private var lines: LogicalLines

    /// - Parameter path: how warnings name the source.
    public init(_ path: String, _ text: [UInt8], options: TableOptions) {
        self.path = path
        utf8 = options.contains(.utf8)
        lines = LogicalLines(text)
    }

    public mutating func next(warn: (String) -> Void) -> Line? {
        while let line = lines.next() {
            if line.startsWithSpace {
                warn(
                    "\(path): logical line must not start with whitespace: \"\(line.text.prefix(30).shown)\(line.text.count > 30 ? "..." : "")\""
                )
            } else if utf8, !Utf8Text.isValid(line.text) {
                // Not as text: what is no UTF-8 shows as question marks.
                let shown = Utf8Text.masked(Array(line.text))
                warn("\(path), line \(line.number): non-UTF-8 input \"\(shown)\" -- ignoring this line")
            } else {
                return line
            }
        }
        return nil
    }
}
