"""How early: the relevance of dates over a season, the windows it bounds, and what they cost."""

from cropxai.season.study import SeasonStudy, season_study

__all__ = ["SeasonStudy", "season_study"]
