import CommandReference
import Testing

struct OptionScannerTests {
    @Test func longNamesOfFlags() {
        var scanner = OptionScanner(
            ["-c", "x", "--json", "-jv", "--", "--json"], options: "c:jv", longFlags: ["json": "j"])
        var items: [OptionScanner.Item] = []
        while let item = scanner.next() { items.append(item) }
        #expect(items == [.value("c", "x"), .flag("j"), .flag("j"), .flag("v")])
        #expect(scanner.operands == ["--json"])
    }

    @Test func otherLongNamesAreLetters() {
        var scanner = OptionScanner(["--foo"], options: "f", longFlags: ["json": "j"])
        #expect(scanner.next() == .error("invalid option -- '-'"))
    }
}
