import Lookup

enum CaseFoldHarness {
    static func run(_ console: Console) async {
        var isVerbose = false
        for line in console.octetLines() {
            console.print([0x3E, 0x20] + line)
            let parts = line.split(separator: 0x20, maxSplits: 1)
            guard let command = parts.first, command.first != 0x23 else { continue }
            let rest = parts.count > 1 ? Array(parts[1]) : []
            switch String(decoding: command, as: UTF8.self) {
            case "fold": console.print(quoted(rest) + " ->fold ".utf8 + quoted(CaseFolding.fold(rest, utf8: true)))
            case "verbose": isVerbose = rest != [0x30]
            case "range": range(String(decoding: rest, as: UTF8.self), isVerbose, console)
            case "chroot": break
            default: console.log.warning("usage: fold text | range first last | verbose int | chroot path")
            }
        }
    }

    private static func quoted(_ bytes: [UInt8]) -> [UInt8] { [0x22] + bytes + [0x22] }

    private static func range(_ text: String, _ isVerbose: Bool, _ console: Console) {
        let bounds = words(text).compactMap { UInt32($0.hasPrefix("0x") ? String($0.dropFirst(2)) : $0, radix: 16) }
        guard bounds.count == 2, bounds[0] <= bounds[1] else { return console.log.warning("bad range: \(text)") }
        var hasSkipped = false
        for value in bounds[0]...bounds[1] {
            guard let scalar = Unicode.Scalar(value) else {
                if !hasSkipped { console.print("skipping surrogate range") }
                hasSkipped = true
                continue
            }
            let folded = CaseFolding.fold(Array(String(scalar).utf8), utf8: true)
            if isVerbose {
                let hex = String(value, radix: 16, uppercase: true)
                console.print("U+\(String(repeating: "0", count: max(0, 4 - hex.count)))\(hex) -> ".utf8 + folded)
            }
        }
        console.print("range completed: 0x\(String(bounds[0], radix: 16))..0x\(String(bounds[1], radix: 16))")
    }

    static func compare(_ console: Console) async {
        for line in console.octetLines() {
            console.print([0x3E, 0x20] + line)
            let words = line.split(separator: 0x20).map { Array($0) }
            guard words.count >= 3, words[0].first != 0x23 else { continue }
            var (left, right) = (words[1], words[2])
            if words.count > 3, let length = Int(String(decoding: words[3], as: UTF8.self)) {
                left = Array(left.prefix(length))
                right = Array(right.prefix(length))
            }
            let (a, b) = (CaseFolding.fold(left, utf8: true), CaseFolding.fold(right, utf8: true))
            let sign = a == b ? "==" : a.lexicographicallyPrecedes(b) ? "<" : ">"
            console.print(quoted(left) + " \(sign) ".utf8 + quoted(right))
        }
    }
}
