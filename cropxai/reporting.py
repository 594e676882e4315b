"""How work tells of its progress: one callable, which serves a terminal, a GIS and silence alike."""

from typing import Protocol


class Report(Protocol):
    """Called with the share of the work done (0…1) and, optionally, a word on what is being done."""

    def __call__(self, fraction: float, message: str = "") -> None: ...  # noqa: D102


def silent(fraction: float, message: str = "") -> None:
    """Report nothing."""


def part(report: Report, start: float, end: float) -> Report:
    """Map the progress of a sub-task onto the stretch ``start…end`` of its caller's."""

    def within(fraction: float, message: str = "") -> None:
        report(start + (end - start) * fraction, message)

    return within
