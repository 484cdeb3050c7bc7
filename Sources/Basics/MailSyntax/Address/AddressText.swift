/// Turns tokens back into text.
public enum AddressText {
    /// Longest comments and phrases that an address keeps when its header is written anew.
    static let maximumDecoration = 250

    /// Without quotes: what envelopes and tables use.
    public static func internalForm(_ tokens: [AddressToken]) -> String {
        var writer = Writer(quoting: false)
        writer.write(tokens)
        return String(decoding: writer.text, as: UTF8.self)
    }

    /// With quotes where the tokens were quoted.
    public static func externalForm(_ tokens: [AddressToken]) -> String {
        var writer = Writer(quoting: true)
        writer.write(tokens)
        return String(decoding: writer.text, as: UTF8.self)
    }

    /// A header's value: a line feed follows each comma between addresses, and of an address with more than 250
    /// characters of comments and phrases only `<address>` remains.
    /// - Parameter warn: told what is cut, in Postfix's words.
    public static func headerLines(_ tokens: [AddressToken], warn: (String) -> Void = { _ in }) -> [[UInt8]] {
        tokens.split(separator: .op(0x2C), omittingEmptySubsequences: false).enumerated().map { index, element in
            var writer = Writer(quoting: true)
            if decorationLength(element) > maximumDecoration {
                let start = String(decoding: externalForm(Array(element)).utf8.prefix(100), as: UTF8.self)
                warn("stripping too many comments from address: \(start)...")
                for case .address(let address) in element {
                    writer.write([.op(0x3C), .address(address), .op(0x3E)])
                }
            } else {
                writer.write(Array(element))
            }
            return writer.text
        }
    }

    private static func decorationLength(_ tokens: ArraySlice<AddressToken>) -> Int {
        var length = 0
        for token in tokens {
            switch token {
            case .atom(let text), .quoted(let text), .literal(let text), .comment(let text): length += text.count + 1
            default: break
            }
        }
        return length
    }

    private struct Writer {
        let quoting: Bool
        var text: [UInt8] = []
        /// The last token was a word, comment or address: another needs a blank between them.
        private var afterWord = false

        init(quoting: Bool) { self.quoting = quoting }

        mutating func write(_ tokens: [AddressToken], inAddress: Bool = false) {
            for token in tokens { write(token, inAddress: inAddress) }
        }

        private mutating func write(_ token: AddressToken, inAddress: Bool) {
            switch token {
            case .atom(let bytes): word(bytes, inAddress)
            case .comment(let bytes): word(bytes, inAddress)
            case .literal(let bytes): word([0x5B] + bytes + [0x5D], inAddress)
            case .quoted(let bytes): word(quoting ? quotedString(bytes) : bytes, inAddress)
            case .address(let tokens):
                if afterWord { text.append(0x20) }
                write(tokens, inAddress: true)
                afterWord = true
            case .groupStart:
                text += [0x3A, 0x20]
                afterWord = false
            case .op(0x2C):
                text += [0x2C, 0x20]
                afterWord = false
            case .op(let byte):
                if byte == 0x3C, let last = text.last, last != 0x20 { text.append(0x20) }
                text.append(byte)
                afterWord = false
            }
        }

        private mutating func word(_ bytes: [UInt8], _ inAddress: Bool) {
            if afterWord, !inAddress { text.append(0x20) }
            text += bytes
            afterWord = true
        }

        private func quotedString(_ bytes: [UInt8]) -> [UInt8] {
            var result: [UInt8] = [0x22]
            for byte in bytes {
                if byte == 0x22 || byte == 0x5C { result.append(0x5C) }
                result.append(byte)
            }
            result.append(0x22)
            return result
        }
    }
}
