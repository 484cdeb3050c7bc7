import CommandReference
import Configuration
import Lookup

/// postmap(1).
public enum PostmapCommand: TableDialect {
    static let name = "postmap"
    static let optionLetters = CommandSynopsis.postmap.letters
    static let usage = "postmap [-bfFhimnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file..."
    static let exclusiveOptions = "-s -q or -d"

    public static func run(_ arguments: [String]) -> Int32 { TableCommand<PostmapCommand>.run(arguments) }

    static func ownEntries(_ parameters: Parameters) -> [(key: [UInt8], value: [UInt8])] { [] }

    static let separator: [UInt8] = [0x09]

    static func store(
        _ source: [UInt8], path: String, options: TableOptions, warn: (String) -> Void,
        _ put: (ArraySlice<UInt8>, ArraySlice<UInt8>) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        var reader = SourceReader(path, source, options: options)
        while let entry = reader.next(warn: warn) { try put(entry.key, entry.value) }
    }
}
