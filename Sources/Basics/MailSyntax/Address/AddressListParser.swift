/// Finds the addresses in a list such as a To: header: phrases, comments, groups and routes stay as they are, and
/// missing commas are put in. Reads from the right, where `<…>` and `;` tell what stands to their left.
public struct AddressListParser {
    private enum State {
        /// Outside `<…>`: words make an address.
        case address
        /// Inside `<…>`.
        case route
        /// Left of `<…>`: a display name.
        case phrase
        /// Left of the colon of a group: its name.
        case groupName
    }

    private var state = State.address
    private var inGroup = false
    /// All of these are built backwards.
    private var result: [AddressToken] = []
    private var address: [AddressToken] = []
    private var comments: [AddressToken] = []

    /// - Parameter limit: tokens read at most; the rest of the text is ignored.
    public static func parse(_ text: some Sequence<UInt8>, limit: Int = .max) -> [AddressToken] {
        parse(tokens: AddressScanner.tokens(text, limit: limit))
    }

    public static func parse(tokens: [AddressToken]) -> [AddressToken] {
        var parser = AddressListParser()
        for token in tokens.reversed() { parser.take(token) }
        parser.finishAddress()
        return parser.result.reversed()
    }

    /// The addresses of a list, internal form.
    public static func addresses(_ text: some Sequence<UInt8>, limit: Int = .max) -> [String] {
        var found: [String] = []
        for case .address(let tokens) in parse(text, limit: limit) { found.append(AddressText.internalForm(tokens)) }
        return found
    }

    private mutating func take(_ token: AddressToken) {
        switch state {
        case .address: takeInAddress(token)
        case .route:
            if token == .op(0x3C) {
                finishAddress()
                result.append(token)
                state = .phrase
            } else {
                collect(token)
            }
        case .phrase: takeInPhrase(token)
        case .groupName:
            result.append(token)
            if token == .op(0x2C) { state = .address }
        }
    }

    private mutating func takeInAddress(_ token: AddressToken) {
        switch token {
        case .op(0x2C):
            finishAddress()
            result.append(token)
        case .op(0x3B):
            finishAddress(addingComma: true)
            result.append(token)
            inGroup = true
        case .op(0x3A) where inGroup:
            finishAddress()
            startGroup()
        case .op(0x3E):
            finishAddress(addingComma: true)
            result.append(token)
            state = .route
        default:
            // Two words in a row are two addresses with the comma forgotten.
            if token.isWord, let left = address.last, left.isWord { finishAddress(addingComma: true) }
            collect(token)
        }
    }

    private mutating func takeInPhrase(_ token: AddressToken) {
        switch token {
        case .op(0x3A) where inGroup:
            startGroup()
            return
        case .op(0x2C), .op(0x3A): state = .address
        case .op(0x3B):
            state = .address
            inGroup = true
        case .op(0x3E): state = .route
        default: break
        }
        result.append(token)
    }

    private mutating func startGroup() {
        result.append(.groupStart)
        inGroup = false
        state = .groupName
    }

    /// Comments inside an address move behind it.
    private mutating func collect(_ token: AddressToken) {
        if case .comment = token {
            if address.isEmpty { result.append(token) } else { comments.append(token) }
        } else {
            address.append(token)
        }
    }

    private mutating func finishAddress(addingComma: Bool = false) {
        guard !address.isEmpty else { return }
        result += comments
        result.append(.address(address.reversed()))
        if addingComma { result.append(.op(0x2C)) }
        comments = []
        address = []
    }
}
