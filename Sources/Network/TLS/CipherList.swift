/// OpenSSL cipher lists from Postfix's grades and exclusions (postconf(5), smtpd_tls_ciphers).
public enum CipherList {
    /// - Parameters:
    ///   - grade: `export`, `low`, `medium`, `high` or `null`; anything else counts as medium.
    ///   - exclusions: lists of cipher names separated by blanks, commas or colons.
    ///   - parameter: the value of `tls_medium_cipherlist` and so on; the built-in list is used when it is empty.
    public static func text(grade: String, exclusions: [String], parameter: (String) -> String) -> String {
        let known = ["export", "low", "medium", "high", "null"]
        let folded = grade.lowercased()
        let name = known.contains(folded) ? folded : "medium"
        var list = parameter("tls_\(name)_cipherlist")
        if list.isEmpty {
            list = name == "high" ? "aNULL:-aNULL:HIGH:@STRENGTH" : "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH"
        }
        for exclusion in exclusions {
            for cipher in exclusion.split(whereSeparator: { " ,:\t\r\n".contains($0) }) {
                list += ":!\(cipher)"
            }
        }
        return list
    }
}
