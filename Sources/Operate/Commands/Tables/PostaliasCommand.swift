import CommandReference
import Configuration
import Glibc
import Lookup

/// postalias(1).
public enum PostaliasCommand: TableDialect {
    static let name = "postalias"
    static let optionLetters = CommandSynopsis.postalias.letters
    static let usage = "postalias [-Nfinoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file..."
    static let exclusiveOptions = "-s or -q or -d"

    public static func run(_ arguments: [String]) -> Int32 { TableCommand<PostaliasCommand>.run(arguments) }

    static let separator: [UInt8] = [0x3A, 0x09]

    /// Sendmail looks for `@` to see that a table is complete; NIS for the others.
    static func ownEntries(_ parameters: Parameters) -> [(key: [UInt8], value: [UInt8])] {
        let digits = String(time(nil))
        let padded = String(repeating: "0", count: max(0, 10 - digits.utf8.count)) + digits
        return [
            (Array("@".utf8), Array("@".utf8)),
            (Array("YP_LAST_MODIFIED".utf8), Array(padded.utf8)),
            (Array("YP_MASTER_NAME".utf8), Array(parameters["myhostname"].utf8)),
        ]
    }

    static func store(
        _ source: [UInt8], path: String, options: TableOptions, warn: (String) -> Void,
        _ put: (ArraySlice<UInt8>, ArraySlice<UInt8>) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        var reader = AliasReader(path, source, options: options)
        while let entry = reader.next(warn: warn) { try put(entry.key[...], entry.value[...]) }
    }
}
