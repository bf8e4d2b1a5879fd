"""Logistic regression of a million rows, and an elastic-net path."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload


def outcomes(n: int, columns: int) -> Data:
    """Normal columns of unequal scale, one row in five an event."""
    rng = np.random.default_rng(17)
    X = rng.normal(size=(n, columns))
    eta = -1.7 + X @ (rng.normal(0.0, 0.2, columns))
    y = rng.random(n) < 1.0 / (1.0 + np.exp(-eta))
    return {"X": X, "y": y.astype(np.uint8)}


FIT = Workload(
    "logistic",
    "logistic regression without a penalty, 10^6 rows x 30",
    lambda n: outcomes(n, 30),
    full={"n": 10**6},
    smoke={"n": 2000},
    agree={"first coefficient": 1e-4, "last coefficient": 1e-4, "intercept": 1e-4},
    bound="three passes over X and two triangular products of 10^6 x 31",
)
PATH = Workload(
    "logistic_net",
    "lasso path of a logistic regression, 10^5 rows x 50, 50 penalties",
    lambda n: outcomes(n, 50),
    full={"n": 10**5},
    smoke={"n": 2000},
    agree={"first coefficient": 1e-2},
    bound="reading X once for eight penalties",
)


def _coefficients(coef: np.ndarray, intercept: float) -> dict[str, float]:
    return {
        "first coefficient": float(coef[0]),
        "last coefficient": float(coef[-1]),
        "intercept": float(intercept),
    }


def ours(data: Data, threads: int) -> Run:
    from tenure.churn import LogisticRegression

    def run() -> dict[str, float]:
        model = LogisticRegression(n_threads=threads).fit(data["X"], data["y"])
        return _coefficients(model.coef_[0], model.intercept_[0])

    return run


def scikit_learn(solver: str, tol: float):
    def prepare(data: Data, threads: int) -> Run:
        from sklearn.linear_model import LogisticRegression

        def run() -> dict[str, float]:
            model = LogisticRegression(C=np.inf, solver=solver, tol=tol, max_iter=1000)
            model.fit(data["X"], data["y"])
            return _coefficients(model.coef_[0], model.intercept_[0])

        return run

    return prepare


def glum(data: Data, threads: int) -> Run:
    from glum import GeneralizedLinearRegressor

    y = data["y"].astype(float)

    def run() -> dict[str, float]:
        model = GeneralizedLinearRegressor(family="binomial", alpha=0.0, solver="irls-ls")
        model.fit(data["X"], y)
        return _coefficients(model.coef_, model.intercept_)

    return run


def our_path(data: Data, threads: int) -> Run:
    from tenure.churn import LogisticNet

    def run() -> dict[str, float]:
        net = LogisticNet(1.0, n_penalties=50, least=1e-3, n_threads=threads)
        net.fit(data["X"], data["y"])
        return {"first coefficient": float(net.coef_[0, 0])}

    return run


def glum_path(data: Data, threads: int) -> Run:
    from glum import GeneralizedLinearRegressor

    X, y = data["X"], data["y"].astype(float)
    spread = X.std(axis=0)
    largest = np.abs(((X - X.mean(axis=0)) / spread).T @ (y - y.mean())).max() / len(y)

    def run() -> dict[str, float]:
        model = GeneralizedLinearRegressor(
            family="binomial", l1_ratio=1.0, alpha_search=True, n_alphas=50,
            alphas=list(np.geomspace(largest, 1e-3 * largest, 50)), scale_predictors=True,
        )  # fmt: skip
        model.fit(X, y)
        return {"first coefficient": float(model.coef_[0])}

    return run


FIT.ours("tenure")(ours)
FIT.peer("scikit-learn lbfgs", "scikit-learn")(scikit_learn("lbfgs", 1e-6))
FIT.peer("scikit-learn newton-cholesky", "scikit-learn")(scikit_learn("newton-cholesky", 1e-6))
FIT.peer("glum")(glum)
PATH.ours("tenure")(our_path)
PATH.peer("glum")(glum_path)
