import Glibc

/// What the command line holds for arguments that are no UTF-8: as strings they have replacement characters.
enum RawArgument {
    /// The octets of an option's value.
    static func octets(_ value: String) -> [UInt8] {
        guard value.unicodeScalars.contains("\u{FFFD}") else { return Array(value.utf8) }
        for index in 1..<max(Int(CommandLine.argc), 1) {
            guard let pointer = CommandLine.unsafeArgv[index] else { continue }
            let argument = UnsafeBufferPointer(start: pointer, count: strlen(pointer)).map { UInt8(bitPattern: $0) }
            if let octets = find(value, in: argument) { return octets }
        }
        return Array(value.utf8)
    }

    /// The end of an argument (`-qVALUE`) that reads as `value`, or all of it.
    static func find(_ value: String, in argument: [UInt8]) -> [UInt8]? {
        // The replacement of an octet is longer than the octet.
        for start in 0...min(argument.count, 16) {
            let rest = argument[start...]
            if String(decoding: rest, as: UTF8.self).utf8.elementsEqual(value.utf8) { return Array(rest) }
        }
        return nil
    }
}
