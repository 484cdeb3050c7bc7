import MailSyntax
import MailSystem

/// Internationalised domain names.
enum DomainHarness {
    static func run(_ console: Console) async {
        let names = InternationalDomain()
        let log = console.log
        func utf8(_ name: String) -> String? { names.utf8(name, warn: log.warning) }
        func ascii(_ name: String) -> String? { names.ascii(name, warn: log.warning) }
        for line in console.lines() {
            log.info("> \(line)")
            if line.isEmpty || line.hasPrefix("#") { continue }
            log.info("unconditional conversions:")
            let inUTF8 = utf8(line)
            log.info("\"\(line)\" ->utf8 \"\(inUTF8 ?? "(error)")\"")
            let inASCII = ascii(line)
            log.info("\"\(line)\" ->ascii \"\(inASCII ?? "(error)")\"")
            log.info("conditional conversions:")
            let isASCII = ASCII.isASCII(line)
            guard let first = isASCII ? inUTF8 : inASCII else { continue }
            let last = (isASCII ? ascii(first) : utf8(first)) ?? "(error)"
            let (one, two) = isASCII ? ("utf8", "ascii") : ("ascii", "utf8")
            log.info("\"\(line)\" ->\(one) \"\(first)\" ->\(two) \"\(last)\"")
            if !ASCII.identical(last, line) { log.warning("\"\(line)\" != \"\(last)\"") }
        }
    }
}
