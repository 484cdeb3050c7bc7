import Testing

@testable import Configuration

/// Expected values are what Debian's `postconf -x` prints.
struct MacroTextTests {
    @Test(arguments: [
        ("$(myhostname) ${mydomain}", "mail.example.com example.com"),
        ("${myhostname?yes $mydomain}", "yes example.com"),
        ("x${foo:def}y", "xdefy"), ("$$z", "$z"), ("${foo?{a}:{b}}", "b"), ("$nosuch.", "."),
        ("${{a} == {a} ? {T}:{F}}", "T"), ("${{10}>{9}?{T}:{F}}", "T"), ("${{abc}<{abd}?{T}:{F}}", "T"),
        ("${{3.10}>=level{3.9}?{T}:{F}}", "T"), ("${{a}=={a}}", "true"), ("[${{a}=={b}}]", "[]"),
        ("${{a}!={b}?{c}}", "c"), ("${foo?a:b}", ""), ("${foo:a:b}", "a:b"), ("${ myhostname }", "mail.example.com"),
        ("${foo?{a}:b}", "b"), ("[${foo: a }]", "[ a ]"), ("[${{ a }=={a}?{ x }:{y }}]", "[y ]"),
        ("${foo:${bar:${mydomain}}}", "example.com"), ("$(foo:(a))", "(a)"), ("${{3}<=level{3.0.1}}", "true"),
    ])
    func expands(_ text: String, _ expected: String) throws {
        let values = ["myhostname": "mail.example.com", "mydomain": "example.com"]
        #expect(try MacroText.expand(text) { (name) throws(MacroError) in values[name] } == expected)
    }

    static let operators =
        "\"==\" or \"!=\"\" or \"<\"\" or \"<=\"\" or \">=\"\" or \">\" expected at: "

    @Test(arguments: [
        ("${b", "truncated macro reference: \"${b\""), ("a$", "empty macro name: \"a$\""),
        ("$-x ${}", "empty macro name: \"$-x ${}\""),
        ("a${myhostname)}", "attribute name syntax error at: \"...myhostname>>>)\""),
        ("${foo?{a}:{b}x}", "unexpected input at: \"...b}>>>x\""),
        ("${foo?{a}x}", "\":\" expected at: \"...a}>>>x\""),
        ("${{a} >=blah {b}}", "bad operator suffix at: \"...>=>>>blah\""),
        ("${{a} = {b}}", Self.operators + "\"...a}>>>= {b}\""),
        ("${{a} <level {b}?{x}}", "malformed compatibility level syntax: \"a\""),
    ])
    func refuses(_ text: String, _ reason: String) {
        #expect(throws: MacroError(description: reason)) {
            try MacroText.expand(text) { (_) throws(MacroError) in nil }
        }
    }

    @Test func boundsNesting() {
        let text = String(repeating: "${a:", count: 5000) + String(repeating: "}", count: 5000)
        #expect(throws: MacroError.self) { try MacroText.expand(text) { (_) throws(MacroError) in nil } }
    }

    @Test func boundsRecursionOfParameters() {
        let parameters = Parameters(values: ["mydestination": "a$relay_domains", "relay_domains": "$mydestination"])
        #expect(parameters["mydestination"] == "localhost.localdomain, localhost.localdomain, localhost")
        #expect(throws: ConfigurationError.self) { try parameters.validate() }
    }
}
