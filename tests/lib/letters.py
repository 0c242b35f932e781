"""A few hundred messages of all ages, languages and charsets, with dates and headers as people's programs write them.

Deterministic, but for the time that it is. A letter knows in what a reading of its header by Python's email package
differs from ours, and why.
"""

import base64
import quopri
import time
from dataclasses import dataclass, field
from email.utils import formatdate

DAY = 86400

# language: who writes, about what, in which charsets
LANGUAGES = {
    "english": ("Alice Smith", "Lunch on Thursday", ["us-ascii", "utf-8"]),
    "german": ("Jörg Müller", "Grüße aus Köln: schöne Überraschung", ["iso-8859-1", "iso-8859-15", "utf-8"]),
    "french": ("Éloïse Lefèvre", "Réunion déplacée à l'après-midi", ["iso-8859-1", "windows-1252", "utf-8"]),
    "spanish": ("Íñigo Núñez", "¿Qué haces mañana?", ["iso-8859-1", "utf-8"]),
    "portuguese": ("João Conceição", "Reunião de amanhã", ["iso-8859-1", "utf-8"]),
    "polish": ("Łukasz Żółć", "Zażółć gęślą jaźń", ["iso-8859-2", "windows-1250", "utf-8"]),
    "czech": ("Jiří Dvořák", "Příliš žluťoučký kůň", ["iso-8859-2", "windows-1250", "utf-8"]),
    "hungarian": ("Gőző Szűcs", "Árvíztűrő tükörfúrógép", ["iso-8859-2", "utf-8"]),
    "romanian": ("Ştefan Ţăran", "Întâlnire mâine", ["iso-8859-2", "utf-8"]),
    "turkish": ("Ayşe Yıldız", "Toplantı ertelendi: güneş", ["iso-8859-9", "windows-1254", "utf-8"]),
    "latvian": ("Jānis Bērziņš", "Tikšanās rīt", ["iso-8859-13", "windows-1257", "utf-8"]),
    "esperanto": ("Ĵaŭdo Ĉiuĵo", "Eĥoŝanĝo ĉiuĵaŭde", ["iso-8859-3", "utf-8"]),
    "greek": ("Γιώργος Παπαδόπουλος", "Τα λεμόνια", ["iso-8859-7", "windows-1253", "utf-8"]),
    "russian": ("Иван Петров", "С новым годом!", ["koi8-r", "windows-1251", "iso-8859-5", "utf-8"]),
    "ukrainian": ("Їжак Ґудзик", "Зустріч завтра є", ["koi8-u", "windows-1251", "utf-8"]),
    "hebrew": ("דוד כהן", "שלום עולם", ["iso-8859-8", "windows-1255", "utf-8"]),
    "arabic": ("محمد علي", "اجتماع يوم الثلاثاء", ["iso-8859-6", "windows-1256", "utf-8"]),
    "thai": ("สมชาย ใจดี", "การประชุมวันพรุ่งนี้", ["tis-620", "utf-8"]),
    "vietnamese": ("Nguyễn Thị Ánh", "Cuộc họp ngày mai", ["utf-8"]),
    "japanese": ("山田太郎", "打ち合わせの件", ["iso-2022-jp", "shift_jis", "euc-jp", "utf-8"]),
    "chinese": ("王小明", "会议记录", ["gb2312", "gbk", "gb18030", "utf-8"]),
    "taiwanese": ("陳大文", "會議記錄", ["big5", "utf-8"]),
    "korean": ("홍길동", "회의 안건", ["euc-kr", "utf-8"]),
    "hindi": ("राम शर्मा", "कल की बैठक", ["utf-8"]),
    "georgian": ("გიორგი", "ხვალინდელი შეხვედრა", ["utf-8"]),
    "emoji": ("🦊 Fox", "🎉 party 👩‍👩‍👧 tonight", ["utf-8"]),
}


@dataclass
class Letter:
    name: str
    octets: bytes
    differs: dict = field(default_factory=dict)   # attribute, or "time": why Python reads it otherwise


def q_word(octets, charset):
    text = quopri.encodestring(octets, header=True).decode().replace("=\n", "").replace("\n", "").replace("?", "=3F")
    return f"=?{charset}?Q?{text}?="


def b_word(octets, charset):
    return f"=?{charset}?B?{base64.b64encode(octets).decode()}?="


