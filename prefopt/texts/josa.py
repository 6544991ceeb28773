"""Korean particles that fit the sound before them: 사과[을/를] -> 사과를, 3[은/는] -> 3은, 5 kg[이/가] -> 5 kg이.

Templates contain a particle as a marker with its two forms, the one after a consonant first. `resolve` chooses by the final sound before
the marker: the final consonant of a Hangul syllable, or the sound of a digit, unit, letter or fraction when read aloud.
"""

from __future__ import annotations

import re

_MARKERS = (
    "은/는",
    "이/가",
    "을/를",
    "과/와",
    "으로/로",
    "이에요/예요",
    "이다/다",
    "이고/고",
    "이라고/라고",
    "이나/나",
    "이며/며",
    "이었/였",
)
_MARKER = re.compile(r"\[(" + "|".join(re.escape(m) for m in _MARKERS) + r")\]")

# Final sounds: "" none, "l" ㄹ (takes 로), "c" any other consonant.
_DIGITS = {"0": "c", "1": "l", "2": "", "3": "c", "4": "", "5": "", "6": "c", "7": "l", "8": "l", "9": ""}
_UNITS = {"kg": "c", "mg": "c", "g": "c", "cm": "", "mm": "", "km": "", "m": "", "mL": "", "L": "", "t": "c", "%": "", "°": ""}
_LETTERS = {"L": "l", "l": "l", "M": "c", "m": "c", "N": "c", "n": "c", "R": "l", "r": "l", "π": ""}


def final_sound(text: str) -> str:
    """How the text ends when read aloud: "" in a vowel, "l" in ㄹ, "c" in another consonant.

    >>> final_sound("사과"), final_sound("연필"), final_sound("귤 3"), final_sound("3/4"), final_sound("5 kg")
    ('', 'l', 'c', 'c', 'c')
    """
    text = text.rstrip("\"'”’)]. ")
    fraction = re.search(r"(?<!\d)(\d+)/\d+$", text)
    if fraction:  # 3/4 is read 사분의 삼: the numerator comes last
        return final_sound(fraction[1])
    unit = re.search(r"(?<![A-Za-z])(kg|mg|km|cm|mm|mL|m|g|L|t)[²³]?$|[%°]$", text)
    if unit and re.search(r"\d\s?$", text[: unit.start()]):
        return _UNITS[unit[0].rstrip("²³")]
    if re.search(r"\^\d+$|[²³]$", text):  # read …제곱
        return "c"
    last = text[-1:]
    if "가" <= last <= "힣":
        final = (ord(last) - 0xAC00) % 28
        return "" if final == 0 else "l" if final == 8 else "c"
    if "ㄱ" <= last <= "ㅎ":  # 기역, 니은, … 리을
        return "l" if last == "ㄹ" else "c"
    return _DIGITS.get(last) or _LETTERS.get(last, "")


def attach(word: str, pair: str) -> str:
    """The word with the form of a particle that agrees with it.

    >>> attach("연필", "으로/로"), attach("6", "으로/로"), attach("서아", "이/가")
    ('연필로', '6으로', '서아가')
    """
    after_consonant, after_vowel = pair.split("/")
    sound = final_sound(word)
    if pair == "으로/로":
        return word + (after_consonant if sound == "c" else after_vowel)
    return word + (after_consonant if sound else after_vowel)


def resolve(text: str) -> str:
    """Replace every particle marker of a template, e.g. "사과[을/를] 3개[을/를]" -> "사과를 3개를"."""
    out = ""
    rest = text
    while marker := _MARKER.search(rest):
        out = attach(out + rest[: marker.start()], marker[1])
        rest = rest[marker.end() :]
    return out + rest
