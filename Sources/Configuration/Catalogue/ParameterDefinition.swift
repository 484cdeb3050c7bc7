/// What is known of one main.cf parameter: postconf(5).
public struct ParameterDefinition: Sendable {
    /// How the value is read and checked.
    public enum Kind: Sendable, Equatable {
        /// `yes` or `no`, in any case.
        case boolean
        /// A decimal number.
        case integer
        /// A number with an optional unit: s, m, h, d, w.
        case time
        /// Text, `$`-expanded.
        case string
        /// Text that its reader expands itself, with names of its own (`forward_path`, `default_rbl_reply` …).
        case raw
    }

    public enum LifeCycle: Sendable, Equatable {
        case current
        /// Works; a newer parameter takes its place.
        case deprecated
        /// Accepted without effect.
        case obsolete
        /// An old name without a default, read only through another parameter's default or not at all.
        case removed
        /// Set by the program, not by main.cf.
        case system
        /// `transport_…`: stands for one parameter for each master.cf service.
        case template
    }

    public let name: String
    public let kind: Kind
    public let lifeCycle: LifeCycle
    /// For numbers and times (in seconds) the smallest value, for strings the smallest length.
    public let minimum: Int?
    public let maximum: Int?
    /// The Postfix programs that read it, joined by commas.
    public let readers: String
    /// What the text holds: `map list`, `restriction list`, `path` …
    public let form: String
    /// The first Postfix that has it: `2.6`; `<=1.0` where only a later bound is known.
    public let since: String
    /// Unexpanded. Empty for the few that depend on the machine (`myhostname`, `mydomain`, `mynetworks`).
    public let defaultValue: String
    /// False while Apus accepts the parameter without acting on it.
    public var isImplemented: Bool { ImplementedParameters.names.contains(name) }

    /// True for what `postconf -d` lists.
    public var isListed: Bool { lifeCycle != .removed && lifeCycle != .template }

    /// The unit of a time value without one: that of the default.
    public var timeUnit: UInt8 {
        guard let last = defaultValue.utf8.last, TimeSetting.secondsPerUnit(last) != nil else {
            return UInt8(ascii: "s")
        }
        return last
    }
}
