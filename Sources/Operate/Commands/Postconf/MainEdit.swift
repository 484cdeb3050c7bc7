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
            values.append(edit == .set ? try setting(operand) : (try name(operand, edit), ""))
        }
        try MainFileEdit.run(path, edit, values, warn: warn)
    }

    private func setting(_ operand: String) throws(CommandFailure) -> (String, String) {
        do { return try SettingText.split(operand) } catch {
            throw CommandFailure("\(error.text): \"\(operand)\"")
        }
    }

    private func name(_ operand: String, _ edit: PostconfOptions.Edit) throws(CommandFailure) -> String {
        let name = ListSetting.trimmed(operand[...])
        if name.isEmpty || name.utf8.contains(where: ListSetting.isSpace) {
            throw CommandFailure("-\(edit.rawValue) requires a parameter name: \"\(operand)\"")
        }
        return name
    }
}
