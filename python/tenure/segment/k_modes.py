"""k-modes: clusters of rows of categories."""

from __future__ import annotations

from typing import Any

from tenure._model_file import storable
from tenure.segment._prototypes import PrototypeEstimator


@storable("segment.KModes")
class KModes(PrototypeEstimator):
    """k-modes clustering of rows of categories.

    The distance of a row to a cluster is the number of columns in which it differs from the
    cluster's modes. Equal rows are collapsed first, so that a million customers with a few
    questions cost what their distinct answers cost.

    Parameters
    ----------
    n_clusters : int, default 8
    init : {"cao", "k-modes++"} or table of shape (n_clusters, n_features)
        Where to start from: dense rows far from one another, where nothing is drawn [Cao, Liang &
        Bai 2009]; rows drawn far from one another, as k-means++ draws them; or given modes.
    n_init : int, default 1
        Runs from seeds of their own; the one with the lowest cost is kept. 1 unless rows are drawn.
    max_iter : int, default 100
        Iterations of one run.
    algorithm : {"lloyd", "huang"}
        ``"lloyd"`` assigns all rows, then renews all modes, on any number of threads. ``"huang"``
        renews the modes after each row that moves, in the order of the rows, on one thread: the
        steps of Huang (1998) and of the package kmodes.
    unseen : {"warn", "ignore", "error"}
        What `predict` does about a category that `fit` has not seen. It differs from every mode.
    random_state : int, None or NumPy generator, default 0
        Seed of the draws; None takes fresh entropy.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    modes_ : int32 array of shape (n_clusters, n_features)
        Positions in `categories_`; by name in `prototypes`.
    categories_ : tuple of tuples
        The levels of each column, ascending; None, where cells are missing, is the last.
    labels_ : int32 array
        The nearest modes of each row of X; `predict` says the same.
    cost_ : float
        Sum of the distances of the rows to their modes, times their weights.
    n_iter_ : int
        Iterations of the run that was kept.
    converged_ : bool
        False: `max_iter` came first.
    warnings_ : tuple of str
        What `fit` warned about.
    cluster_centers_, categorical_features_, gamma_
        As `KPrototypes` has them: no numbers, all columns, 1.
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where X is a data frame.

    Raises
    ------
    InvalidInputError
        For tables that are none, and settings that no data fit.

    Warns
    -----
    ConvergenceWarning
        If the run did not converge, or if fewer than `n_clusters` clusters hold a row.
    DataWarning
        `predict`, about categories that `fit` has not seen.

    Notes
    -----
    A mode is the heaviest category, of equally heavy ones the first. Method, cost and numerics:
    docs/methods/k_prototypes.md. [Huang 1998, Data Mining and Knowledge Discovery 2:283]

    Examples
    --------
    >>> import tenure as tn
    >>> answers = [["web", "card"], ["web", "card"], ["web", "bank"]] + [["shop", "cash"]] * 2
    >>> m = tn.segment.KModes(n_clusters=2).fit(answers)
    >>> m.labels_.tolist(), m.cost_
    ([0, 0, 0, 1, 1], 1.0)
    >>> m.predict([["shop", "card"], ["shop", "cash"]]).tolist()
    [0, 1]
    """

    _inits = ("cao", "k-modes++")

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "cao",
        n_init: int = 1,
        max_iter: int = 100,
        algorithm: str = "lloyd",
        unseen: str = "warn",
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.algorithm = algorithm
        self.unseen = unseen
        self.random_state = random_state
        self.n_threads = n_threads
