"""Random texts for Conformance/tables: sources of tables, patterns with keys that they match, networks with addresses at
their edges, with the mistakes that people make. Octets that are no UTF-8 stand as Python's surrogates."""

import ipaddress
import random

SPACES = [" ", "\t", "   ", " \t ", "\v", "\f", "\r", "\u00a0"]


class Texts:
    """Everything comes from one seeded generator: the same seed, the same texts."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def some(self, odds):
        return self.random.random() < odds

    def pick(self, *choices):
        """One of the choices; a function among them is called."""
        choice = self.random.choice(choices)
        return choice() if callable(choice) else choice

    # Words, keys, values

    def word(self):
        return self.pick("a", "b", "c", "ab", "User", "foo", "bar", "x.y", "é", "Straße", "k1", "k2", "K3", "\\", "q", "info", "#x")

    def rare_word(self):
        """Letters that fold in more ways than one, octets that are no UTF-8, and what means something to a reader."""
        return self.pick("STRASSE", "ẞ", "Σίσυφος", "ΣΊΣΥΦΟΣ", "İstanbul", "ISTANBUL", "ı", "K", "ǅ", "ﬀ", "Ā", "Ω", "\udcff", "\udce9t",
                         "\u200b", "日本", "Ünï", "a\udcc3", "\x01", "a\x7fb", "a=b", "a:b", "{a}", "$a", "${a}", "*", "!a", "-x", "a,b",
                         "x" * self.random.randrange(90, 150))

    def any_word(self):
        return self.rare_word() if self.some(0.15) else self.word()

    def key(self):
        word = self.any_word
        return self.pick(word, lambda: f"{word()}@{word()}.example", lambda: f'"{word()} {word()}"@x.example',
                         lambda: f"@{word()}.example", lambda: f".{word()}", lambda: f'"{word()}', lambda: f"{word()}:",
                         lambda: f"{word()}\\ {word()}", lambda: f'"{word()}\\"{word()}"', lambda: f'{word()}"{word()} {word()}"',
                         lambda: f"{word()}+{word()}@x.example", lambda: '""', self.address)

    def value(self):
        return self.pick("ok", "REJECT", "two words", "$1 text", "${1}", "", "value:", "a, b", "é", "\\x", "  lead", "trail  ",
                         "$$1", "$(1)x", "${2}", "$", "v1", "v1, v2", "none", "\udcff", '"quoted value"', "# no comment", "a\tb",
                         lambda: "long " * self.random.randrange(20, 900), self.rare_word)

    def address(self):
        if self.some(0.2):
            return self.pick("::1", "2001:db8::1", "2001:db8:0:1::5", "fe80::1")
        return ".".join(str(self.random.choice([0, 1, 10, 127, 192, 255])) for _ in range(4))

    # Sources

    def aside(self):
        """A line that is no entry."""
        return self.pick("# comment", "", "   ", "  # indented comment", "\t", "#", " \v ", "\f", "\r", "# \udcff")

    def source(self):
        lines = []
        for _ in range(self.random.randrange(12)):
            kind = self.random.random()
            if kind < 0.68:
                space = self.pick(*SPACES) if self.some(0.3) else self.pick(" ", "\t", "   ")
                lines.append(f"{self.key()}{space}{self.value()}")
            elif kind < 0.8:
                lines.append(self.aside())
            elif kind < 0.92:
                lines.append(f"{self.pick(' ', '  ', chr(9), chr(11))}{self.pick('more', 'text, x', 'continued', '#no comment', chr(34))}")
            else:
                lines.append(self.key())
        end = "\r\n" if self.some(0.05) else "\n"
        return end.join(lines) + self.pick(end, "")

    def keys_of(self, source):
        """Keys that may well be there, besides some that are not."""
        found = [line.split(None, 1)[0] for line in source.splitlines() if line[:1].strip() and line[:1] != "#"]
        self.random.shuffle(found)
        return [self.pick(key, key.swapcase(), key.upper(), key.lower()) for key in found[:3]]

    # Patterns

    def regular(self, perl, depth=0):
        """A regular expression, and a text that it likely matches."""
        parts = [self._part(perl, depth) for _ in range(self.random.randrange(1, 4 if depth else 5))]
        return "".join(part[0] for part in parts), "".join(part[1] for part in parts)

    def _part(self, perl, depth):
        if depth < 3 and self.some(0.3):
            inner, text = self.regular(perl, depth + 1)
            if self.some(0.25):
                other, more = self.regular(perl, depth + 1)
                inner, text = f"{inner}|{other}", self.pick(text, more)
            opening = self.pick("(?:", "(?=", "(?!", "(?i:", "(?-i:", "(?<n>", "(?>", "(?s)(") if perl and self.some(0.3) else "("
            pattern = f"{opening}{inner})"
            text = "" if opening in ("(?=", "(?!") else text
        elif self.some(0.08):
            # What is wrong, or different in one of the dialects.
            return self.pick(("(", ""), (")", ""), ("[", ""), ("[z-a]", ""), ("*", ""), ("+", ""), ("a**", "a"), ("a{2", "a{2"), ("{2}", "aa"),
                             ("a{2,1}", ""), ("x{300}", "x" * 300), ("|", ""), ("()", ""), ("\\", ""), ("[[:foo:]]", ""), ("a{1,2}{2}", "aaa"),
                             ("\\8", "8"), ("[]a]", "]"), ("[^]a]", "b"), ("[a\\]", "\\"), ("\\/", "/"), ("a{,2}", "aa"), ("$a", "$a"))
        elif perl and self.some(0.25):
            return self.pick(("\\d", "7"), ("\\w", "a"), ("\\s", " "), ("\\b", ""), ("\\B", ""), (".*?", "b"), (".++", "cc"), ("\\D", "x"),
                             ("\\x41", "A"), ("\\x{e9}", "é"), ("\\Qa.b\\E", "a.b"), ("\\A", ""), ("\\z", ""), ("\\R", "\n"), ("\\p{L}", "é"),
                             ("\\h+", " "), ("(?#no)", ""), ("\\N", "x"), ("(*UCP)", ""), ("\\K", ""), ("[\\d\\w]", "4"), ("\\1", "a"), ("#", "#"))
        elif self.some(0.15):
            return self.pick(("\\1", "a"), ("\\<", ""), ("\\>", ""), ("\\w", "a"), ("\\W", "-"), ("\\s", " "), ("\\b", ""), ("\\`", ""),
                             ("[[:space:]]", " "), ("[[:alpha:]]+", "aB"), ("[^[:digit:]]", "x"), ("[[=a=]]", "a"), ("[[.-.]]", "-"), ("\\.", "."))
        else:
            pattern, text = self.pick(("a", "a"), ("b", "b"), ("foo", "foo"), ("Foo", "FOO"), (".", "x"), ("[ab]", "b"), ("[^a-c]", "d"),
                                      ("[0-9]", "5"), ("@", "@"), ("\\.", "."), (" ", " "), ("é", "é"), ("É", "é"), ("^", ""), ("$", ""),
                                      ("-", "-"), ("[[:digit:]]", "1"), ("x", "X"), ("user", "User"), ("example", "example"))
        if self.some(0.25) and text:
            times = self.pick("*", "+", "?", "{2}", "{1,3}", "{0}", "{2,}", "*?", "+?") if perl else self.pick("*", "+", "?", "{2}", "{1,3}", "{0}", "{2,}")
            return pattern + times, text * (0 if times == "{0}" else 2 if times.startswith("{2") else self.random.randrange(1, 3))
        return pattern, text

    def result(self):
        """The right side of a rule."""
        if self.some(0.4):
            return self.value()
        return "".join(self.pick("$1", "${1}", "$(1)", "$2", "$3x", "${10}", "$$", " ", "text", "é", "$", "${1", "$(2", "${x}", "$0", "$01", "<", ">",
                                 "${}", "$1$2", "$9", "$-1", "{$1}", "$99", "$1_2", "${1$2}", "$(1(2))") for _ in range(self.random.randrange(1, 4)))

    def condition(self, perl):
        """`/pattern/flags`, and a text for it."""
        pattern, text = self.regular(perl)
        mark = self.pick("/", "/", "/", "/", "/", "#", "%", "!", "~", "x", ",", "\\", "é", "|", "(") if self.some(0.2) else "/"
        if self.some(0.9):
            pattern = pattern.replace("\\/", "/").replace(mark, "\\" + mark)
        flags = self.pick("", "", "", "i", "m", "x", "q", "im", "A", "U", "E", "s", "X", "ii", "xx", "is", "mi", "I", "1", "é") if self.some(0.35) else ""
        return f"{self.negation()}{mark}{pattern}{mark}{flags}", text

    def negation(self):
        return self.pick("!", "!", "! ", "!!") if self.some(0.15) else ""

    def rules(self, perl):
        """A regexp or pcre table, and texts that rules of it likely match."""
        lines, texts, depth = [], [], 0
        for _ in range(self.random.randrange(1, 10)):
            kind = self.random.random()
            head, text = self.condition(perl)
            texts.append(text)
            if kind < 0.05:
                second, _ = self.condition(perl)
                lines.append(f"{head}!{second.lstrip('! ')}{self.pick(' ', '')}{self.result()}")
            elif kind < 0.68:
                lines.append(f"{head}{self.pick(' ', ' ', ' ', chr(9), '   ', '')}{self.result()}")
            elif kind < 0.78:
                lines.append(f"{self.pick('if', 'if', 'IF', 'If')}{self.pick(' ', ' ', chr(9), '', '  ')}{head}{self.pick('', '', '', ' extra', ' ')}")
                depth += 1
            elif kind < 0.86:
                lines.append(self.pick("endif", "endif", "ENDIF", "endif ", "endif x", "endif/", "EndIf#"))
                depth = max(depth - 1, 0)
            elif kind < 0.92:
                lines.append(self.aside())
            elif kind < 0.96:
                lines.append(f"{self.pick(' ', '  ')}{self.pick('more', '/b/ indented', 'endif', '$1')}")
            else:
                lines.append(self.pick("nonsense", "/unfinished", "/a/", "//", "// x", "/", "!", "if", "if !", "endifx", "iffy", "1/a/ x", "/a/i"))
        lines += ["endif"] * (depth if self.some(0.8) else 0)
        return "\n".join(lines) + self.pick("\n", "\n", "\r\n", ""), texts

    def texts_near(self, texts):
        """Keys: the texts as they are, inside others, in other case, cut."""
        chosen = self.random.sample(texts, min(4, len(texts)))
        return [self.pick(text, text.swapcase(), f"x{text}", f"{text}y", f" {text} ", text[1:], f"{text}@x.example").replace("\n", " ") for text in chosen]

    # Networks

    def network(self):
        """A network, right or nearly so, and addresses at its edges."""
        if self.some(0.35):
            base, bits = int(ipaddress.IPv6Address(self.pick("2001:db8::", "::", "fe80::", "2001:db8:0:1::", "::ffff:0:0", "ffff::"))), 128
            base |= self.random.choice([0, 0, 1, 0x80, 1 << 64, 0xffff << 48])
            make = ipaddress.IPv6Address
        else:
            base, bits = self.random.choice([0, 10 << 24, 127 << 24, 192 << 24 | 168 << 16, 255 << 24, 128 << 24]), 32
            base |= self.random.choice([0, 0, 1, 0x80, 0x100, 0xff00, 0x800000])
            make = ipaddress.IPv4Address
        length = self.random.choice([0, 1, 7, 8, 9, 16, 24, 25, 31, bits - 1, bits, bits, self.random.randrange(bits + 1)])
        mask = (1 << bits) - (1 << (bits - length))
        if self.some(0.85):
            base &= mask
        first, last = base & mask, (base & mask) | ((1 << bits) - 1 - mask)
        near = [str(make(n % (1 << bits))) for n in (first, last, first - 1, last + 1, base)]
        text = str(make(base))
        if bits == 128 and self.some(0.3):
            text = self.pick(make(base).exploded, text.upper(), make(base).exploded.replace(":0000", ":0"))
        kind = self.random.random()
        if kind < 0.6:
            text = f"{text}/{length}"
        elif kind < 0.7:
            text = self.pick(f"[{text}]/{length}", f"[{text}/{length}]", f"[{text}]", f"[{text}", f"[{text}]x", f"[{text}]/")
        elif kind < 0.8:
            text = self.pick(f"{text}/", f"{text}/{length}x", f"{text}/{bits + 1}", f"{text}/-1", f"{text}/0{length}", f"{text}//8", f"{text}/ 8",
                             f"/{length}", f"{text}/99999999999", f"{text}/+8", f"{text}/{length}/8")
        elif kind < 0.86:
            text = self.pick("host", "10.0.0", "10.0.0.0.0/8", "256.0.0.0/8", "010.0.0.0/8", "10.00.0.0/8", "0x10.0.0.0/8", "10.0.0.0/255.0.0.0", "::1::/64",
                             "1:2:3:4:5:6:7:8:9", "::1%lo", "::ffff:10.0.0.0/104", "10.0.0.0-10.0.0.9", "10.0.0.*", ":::", "1.2.3.4:25", "é", "::10.0.0.0/104")
        return text, near

    def networks(self):
        """A cidr table, and addresses near its networks."""
        lines, near, depth = [], [], 0
        for _ in range(self.random.randrange(1, 10)):
            kind = self.random.random()
            network, addresses = self.network()
            near += addresses
            if kind < 0.7:
                lines.append(f"{self.negation()}{network}{self.pick(' ', ' ', chr(9), '   ')}{self.value()}")
            elif kind < 0.8:
                lines.append(f"{self.pick('if', 'if', 'IF')}{self.pick(' ', ' ', chr(9), '')}{self.negation()}{network}{self.pick('', '', '', ' x')}")
                depth += 1
            elif kind < 0.88:
                lines.append(self.pick("endif", "endif", "ENDIF", "endif x", "endif/"))
            elif kind < 0.94:
                lines.append(self.aside())
            else:
                lines.append(self.pick(f" {self.value()}", network, "!", "if", "if !", "endifx", "if10.0.0.0/8"))
        lines += ["endif"] * (depth if self.some(0.8) else 0)
        return "\n".join(lines) + self.pick("\n", "\n", ""), near

    def addresses_near(self, near):
        chosen = self.random.sample(near, min(5, len(near)))
        return [self.pick(key, key, key, key, key.upper(), f"[{key}]", f" {key}", f"{key} ", f"{key}/32", f"::ffff:{key}", f"0{key}", key[:-1], f"{key}%lo",
                          f"{key}.") for key in chosen]
