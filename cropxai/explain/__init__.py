"""Why: the relevance of every date and band for the answer, by Layer-wise Relevance Propagation."""

from cropxai.explain.attribution import explain, explain_to
from cropxai.explain.lrp import LRP, Attribution
from cropxai.explain.relevance import Relevance

__all__ = ["LRP", "Attribution", "Relevance", "explain", "explain_to"]
