/// The query of an SQL table: `query`, or made from the settings of Postfix before 2.2.
enum SQLQuery {
    /// - Parameter hasFunctions: `select_function` (pgsql).
    static func text(_ settings: ClientSettings, hasFunctions: Bool = false) throws(TableOpenError) -> String {
        if let query = settings.value("query"), !query.isEmpty { return query }
        if hasFunctions, let function = settings.value("select_function"), !function.isEmpty {
            return "SELECT \(function)('%s')"
        }
        // Postfix reads the table's name first.
        let table = try settings.string("table", "", minimum: 1)
        let field = try settings.string("select_field", "", minimum: 1)
        let key = try settings.string("where_field", "", minimum: 1)
        let conditions = try settings.string("additional_conditions", "")
        return "SELECT \(escaped(field)) FROM \(escaped(table)) WHERE \(escaped(key)) = '%s' \(escaped(conditions))"
    }

    /// These are no templates.
    private static func escaped(_ text: String) -> String {
        String(decoding: text.utf8.flatMap { $0 == UInt8(ascii: "%") ? [$0, $0] : [$0] }, as: UTF8.self)
    }
}
