"""k-prototypes: clusters of rows that hold numbers and categories."""

from __future__ import annotations

from typing import Any

from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._validation import as_number
from tenure.segment._mixed import Columns, as_chosen
from tenure.segment._prototypes import PrototypeEstimator


@storable("segment.KPrototypes")
class KPrototypes(PrototypeEstimator):
    """k-prototypes clustering of rows that hold numbers and categories.

    The distance of a row to a cluster is the squared distance of its numbers to the cluster's
    means, and `gamma` for each category that differs from the cluster's mode.

    Parameters
    ----------
    n_clusters : int, default 8
    categorical : list of column names or positions, optional
        The columns that hold categories. Default: those of texts, truth values and dictionaries.
    gamma : float, optional
        What a differing category costs. Default: half the mean standard deviation of the columns of
        numbers [Huang 1997], 1 where no number varies. Squared distances and standard deviations
        are of different units: bring the numbers to one scale first, and look at other values.
    init : "k-means++" or table of shape (n_clusters, n_features)
        Where to start from: rows drawn far from one another, or given prototypes.
    n_init : int, default 1
        Runs from seeds of their own; the one with the lowest cost is kept. 1 where `init` is a
        table.
    max_iter : int, default 100
        Iterations of one run.
    algorithm : {"lloyd", "huang"}
        ``"lloyd"`` assigns all rows, then renews all prototypes, on any number of threads.
        ``"huang"`` renews them after each row that moves, in the order of the rows, on one thread:
        the steps of Huang (1998) and of the package kmodes.
    unseen : {"warn", "ignore", "error"}
        What `predict` does about a category that `fit` has not seen. It differs from every mode.
    random_state : int, None or NumPy generator, default 0
        Seed of the draws; None takes fresh entropy.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    cluster_centers_ : array of shape (n_clusters, n_numbers)
        Means of the columns of numbers, in their order.
    modes_ : int32 array of shape (n_clusters, n_categorical)
        Positions in `categories_`; by name in `prototypes`.
    categories_ : tuple of tuples
        The levels of each column of categories, ascending; None, where cells are missing, is the
        last.
    categorical_features_ : tuple of int
        Positions of the columns of categories.
    labels_ : int32 array
        The nearest prototype of each row of X; `predict` says the same.
    cost_ : float
        Sum of the distances of the rows to their prototypes, times their weights.
    gamma_ : float
        The value that was used.
    n_iter_ : int
        Iterations of the run that was kept.
    converged_ : bool
        False: `max_iter` came first.
    warnings_ : tuple of str
        What `fit` warned about.
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where X is a data frame.

    Raises
    ------
    InvalidInputError
        Names the number of X that is not finite, and settings that no data fit.

    Warns
    -----
    ConvergenceWarning
        If the run did not converge, or if fewer than `n_clusters` clusters hold a row.
    DataWarning
        `predict`, about categories that `fit` has not seen.

    Notes
    -----
    Method, cost and numerics: docs/methods/k_prototypes.md. [Huang 1997, PAKDD; Huang 1998, Data
    Mining and Knowledge Discovery 2:283]

    Examples
    --------
    >>> import pyarrow as pa, tenure as tn
    >>> table = pa.table({"orders": [1, 2, 9, 11], "channel": ["web", "web", "shop", None]})
    >>> m = tn.segment.KPrototypes(n_clusters=2).fit(table)
    >>> round(m.gamma_, 4), round(m.cost_, 4)
    (2.1615, 4.6615)
    >>> m.prototypes()
    Prototypes of 2 clusters
    cluster  rows  orders  channel
          0     2     1.5      web
          1     2      10     shop
    >>> m.predict(pa.table({"orders": [10, 0], "channel": ["web", "web"]})).tolist() == [
    ...     m.labels_[2], m.labels_[0]
    ... ]
    True
    """

    _inits = ("k-means++",)

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        categorical: Any = None,
        gamma: float | None = None,
        init: Any = "k-means++",
        n_init: int = 1,
        max_iter: int = 100,
        algorithm: str = "lloyd",
        unseen: str = "warn",
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.categorical = categorical
        self.gamma = gamma
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.algorithm = algorithm
        self.unseen = unseen
        self.random_state = random_state
        self.n_threads = n_threads

    def _penalty(self) -> float | None:
        return None if self.gamma is None else as_number(self.gamma, "gamma", at_least=0.0)

    def _chosen(self, columns: Columns) -> list[int]:
        chosen = as_chosen(columns, self.categorical)
        if not chosen:
            msg = "no column of X holds categories: list them in categorical, or use KMeans"
            raise InvalidInputError(msg, argument="categorical")
        if len(chosen) == len(columns.values):
            msg = "all columns of X hold categories: use KModes"
            raise InvalidInputError(msg, argument="categorical")
        return chosen
