/// A restriction list, compiled: run in order until one item decides.
struct RestrictionList: Sendable {
    enum Item: Sendable {
        case warnIfReject
        /// The name is what smtpd_log_access_permit_actions and warnings call it.
        case restriction(name: String, any Restriction)
    }

    var items: [Item] = []

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
            case .restriction(let name, let restriction):
                let outcome = await restriction.evaluate(check)
                check.onlyWarn = outerWarning
                if outcome == .permit { await check.logPermit(name) }
                if outcome != .dunno { return outcome }
            }
            if let reply = check.deferIfPermit, check.deferIfReject != nil { return check.refuse(reply) }
        }
        return .dunno
    }
}

extension Evaluation {
    /// smtpd_log_access_permit_actions
    func logPermit(_ action: String) async {
        guard !environment.tables.loggedPermits.isEmpty,
            (try? await environment.tables.loggedPermits.matches(action)) == true
        else { return }
        log("permit", "action=\(action) for \(subject.label)=\(subject.name)")
    }
}
