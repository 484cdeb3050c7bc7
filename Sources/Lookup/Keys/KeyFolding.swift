/// How a table with fixed-string keys folds them.
struct KeyFolding: Sendable {
    private let folds: Bool
    private let utf8: Bool

    init(_ options: TableOptions) {
        folds = options.contains(.foldKeys)
        utf8 = options.contains(.utf8)
    }

    func fold(_ key: [UInt8]) -> [UInt8] { folds ? CaseFolding.fold(key, utf8: utf8) : key }

    func fold(_ key: ArraySlice<UInt8>) -> ArraySlice<UInt8> { folds ? CaseFolding.fold(key, utf8: utf8) : key }
}
