import Configuration
import MailSyntax

/// The right-hand side of an access(5) table.
struct AccessAction {
    let table: String
    let key: String
    let subject: Subject
    let value: String

    func perform(_ check: Evaluation) async -> Outcome {
        let (word, text) = Self.split(value)
        switch RestrictionNames.folded(word) {
        case "ok", "relay": return await check.permit(word, subject, table: table)
        case "dunno": return .dunno
        case "reject": return refuse(check, check.settings.accessRejectCode, text)
        case "defer": return refuse(check, check.settings.accessDeferCode, text)
        case "defer_if_permit":
            let reply = reply(check, check.settings.accessDeferCode, text, standard: "Service unavailable")
            return check.deferUnlessRejected(reply.code, reply.status ?? "4.7.1", reply.lines.first ?? "")
        case "defer_if_reject":
            let reply = reply(check, check.settings.accessDeferCode, text, standard: "Service unavailable")
            return check.deferIfRejected(reply.code, reply.status ?? "4.7.1", reply.lines.first ?? "")
        case "hangup":
            check.log("hangup", text)
            return .hangUp
        case "warn": return note(check, "warn", text)
        case "info": return note(check, "info", text)
        case "hold": return hold(check, text)
        case "discard": return discard(check, text)
        case "filter": return filter(check, text)
        case "redirect": return redirect(check, text)
        case "bcc": return bcc(check, text)
        case "prepend": return prepend(check, text)
        default: break
        }
        if Self.isNumber(word) {
            if word.utf8.count == 3, let code = Int(word), (400...599).contains(code), !text.isEmpty {
                return refuse(check, code, text)
            }
            // Pop-before-SMTP tables hold times.
            if text.isEmpty { return await check.permit(word, subject, table: table) }
        }
        return await list(check)
    }

    // MARK: Refusals

    private func refuse(_ check: Evaluation, _ code: Int, _ text: String) -> Outcome {
        check.refuse(reply(check, code, text, standard: "Access denied"))
    }

    /// `[X.Y.Z] text`, made to agree with the code and with what is refused.
    private func reply(_ check: Evaluation, _ code: Int, _ text: String, standard: String) -> ServerReply {
        var status = "5.7.1"
        var reason = text
        if let (given, rest) = EnhancedStatus.split(text) {
            status = given.description
            reason = rest
            if let fixed = StatusFix.replacement(for: given, label: subject.label) {
                check.environment.log.info("mapping DSN status \(given) into \(subject.label) status \(fixed)")
                status = fixed.description
            }
        }
        return RestrictionReplies.reply(
            code, status, RestrictionReplies.rejected(subject, reason.isEmpty ? standard : reason))
    }

    // MARK: Effects on the message

    private func described(_ text: String) -> String { "<\(subject.name)>: \(subject.label) \(text)" }

    private func note(_ check: Evaluation, _ verb: String, _ text: String) -> Outcome {
        check.log(verb, text)
        return .dunno
    }

    /// False, with a warning, where there is no message to act on.
    private func allowed(_ action: String, _ check: Evaluation) -> Bool {
        let stage = check.facts.stage
        let early = stage == "CONNECT" || stage == "HELO" || stage == "EHLO"
        guard early && !check.settings.delayReject || stage == "ETRN" || stage == "VRFY" else { return true }
        if stage != "VRFY" {
            check.warn(
                "access table \(table): with "
                    + (early ? "smtpd_delay_reject=no" : "ETRN") + ", action \(action) is always skipped in "
                    + (early ? "client or helo restrictions" : "etrn restrictions"))
        }
        return false
    }

    private func hold(_ check: Evaluation, _ text: String) -> Outcome {
        guard allowed("HOLD", check) else { return .dunno }
        if !check.verdict.effects.hold {
            check.log("hold", described(text.isEmpty ? "triggers HOLD action" : text))
        }
        check.verdict.effects.hold = true
        return .dunno
    }

    private func discard(_ check: Evaluation, _ text: String) -> Outcome {
        guard allowed("DISCARD", check) else { return .dunno }
        check.log("discard", described(text.isEmpty ? "triggers DISCARD action" : text))
        check.verdict.effects.discard = true
        return .permit
    }

    private func filter(_ check: Evaluation, _ text: String) -> Outcome {
        guard allowed("FILTER", check) else { return .dunno }
        if text.isEmpty { return incomplete(check, "has FILTER entry without value") }
        guard text.utf8.contains(UInt8(ascii: ":")) else { return incomplete(check, "requires transport:destination") }
        check.log("filter", described("triggers FILTER \(text)"))
        check.verdict.effects.filter = text
        return .dunno
    }

    private func redirect(_ check: Evaluation, _ text: String) -> Outcome {
        if let missing = unlessAddress(check, "REDIRECT", text) { return missing }
        check.verdict.effects.redirect = text
        return .dunno
    }

    private func bcc(_ check: Evaluation, _ text: String) -> Outcome {
        if let missing = unlessAddress(check, "BCC", text) { return missing }
        check.verdict.effects.bcc.append(text)
        return .dunno
    }

    /// Logs an action whose text must be an address. - Returns: the outcome where there is nothing to do.
    private func unlessAddress(_ check: Evaluation, _ action: String, _ text: String) -> Outcome? {
        guard allowed(action, check) else { return .dunno }
        guard text.utf8.contains(UInt8(ascii: "@")) else { return incomplete(check, "requires user@domain target") }
        check.log(ASCII.lowercased(action), described("triggers \(action) \(text)"))
        return nil
    }

    private func prepend(_ check: Evaluation, _ text: String) -> Outcome {
        guard allowed("PREPEND", check) else { return .dunno }
        guard HeaderText.isHeader(text) else { return incomplete(check, "requires header: text") }
        guard check.facts.stage != "END-OF-MESSAGE" else {
            check.warn("access table \(table): action PREPEND must be used before smtpd_end_of_data_restrictions")
            return .dunno
        }
        check.verdict.effects.prepend.append(text)
        return .dunno
    }

    private func incomplete(_ check: Evaluation, _ problem: String) -> Outcome {
        check.warn("access table \(table) entry \"\(key)\" \(problem)")
        return .dunno
    }

    // MARK: A list of restrictions

    private func list(_ check: Evaluation) async -> Outcome {
        if value.utf8.contains(UInt8(ascii: ":")) {
            check.warn("access table \(table) has entry with lookup table: \(value)")
            check.warn("do not specify lookup tables inside SMTPD access maps")
            return check.misconfigured("define a restriction class and specify its name instead.")
        }
        do {
            return try await check.environment.results.list(value, table: table).run(check)
        } catch {
            return check.misconfigured(error.description)
        }
    }

    private static func split(_ value: String) -> (word: String, text: String) {
        let bytes = value.utf8.drop { ASCII.isSpace($0) }
        let word = bytes.prefix { !ASCII.isSpace($0) }
        let rest = bytes[word.endIndex...].drop { ASCII.isSpace($0) }
        return (String(Substring(word)), String(Substring(rest)))
    }

    private static func isNumber(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }
}

/// `Name: text`, RFC 5322 §2.2
enum HeaderText {
    static func isHeader(_ text: String) -> Bool {
        let name = text.utf8.prefix { $0 != UInt8(ascii: ":") && !ASCII.isSpace($0) }
        guard !name.isEmpty, name.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
        return text.utf8[name.endIndex...].drop { ASCII.isSpace($0) }.first == UInt8(ascii: ":")
    }
}
