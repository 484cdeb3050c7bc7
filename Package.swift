// swift-tools-version: 6.1
import PackageDescription

/// Every target builds in Swift 6 mode with warnings as errors.
///
/// Async functions run where their caller runs: a session stays on its event loop without a hop for each call.
let strict: [SwiftSetting] = [
    .unsafeFlags(["-warnings-as-errors"]), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func library(_ name: String, in path: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(path)", swiftSettings: strict)
}

/// Tests mirror Sources, path for path.
func tests(
    _ name: String, in path: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []
) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies + ["TestSupport"],
        path: "Tests/\(path)", exclude: exclude, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Sources/Programs/\(name)", swiftSettings: strict)
}

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")

/// The fuzzer needs libFuzzer at its link: `make fuzz` asks for it.
let fuzzing = Context.environment["APUS_FUZZ"] != nil

let fuzzer: Target = .executableTarget(
    name: "apus-fuzz", dependencies: ["FuzzTargets"], path: "Fuzz/Program", swiftSettings: strict)

let package = Package(
    name: "apus",
    products: [
        .executable(name: "apus", targets: ["apus"]),
        .executable(name: "apus-adapter", targets: ["apus-adapter"]),
        .executable(name: "apus-reference", targets: ["apus-reference"]),
        .executable(name: "apus-tables", targets: ["apus-tables"]),
        .executable(name: "postdrop", targets: ["postdrop"]),
        .executable(name: "postqueue", targets: ["postqueue"]),
        .executable(name: "parser-benchmarks", targets: ["parser-benchmarks"]),
        .executable(name: "simulate", targets: ["simulate"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    ],
    targets: [
        // C libraries that Debian packages. Of libdb and PCRE2 only the headers: tables load them when they need them.
        .systemLibrary(name: "CBerkeleyDB", path: "Sources/Libraries/CBerkeleyDB"),
        .systemLibrary(name: "CPCRE2", path: "Sources/Libraries/CPCRE2"),
        .systemLibrary(name: "COpenSSL", path: "Sources/Libraries/COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CUnbound", path: "Sources/Libraries/CUnbound", pkgConfig: "libunbound"),

        // Basics
        .target(
            name: "CMailSystem", path: "Sources/Basics/CMailSystem", cSettings: [.define("_GNU_SOURCE")],
            linkerSettings: [.linkedLibrary("crypt")]),
        library("MailSyntax", in: "Basics/MailSyntax"),
        library("MailSystem", in: "Basics/MailSystem", ["CMailSystem", "MailSyntax"]),

        library("Configuration", in: "Configuration", ["MailSyntax", "MailSystem"]),
        library(
            "Lookup", in: "Lookup",
            ["Configuration", "MailSyntax", "MailSystem", "CBerkeleyDB", "CPCRE2", "CMailSystem"] + nio),
        library("Spool", in: "Spool", ["MailSyntax", "MailSystem"]),
        library("Routing", in: "Routing", ["Configuration", "Lookup", "MailSyntax", "MailSystem"]),
        library(
            "Cleanup", in: "Cleanup",
            ["Configuration", "Lookup", "Routing", "Runtime", "Spool", "MailSyntax", "MailSystem"] + nio),

        // Network
        library("Sockets", in: "Network/Sockets", ["MailSystem"] + nio),
        library(
            "TLS", in: "Network/TLS",
            [
                "COpenSSL", "MailSyntax", "MailSystem", .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ] + nio),
        library(
            "DNS", in: "Network/DNS",
            [
                "CUnbound", "MailSyntax", "MailSystem",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ] + nio),
        library(
            "InternalProtocol", in: "Network/InternalProtocol",
            ["CMailSystem", "MailSyntax", "MailSystem", "Sockets"] + nio),
        library(
            "Runtime", in: "Runtime",
            [
                "Configuration", "Lookup", "MailSystem", "InternalProtocol", "Sockets",
                .product(name: "DequeModule", package: "swift-collections"),
            ] + nio),

        // The way of a message
        library(
            "Receive", in: "Receive",
            [
                "Cleanup", "Configuration", "DNS", "InternalProtocol", "Lookup", "MailSyntax", "MailSystem", "Routing",
                "Runtime", "Sockets", "Spool", "Submission", "TLS",
            ] + nio),
        library(
            "Queue", in: "Queue",
            [
                "Cleanup", "Configuration", "InternalProtocol", "Lookup", "MailSyntax", "MailSystem", "Routing",
                "Runtime", "Sockets", "Spool", .product(name: "DequeModule", package: "swift-collections"),
            ] + nio),
        library(
            "Send", in: "Send",
            [
                "CommandReference", "Configuration", "DNS", "InternalProtocol", "Lookup", "MailSyntax", "MailSystem",
                "Runtime", "Sockets", "Spool", "TLS",
            ] + nio),
        library(
            "Deliver", in: "Deliver",
            [
                "Cleanup", "CMailSystem", "Configuration", "InternalProtocol", "Lookup", "MailSyntax", "MailSystem",
                "Routing", "Runtime", "Spool",
            ] + nio),

        // What the administrator touches
        library("CommandReference", in: "Operate/Reference"),
        library("Manual", in: "Operate/Manual", ["CommandReference", "Configuration"]),
        library(
            "Submission", in: "Operate/Submission",
            ["CommandReference", "Configuration", "MailSyntax", "MailSystem", "Spool"]),
        library(
            "Operate", in: "Operate/Commands",
            [
                "CMailSystem", "CommandReference", "Configuration", "Lookup", "MailSyntax", "MailSystem",
                "Spool", "Submission",
            ]),
        library(
            "Administration", in: "Operate/Administration",
            [
                "COpenSSL", "CommandReference", "Configuration", "MailSyntax", "MailSystem", "Operate", "Submission",
            ]),
        library(
            "Master", in: "Operate/Master",
            [
                "Administration", "CMailSystem", "COpenSSL", "CommandReference", "Configuration", "InternalProtocol",
                "Lookup", "MailSyntax", "MailSystem", "Operate", "Runtime", "Submission", "TLS",
            ]),

        program(
            "apus",
            ["Administration", "Deliver", "Master", "Operate", "Queue", "Receive", "Runtime", "Send", "Submission"]),
        // Writes the manual pages and completions at installation.
        program("apus-reference", ["CommandReference", "MailSystem", "Manual"]),
        // postmap and postalias, without the libraries that only daemons need.
        program("apus-tables", ["MailSystem", "Operate"]),
        program("postdrop", ["MailSystem", "Submission"]),
        program("postqueue", ["MailSystem", "Submission"]),

        // Benchmarks
        .target(name: "AllocationCounter", path: "Benchmarks/AllocationCounter"),
        .executableTarget(
            name: "parser-benchmarks",
            dependencies: [
                "AllocationCounter", "Cleanup", "Configuration", "Lookup", "MailSyntax", "MailSystem", "Runtime",
                "Spool", "TestSupport",
            ], path: "Benchmarks/Parsers", swiftSettings: strict),

        // Plays the harnesses of the conformance cases; not installed.
        .executableTarget(
            name: "apus-adapter",
            dependencies: [
                "Cleanup", "Configuration", "DNS", "InternalProtocol", "Lookup", "MailSyntax", "MailSystem", "Queue",
                "Receive", "Routing", "Send", "Spool",
            ],
            path: "Tests/Adapter", swiftSettings: strict),
        // The whole flow in one process, under a simulated clock, disk, network and DNS. No daemon links it.
        .target(name: "CSimulation", dependencies: ["COpenSSL"], path: "Sources/Simulation/CSimulation"),
        .target(
            name: "Simulation",
            dependencies: [
                "COpenSSL", "CSimulation", "Configuration", "DNS", "Deliver", "InternalProtocol", "Lookup",
                "MailSyntax", "MailSystem", "Queue", "Receive", "Runtime", "Send", "Sockets", "Spool",
            ] + nio,
            path: "Sources/Simulation", exclude: ["CSimulation"], swiftSettings: strict),
        program("simulate", ["MailSystem", "Simulation"]),

        // Tests
        .target(
            name: "TestSupport", dependencies: ["MailSystem", nioCore], path: "Tests/TestSupport",
            swiftSettings: strict),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "COpenSSL", "Cleanup", "Configuration", "DNS", "Deliver", "InternalProtocol", "Lookup", "MailSyntax",
                "MailSystem", "Operate", "Queue", "Receive", "Runtime", "Send", "Spool", "Submission", "TLS",
                "TestSupport", nioCore, nioEmbedded,
            ],
            path: "Fuzz/Targets", swiftSettings: strict),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets", "MailSystem"], path: "Tests/Fuzz", swiftSettings: strict),
        tests("MailSyntax", in: "Basics/MailSyntax"),
        tests("MailSystem", in: "Basics/MailSystem"),
        tests("Configuration", in: "Configuration"),
        tests("Lookup", in: "Lookup"),
        tests("Spool", in: "Spool"),
        tests("Runtime", in: "Runtime"),
        tests("Routing", in: "Routing"),
        tests("Cleanup", in: "Cleanup", [nioCore]),
        tests("Sockets", in: "Network/Sockets", ["MailSystem"] + nio),
        tests("TLS", in: "Network/TLS", [nioEmbedded]),
        tests("DNS", in: "Network/DNS"),
        tests("InternalProtocol", in: "Network/InternalProtocol", [nioEmbedded]),
        tests("Receive", in: "Receive", [nioEmbedded], exclude: ["Dialogues/Scripts", "Restrictions/Scripts"]),
        tests("Queue", in: "Queue"),
        tests(
            "Send", in: "Send", [nioEmbedded, .product(name: "NIOConcurrencyHelpers", package: "swift-nio")],
            exclude: ["Content/Fixtures"]),
        tests("Deliver", in: "Deliver"),
        tests("Submission", in: "Operate/Submission", ["CommandReference", "Spool"]),
        tests("Operate", in: "Operate/Commands", ["Spool", "Submission"]),
        tests("Administration", in: "Operate/Administration"),
        tests("Master", in: "Operate/Master"),
        tests("Simulation", in: "Simulation", ["Deliver", "MailSystem", "Spool"]),
        tests("Manual", in: "Operate/Manual", ["CommandReference", "Operate"]),
    ] + (fuzzing ? [fuzzer] : []),
    swiftLanguageModes: [.v6]
)
