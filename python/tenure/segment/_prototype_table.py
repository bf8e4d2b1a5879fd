"""What clusters of numbers and categories are told as: one row a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PrototypeTable(Table):
    """The prototypes of a clustering, one row a cluster.

    Attributes
    ----------
    cluster : ndarray of int, shape (n_clusters,)
    rows : ndarray of int, shape (n_clusters,)
        Rows of the fit whose nearest prototype it is.
    features : dict
        By column of X, in its order: means of numbers (ndarray of float) and modes of categories
        (tuple of str; a missing cell is the level ``"(missing)"``).

    Examples
    --------
    >>> import tenure as tn
    >>> tn.segment.KModes(2).fit([["web", "b"], ["web", "b"], ["shop", None]]).prototypes()
    Prototypes of 2 clusters
    cluster  rows    x0         x1
          0     2   web          b
          1     1  shop  (missing)
    """

    cluster: Ints
    rows: Ints
    features: dict[str, Floats | tuple[str, ...]]

    def _columns(self) -> dict[str, Any]:
        return {"cluster": self.cluster, "rows": self.rows} | self.features

    def _title(self) -> str:
        return f"Prototypes of {len(self.cluster)} clusters"
