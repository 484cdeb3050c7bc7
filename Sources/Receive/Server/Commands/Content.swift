import MailSyntax
import NIOCore

/// DATA, and what follows it.
extension SMTPSession {
    nonisolated(nonsending) func dataOrderProblem() async -> ServerReply? {
        if let transaction, transaction.chunks != .none { return Replies.dataAfterChunk }
        guard let transaction else { return Replies.needRecipient }
        return transaction.recipientCount > 0 ? nil : Replies.noRecipients
    }

    nonisolated(nonsending) func data() async -> Outcome {
        if let problem = await dataOrderProblem() { return Outcome(problem) }
        if let refused = outcome(await check(.data)) { return refused }
        await beginContent()
        return Outcome(Replies.sendContent, next: .data)
    }

    /// Hands the effects of the restrictions and the first header lines to the intake.
    nonisolated(nonsending) func beginContent() async {
        guard let current = transaction, !current.hasBegunContent, let message = current.message else { return }
        transaction?.hasBegunContent = true
        await message.set(current.effects)
        for header in current.effects.prepend { await message.prepend(header) }
        await message.prepend(ReceivedHeader.text(self, current, queueID: message.queueID))
    }

    /// Message text, lines ended by LF.
    /// - Parameter wireBytes: its size as sent by the client, without the dots.
    nonisolated(nonsending) public func content(_ text: ByteBuffer, wireBytes: Int, bareNewline: Bool) async {
        guard let size = transaction?.size, let message = transaction?.message else { return }
        if bareNewline { noteBareNewlineInContent() }
        transaction?.size = size &+ wireBytes
        guard transaction?.problem == nil, transaction?.sawBareNewline != true else { return }
        if settings.messageSizeLimit > 0, size &+ wireBytes > settings.messageSizeLimit {
            transaction?.problem = Replies.fileTooBig
            log.warning("\(message.queueID): queue file size limit exceeded")
            // What fits may hold the end of the headers, which cleanup logs.
            if let start = text.getSlice(
                at: text.readerIndex, length: min(text.readableBytes, max(0, settings.messageSizeLimit &- size)))
            {
                await message.append(start)
            }
            await message.exceedSize()
            return
        }
        await message.append(text)
    }

    private func noteBareNewlineInContent() {
        switch bareNewline {
        case .allow, .normalize: break
        case .note: hadBareNewline = true
        case .reject:
            hadBareNewline = true
            transaction?.sawBareNewline = true
        }
    }

    /// The final dot of DATA has come.
    nonisolated(nonsending) public func endOfData() async -> SessionStep {
        let name = facts.stage == CommandName.bdat.stage ? CommandName.bdat : .data
        let outcome = await endOfMessage { "Ok: queued as \($0)" }
        return await finish(outcome, name: name)
    }

    /// - Parameter text: the words of the good reply for a queue id.
    nonisolated(nonsending) func endOfMessage(_ text: (String) -> String) async -> Outcome {
        guard let message = transaction?.message else { return Outcome(Replies.queueWriteError) }
        facts.stage = "END-OF-MESSAGE"
        facts.size = transaction?.size ?? 0
        if transaction?.sawBareNewline == true {
            logEvent("reject", "bare <LF> received")
            return await refuseMessage(Outcome(bareNewlineReply))
        }
        if let problem = transaction?.problem { return await refuseMessage(Outcome(problem)) }
        if let refused = outcome(await check(.endOfData)) { return await refuseMessage(refused) }
        await message.set(transaction?.effects ?? MessageEffects())
        switch await message.finish() {
        case .refused(let reply):
            transaction?.message = nil
            return await refuseMessage(Outcome(reply))
        case .accepted:
            transaction?.message = nil
            errors = 0
            junk = 0
            forgetTroubles()
            await abandonTransaction()
            return Outcome(ServerReply(250, "2.0.0", text(message.queueID)))
        }
    }

    private nonisolated(nonsending) func refuseMessage(_ outcome: Outcome) async -> Outcome {
        await abandonTransaction()
        return outcome
    }
}
