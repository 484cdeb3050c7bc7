import MailSyntax

/// Attribute lists of internal protocols.
struct AttributeHarness {
    let form: AttributeStream.Form

    func write(_ console: Console) {
        func common(_ flag: Bool) -> [AttributeStream.Item] {
            [
                .value(name: "protocol", .string("test")), .value(name: "number", .number(4711)),
                .value(name: "long_number", .number(1234)), .value(name: "bool", .bool(flag)),
                .value(name: "string", .string("whoopee")), .value(name: "data", .data(Array("whoopee".utf8))),
            ]
        }
        let rest: [AttributeStream.Item] = [
            .hash([("bar-name", "bar-value"), ("foo-name", "foo-value")]), .value(name: "long_number", .number(4321)),
        ]
        console.write(AttributeStream.encode(common(true) + rest, as: form))
        console.write(AttributeStream.encode(common(false), as: form))
        console.write(AttributeStream.encode([.value(name: "protocol", .string("not-test"))], as: form))
    }

    func read(_ console: Console) {
        let input = console.readAll()
        var index = 0
        var members: [(name: String, value: String)] = []
        for _ in 0..<3 {
            guard let list = AttributeStream.decode(input, at: &index, as: form), let first = list.values.first,
                first.name == "protocol", first.value == Array("test".utf8)
            else {
                console.print("return: -1")
                continue
            }
            if !list.members.isEmpty { members = list.members }
            for (name, value) in list.values[1..<min(6, list.values.count)] {
                console.print("\(name) \(text(name, value))")
            }
            for member in members { console.print("(hash) \(member.name) \(member.value)") }
            for (name, value) in list.values.dropFirst(6) { console.print("\(name) \(text(name, value))") }
        }
    }

    private func text(_ name: String, _ value: [UInt8]) -> String {
        switch name {
        case "bool":
            value == Array("true".utf8)
                ? "1" : value == Array("false".utf8) ? "0" : String(decoding: value, as: UTF8.self)
        case "data" where form != .base64: String(decoding: Base64.decode(value) ?? [], as: UTF8.self)
        default: String(decoding: value, as: UTF8.self)
        }
    }
}
