import InternalProtocol
import MailSystem
import Spool

/// The end of a message's stay in the active queue: notified, removed, or put off.
extension QueueManager {
    /// Every recipient has been tried.
    func finish(_ message: ActiveMessage) {
        message.isEnding = true
        if !message.hasDeferred, !message.hasBounced, !message.hasTrace, !message.requests.mayHaveLogs {
            return remove(message, logs: [])
        }
        spawn(on: message) { await $0.conclude(message) }
    }

    private func conclude(_ message: ActiveMessage) async {
        await findLogs(of: message)
        if message.hasBounced {
            if await notify(.failure, message) {
                await dropLog("bounce", of: message)
            } else {
                message.hasDeferred = true
            }
        }
        if message.hasTrace {
            let isReport = message.isVerification || message.flags.contains(.record)
            _ = await notify(isReport ? .verification : .trace, message)
            await dropLog("trace", of: message)
        }
        guard message.hasDeferred else { return remove(message, logs: message.logNames) }
        if await expire(message) { return remove(message, logs: message.logNames) }
        await warnOfDelay(message)
        await putOff(message)
    }

    /// Logs that an earlier attempt, or an earlier process, left.
    private func findLogs(of message: ActiveMessage) async {
        guard message.requests.mayHaveLogs, !(message.hasBounced && message.hasTrace) else { return }
        let store = environment.store
        let id = message.id
        guard
            let found = try? await environment.work.run({
                (bounce: store.hasLog("bounce", id: id), trace: store.hasLog("trace", id: id))
            })
        else { return }
        message.hasBounced = message.hasBounced || found.bounce
        message.hasTrace = message.hasTrace || found.trace
    }

    private func notify(_ kind: NotificationKind, _ message: ActiveMessage) async -> Bool {
        await environment.notifier.notify(kind, id: message.id, message: message.message)
    }

    private func dropLog(_ log: String, of message: ActiveMessage) async {
        let store = environment.store
        let id = message.id
        _ = try? await environment.work.run { try BounceLog.remove(store.directory, queue: log, id: id) }
    }

    /// Gives up a message that is too old, or that the administrator expired.
    private func expire(_ message: ActiveMessage) async -> Bool {
        guard message.wroteDeferLog else { return false }
        let isOld = settings.retry.isExpired(
            arrival: message.message.arrival, isBounce: message.isBounce, now: environment.clock.now())
        guard isOld || message.requests.expire else { return false }
        let word = message.requests.expire ? "force-expired" : "expired"
        log.info(
            DeliveryLog.printable(
                "\(message.id): from=<\(shown(message.message.sender))>, status=\(word), returned to sender"))
        return await notify(.expired, message)
    }

    private func warnOfDelay(_ message: ActiveMessage) async {
        guard message.wroteDeferLog, let time = message.message.warningTime, time > 0,
            let offset = message.message.warningOffset, environment.clock.now().seconds >= time
        else { return }
        guard await notify(.delay, message) else { return }
        let store = environment.store
        let id = message.id
        do {
            try await environment.work.run { try store.markWarned(id: id, at: offset) }
        } catch {
            log.warning("\(id): record delay warning: \(error)")
        }
    }

    private func putOff(_ message: ActiveMessage) async {
        let wall = environment.clock.now()
        let delay = settings.retry.delay(arrival: message.message.arrival, now: wall)
        let store = environment.store
        let id = message.id
        let trace = message.flags.contains(.record) ? message.message.traceOffset : nil
        // With what the disk refuses to note, the message would be delivered again by whoever comes next.
        guard await markFinished(of: message) || message.failedMarks > Self.markAttempts else { return stay(message) }
        do {
            try await environment.work.run(messages: 1) {
                // The report of `sendmail -v` covers the first attempt only.
                if let trace { try store.markTraced(id: id, at: trace) }
                try store.deferMessage(id: id, until: wall.adding(seconds: delay))
            }
        } catch {
            log.warning("\(id): move to deferred queue: \(error)")
            return stay(message)
        }
        leaveActive(id.text)
        pump()
    }

