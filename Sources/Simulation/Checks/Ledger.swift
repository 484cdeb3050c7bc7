/// Who was promised what, and what came of it.
final class Ledger {
    struct Delivery {
        var recipient: String
        var message: ReceivedMessage
        /// The machine has heard that the message was taken.
        var isConfirmed: Bool
    }

    private(set) var submissions: [SubmittedMessage] = []
    private(set) var deliveries: [Delivery] = []
    /// `number recipient`: there may be more than one copy, because a crash cut off the record of a delivery, or the last
    /// reply was lost.
    private var excused: Set<String> = []
    /// The queue process or the machine has crashed: notifications may come twice.
    var hasCrashed = false
    var hasLostPower = false
    /// Broken promises, in words.
    private(set) var violations: [String] = []

    func submit(sender: String, recipients: [String], _ random: inout Randomness) -> SubmittedMessage {
        let message = SubmittedMessage(
            number: submissions.count + 1, sender: sender, recipients: recipients, &random)
        submissions.append(message)
        return message
    }

    /// - Returns: the number of the delivery.
    func deliver(_ text: String, to recipient: String, isConfirmed: Bool = false) -> Int {
        deliveries.append(
            Delivery(recipient: recipient, message: ReceivedMessage(text), isConfirmed: isConfirmed))
        return deliveries.count - 1
    }

    func confirm(_ number: Int) { deliveries[number].isConfirmed = true }

    func excuse(_ keys: Set<String>) { excused.formUnion(keys) }

    func violated(_ text: String) { violations.append(text) }

    // MARK: the reckoning

    /// - Parameter scene: knows where mail goes.
    func check(_ scene: Scene) {
        var copies: [String: Int] = [:]
        var unconfirmed: Set<String> = []
        var bounces: [String: Int] = [:]
        for delivery in deliveries {
            if let number = delivery.message.number {
                let key = "\(number) \(delivery.recipient)"
                if isTorn(delivery, number), excused.contains(key) { continue }
                copies[key, default: 0] += 1
                if !delivery.isConfirmed { unconfirmed.insert(key) }
                checkContent(delivery, number)
            } else if let report = delivery.message.reports {
                for recipient in report.recipients {
                    bounces["\(report.number) \(recipient)", default: 0] += 1
                    if !delivery.isConfirmed { unconfirmed.insert("\(report.number) \(recipient)") }
                }
                checkReport(delivery, report.number)
            } else if delivery.recipient == Scene.watcher, delivery.message.body.contains("\nFinal-Recipient: ") {
                // The notification that could not be delivered was too large to be returned, or could not be read.
                hasNamelessNotice = true
            } else {
                // A mailbox file keeps what a crash cut off.
                if hasCrashed, delivery.recipient.hasPrefix("m") { continue }
                violated("a message that nobody sent came to \(delivery.recipient)")
            }
        }
        for message in submissions { check(message, scene, copies, bounces, unconfirmed) }
    }

    /// A mailbox file keeps what a crash cut off, until somebody removes it.
    private func isTorn(_ delivery: Delivery, _ number: Int) -> Bool {
        guard delivery.recipient.hasPrefix("m"), (1...submissions.count).contains(number) else { return false }
        let body = delivery.message.body
        let whole = submissions[number - 1].bodyText
        return body != whole && body != whole + "\n"
    }

    private func checkContent(_ delivery: Delivery, _ number: Int) {
        guard (1...submissions.count).contains(number) else {
            return violated("a message with the number \(number) came to \(delivery.recipient)")
        }
        let message = submissions[number - 1]
        if message.answer == .refused {
            violated("message \(number) was refused and came to \(delivery.recipient)")
        }
        // A delivery of a file has a blank line more.
        let body = delivery.message.body
        if body != message.bodyText, body != message.bodyText + "\n" {
            let same = zip(body.utf8, message.bodyText.utf8).prefix { $0 == $1 }.count
            violated(
                "message \(number) came to \(delivery.recipient) damaged: the first \(same) bytes of"
                    + " \(message.bodyText.utf8.count), then \(body.utf8.count - same) others: "
                    + String(decoding: body.utf8.dropFirst(same).prefix(60), as: UTF8.self).debugDescription)
        }
    }

