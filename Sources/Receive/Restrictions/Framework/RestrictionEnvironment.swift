import DNS
import Lookup
import MailSystem

/// What the restrictions of one service share: settings, tables, the DNS, routing. Immutable.
final class RestrictionEnvironment: Sendable {
    let settings: RestrictionSettings
    let tables: RestrictionTables
    let resolver: any Resolver
    let classifier: any AddressClassifier
    let results: AccessResultLists
    let log: MailLog

    init(
        settings: RestrictionSettings, tables: RestrictionTables, resolver: any Resolver,
        classifier: any AddressClassifier, results: AccessResultLists, log: MailLog
    ) {
        self.settings = settings
        self.tables = tables
        self.resolver = resolver
        self.classifier = classifier
        self.results = results
        self.log = log
    }
}
