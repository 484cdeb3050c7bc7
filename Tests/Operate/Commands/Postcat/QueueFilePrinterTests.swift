import MailSystem
import Spool
import TestSupport
import Testing

@testable import Operate

/// The expectations are what Debian's postcat prints for such a file.
@Suite struct QueueFilePrinterTests {
    private func printed(_ arguments: [String]) throws -> String {
        let store = MemoryFileStore(directories: ["incoming"])
        let writer = try QueueFileWriter.create(in: QueueDirectory(store: store), time: MailTime(seconds: 1))
        writer.append(.size, SizeRecord().payload)
        writer.append(.sender, "s@example.com")
        writer.append(pointer: 0)
        writer.append(.message)
        let data = writer.offset
        writer.append(.line, "Subject: x")
        writer.append(.padding, "0")
        // The header continues behind the end of the content, where a header was added.
        let jump = writer.append(pointer: 0)
        writer.append(.line, "")
        writer.append(.continued, "bo")
        writer.append(.line, "dy")
        let end = writer.offset
        writer.append(.extracted)
        writer.append(.end)
        let added = writer.append(.line, "X-Added: y")
        writer.append(pointer: jump + 17)
        try writer.overwrite(RecordCodec.encode(.pointer, RecordCodec.column15(added).utf8), at: jump)
        try writer.commit(size: SizeRecord(segmentLength: end - data, dataOffset: data, contentLength: end - data))
        let reader = try QueueFileReader.open(QueueDirectory(store: store), queue: "incoming", id: writer.id)
        var output: [UInt8] = []
        var printer = QueueFilePrinter(name: "F", options: try PostcatOptions(arguments), reader: reader) {
            output += $0
        }
        try printer.print()
        return String(decoding: output, as: UTF8.self)
    }

    @Test func everything() throws {
        #expect(
            try printed([])
                == """
                *** ENVELOPE RECORDS F ***
                message_size:              42             131               0               0              42               0
                sender: s@example.com
                *** MESSAGE CONTENTS F ***
                Subject: x
                X-Added: y

                body
                *** HEADER EXTRACTED F ***
                *** MESSAGE FILE END F ***

                """)
    }

    @Test func headerAndBodyAlone() throws {
        #expect(try printed(["-h"]) == "Subject: x\nX-Added: y\n")
        #expect(try printed(["-b"]) == "\nbody\n")
        #expect(try printed(["-r", "-h"]) == "Subject: x\n")
    }

    @Test func verboseShowsTheHiddenRecords() throws {
        #expect(
            try printed(["-h", "-v"]) == """
                regular_text: Subject: x
                padding: 0
                pointer_record:             177
                regular_text: X-Added: y
                pointer_record:             163

                """)
    }
}
