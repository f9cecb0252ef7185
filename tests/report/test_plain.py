"""Words of others are shown as what they are."""

import pytest

from chaos.report.plain import escaped, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("as it is\n  two lines", "as it is\n  two lines"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07end", "red end"),
        ("bell \x07 null \x00", "bell \\x07 null \\x00"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        ("שלום أهلا größe 日本 🙂", "שלום أهلا größe 日本 🙂"),
        ("one\r\ntwo", "one\ntwo"),
    ],
)
def test_shows(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_says_how_much_of_a_long_line_is_missing() -> None:
    assert plain("x" * 5000).endswith("x… (4,600 more characters)")
    assert plain("\n".join(["x" * 300] * 9)) == "\n".join(["x" * 300] * 9)


def test_escapes_for_elements_and_attributes() -> None:
    assert escaped("</title><script>'\"&") == "&lt;/title&gt;&lt;script&gt;&#x27;&quot;&amp;"
