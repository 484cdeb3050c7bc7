import MailSyntax

/// postscreen_dnsbl_sites: `domain[=filter][*weight]`, and the score of a client (postscreen(8), DNS block list test). Pure.
package struct BlockListScore: Sendable {
    struct Site: Sendable, Equatable {
        var domain: String
        var filter: OctetPattern?
        var weight: Int
    }

    /// A site that is not understood.
    package struct Problem: Error, Equatable {
        package let text: String
    }

    /// What one domain answered about the client.
    package struct Reply: Sendable {
        package var domain: String
        /// None: not listed.
        package var addresses: [IPAddress]
        /// Seconds, of the records or of their absence.
        package var timeToLive: Int

        package init(domain: String, addresses: [IPAddress], timeToLive: Int) {
            self.domain = domain
            self.addresses = addresses
            self.timeToLive = timeToLive
        }
    }

    let sites: [Site]
    /// postscreen_dnsbl_min_ttl, postscreen_dnsbl_max_ttl
    private let timeToLiveLimits: ClosedRange<Int>

    package init(sites: [String], minimumTimeToLive: Int, maximumTimeToLive: Int) throws(Problem) {
        var parsed: [Site] = []
        for text in sites { parsed.append(try Self.site(text)) }
        self.sites = parsed
        timeToLiveLimits = minimumTimeToLive...max(minimumTimeToLive, maximumTimeToLive)
    }

    private static func site(_ text: String) throws(Problem) -> Site {
        var rest = text[...]
        var weight = 1
        if let star = rest.utf8.lastIndex(of: 0x2A) {
            guard let value = Int(rest[rest.utf8.index(after: star)...]) else {
                throw Problem(
                    text: "bad DNSBL weight factor \"\(rest[rest.utf8.index(after: star)...])\" in \"\(text)\"")
            }
            weight = value
            rest = rest[..<star]
        }
        var filter: OctetPattern?
        if let equals = rest.utf8.firstIndex(of: 0x3D) {
            do throws(OctetPattern.Problem) {
                filter = try OctetPattern(String(rest[rest.utf8.index(after: equals)...]))
            } catch {
                throw Problem(text: "bad DNSBL filter syntax: \(error.reason)")
            }
            rest = rest[..<equals]
        }
        if rest.isEmpty { throw Problem(text: "bad DNSBL domain name \"\" in \"\(text)\"") }
        return Site(domain: String(rest), filter: filter, weight: weight)
    }

    /// The domains to ask, each once.
    package var domains: [String] {
        var seen: Set<String> = []
        return sites.map(\.domain).filter { seen.insert($0).inserted }
    }

    /// - Returns: the sum of the weights of the sites that list the client, and for how many seconds that counts.
    package func evaluate(_ replies: [Reply]) -> (score: Int, timeToLive: Int) {
        var score = 0
        var listedTime: Int?
        var otherTime: Int?
        for reply in replies {
            var gained = 0
            for site in sites where site.domain == reply.domain {
                let matches = site.filter.map { filter in reply.addresses.contains { filter.matches($0) } }
                if matches ?? !reply.addresses.isEmpty { gained += site.weight }
            }
            score += gained
            // What speaks for the result decides how long it counts.
            if gained > 0 {
                listedTime = min(listedTime ?? .max, reply.timeToLive)
            } else {
                otherTime = min(otherTime ?? .max, reply.timeToLive)
            }
        }
        let time = (score > 0 ? listedTime ?? otherTime : otherTime ?? listedTime) ?? timeToLiveLimits.lowerBound
        return (score, min(max(time, timeToLiveLimits.lowerBound), timeToLiveLimits.upperBound))
    }
}
