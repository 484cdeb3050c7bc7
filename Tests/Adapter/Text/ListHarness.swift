import Configuration

enum ListHarness {
    /// import_environment and its like.
    static func run(_ console: Console) async {
        for line in console.lines() {
            console.print("Input:\t>\(line)<")
            let items = ListSetting.split(line).map(ListSetting.bracedItem)
            for item in items {
                if let problem = item.problem { console.log.warning("stdin: \(problem)") }
            }
            for item in items { console.print("Output:\t>\(item.text)<") }
        }
    }
}
