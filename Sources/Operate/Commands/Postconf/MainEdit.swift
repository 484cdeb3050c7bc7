import Configuration

/// Changes settings in main.cf: `-e`, `-X`, `-#`. Comments and the order of entries stay.
struct MainEdit {
    let options: PostconfOptions
    let path: String
    let warn: (String) -> Void

    func run(_ edit: PostconfOptions.Edit) throws(CommandFailure) {
        if options.operands.isEmpty {
            throw CommandFailure(edit == .set ? "-e requires name=value argument" : "missing service argument")
        }
        var values: [(name: String, value: String)] = []
        for operand in options.operands {
            if operand.utf8.contains(0x0A) { throw CommandFailure("-e, -X, or -# accepts no multi-line input") }
            // A setting that begins so would be a comment.
            if ListSetting.trimmed(operand[...]).hasPrefix("#") {
                throw CommandFailure("-e, -X, or -# accepts no comment input")
            }
            values.append(edit == .set ? try setting(operand) : (try name(operand), ""))
        }
        try MainFileEdit.run(path, edit, values, warn: warn)
    }

    private func setting(_ operand: String) throws(CommandFailure) -> (String, String) {
        do { return try SettingText.split(operand) } catch {
            throw CommandFailure("\(error.text): \"\(operand)\"")
        }
    }

    private func name(_ operand: String) throws(CommandFailure) -> String {
        if ListSetting.trimmed(operand[...]).isEmpty {
            throw CommandFailure("-X or -# requires non-blank parameter names")
        }
        // A name with blanks in it, or behind it, is that of no parameter.
        return String(operand.drop { $0 == " " || $0 == "\t" })
    }
}
