import MailSyntax
import NIOCore

/// BDAT (RFC 3030).
extension SMTPSession {
    func malformedChunk() -> Outcome {
        log.warning("\(facts.queueID ?? "NOQUEUE"): malformed BDAT command syntax from \(clientText): BDAT")
        return Outcome(ServerReply(521, "5.5.4", "Syntax: BDAT count [LAST]"), next: .close)
    }

    nonisolated(nonsending) func chunk(size: Int, isLast: Bool) async -> Outcome {
        if discardedKeywords.contains("chunking") {
            return Outcome(ServerReply(521, "5.5.1", "Error: command not implemented"), next: .close)
        }
        if let problem = await chunkProblem(size: size, isLast: isLast) {
            if transaction != nil { transaction?.chunks = .failed }
            refusedChunk = problem
            return Outcome(nil, next: .chunk(size: size, isLast: isLast))
        }
        refusedChunk = nil
        if transaction?.chunks == MailTransaction.Chunks.none {
            transaction?.chunks = .receiving
            await beginContent()
        }
        return Outcome(nil, next: .chunk(size: size, isLast: isLast), ok: true)
    }

    private nonisolated(nonsending) func chunkProblem(size: Int, isLast: Bool) async -> ServerReply? {
        if chunksFailed {
            return ServerReply(551, "5.0.0", "Discarded \(size) bytes after earlier error")
        }
        guard let current = transaction else { return Replies.needRecipient }
        if current.recipientCount == 0 { return Replies.noRecipients }
        if size == 0, !isLast { return ServerReply(551, "5.7.1", "Zero-length BDAT request without LAST") }
        if settings.messageSizeLimit > 0, size > settings.messageSizeLimit &- current.size {
            log.warning("\(facts.queueID ?? "NOQUEUE"): BDAT request from \(clientText) exceeds message size limit")
            return Replies.sizeOverLimit
        }
        if current.chunks == .none { return await check(.data).refusal }
        return nil
    }

    /// Content of a chunk, as `content`; that of a refused chunk is thrown away.
    nonisolated(nonsending) public func chunkContent(_ text: ByteBuffer, wireBytes: Int, bareNewline: Bool) async {
        guard refusedChunk == nil else { return }
        await content(text, wireBytes: wireBytes, bareNewline: bareNewline)
    }

    /// All bytes of a chunk have come.
    nonisolated(nonsending) public func endOfChunk(size: Int, isLast: Bool) async -> SessionStep {
        if let refusedChunk {
            chunksFailed = !isLast
            if isLast { await abandonTransaction() }
            return await finish(Outcome(refusedChunk, ok: false), name: .bdat)
        }
        guard isLast else {
            return await finish(Outcome(ServerReply(250, "2.0.0", "Ok: \(size) bytes")), name: .bdat)
        }
        let total = transaction?.size ?? size
        let outcome = await endOfMessage { "Ok: \(total) bytes queued as \($0)" }
        return await finish(outcome, name: .bdat)
    }
}
