/// A restriction list, compiled: run in order until one item decides.
struct RestrictionList: Sendable {
    enum Item: Sendable {
        case warnIfReject
        /// The name is what smtpd_log_access_permit_actions and warnings call it.
        case restriction(name: String, any Restriction)
    }

    var items: [Item] = []

    /// The next item only warns.
    var endsWithWarning: Bool {
        if case .warnIfReject = items.last { return true }
        return false
    }

    /// Of lists inside lists, as in Postfix.
    static let depthLimit = 100

    func run(_ check: Evaluation) async -> Outcome {
        guard check.depth < Self.depthLimit else {
            return check.misconfigured("smtpd restriction recursion limit exceeded")
        }
        check.depth += 1
        let outerWarning = check.onlyWarn
        defer {
            check.depth -= 1
            check.onlyWarn = outerWarning
        }
        for item in items {
            // DISCARD ends everything.
            if check.verdict.effects.discard { return .permit }
            switch item {
            case .warnIfReject:
                check.onlyWarn = true
                continue
            case .restriction(_, let restriction):
                let outcome = await restriction.evaluate(check)
                check.onlyWarn = outerWarning
                if outcome != .dunno { return outcome }
            }
            if let reply = check.deferIfPermit, check.deferIfReject != nil { return check.refuse(reply) }
        }
        return .dunno
    }
}

extension Evaluation {
    /// Permits, and logs that where smtpd_log_access_permit_actions asks for it.
    ///
    /// - Parameter table: where the action stands; empty for restrictions.
    func permit(_ action: String, _ subject: Subject, table: String = "") async -> Outcome {
        let logged = environment.tables.loggedPermits
        if logsPermits, !logged.isEmpty, (try? await logged.matches(action)) == true {
            let origin = table.isEmpty ? " " : " from \(table)"
            log("permit", "action=\(action) for \(subject.label)=\(subject.name)\(origin)")
        }
        return .permit
    }

    /// The same for a restriction that trusts the client.
    func permitClient(_ action: String) async -> Outcome {
        await permit(action, Subject(name: facts.client.nameAndAddress, label: Subject.clientLabel))
    }
}
