"""Batched Monte-Carlo tree search over a learned model, in Numba; what the model is, is the caller's affair."""

from muzero.search.function_model import FunctionModel, top_priors
from muzero.search.search import BatchedSearch, run_search

__all__ = ["BatchedSearch", "FunctionModel", "run_search", "top_priors"]
