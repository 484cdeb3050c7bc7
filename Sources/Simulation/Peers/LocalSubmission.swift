import Glibc
import MailSystem
import Spool

/// sendmail(1) and postdrop(1): a message into `maildrop/`.
enum LocalSubmission {
    static func submit(_ message: SubmittedMessage, _ machine: SimulatedMachine) {
        let process = machine.makeProcess("postdrop")
        let world = machine.world
        world.schedule(after: 1000, in: process) {
            defer { process.end() }
            let store = SimulatedStore(disk: machine.queueDisk, process: process, owner: 1000)
            let directory = QueueDirectory(store: store, processID: 77)
            do {
                let now = WorldClock(world: world).now()
                let writer = try QueueFileWriter.create(
                    in: directory, queue: "maildrop", time: now, permissions: QueueFileMode.maildropWriting)
                writer.append(.time, "\(now.seconds) \(now.microseconds)")
                writer.append(attribute: "envelope_id", "seed\(message.number)")
                writer.append(attribute: "rewrite_context", "local")
                writer.append(.sender, message.sender)
                for recipient in message.recipients { writer.append(.recipient, recipient) }
                writer.append(.message)
                for line in message.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
                    writer.append(.line, String(line))
                }
                writer.append(.extracted)
                writer.append(.end)
                do {
                    try writer.commit(size: nil, permissions: QueueFileMode.maildropReady)
                } catch {
                    if process.isAlive { message.answer = .refused }
                    throw error
                }
                if process.isAlive { message.answer = .accepted }
            } catch {
                if process.isAlive, message.answer == .unknown { message.answer = .refused }
            }
            world.note("maildrop", "\(message.number) \(message.answer)")
            machine.wakeUp("public/pickup")
        }
    }
}
