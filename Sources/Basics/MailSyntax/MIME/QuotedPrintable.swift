/// Encodes text lines as quoted-printable (RFC 2045 §6.7), with the line breaks of Postfix. Streams.
public struct QuotedPrintable {
    /// A soft line break comes before the byte that follows this many.
    private static let lineLength = 72

    private var column = 0
    /// A blank or tab: encoded when it ends the line.
    private var heldSpace: UInt8?

    public init() {}

    /// - Parameters:
    ///   - bytes: a line or a piece of it.
    ///   - endsLine: the line ends behind them.
    public mutating func encode(_ bytes: ArraySlice<UInt8>, endsLine: Bool, into output: inout [UInt8]) {
        for byte in bytes {
            if let held = heldSpace {
                heldSpace = nil
                put([held], &output)
            }
            switch byte {
            case 0x20, 0x09: heldSpace = byte
            case 0x21...0x3C, 0x3E...0x7E: put([byte], &output)
            default: put(Self.escape(byte), &output)
            }
        }
        guard endsLine else { return }
        if let held = heldSpace {
            heldSpace = nil
            put(Self.escape(held), &output)
        }
        output.append(0x0A)
        column = 0
    }

    private static func escape(_ byte: UInt8) -> [UInt8] { [0x3D, Hex.digit(byte >> 4), Hex.digit(byte)] }

    private mutating func put(_ text: [UInt8], _ output: inout [UInt8]) {
        if column > Self.lineLength {
            output += [0x3D, 0x0A]
            column = 0
        }
        output += text
        column += text.count
    }
}