    /// What one recipient's mark may cost: a disk that refuses it for ever must not hold up the others.
    private static let markAttempts = 10

    /// A disk that is full or read-only: the message keeps its place in the active queue until it can be put off.
    private func stay(_ message: ActiveMessage) {
        guard !isStopped else {
            // The next generation finds it there.
            leaveActive(message.id.text)
            return
        }
        stuck += 1
        later(seconds: settings.diskRetryTime) { manager in
            manager.stuck -= 1
            if manager.isStopped { return manager.leaveActive(message.id.text) }
            manager.spawn { await $0.putOff(message) }
        }
    }

    /// An agent, or this process, may have failed to mark recipients: they must not come up again. What cannot be marked
    /// now is remembered.
    /// - Returns: false when the disk refused.
    func markFinished(of message: ActiveMessage) async -> Bool {
        guard !message.finished.isEmpty else { return true }
        let store = environment.store
        let (id, offsets) = (message.id, message.finished)
        do {
            try await environment.work.run(messages: 1) {
                let open = try store.unfinished(offsets, id: id)
                if !open.isEmpty { try store.markDone(open.sorted(), id: id) }
            }
            unmarked[id.text] = nil
            return true
        } catch {
            log.warning("\(id): mark finished recipients: \(error)")
            unmarked[id.text] = Set(offsets)
            message.failedMarks += 1
            return false
        }
    }

    // MARK: removal

    private func remove(_ message: ActiveMessage, logs: [String]) {
        enqueue(Removal(id: message.id, logs: logs, finished: message.finished))
    }

    private func enqueue(_ removal: Removal) {
        removals.append(removal)
        guard !isRemoving else { return }
        isRemoving = true
        spawn { await $0.removeFinished() }
    }

    /// Removes what has finished, all that has collected in one go.
    private func removeFinished() async {
        let store = environment.store
        while !removals.isEmpty {
            let batch = removals
            removals = []
            let errors =
                try? await environment.work.run(messages: batch.count) {
                    batch.map { removal -> SystemError? in
                        do throws(SystemError) {
                            try store.remove(id: removal.id, logs: removal.logs)
                            return nil
                        } catch {
                            return error
                        }
                    }
                }
            for (index, removal) in batch.enumerated() {
                if let error = errors?[index] {
                    log.warning("\(removal.id): remove: \(error)")
                    if !isStopped {
                        removeLater(removal)
                        continue
                    }
                } else {
                    unmarked[removal.id.text] = nil
                    log.info("\(removal.id): removed")
                }
                leaveActive(removal.id.text)
            }
            pump()
        }
        isRemoving = false
    }

    /// It must not come to be delivered again while we know that it is done.
    private func removeLater(_ removal: Removal) {
        stuck += 1
        later(seconds: settings.diskRetryTime) { manager in
            manager.stuck -= 1
            if manager.isStopped { return manager.leaveActive(removal.id.text) }
            manager.enqueue(removal)
        }
    }

    // MARK: after stop

    /// Work on a message ended while the process is draining: it goes to its end, or back for the next process.
    func settleAfterStop(_ message: ActiveMessage) async {
        guard active[message.id.text] === message, message.tasks == 0, !message.isEnding else { return }
        if message.scheduled.heldRecipients == 0, message.scheduled.unreadRecipients == 0, message.next == nil {
            message.isEnding = true
            await conclude(message)
        } else {
            await giveBack(message)
        }
    }

    func giveBack(_ message: ActiveMessage) async {
        let store = environment.store
        let id = message.id
        message.isEnding = true
        _ = await markFinished(of: message)
        _ = try? await environment.work.run { store.release(id: id) }
        leaveActive(id.text)
        // One with logs is not new: the next generation finds it for itself.
        if message.logNames.isEmpty { environment.announce(id.text) }
    }
}
