"""Which fonts have the characters of a study's texts; looked for only when the usual one lacks some."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

USUAL = "DejaVu Sans"
_KNOWN = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "SimHei",
    "Noto Sans CJK TC",
    "Noto Sans CJK JP",
    "Microsoft JhengHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Arial Unicode MS",
)
_BLANK = ("Last Resort", "Adobe Blank", "Adobe NotDef")  # claim every character and show none
_SUBSTITUTE = "?"
CERTAIN = frozenset({*map(chr, range(0xA1, 0x180)), *"‐‑‒–—‘’“”„†‡•…‰′″€←↑→↓−√∞≈≠≤≥", *"ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"})
"""Characters that the usual font has; for these alone it is not opened."""


@dataclass(frozen=True, slots=True)
class FontFile:
    """An installed font: its family, where it lies, and which of some characters it has."""

    family: str
    path: str
    has: Callable[[str], set[str]]


@dataclass(frozen=True, slots=True)
class Fonts:
    """Families beside the usual one, the folders that hold them, and the characters that none of them has."""

    families: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    missing: str = ""

    def shown(self, text: str) -> str:
        """Return a text with a question mark for each character that no font has.

        >>> Fonts(missing="观").shown("观 group")
        '? group'
        """
        return text.translate(dict.fromkeys(map(ord, self.missing), _SUBSTITUTE)) if self.missing else text


def find_fonts(texts: Iterable[str], installed: Callable[[], Iterable[FontFile]] | None = None) -> Fonts:
    """Return the fonts that the texts need.

    Args:
        texts: everything that figures and the PDF show.
        installed: gives the fonts to choose from; those of this machine by default. Asked only when it matters.
    """
    letters = {letter for text in texts if not text.isascii() for letter in text if not letter.isascii()}
    left = {letter for letter in letters if unicodedata.category(letter) not in ("Cc", "Cf")} - CERTAIN
    left -= _usual_characters() if left else frozenset()
    chosen: list[FontFile] = []
    for font in (installed or installed_fonts)() if left else ():
        found = font.has("".join(sorted(left)))
        if found:
            chosen.append(font)
            left -= found
        if not left:
            break
    folders = dict.fromkeys(str(Path(font.path).parent) for font in chosen)
    return Fonts(tuple(dict.fromkeys(font.family for font in chosen)), tuple(folders), "".join(sorted(left)))


def installed_fonts() -> Iterator[FontFile]:
    """Return the upright fonts of this machine: those made for Chinese first, then all by name."""
    from matplotlib.font_manager import fontManager

    upright: dict[str, str] = {}
    for entry in sorted(fontManager.ttflist, key=lambda one: (one.name, abs(_weight(one.weight) - 400), one.fname)):
        if entry.style == "normal" and not entry.name.startswith(_BLANK):
            upright.setdefault(entry.name, entry.fname)
    for family in [*(name for name in _KNOWN if name in upright), *(name for name in upright if name not in _KNOWN)]:
        yield FontFile(family, upright[family], _characters_in(upright[family]))


def font_warning(fonts: Fonts) -> str:
    """Return what to tell where characters are missing; nothing where none is."""
    if not fonts.missing:
        return ""
    shown = ", ".join(f"{letter} (U+{ord(letter):04X})" for letter in fonts.missing[:8])
    shown += f" and {len(fonts.missing) - 8} more" if len(fonts.missing) > 8 else ""
    return (
        f"No installed font has these characters: {shown}. Figures and PDF show {_SUBSTITUTE} in their place; the "
        f"page, Word and data files keep them. {_advice(fonts.missing)}"
    )


def _advice(missing: str) -> str:
    if any(ord(letter) > 0x2E7F for letter in missing if ord(letter) < 0x1F000):
        return (
            "Install a font for Chinese, Japanese and Korean (Debian and Ubuntu: package fonts-noto-cjk; Fedora: "
            "google-noto-sans-cjk-fonts; Windows: the supplemental fonts for Chinese; macOS: PingFang) and run again."
        )
    return "Install a font that has them (Debian and Ubuntu: package fonts-noto-core) and run again."


def _weight(weight: int | str) -> int:
    return weight if isinstance(weight, int) else {"bold": 700, "light": 300}.get(weight, 400)


def _characters_in(path: str) -> Callable[[str], set[str]]:
    def has(letters: str) -> set[str]:
        from matplotlib.ft2font import FT2Font

        try:
            font = FT2Font(path)
            scalable = font.scalable  # pictures in a font (emoji) cannot be drawn as outlines
        except (OSError, RuntimeError, AttributeError):
            return set()
        return {letter for letter in letters if scalable and font.get_char_index(ord(letter))}

    return has


@lru_cache(maxsize=1)
def _usual_characters() -> frozenset[str]:
    from matplotlib.ft2font import FT2Font

    return frozenset(map(chr, FT2Font(usual_folder() / "DejaVuSans.ttf").get_charmap()))


def usual_folder() -> Path:
    """Return the folder of the usual font, which comes with the drawing library; that is not imported for it."""
    found = find_spec("matplotlib")
    assert found is not None, "figures were drawn with it"
    return Path(str(found.origin)).parent / "mpl-data" / "fonts" / "ttf"
