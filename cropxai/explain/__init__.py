"""Why: the relevance of every date and band for the answer, by Layer-wise Relevance Propagation."""

from cropxai.explain.relevance import Relevance, explain

__all__ = ["Relevance", "explain"]
