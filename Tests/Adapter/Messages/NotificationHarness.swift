import Configuration
import MailSystem
import Queue
import Spool

/// Composes the non-delivery message for a queue file and its log: `-c DIR SERVICE QUEUE QUEUE_ID`.
enum NotificationHarness {
    static func run(_ console: Console) async {
        var directory = "."
        var operands: [String] = []
        var arguments = console.arguments[...]
        while let argument = arguments.popFirst() {
            if argument == "-c" {
                directory = arguments.popFirst() ?? "."
            } else if argument.hasPrefix("-c") {
                directory = String(argument.dropFirst(2))
            } else if !argument.hasPrefix("-") {
                operands.append(argument)
            }
        }
        guard operands.count == 3, let id = QueueID(operands[2]) else {
            console.fatal("usage: bounce_notify_util_tester -c config_dir service queue queue_id")
        }
        do {
            let parameters = try Parameters.load(directory: directory)
            let queue = QueueDirectory(
                store: POSIXFileStore(root: parameters["queue_directory"]),
                hashNames: parameters.list("hash_queue_names"), hashDepth: parameters.int("hash_queue_depth"))
            var settings = NotificationSettings(parameters)
            // The harness shows what is made of the log, not the texts for people.
            settings.texts = [:]
            let original = try QueueFileReader.open(queue, queue: operands[1], id: id)
            defer { original.close() }
            var message = try original.envelope()
            message.dsnEnvelopeID = "TEST-ENVID"
            message.attributes["encoding"] = "7bit"
            message.dsnReturn = 1
            let notification = Notification(
                .failure, to: "test-recipient", subject: Notification.Subject(queueID: id.text, message: message),
                settings: settings, now: SystemClock().now())
            var entries: [RecipientLogEntry] = []
            try StoredNotificationLog(queue, queue: operands[0], id: id).forEach { entry in
                var entry = entry
                // Whatever NOTIFY says.
                entry.dsnNotify = 0
                entries.append(entry)
            }
            try notification.write(log: entries, original: original) { console.write($0) }
        } catch {
            console.fatal("\(error)")
        }
    }
}
