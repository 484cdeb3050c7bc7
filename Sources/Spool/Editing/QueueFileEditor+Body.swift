/// The stretches of a file that hold the body: the original one, and those that replacements added at the end.
struct BodyRegions {
    struct Region {
        var start: Int
        /// Nil: grows at the end of the file.
        var length: Int?
    }

    var regions: [Region]
    /// The one that is written now.
    var current = 0
    var position = 0
    var isWriting = false

    init(_ points: EditPoints) {
        let start = points.headers?.target ?? points.extracted
        regions = [Region(start: start, length: points.extracted - start)]
    }
}

extension QueueFileEditor {
    /// A new body follows.
    public func beginBody() throws(QueueFileError) {
        guard let headers = points.headers else { throw .corrupt(reason: "no place for a body", offset: end) }
        body.current = 0
        body.position = body.regions[0].start
        body.isWriting = true
        contentLength = 0
        // Reading goes from the last header to the first region, as it did.
        try write(Self.pointer(body.regions[0].start), at: headers.offset)
        try writeBody(.line, [])
    }

    /// A line, or a piece of one.
    public func writeBody(_ type: RecordType, _ text: some Collection<UInt8>) throws(QueueFileError) {
        let record = RecordCodec.encode(type, text)
        while let length = body.regions[body.current].length,
            body.position + record.count + EditPoints.pointerSize > body.regions[body.current].start + length
        {
            try continueElsewhere()
        }
        try put(record)
        contentLength = (contentLength ?? 0) + record.count
    }

    private func put(_ bytes: [UInt8]) throws(QueueFileError) {
        try write(bytes, at: body.position)
        body.position += bytes.count
        end = max(end, body.position)
    }

    private func continueElsewhere() throws(QueueFileError) {
        if body.current + 1 == body.regions.count {
            body.regions.append(BodyRegions.Region(start: end, length: nil))
        }
        let next = body.regions[body.current + 1].start
        try put(Self.pointer(next))
        body.current += 1
        body.position = next
    }

    /// The body is complete.
    public func endBody() throws(QueueFileError) {
        guard body.isWriting else { return }
        try put(Self.pointer(points.extracted))
        if body.regions[body.current].length == nil {
            body.regions[body.current].length = body.position - body.regions[body.current].start
        }
        body.isWriting = false
    }
}
