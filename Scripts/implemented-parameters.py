#!/usr/bin/env python3
"""Writes Sources/Configuration/Catalogue/Generated/Implemented.swift: the parameters whose names stand in the sources.

    Scripts/implemented-parameters.py           write the file
    Scripts/implemented-parameters.py --check   fail when it is out of date

A name counts when a string literal in Sources/ is the name, or is the rest of it after a service's name
(`"_tls_loglevel"`, `"\\(prefix)_tls_loglevel"`). What the default of such a parameter refers to counts too.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "Sources/Configuration/Catalogue"
TARGET = CATALOGUE / "Generated/Implemented.swift"
PREFIXES = ["smtp", "lmtp", "smtpd", "relay", "virtual", "local", "pipe", "default", "transport"]

# Not found below, yet in effect: read by Configuration itself, by postmulti, or by scripts. smtpd_tls_eecdh_grade has no
# effect in Postfix either.
EXTRA = """
compatibility_level config_directory data_directory default_cache_db_type export_environment html_directory
import_environment inet_interfaces inet_protocols mail_name mail_release_date mail_version mailq_path
manpage_directory meta_directory multi_instance_enable multi_instance_group mydomain myhostname mynetworks
mynetworks_style myorigin newaliases_path non_bdb_migration_service_name postmulti_control_commands postmulti_start_commands postmulti_stop_commands process_id
process_name proxy_interfaces readme_directory sample_directory sendmail_path service_name shlib_directory
smtpd_tls_eecdh_grade stress
""".split()
# Named in the sources without being in effect.
EXCLUDED = {"address_verify_map", "postscreen_dnsbl_sites", "local_login_sender_maps"}


def table():
    rows = {}
    for path in sorted((CATALOGUE / "Generated").glob("ParameterTable*.swift")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            fields = line.strip("\n")[8:].split("\t")
            if len(fields) == 9:
                rows[fields[0]] = fields[8]
    return rows


def literals():
    found = set()
    # What only looks at a setting, or edits it, does not make it work.
    skipped = ("Configuration/Catalogue/", "Configuration/Checks/", "Configuration/Validation.swift",
               "Configuration/UseCheck.swift", "Operate/Administration/", "Operate/Commands/Postconf/")
    for path in (ROOT / "Sources").rglob("*.swift"):
        name = path.relative_to(ROOT / "Sources").as_posix()
        if name.startswith(skipped):
            continue
        text = re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.M)
        words = re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)
        # A name inside an interpolation is within another literal: "\(parameters["queue_directory"])/pid".
        words += re.findall(r'\["(\w+)"\]', text)
        found.update(words)
        # Names without `smtpd_tls_`, `smtp_tls_` …, and without `smtp_`, `lmtp_`
        for file, prefix in (("TLSSettings.swift", "_tls_"), ("Send/Client/ClientSettings.swift", "_")):
            if name.endswith(file):
                found.update(prefix + word for word in words if re.fullmatch(r"[a-zA-Z0-9]\w+", word))
    return found


def main():
    rows, words = table(), literals()
    names = {name for name in words if name in rows} | {name for name in EXTRA if name in rows}
    for word in words:
        rest = re.sub(r"^\\\(\w+(?:\.\w+)*\)", "", word)
        if rest.startswith("_") and re.fullmatch(r"_[a-z0-9_A-Z]+", rest):
            names.update(prefix + rest for prefix in PREFIXES if prefix + rest in rows)
    todo = [name for name in names if not name.startswith("proxy_")]
    while todo:
        for other in re.findall(r"[a-z][a-z0-9_]*", " ".join(re.findall(r"\$\{?\(?[a-z0-9_$ {]*", rows[todo.pop()]))):
            if other in rows and other not in names:
                names.add(other)
                todo.append(other)
    names -= EXCLUDED
    body = "\n".join("        " + name for name in sorted(names))
    text = f'''// Written by Scripts/implemented-parameters.py: do not edit.

/// The parameters that Apus acts on. One that main.cf sets and that is missing here is reported at start and by
/// `postfix check`.
enum ImplementedParameters {{
    static let names: Set<String> = Set(list.split(separator: "\\n").lazy.map(String.init))

    private static let list = """
{body}
        """
}}
'''
    if "--check" in sys.argv:
        if TARGET.read_text(encoding="utf-8") != text:
            sys.exit("Implemented.swift is out of date: run Scripts/implemented-parameters.py")
        return
    TARGET.write_text(text, encoding="utf-8")
    print(f"{len(names)} of {len(rows)} parameters")


main()
