"""Ward's hierarchical clustering: which centres belong together, and how far apart they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._matrix import as_matrix
from tenure._results import Table
from tenure._sklearn import as_weights, name_cell
from tenure._validation import Floats, Ints, as_count, as_number


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dendrogram(Table):
    """A tree of clusters, one row a step that joins two of them.

    Attributes
    ----------
    left, right : ndarray of int, shape (n_rows - 1,)
        What is joined: rows 0 to n_rows - 1 of X, and earlier steps from n_rows on. left < right.
    height : ndarray of float, shape (n_rows - 1,)
        Ascending. Half its square is what the step adds to the sum of squares within clusters.
    rows : ndarray of int, shape (n_rows - 1,)
        Rows of X below the step.
    weight : ndarray of float, shape (n_rows - 1,)
        Their weight.

    Examples
    --------
    >>> import tenure as tn
    >>> tree = tn.segment.ward([[0.0], [5.0], [1.0], [7.0]])
    >>> tree
    Ward's tree of 4 rows
    left  right   height  rows  weight
       0      2        1     2       2
       1      3        2     2       2
       4      5  7.77817     4       4
    >>> tree.cut(2).tolist(), tree.cut_at(1.5).tolist()
    ([0, 1, 0, 1], [0, 1, 0, 2])
    """

    left: Ints
    right: Ints
    height: Floats
    rows: Ints
    weight: Floats

    _column_names = ("left", "right", "height", "rows", "weight")

    @property
    def n_rows(self) -> int:
        """Rows of X."""
        return len(self.left) + 1

    def matrix(self) -> Floats:
        """Return the linkage matrix of SciPy, shape (n_rows - 1, 4); its last column is `rows`."""
        columns = [self.left, self.right, self.height, self.rows]
        return np.column_stack([np.asarray(c, dtype=np.float64) for c in columns])

    def cut(self, n_clusters: int) -> npt.NDArray[np.int32]:
        """Return the cluster of each row of X, `n_clusters` of them, by their first rows.

        To label the customers of a `KMeans` whose centres were joined:
        ``tree.cut(5)[model.labels_]``.
        """
        clusters = as_count(n_clusters, "n_clusters", at_least=1)
        return _core.segment.cut_tree(self.left, self.right, clusters)

    def cut_at(self, height: float) -> npt.NDArray[np.int32]:
        """Return the cluster of each row of X after all steps up to a height."""
        height = as_number(height, "height", at_least=0.0)
        steps = int(np.searchsorted(self.height, height, side="right"))
        return self.cut(self.n_rows - steps)

    def _title(self) -> str:
        return f"Ward's tree of {self.n_rows} rows"

    def plot(self, n_clusters: int | None = None, *, leaves: int = 30, ax: Any = None) -> Any:
        """Draw the last steps of the tree, root on top.

        Parameters
        ----------
        n_clusters : int, optional
            Give each cluster of `cut` a colour.
        leaves : int
            Branches below the last `leaves` - 1 steps are drawn as one leaf, which tells its rows.
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure.segment._dendrogram_plot import draw

        return draw(self, n_clusters, as_count(leaves, "leaves", at_least=2), ax)


def ward(X: Any, *, sample_weight: Any = None) -> Dendrogram:
    """Join rows to clusters by Ward's method.

    Made for some thousand rows with weights, such as the centres of a `KMeans` and the number of
    customers of each: the tree is then that of the customers, as far as the centres stand for
    them. Time grows with the square of the rows, memory with the rows.

    Parameters
    ----------
    X : array of shape (rows, features) or data frame
        Finite numbers, of one scale.
    sample_weight : array of n weights, optional
        Finite and above 0. A row of weight w is w equal rows that were joined before.

    Returns
    -------
    Dendrogram

    Raises
    ------
    InvalidInputError
        Names the cell of X that is not finite, and the weight that is not above 0.

    Notes
    -----
    Without weights the matrix is that of SciPy's ``linkage(X, "ward")`` where no two distances are
    equal. docs/methods/hierarchical.md. [Ward 1963, JASA 58:236; Murtagh 1983, Computer Journal
    26:354]

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> model = tn.segment.KMeans(50).fit(X)
    >>> tree = tn.segment.ward(model.cluster_centers_, sample_weight=np.bincount(model.labels_))
    >>> np.bincount(tree.cut(3)[model.labels_]).sum()
    np.int64(1000)
    """
    matrix, names = as_matrix(X)
    matrix = matrix.astype(np.float64, copy=False)
    weight = as_weights(sample_weight, len(matrix))
    try:
        return Dendrogram(*_core.segment.ward(matrix, weight))
    except InvalidInputError as error:
        raise name_cell(error, matrix, names) from None