    private func checkReport(_ delivery: Delivery, _ number: Int) {
        guard (1...submissions.count).contains(number) else {
            return violated("a notification for the message \(number) came to \(delivery.recipient)")
        }
        let message = submissions[number - 1]
        let isForWatcher =
            delivery.recipient == Scene.watcher && hasWatcher && !Scene.canBeTold(message.sender)
        if message.sender != delivery.recipient, !isForWatcher {
            violated("the notification for message \(number) of \(message.sender) came to \(delivery.recipient)")
        }
        if message.answer == .refused { violated("message \(number) was refused and bounced") }
    }

    private func check(
        _ message: SubmittedMessage, _ scene: Scene, _ copies: [String: Int], _ bounces: [String: Int],
        _ unconfirmed: Set<String>
    ) {
        var fates: [(recipient: String, copies: Int, bounces: Int, isExcused: Bool, isMixed: Bool)] = []
        for recipient in message.recipients {
            let original = "\(message.number) \(recipient)"
            for end in scene.destinations(of: recipient) ?? [recipient] {
                let key = "\(message.number) \(end)"
                let own = bounces[key] ?? 0
                // What came back of an alias came back for all of its members. But where one of them is a program, it may
                // have been that one alone, and the others have notifications of their own.
                let isTold = end == recipient || Scene.isMixed(recipient) && own > 0
                fates.append(
                    (
                        end, copies[key] ?? 0, own + (isTold ? 0 : bounces[original] ?? 0),
                        excused.contains(key) || excused.contains(original) || unconfirmed.contains(key)
                            || Scene.isMixed(end), Scene.isMixed(recipient)
                    ))
            }
        }
        // Who was never answered may have been heard: then for all recipients. But the power may have taken a message that
        // was not synchronised yet, for some recipients after it had reached others: nobody had been promised anything.
        let wasHeard = fates.contains { $0.copies + $0.bounces > 0 } && !hasLostPower
        let excusedEnds = Set(fates.filter(\.isExcused).map(\.recipient))
        guard message.answer == .accepted || message.answer == .unknown && wasHeard else { return }
        for fate in fates {
            let isExcused = excusedEnds.contains(fate.recipient)
            let name = "message \(message.number) for \(fate.recipient)"
            if fate.copies + fate.bounces == 0, !mayEndUntold(message, fate.recipient, scene) {
                violated("\(name) is lost")
            }
            let expected = max(1, timesExpected(fate.recipient, message, scene))
            if fate.copies > expected, !isExcused, !(fate.isMixed && repeatsForwards) {
                violated("\(name) came \(fate.copies) times")
            }
            if fate.bounces > expected, !hasCrashed, !isExcused {
                violated("\(name) was bounced \(fate.bounces) times")
            }
            if fate.copies > 0, fate.bounces > 0, expected == 1, !isExcused, !fate.isMixed {
                violated("\(name) came and was bounced")
            }
        }
    }

    /// The DNS has lied: recipients may have been given up.
    var toleratesLossWithoutSender = false
    private var hasNamelessNotice = false
    /// A program's failure could not be noted: it is tried again, and with it the address beside it.
    var repeatsForwards = false
    /// What the sender cannot be told comes to `Scene.watcher`.
    var hasWatcher = false

    /// Neither delivered nor reported, as it has to be: the sender could not be told, and nobody else was to be.
    private func mayEndUntold(_ message: SubmittedMessage, _ recipient: String, _ scene: Scene) -> Bool {
        guard !Scene.canBeTold(message.sender) else { return false }
        // The watcher has something of which nothing says what message it was.
        if hasWatcher { return !message.sender.isEmpty && hasNamelessNotice }
        return Self.isHopeless(recipient, scene) || toleratesLossWithoutSender
    }

    /// No notification of a notification of a notification: at most two for each recipient of each message.
    func check(notices: Int, _ scene: Scene) {
        let ends = submissions.flatMap { $0.recipients.map { max(1, scene.destinations(of: $0)?.count ?? 1) } }
        let most = 2 * ends.reduce(0, +)
        if notices > most, !hasCrashed { violated("\(notices) notifications, \(most) at most were to be made") }
    }

    private static func isHopeless(_ recipient: String, _ scene: Scene) -> Bool {
        scene.destinations(of: recipient) == nil
    }

    /// An alias and its member may both be recipients.
    private func timesExpected(_ end: String, _ message: SubmittedMessage, _ scene: Scene) -> Int {
        message.recipients.filter { (scene.destinations(of: $0) ?? [$0]).contains(end) }.count
    }
}
