"""Patterns by which users say what the names of their files tell: ``{tile}_{date:%Y%m%d}_{band}.tif``.

A pattern is a path with fields in braces, held against the end of a file's path: as many folders as it names. ``*``
stands for any text within one name that tells nothing; a field that comes twice must be the same twice. Letters match
in either case.
"""

import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path

from cropxai.errors import PatternInvalid
from cropxai.ingest.sources.names import Told, date_in, is_layer

#: What may stand before a field, and the field; {date} is apart.
FIELDS = {
    "tile": ("T?", r"\d{2}[A-Z]{3}"),
    "band": ("", r"[^/]+?"),
    "level": ("(?:L|LEVEL[-_]?)?", "1C|2A"),
    "baseline": ("N?", r"\d{2}\.?\d{2}"),
    "product": ("", r"[^/]+?"),
}
#: Directives of dates, as of `datetime.strptime`.
DIRECTIVES = {
    "%Y": r"\d{4}", "%y": r"\d{2}", "%m": r"\d{1,2}", "%d": r"\d{1,2}", "%j": r"\d{1,3}",
    "%H": r"\d{2}", "%M": r"\d{2}", "%S": r"\d{2}",
}  # fmt: skip
#: A date without directives.
PLAIN_DATE = r"20\d\d(?:\d{4}|[-_.]\d\d[-_.]\d\d)"

_PART = re.compile(r"\{(?P<name>[a-z]*)(?::(?P<format>[^{}]*))?\}|(?P<any>\*)|(?P<text>[^{}*]+)|(?P<wrong>[{}])")


@dataclass(frozen=True)
class Pattern:
    """A pattern; :meth:`read` holds it against a file.

    Raises
    ------
    PatternInvalid
        If a field or a directive of a date is unknown, a brace is alone, or a date lacks its year or day.
    """

    text: str
    _regex: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _formats: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        formats: list[str] = []
        seen: set[str] = set()
        parts = [self._part(match, formats, seen) for match in _PART.finditer(self.text)]
        used = set(re.findall(r"%.", "".join(formats)))
        whole = used & {"%Y", "%y"} and (used >= {"%m", "%d"} or "%j" in used)
        if any(formats) and not whole:
            raise PatternInvalid(self.text, "its {date:…} needs a year (%Y) and a day (%m and %d, or %j)")
        object.__setattr__(self, "_regex", re.compile(f"(?:^|/){''.join(parts)}$", re.IGNORECASE))
        object.__setattr__(self, "_formats", tuple(formats))

    def read(self, file: Path) -> Told | None:
        """Return what the name of a file tells, or nothing if it does not fit."""
        path = file.as_posix()
        match = self._regex.search(path)
        if match is None:
            return None
        found = match.groupdict()
        date = self._date(found)
        layers = (found["band"],) if "band" in found else ()
        if (self._formats and date is None) or not all(map(is_layer, layers)):
            return None
        baseline = (found.get("baseline") or "").replace(".", "")
        kept = [found[name] for name in ("product", "tile", "level", "baseline") if found.get(name)]
        kept += [found[f"date{n}"] for n in range(len(self._formats))]
        product = f"{path[: match.start()]}/{'_'.join(kept).replace('/', '-')}"
        return Told(
            layers=layers,
            date=date,
            tile=(found.get("tile") or "").upper(),
            level=f"L{found['level'].upper()}" if found.get("level") else "",
            baseline=f"{baseline[:2]}.{baseline[2:]}" if baseline else "",
            product=product,
            whole=product,
        )

    def _part(self, match: re.Match[str], formats: list[str], seen: set[str]) -> str:
        name, given = match["name"], match["format"]
        if match["text"]:
            return re.escape(match["text"])
        if match["any"]:
            return r"[^/]*?"
        if name == "date":
            formats.append(given or "")
            return f"(?P<date{len(formats) - 1}>{self._of_date(given) if given else PLAIN_DATE})"
        if name not in FIELDS or given is not None:
            known = ", ".join(f"{{{known}}}" for known in (*FIELDS, "date"))
            raise PatternInvalid(self.text, f"{match[0]!r} is no field; they are {known} and *")
        before, body = FIELDS[name]
        again = name in seen
        seen.add(name)
        return f"{before}(?P={name})" if again else f"{before}(?P<{name}>{body})"

    def _of_date(self, given: str) -> str:
        out = ""
        for directive, text in re.findall(r"(%.?)|([^%]+)", given):
            if directive and directive not in DIRECTIVES:
                raise PatternInvalid(self.text, f"{directive!r} is no part of a date; use {' '.join(DIRECTIVES)}")
            out += DIRECTIVES[directive] if directive else re.escape(text)
        return out

    def _date(self, found: dict[str, str]) -> dt.date | None:
        """Return the date that all date fields tell together, or nothing if they tell none or several."""
        texts = [found[f"date{n}"] for n in range(len(self._formats))]
        plain = {date_in(text) for text, given in zip(texts, self._formats, strict=True) if not given}
        parts = [(text, given) for text, given in zip(texts, self._formats, strict=True) if given]
        if parts:
            try:
                plain.add(dt.datetime.strptime(*(" ".join(column) for column in zip(*parts, strict=True))).date())
            except ValueError:  # digits that are no date
                return None
        return plain.pop() if len(plain) == 1 else None
