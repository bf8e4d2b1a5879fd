"""Measures of a clustering from the means and spreads of its clusters."""

from __future__ import annotations

from typing import Any

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import as_threads
from tenure.segment._clusterings import labelled


def calinski_harabasz(
    X: Any, labels: Any, *, noise: Any = -1, n_threads: int | None = None
) -> float:
    """Return the Calinski-Harabasz index: spread between clusters over spread within them.

    Parameters
    ----------
    X : array of shape (n, features) or data frame
        Finite numbers.
    labels : array of n labels
        At least two clusters, fewer than n.
    noise : label or None, default -1
        Rows of this label belong to no cluster and take no part.
    n_threads : int, optional
        Never changes a result.

    Returns
    -------
    float
        (B / (k - 1)) / (W / (n - k)), the higher the better; 1.0, as in scikit-learn, where all
        rows lie on the means of their clusters. A number to compare clusterings of the same rows
        by, without a scale of its own.

    Raises
    ------
    InvalidInputError
        Names the cell of X that is not finite, and labels that name no two clusters or as many as
        there are rows.

    Warns
    -----
    DataWarning
        If rows are noise.

    Notes
    -----
    [Calinski & Harabasz 1974] docs/methods/choosing_segments.md

    Examples
    --------
    >>> import tenure as tn
    >>> tn.segment.calinski_harabasz([[0.0], [2.0], [9.0], [11.0]], [0, 0, 1, 1])
    40.5
    """
    rows = labelled(X, labels, noise)
    if len(rows.names) >= len(rows.own):
        msg = f"labels must name fewer clusters than there are rows, got {len(rows.names)} of each"
        raise InvalidInputError(msg, argument="labels", value=len(rows.names))
    found = rows.ask(_core.segment.validity, as_threads(n_threads))
    return float(found["calinski_harabasz"])


def davies_bouldin(X: Any, labels: Any, *, noise: Any = -1, n_threads: int | None = None) -> float:
    """Return the Davies-Bouldin index: how much each cluster overlaps with its worst neighbour.

    Parameters
    ----------
    X : array of shape (n, features) or data frame
        Finite numbers.
    labels : array of n labels
        At least two clusters.
    noise : label or None, default -1
        Rows of this label belong to no cluster and take no part.
    n_threads : int, optional
        Never changes a result.

    Returns
    -------
    float
        Mean over clusters of the largest (s_c + s_e) / |m_c - m_e|, s the mean distance of rows to
        the mean m of their cluster: the lower the better, 0 at best. Infinite where two clusters
        with spread have one mean.

    Raises
    ------
    InvalidInputError
        Names the cell of X that is not finite, and labels that name fewer than two clusters.

    Warns
    -----
    DataWarning
        If rows are noise.

    Notes
    -----
    [Davies & Bouldin 1979] docs/methods/choosing_segments.md

    Examples
    --------
    >>> import tenure as tn
    >>> tn.segment.davies_bouldin([[0.0], [2.0], [10.0], [12.0]], [0, 0, 1, 1])
    0.2
    """
    rows = labelled(X, labels, noise)
    return float(rows.ask(_core.segment.validity, as_threads(n_threads))["davies_bouldin"])