def encoded(text, charset, word, piece):
    """As folded encoded words of a few characters each; in ISO-2022-JP each begins and ends in ASCII by itself."""
    pieces = [text[at:at + piece] for at in range(0, len(text), piece)]
    return "\r\n ".join(word(part.encode(charset), charset) for part in pieces)


def header(name, date, *, subject, sender="Alice <alice@example.org>", to="Bob <bob@example.com>", received=None):
    """Octets; all but `received` may be octets or text."""
    by = "from relay.example.net (relay [192.0.2.1])\r\n\tby mx.example.org"
    lines = [f"Received: {by}; {received}"] if received else []
    lines += [b"From: " + _octets(sender), b"To: " + _octets(to), f"Date: {date}", f"Message-ID: <{name}@example.org>",
              b"Subject: " + _octets(subject)]
    return b"".join(_octets(line) + b"\r\n" for line in lines) + b"\r\n"


def _octets(text):
    return text if isinstance(text, bytes) else text.encode()


def of_languages(now):
    """Each language in each of its charsets, by Q, by B, and by B in one piece; and in raw UTF-8."""
    number = 0
    for language, (person, subject, charsets) in LANGUAGES.items():
        for charset in charsets:
            for kind, word, piece in (("q", q_word, 9), ("b", b_word, 9), ("whole", b_word, 999)):
                number += 1
                name = f"{language}-{charset}-{kind}"
                when = formatdate(now - number * number * DAY // 5)
                yield Letter(name, header(
                    name, when, subject=encoded(subject, charset, word, piece),
                    sender=f"{encoded(person, charset, word, piece)} <{language}@example.org>",
                    to=f"{encoded(person, charset, word, 5)} <a@example.org>, Bob <bob@example.com>",
                    received=formatdate(now - number * number * DAY // 5 + 60)))
        name = f"{language}-raw"
        yield Letter(name, header(name, formatdate(now - 1000 * DAY), subject=subject,
                                  sender=f"{person} <{language}@example.org>"))


# shapes of the examples in RFC 5322 (A), 2047 (8) and 2231 (5), and what else is sent
SHAPES = {
    "one-charset": "=?ISO-8859-1?Q?Andr=E9?= Pirard <andre@example.org>",
    "two-charsets": "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5k?=",
    "comment": "nobody@example.org (=?ISO-8859-1?Q?a?= b)",
    "comment-of-two": "nobody@example.org (=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)",
    "quoted": '"Joe Q. Public" <john.q.public@example.com>',
    "quoted-pair": '"Giant; \\"Big\\" Box" <sysservices@example.net>',
    "group": "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
    "folded": "Mary Smith\r\n\t<mary@example.net>,\r\n  jdoe@example.org",
    "no-blanks-around": "Re:=?utf-8?Q?a?=b",
    "unfinished": "=?utf-8?Q?never closed",
    "no-encoding": "=?utf-8?X?abc?=",
    "underscores": "=?utf-8?Q?a_b=5Fc?=",
    "no-padding": "=?utf-8?B?YWI?=",
    "lower": "=?UTF-8?b?w6nDqA==?= =?utf-8?q?_x?=",
    "equals": "1 + 1 = 2 =? 3",
    "empty": "",
    "long": " ".join(f"word{n}" for n in range(60)),
}
ODD_SHAPES = {   # and how Python reads them otherwise
    "raw-latin": (b"caf\xe9 cr\xe8me", "octets that are no UTF-8 are U+FFFD each; Python keeps them as surrogates"),
    "unknown-charset": ("=?x-unknown?Q?a=E9?=", "an unknown charset is read as UTF-8; Python has none"),
    "wrong-utf-8": ("=?utf-8?Q?a=E9b?=", None),
    "cut-character": ("=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", None),
    "controls": ("=?utf-8?Q?a=0D=0ABcc:_x=1B[31m?=", "controls are U+FFFD; Python keeps them"),
    "cp1252-as-latin-1": ("=?iso-8859-1?Q?=93quoted=94_=80?=", "ISO-8859-1 is windows-1252 in truth"),
    "gbk-as-gb2312": ("=?gb2312?B?6aGB8A==?=", "GB2312 is GB18030 in truth"),
    "blanks-in-a-word": ("=?utf-8?Q?a b?=", None),
}


def of_shapes(now):
    for name, text in SHAPES.items():
        name = f"shape-{name}"
        yield Letter(name, header(name, formatdate(now - DAY), subject=text, sender=text, to=text))
    text, why = "=?US-ASCII*EN?Q?Keith_Moore?= <moore@example.org>", "the language of RFC 2231 is unknown to Python"
    yield Letter("odd-language", header("odd-language", formatdate(now - DAY), subject=text, sender=text, to=text),
                 {"subject": why, "from": why, "to": why})
    for name, (text, why) in ODD_SHAPES.items():
        name = f"odd-{name}"
        yield Letter(name, header(name, formatdate(now - DAY), subject=text), {"subject": why} if why else {})
    for length in (999, 1000, 1001, 30000):
        name = f"long-subject-{length}"
        yield Letter(name, header(name, formatdate(now - DAY), subject="x" * length),
                     {"subject": "cut at 1000 octets"} if length > 1000 else {})
    yield Letter("no-fields", b"X-Nothing: at all\r\n\r\nbody\r\n")
    yield Letter("no-header", b"\r\nbody\r\n")
    yield Letter("twice", b"Subject: first\r\nSubject: second\r\nDate: " + formatdate(now - DAY).encode() + b"\r\n\r\n")


DATES = [
    "Fri, 21 Nov 1997 09:55:06 -0600", "Tue, 1 Jul 2003 10:52:37 +0200", "Thu, 13 Feb 1969 23:32:54 -0330",
    "21 Nov 97 09:55:06 GMT", "Mon, 24 Nov 1997 14:22:01 -0800", "Thu,\r\n      13\r\n        Feb\r\n          2003\r\n"
    "      23:32\r\n               -0330 (Newfoundland Time)", "1 Jan 2000 00:00:00 -0000", "Sat, 1 Jan 2000 00:00 EST",
    "Fri, 31 Dec 1999 23:59:59 PDT", "29 Feb 2024 12:00:00 +0545", "Sun, 06 Nov 1994 08:49:37 UT",
    "Wed, 01 Jan 2020 00:00:00 +1400", "Wed, 01 Jan 2020 00:00:00 -1200", "Thu, 01 Jan 1970 00:00:00 +0000",
    "Tue, 19 Jan 2038 03:14:08 +0000", "Mon, 1 Jan 2001 1:2:3 +0000", "Friday, 21-Nov-97 09:55:06 GMT",
    "Fri, 21 November 1997 09:55:06 +0000", "Fri 21 Nov 1997 09:55:06 +0000", "Foo, 21 Nov 1997 09:55:06 +0000",
    "Fri, 21 Nov 1997 09:55:06", "Fri, 31 Dec 1999 23:59:59 -0000", "", "never", "Fri, 21 Nov 1997 09:55:06 (GMT)",
    "Fri, 21 Nov 1997 09.55.06 +0000",
]
ODD_DATES = {    # and how Python reads them otherwise
    "1 Jan 49 00:00:00 GMT": None,
    "1 Jan 60 00:00:00 GMT": None,     # before 1970 for us, in the future for Python: no date for either
    "1 Jan 103 00:00:00 GMT": "three digits are counted from 1900 (RFC 5322)",
    "(comment) Fri, 21 Nov 1997 09:55:06 -0600": "Python takes no comment in front",
    "Fri, 21 Nov (a (nested) one) 1997 09:55:06 -0600": "nor in the middle",
    "Fri, 21 Nov 1997 09:55:06 GMT-0600": "a zone behind GMT counts",
    "Fri Nov 21 09:55:06 1997": "what ctime(3) writes is no date of mail",
    "Fri, 31 Nov 1997 09:55:06 +0000": "the 31st of November is none",
    "Fri, 99 Nov 1997 09:55:06 +0000": "nor is the 99th",
    "Fri, 21 Nov 1997 25:55:06 +0000": "nor is the 25th hour",
}


def of_dates():
    for number, date in enumerate(DATES):
        name = f"date-{number:02}"
        yield Letter(name, header(name, date, subject=f"date {number}"))
        name = f"received-{number:02}"
        yield Letter(name, header(name, "Mon, 5 May 2014 10:00:00 +0000", subject=f"received {number}", received=date))
    for number, (date, why) in enumerate(ODD_DATES.items()):
        name = f"odd-date-{number}"
        yield Letter(name, header(name, date, subject="odd"), {"time": why} if why else {})


def letters(now=None):
    """A list of them, each name once."""
    now = int(now or time.time())
    return [*of_languages(now), *of_shapes(now), *of_dates()]
