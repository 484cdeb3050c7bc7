import MailSyntax

/// Counts by domain and age, as qshape(1) shows them. Pure.
struct QueueShape {
    /// Upper ends of all age classes but the last, in minutes.
    let limits: [Int]
    private(set) var total: [Int]
    private(set) var domains: [String: [Int]] = [:]

    /// - Parameters:
    ///   - buckets: how many age classes, at least 1.
    ///   - first: length of the first one, minutes.
    ///   - linear: all are as long; else each is as long as all before it together.
    init(buckets: Int, first: Int, linear: Bool) {
        var limits: [Int] = []
        var limit = first
        while limits.count < buckets - 1 {
            limits.append(limit)
            // Beyond any age: the classes that follow stay empty.
            let (next, overflow) = linear ? limit.addingReportingOverflow(first) : limit.addingReportingOverflow(limit)
            limit = overflow ? Int.max : next
        }
        self.limits = limits
        total = Array(repeating: 0, count: limits.count + 1)
    }

    /// - Parameters:
    ///   - domain: in lower case.
    ///   - age: seconds; a time in the future counts as none.
    ///   - count: recipients, or 1 for a sender.
    mutating func add(_ domain: String, age: Int, count: Int = 1) {
        let minutes = max(0, age) / 60
        let bucket = limits.firstIndex { minutes < $0 } ?? limits.count
        total[bucket] += count
        domains[domain, default: Array(repeating: 0, count: limits.count + 1)][bucket] += count
    }

    /// Sums of domains with at least `minimum` subdomains that were counted, without top-level domains; each name has a
    /// dot before it.
    func parents(minimum: Int) -> [String: [Int]] {
        var sums: [String: (count: Int, ages: [Int])] = [:]
        for (domain, ages) in domains {
            var rest = domain[...]
            while let dot = rest.firstIndex(of: ".") {
                rest = rest[rest.index(after: dot)...]
                guard rest.contains(".") else { break }
                var sum = sums[String(rest)] ?? (0, Array(repeating: 0, count: ages.count))
                sum.count += 1
                for index in ages.indices { sum.ages[index] += ages[index] }
                sums[String(rest)] = sum
            }
        }
        return Dictionary(
            uniqueKeysWithValues: sums.filter { $0.value.count >= minimum }.map { (".\($0.key)", $0.value.ages) })
    }

    /// `user@Example.COM` → `example.com`; the null sender's is MAILER-DAEMON, as is that of an address without one.
    static func domain(of address: String) -> String {
        guard let at = address.utf8.lastIndex(of: UInt8(ascii: "@")) else { return "MAILER-DAEMON" }
        let domain = String(address[address.utf8.index(after: at)...])
        return domain.isEmpty ? "MAILER-DAEMON" : ASCII.lowercased(domain)
    }
}

/// The table of a `QueueShape`.
struct QueueShapeTable {
    let shape: QueueShape
    /// Of the whole table.
    var width = 80
    /// Nil: no rows for parent domains.
    var parentMinimum: Int?
    /// With the row of the totals; nil: all.
    var rowLimit: Int?

    /// Names are never cut shorter than this.
    private static let leastNameWidth = 18
    private static let leastWidth = 80

    var text: String {
        var rows = shape.domains.map { ($0.key, $0.value) }
        if let parentMinimum { rows += shape.parents(minimum: parentMinimum).map { ($0.key, $0.value) } }
        let ordered = rows.map { (name: $0.0, total: $0.1.reduce(0, +), ages: $0.1) }.sorted { left, right in
            if left.total != right.total { return left.total > right.total }
            let lengths = (left.name.utf8.count, right.name.utf8.count)
            return lengths.0 != lengths.1 ? lengths.0 < lengths.1 : left.name < right.name
        }
        let all = [(name: "TOTAL", total: shape.total.reduce(0, +), ages: shape.total)] + ordered
        let heads = ["T"] + shape.limits.map(String.init) + ["\(shape.limits.last ?? 0)+"]
        let largest = [all[0].total] + shape.total
        let columns = zip(heads, largest).map { max(2, $0.utf8.count, "\($1)".utf8.count) }
        let counts = columns.reduce(0) { $0 + $1 + 1 }
        let nameWidth = max(Self.leastNameWidth, max(width, Self.leastWidth) - counts)
        var result = Self.right("", nameWidth)
        for (head, column) in zip(heads, columns) { result += " " + Self.right(head, column) }
        result += "\n"
        for row in all.prefix(rowLimit ?? Int.max) {
            result += Self.right(Self.shortened(row.name, nameWidth), nameWidth)
            for (count, column) in zip([row.total] + row.ages, columns) {
                result += " " + Self.right("\(count)", column)
            }
            result += "\n"
        }
        return result
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.utf8.count)) + text
    }

    /// The end of a long name, after `+`; a parent's dot stays before it.
    private static func shortened(_ name: String, _ width: Int) -> String {
        if name.utf8.count <= width { return name }
        let mark = name.hasPrefix(".") ? ".+" : "+"
        return mark + String(decoding: name.utf8.suffix(width - mark.utf8.count), as: UTF8.self)
    }
}
