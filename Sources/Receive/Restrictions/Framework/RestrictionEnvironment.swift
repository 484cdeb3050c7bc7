import DNS
import Lookup
import MailSystem

/// What the restrictions of one service share: settings, tables, the DNS, routing. Immutable.
struct RestrictionEnvironment: Sendable {
    let settings: RestrictionSettings
    let tables: RestrictionTables
    let resolver: any Resolver
    let classifier: any AddressClassifier
    let results: AccessResultLists
    let log: MailLog
}
