/// The entries of a postmap source, with postmap's warnings about what is not one.
public struct SourceReader {
    public struct Entry: Sendable {
        public let key: ArraySlice<UInt8>
        public let value: ArraySlice<UInt8>
        public let line: Int
    }

    private let path: String
    private let options: TableOptions
    private let ignoredSuffix: String
    private var lines: SourceLines

    /// - Parameters:
    ///   - path: how warnings name the source.
    ///   - ignoredSuffix: what the warning about a line without value ends with.
    public init(_ path: String, _ text: [UInt8], options: TableOptions, ignoredSuffix: String = "") {
        self.path = path
        self.options = options
        self.ignoredSuffix = ignoredSuffix
        lines = SourceLines(path, text, options: options)
    }

    /// The next entry; warns of the lines that it skips.
    public mutating func next(warn: (String) -> Void) -> Entry? {
        while let line = lines.next(warn: warn) {
            // Only lines with a mistake need it.
            var place: String { "\(path), line \(line.number)" }
            let fields = line.text.withUnsafeBufferPointer { SourceFields($0) }
            if fields.isUnbalanced {
                warn("\(place): unbalanced '\"' in '\(line.text.shown)' -- ignoring this line")
                continue
            }
            if !fields.isComplete {
                warn("\(place): expected format: key whitespace value\(ignoredSuffix)")
                continue
            }
            let start = line.text.startIndex
            if line.text[start + fields.keyEnd - 1] == UInt8(ascii: ":") {
                warn("\(place): record is in \"key: value\" format; is this an alias file?")
            }
            let key = line.text[..<(start + fields.keyEnd)]
            let value = line.text[(start + fields.value.lowerBound)..<(start + fields.value.upperBound)]
            guard options.contains(.valueIsFileName) else { return Entry(key: key, value: value, line: line.number) }
            do {
                return Entry(key: key, value: try FileValue.encode(Array(value))[...], line: line.number)
            } catch {
                warn("\(place): \(error.reason): skipping this entry")
            }
        }
        return nil
    }
}
