/// What happened, in order: a hash always, the lines when somebody wants to read them.
struct Trace {
    /// FNV-1a over all lines.
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var count = 0
    /// Called with each line and its time in seconds.
    var print: ((Double, String) -> Void)?

    mutating func note(_ nanoseconds: UInt64, _ kind: StaticString, _ text: @autoclosure () -> String) {
        count += 1
        let text = text()
        kind.withUTF8Buffer { for byte in $0 { mix(byte) } }
        var copy = text
        copy.withUTF8 { for byte in $0 { mix(byte) } }
        var time = nanoseconds
        for _ in 0..<8 {
            mix(UInt8(truncatingIfNeeded: time))
            time >>= 8
        }
        if let print { print(Double(nanoseconds) / 1e9, "\(kind) \(text)") }
    }

    private mutating func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
}
