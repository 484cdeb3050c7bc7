import Testing

@testable import Spool

@Suite struct RecordTests {
    @Test(arguments: [0, 1, 127, 128, 300, 16_383, 16_384, 2_097_152])
    func lengthsSurviveTheRoundTrip(length: Int) {
        let bytes = RecordCodec.encode(.line, [UInt8](repeating: 7, count: length))
        #expect(bytes.count == RecordCodec.encodedSize(payload: length))
        #expect(
            RecordCodec.header(bytes)
                == .header(.init(type: .line, length: length, size: bytes.count - length)))
    }

    @Test func badHeadersAreRefused() {
        #expect(RecordCodec.header([]) == .incomplete)
        #expect(RecordCodec.header([0x4e]) == .incomplete)
        #expect(RecordCodec.header([0x4e, 0x80]) == .incomplete)
        #expect(RecordCodec.header([0x4e, 0x80, 0x80, 0x80, 0x80, 0x01]) == .malformed)
    }

    @Test func sizesFillFixedColumns() throws {
        let size = SizeRecord(
            segmentLength: 1234, dataOffset: 600, recipientCount: 2, queueFlags: .notify(4), contentLength: 1200,
            sendOptions: .smtputf8Requested)
        let payload = size.payload
        #expect(payload.utf8.count == 95)
        #expect(SizeRecord(payload: payload.utf8) == size)
        #expect(RecordCodec.encode(.size, payload.utf8).count == SizeRecord.encodedSize)
    }

    @Test(arguments: [("", nil), ("12", 12), ("1 2", nil), ("1 2 3", 1), ("99999999999999999999 1 1", nil), ("x", nil)])
    func oldAndBadSizes(text: String, segmentLength: Int?) {
        #expect(SizeRecord(payload: text.utf8)?.segmentLength == segmentLength)
    }

    @Test(arguments: [("  42", 42), ("-1", -1), ("4 2", nil), ("", nil), ("-", nil), ("4x", nil)])
    func columns(text: String, value: Int?) {
        #expect(RecordCodec.decimal(text.utf8) == value)
    }
}
