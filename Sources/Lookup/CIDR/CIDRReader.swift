/// Reads the rules of a cidr table.
struct CIDRReader {
    let text: RuleText
    let options: TableOptions
    private var open: [(condition: CIDRBlock.Condition, block: CIDRBlock, line: Int)] = []
    private var top = CIDRBlock()

    init(text: RuleText, options: TableOptions) {
        self.text = text
        self.options = options
    }

    mutating func read() -> CIDRBlock {
        var lines: [(ArraySlice<UInt8>, Int)] = []
        text.forEachRule { lines.append(($0, $1)) }
        for (rule, line) in lines {
            do {
                switch RuleStatement(rule) {
                case .if(let rest): open.append((try condition(rest), CIDRBlock(), line))
                case .endif(let rest): try endBlock(rest)
                case .rule: try readRule(rule)
                }
            } catch {
                text.warn(line, "\(error.reason): skipping this rule")
            }
        }
        while let (_, _, line) = open.last {
            text.warn(line, "IF has no matching ENDIF")
            closeBlock()
        }
        return top
    }

    private mutating func readRule(_ rule: ArraySlice<UInt8>) throws(TableOpenError) {
        var rest = rule
        let negated = Self.takeNegation(&rest)
        let pattern = rest.prefix { !ListSyntax.isSpace($0) }
        if pattern.isEmpty { throw TableOpenError("no address pattern") }
        var value = Array(ListSyntax.trim(rest[pattern.endIndex...]))
        let network = try CIDRPattern(pattern.text).network
        if value.isEmpty { throw TableOpenError("no lookup result") }
        if options.contains(.valueIsFileName) { value = try FileValue.encode(value) }
        let condition = CIDRBlock.Condition(network: network, negated: negated)
        if open.isEmpty {
            top.append(condition, value: value)
        } else {
            open[open.count - 1].block.append(condition, value: value)
        }
    }

    private func condition(_ text: ArraySlice<UInt8>) throws(TableOpenError) -> CIDRBlock.Condition {
        var rest = text
        let negated = Self.takeNegation(&rest)
        if rest.isEmpty { throw TableOpenError("no address pattern") }
        return CIDRBlock.Condition(network: try CIDRPattern(rest.text).network, negated: negated)
    }

    private static func takeNegation(_ rest: inout ArraySlice<UInt8>) -> Bool {
        var negated = false
        while let first = rest.first, first == UInt8(ascii: "!") || ListSyntax.isSpace(first) {
            if first == UInt8(ascii: "!") { negated.toggle() }
            rest.removeFirst()
        }
        return negated
    }

    private mutating func endBlock(_ rest: ArraySlice<UInt8>) throws(TableOpenError) {
        if !rest.isEmpty { throw TableOpenError("garbage after ENDIF") }
        if open.isEmpty { throw TableOpenError("ENDIF without IF") }
        closeBlock()
    }

    private mutating func closeBlock() {
        guard let (condition, block, _) = open.popLast() else { return }
        if open.isEmpty {
            top.append(condition, block)
        } else {
            open[open.count - 1].block.append(condition, block)
        }
    }
}
