import MailSystem
import Spool
import TestSupport
import Testing

/// Changes of a queue file before it is committed.
@Suite struct QueueFileEditorTests {
    private let store = MemoryFileStore(
        directories: ["incoming"], clock: SimulatedClock(MailTime(seconds: 1_700_000_000)))

    /// A small message with every place holder, as cleanup leaves them for milters.
    private func editor() throws -> QueueFileEditor {
        var bytes: [UInt8] = []
        func add(_ type: RecordType, _ text: String = "") { RecordCodec.append(type, text, to: &bytes) }
        let unused = RecordCodec.column15(0)
        add(.size, SizeRecord().payload)
        add(.sender, "a@b")
        bytes += QueueFileEditor.senderPadding("a@b")
        add(.originalRecipient, "one@example.com")
        add(.recipient, "one@example.com")
        add(.pointer, unused)
        add(.message)
        for header in ["Received: by x", "\tid y", "A: 1", "Subject: something longer"] {
            add(.line, header)
            if header.first != "\t" { bytes += QueueFileEditor.linePadding(header.utf8.count) }
        }
        add(.pointer, unused)
        add(.line)
        add(.line, "body")
        add(.pointer, unused)
        add(.extracted)
        add(.pointer, unused)
        add(.end)
        let file = try store.create("incoming/X", permissions: 0o600)
        try file.write(bytes, at: 0)
        let reader = QueueFileReader(file: file, size: bytes.count)
        return QueueFileEditor(file: file, size: bytes.count, points: try EditPoints.scan(reader))
    }

    /// The records as a reader sees them.
    private func records(_ editor: QueueFileEditor) throws -> [String] {
        let reader = QueueFileReader(file: editor.file, size: editor.end)
        var found: [String] = []
        while let record = try reader.next() {
            if record.type == .size { continue }
            found.append("\(Character(Unicode.Scalar(record.type.rawValue))) \(record.text)")
        }
        return found
    }

    private func content(_ editor: QueueFileEditor) throws -> [String] {
        try records(editor).filter { $0.hasPrefix("N") }.map { String($0.dropFirst(2)) }
    }

    private func lines(_ text: String) -> [[UInt8]] { text.split(separator: "\n").map { Array($0.utf8) } }

    private static let original = ["Received: by x", "\tid y", "A: 1", "Subject: something longer", "", "body"]

    @Test func findsThePlaces() throws {
        let points = try editor().points
        #expect(points.sender != nil && points.recipients != nil && points.headers != nil && points.meta != nil)
    }

    @Test func nothingHasChangedYet() throws {
        #expect(try content(editor()) == Self.original)
    }

    @Test func headers() throws {
        let editor = try editor()
        try editor.addHeader(lines("Z: 1\n\tmore"))
        try editor.insertHeader(at: 2, lines("Before: A"))
        try editor.insertHeader(at: 2, lines("Before: that"))
        try editor.changeHeader(named: "a", index: 1, lines("A: 2"))
        try editor.changeHeader(named: "A", index: 1, lines("A: 3"))
        try editor.deleteHeader(named: "Subject", index: 1)
        try editor.changeHeader(named: "New", index: 1, lines("New: x"))
        try editor.insertHeader(at: 99, lines("Last: y"))
        #expect(
            try content(editor) == [
                "Received: by x", "\tid y", "Before: that", "Before: A", "A: 3", "Z: 1", "\tmore", "New: x", "Last: y",
                "",
                "body",
            ])
        // The system's own Received: is nothing that a milter knows of.
        #expect(try !editor.deleteHeader(named: "Received", index: 1))
    }

    @Test func envelope() throws {
        let editor = try editor()
        var record: [UInt8] = []
        RecordCodec.append(.originalRecipient, "two@example.com", to: &record)
        RecordCodec.append(.recipient, "two@example.com", to: &record)
        try editor.addRecipient(record)
        try editor.changeSender("c@d", envelopeID: "id", dsnReturn: 2)
        try editor.changeSender("a.much.longer.sender@example.com", envelopeID: nil, dsnReturn: nil)
        #expect(try editor.deleteRecipients(from: "one@example.com").map(\.address) == ["one@example.com"])
        try editor.addMeta(.filter, "smtp:x")
        try editor.addMeta(.redirect, "r@example.com")
        #expect(
            try records(editor).filter { !$0.hasPrefix("N") } == [
                "S a.much.longer.sender@example.com", "O one@example.com", "/ one@example.com", "O two@example.com",
                "R two@example.com", "M ", "X ", "L smtp:x", "> r@example.com", "E ",
            ])
    }

    @Test(arguments: [[1], [100, 1], [1, 100, 1000, 10], [5, 5, 5]])
    func bodies(sizes: [Int]) throws {
        let editor = try editor()
        for size in sizes {
            try editor.beginBody()
            for index in 0..<size { try editor.writeBody(.line, Array("line \(index) of \(size)".utf8)) }
            try editor.endBody()
        }
        try editor.addHeader(lines("Z: 1"))
        let last = sizes.last ?? 0
        #expect(
            try content(editor) == Self.original.dropLast(2) + ["Z: 1", ""] + (0..<last).map { "line \($0) of \(last)" }
        )
    }
}
