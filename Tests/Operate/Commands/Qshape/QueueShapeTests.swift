import Testing

@testable import Operate

/// Expected tables are those of Debian's qshape for the same queue.
struct QueueShapeTests {
    private static func sample(_ shape: QueueShape) -> QueueShape {
        var shape = shape
        for number in 1...7 {
            shape.add("foo.example", age: 10)
            shape.add("sub\(number).bar.example", age: 10)
            shape.add("upper.example", age: 10)
            shape.add("averyveryverylongdomainnameindeed.with.many.labels.example.org", age: 10)
        }
        shape.add("vm", age: 10)
        shape.add("y.bar.example", age: 10)
        return shape
    }

    @Test func tableOfTenClasses() {
        let table = QueueShapeTable(
            shape: Self.sample(QueueShape(buckets: 10, first: 5, linear: false)), parentMinimum: 5, rowLimit: 6)
        #expect(
            table.text == """
                                                         T  5 10 20 40 80 160 320 640 1280 1280+
                                                  TOTAL 30 30  0  0  0  0   0   0   0    0     0
                                           .bar.example  8  8  0  0  0  0   0   0   0    0     0
                                            foo.example  7  7  0  0  0  0   0   0   0    0     0
                                          upper.example  7  7  0  0  0  0   0   0   0    0     0
                +ameindeed.with.many.labels.example.org  7  7  0  0  0  0   0   0   0    0     0
                                                     vm  1  1  0  0  0  0   0   0   0    0     0

                """)
    }

    @Test func manyClassesLeaveTheNameItsLeastWidth() {
        let table = QueueShapeTable(
            shape: Self.sample(QueueShape(buckets: 20, first: 5, linear: true)), width: 40, rowLimit: 4)
        #expect(
            table.text == """
                                    T  5 10 15 20 25 30 35 40 45 50 55 60 65 70 75 80 85 90 95 95+
                             TOTAL 30 30  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0   0
                       foo.example  7  7  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0   0
                     upper.example  7  7  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0   0
                +abels.example.org  7  7  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0  0   0

                """)
    }

    @Test func oneClassHasNoLimit() {
        let table = QueueShapeTable(shape: QueueShape(buckets: 1, first: 5, linear: false))
        #expect(table.text.hasSuffix("TOTAL  0  0\n"))
        #expect(table.text.split(separator: "\n").first?.hasSuffix(" T 0+") == true)
    }

    @Test(arguments: [(0, 0), (299, 0), (300, 1), (599, 1), (600, 2), (76_799, 8), (76_800, 9), (-50, 0), (Int.max, 9)])
    func agesFallIntoClasses(_ seconds: Int, _ bucket: Int) {
        var shape = QueueShape(buckets: 10, first: 5, linear: false)
        shape.add("x", age: seconds)
        #expect(shape.total.firstIndex(of: 1) == bucket)
    }

    @Test func parentsAreCountedByTheirSubdomains() {
        var shape = QueueShape(buckets: 2, first: 5, linear: false)
        for name in ["a.b.example", "c.b.example", "c.d.example", "x.example"] { shape.add(name, age: 0, count: 2) }
        #expect(shape.parents(minimum: 1) == [".b.example": [4, 0], ".d.example": [2, 0]])
        #expect(shape.parents(minimum: 2) == [".b.example": [4, 0]])
    }

    @Test(arguments: [
        ("a@B.Example", "b.example"), ("", "MAILER-DAEMON"), ("\"a@b\"@c", "c"), ("local", "MAILER-DAEMON"),
    ])
    func domains(_ address: String, _ domain: String) { #expect(QueueShape.domain(of: address) == domain) }

    @Test func numbersThatAreNoneLeaveTheDefault() throws {
        let options = try QshapeOptions(["-b", "foo", "-t", "-3", "-l", "-n", "7", "deferred", "hold"])
        #expect(options.buckets == 10)
        #expect(options.firstBucket == 5)
        #expect(options.rows == 7)
        #expect(options.linear)
        #expect(options.queues == ["deferred", "hold"])
    }
}
