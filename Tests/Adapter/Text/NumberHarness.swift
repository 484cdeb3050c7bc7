import InternalProtocol
import Spool

enum NumberHarness {
    /// `SECONDS SIGNIFICANT MAXIMUM`
    static func time(_ console: Console) async {
        for line in console.lines() {
            console.print(">> \(line)")
            let fields = words(line)
            guard !line.hasPrefix("#"), fields.count == 3 else { continue }
            let seconds = Double(fields[0].hasPrefix(".") ? "0" + fields[0] : fields[0])
            guard let seconds, let significant = Int(fields[1]), let decimals = Int(fields[2]) else {
                console.log.warning("bad input: \(line)")
                continue
            }
            console.print(DeliveryLog.delay(seconds, resolution: decimals, significant: significant))
        }
    }

    /// `NUMBER BASE`
    static func text(_ console: Console) async {
        for line in console.lines() {
            let fields = words(line)
            guard fields.count == 2, let number = UInt64(fields[0]), let base = UInt64(fields[1]) else { continue }
            guard (2...52).contains(base) else { console.fatal("bad base: \(base)") }
            console.print("\(number) = \(QueueID.digits(number, base: base, width: 5))")
        }
    }
}
