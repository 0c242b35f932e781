"""The letters are what they say."""

import letters


def test_there_are_a_few_hundred_and_each_has_a_name_of_its_own():
    mail = letters.letters(1_700_000_000)
    assert len(mail) > 250
    assert len({letter.name for letter in mail}) == len(mail)
    assert mail == letters.letters(1_700_000_000)


def test_each_language_is_written_in_each_of_its_charsets():
    mail = {letter.name: letter for letter in letters.letters(1_700_000_000)}
    for language, (_, _, charsets) in letters.LANGUAGES.items():
        for charset in charsets:
            assert f"=?{charset}?B?".encode() in mail[f"{language}-{charset}-b"].octets
            assert f"=?{charset}?Q?".encode() in mail[f"{language}-{charset}-q"].octets
