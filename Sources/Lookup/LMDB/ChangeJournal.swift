/// Changes of a table in their order, in one array: a million of them without a million allocations.
struct ChangeJournal {
    private var storage: [UInt8] = []
    private var changes: [(key: Int, value: Int)] = []

    /// - Parameter value: nil: the key was deleted.
    mutating func append(key: [UInt8], value: [UInt8]?) {
        storage.append(contentsOf: key)
        if let value { storage.append(contentsOf: value) }
        changes.append((key.count, value?.count ?? -1))
    }

    func forEach<Failure: Error>(_ body: ([UInt8], [UInt8]?) throws(Failure) -> Void) throws(Failure) {
        var position = 0
        for (keyCount, valueCount) in changes {
            let key = Array(storage[position..<(position + keyCount)])
            position += keyCount
            guard valueCount >= 0 else {
                try body(key, nil)
                continue
            }
            try body(key, Array(storage[position..<(position + valueCount)]))
            position += valueCount
        }
    }
}
