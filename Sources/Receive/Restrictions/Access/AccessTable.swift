import Configuration
import Lookup
import Synchronization

/// A table of a check_…_access restriction: access(5).
struct AccessTable: Sendable {
    /// `type:name`
    let name: String
    let lookup: AccessLookup
    let maps: Maps

    /// Acts on what `find` gives; a failed look-up makes the mail wait, unless the restriction follows warn_if_reject.
    ///
    /// - Parameters:
    ///   - key: what was looked up, for warnings.
    ///   - okAllowed: false where the client could choose the name that is looked up (MX hosts, reverse names): a
    ///     table that permits there is an error.
    func act(
        _ check: Evaluation, subject: Subject, key: String, okAllowed: Bool = true,
        _ find: () async throws(LookupError) -> String?
    ) async -> Outcome {
        let value: String?
        do {
            value = try await find()
        } catch {
            return check.refuse(451, "4.3.5", RestrictionReplies.rejected(subject, "Server configuration error"))
        }
        guard let value else { return .dunno }
        let action = AccessAction(table: name, key: key, subject: subject, value: value)
        let outcome = await action.perform(check)
        if outcome == .permit, !okAllowed, !check.verdict.effects.discard {
            return check.misconfigured(
                "\(name): OK or RELAY result for \"\(key)\" is not allowed for security reasons; use DUNNO instead")
        }
        return outcome
    }
}

/// Restriction lists that stand in table results, compiled when they are first seen.
final class AccessResultLists: Sendable {
    private let parameters: Parameters
    private let settings: RestrictionSettings
    private let classes: [String: RestrictionList]
    private let known = Mutex<[String: RestrictionList]>([:])

    /// Tables may hold anything: the cache stays small.
    private static let limit = 1000

    init(parameters: Parameters, settings: RestrictionSettings, classes: [String: RestrictionList]) {
        self.parameters = parameters
        self.settings = settings
        self.classes = classes
    }

    func list(_ text: String, table: String) throws(ConfigurationError) -> RestrictionList {
        if let list = known.withLock({ $0[text] }) { return list }
        let compiler = RestrictionCompiler(
            parameters: parameters, settings: settings, opener: nil, compiledClasses: classes)
        let list = try compiler.compile(text: text, parameter: table, mapRestriction: nil)
        known.withLock {
            if $0.count >= Self.limit { $0.removeAll() }
            $0[text] = list
        }
        return list
    }
}
