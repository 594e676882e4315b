"""How the report writes days, numbers and facts; what is missing is written as nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd


def there(value: Any) -> bool:
    """Say whether a cell of a table holds something."""
    return not (value is None or value == "" or pd.isna(value))


def filled(value: Any) -> bool:
    """Say whether a fact tells something."""
    return value not in (None, "", [], {})


def day(date: Any) -> str:
    """Write a day with its year, such as 3 May 2018."""
    moment = pd.Timestamp(date)
    return f"{moment.day} {moment:%b %Y}"


def day_of_year(date: Any) -> str:
    """Write a day without its year."""
    moment = pd.Timestamp(date)
    return f"{moment.day} {moment:%b}"


def percent(share: float | None) -> str:
    """Write a share, 0 to 1, in percent."""
    return f"{100 * share:.1f} %" if share is not None and np.isfinite(share) else ""


def count(number: float) -> str:
    """Write a whole number, its thousands apart."""
    return f"{int(number):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def number(value: Any) -> str:
    """Write a number with one decimal."""
    return "" if pd.isna(value) else f"{value:,.1f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def whole(value: Any) -> str:
    """Write a code, its digits together."""
    return "" if pd.isna(value) else str(int(value))


def reasons(status: pd.Series) -> pd.Series:
    """Count parcels by status, the most frequent first; what stands behind a colon, an area, is of a parcel alone."""
    return status.fillna("").astype(str).str.split(":").str[0].value_counts()


def words(key: object) -> str:
    """Write the name of a fact."""
    return str(key).replace("_", " ")


def shortened(value: Any, most: int = 400) -> str:
    """Write a fact, or facts in facts, in so many characters at the most."""
    if isinstance(value, Mapping):
        text = "; ".join(f"{words(k)}: {shortened(v, 120)}" for k, v in value.items() if filled(v))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        text = ", ".join(shortened(v, 60) for v in value)
    else:
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= most else text[:most] + " …"
