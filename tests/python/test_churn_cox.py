"""Cox regression: published values, the definition in 50 digits, properties, refusals."""

from __future__ import annotations

import csv
import itertools
import pickle
import warnings
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pandas as pd
import pytest
from cox_oracle import columns, derivatives, log_likelihood, random_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure import _core
from tenure.churn import CoxPH

REFERENCE = Path(__file__).parents[1] / "reference" / "cox"


def published():
    with (REFERENCE / "values.csv").open(newline="") as file:
        return list(csv.DictReader(file))


VALUES = [row for row in published() if "elastic net" not in row["fit"]]


def data(name):
    """X, duration, churned and the whole table of a data set."""
    if name.startswith("test"):
        table = pd.read_csv(REFERENCE / "cases.csv").query("case == @name")
        return table[["x"]], table["time"], table["status"], table
    table = pd.read_csv(REFERENCE.parent / f"{name}.csv")
    if name == "rossi":
        return table.drop(columns=["week", "arrest"]), table["week"], table["arrest"], table
    if name == "lung":
        table = table[table["ph.ecog"].notna()]
        return table[["age", "sex", "ph.ecog"]], table["time"], table["status"], table
    X = pd.DataFrame({"trt2": 1 * (table["Treatment"] == "test")})
    for short, cell in (("small", "smallcell"), ("adeno", "adeno"), ("large", "large")):
        X[short] = 1 * (table["Celltype"] == cell)
    X["karno"], X["diagtime"] = table["Karnofsky_score"], table["Months_from_Diagnosis"]
    X["age"], X["prior"] = table["Age_in_years"], 1 * (table["Prior_therapy"] == "yes")
    return X, table["Survival_in_days"], 1 * (table["Status"] == "dead"), X


def model(name, fit):
    """The fit that a line of the table names."""
    X, duration, churned, table = data(name)
    ties, *rest = fit.split()
    more = {}
    if name.startswith("test"):
        more = {"entry": table["entry"], "sample_weight": table["weight"]}
    if "weights" in rest:
        more["sample_weight"] = table["age"]
    if "strata" in rest:
        more["strata"] = table[["race", "paro", "mar", "wexp"]]
        X = X[["fin", "age", "prio"]]
    if "entry" in rest:
        more["entry"] = np.where(duration > 10, 2, 0)
    if "cluster" in rest:
        seen = table["inst"].notna()
        X, duration, churned = X[seen], duration[seen], churned[seen]
        more["clusters"] = table["inst"][seen]
    return CoxPH(ties, robust="robust" in rest).fit(X, duration, churned, **more)


ASKED = {
    "coef": lambda m, _: m.coef_,
    "standard_error": lambda m, _: m.standard_errors_,
    "variance": lambda m, _: np.diagonal(m.covariance_),
    "log_likelihood": lambda m, _: [m.null_log_likelihood_, m.log_likelihood_],
    "log_likelihood_fit": lambda m, _: [m.log_likelihood_],
    "tests": lambda m, _: m.tests().statistic[:1],
    "wald": lambda m, _: m.tests().statistic[1:2],
    "score_test": lambda m, _: [m.score_test_],
    "concordance": lambda m, _: [m.concordance().value, m.concordance().standard_error],
    "pairs": lambda m, _: [
        getattr(m.concordance(), n) for n in ("concordant", "discordant", "tied_score", "tied_time")
    ],
    "survival_52": lambda m, X: m.predict_survival(X[:3], [52])[:, 0],
    "zph_km": lambda m, _: m.test_proportional_hazards("km").statistic,
}


@pytest.mark.parametrize(
    "row", VALUES, ids=[f"{r['data']}-{r['fit']}-{r['quantity']}".replace(" ", "_") for r in VALUES]
)
def test_published_values(row):
    fitted = model(row["data"], row["fit"])
    assert fitted.converged_
    assert fitted.gradient_norm_ < 1e-6
    expected = np.array(row["values"].split(), dtype=float)
    found = np.asarray(ASKED[row["quantity"]](fitted, data(row["data"])[0]))[: len(expected)]
    assert_allclose(found, expected, rtol=0, atol=float(row["tolerance"]))


def test_the_closed_form_of_the_first_case():
    fitted = model("test1", "breslow")
    assert_allclose(fitted.coef_, np.log((3 + np.sqrt(33)) / 2), rtol=1e-13)


def test_exact_ties_of_the_first_case_have_no_maximum():
    X, duration, churned, _ = data("test1")
    with pytest.warns(tn.ConvergenceWarning, match="'x' goes to \\+infinity"):
        fitted = CoxPH("exact").fit(X, duration, churned)
    assert fitted.status_ == "monotone_likelihood"
    assert not fitted.converged_
    assert_allclose(fitted.log_likelihood_, -2 * np.log(3), atol=1e-2)


# --- the definition ---------------------------------------------------------------------------


def engine(rows):
    c = columns(rows)
    return _core.churn.CoxData(
        c["X"], np.array(c["duration"], float), np.array(c["churned"], np.uint8),
        np.array(c["entry"], float), np.array(c["sample_weight"], float),
        np.array(c["offset"], float), np.array(c["strata"], np.int32), 1,
    )  # fmt: skip


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
@pytest.mark.parametrize("seed", range(6))
def test_value_score_and_information_equal_the_definition(ties, seed):
    rows = random_rows(seed)
    if ties == "exact":
        rows = [r | {"weight": 1.0} for r in rows]
    at = engine(rows)
    beta = np.random.default_rng(seed).normal(0, 0.7, 2)
    value, score, information = at.point(np.ascontiguousarray(beta * at.scale), ties, 1)
    with mpmath.workdps(50):
        expected = log_likelihood(rows, beta, ties)
        gradient, hessian = derivatives(rows, beta, ties)
    assert_allclose(value, float(expected), rtol=1e-12)
    assert_allclose(score * at.scale, gradient, rtol=1e-11, atol=1e-11)
    scaled = information.reshape(2, 2) * np.outer(at.scale, at.scale)
    assert_allclose(scaled, hessian, rtol=1e-10, atol=1e-10)


def exact_ratio(rows, ratio):
    """exp of the exact log-likelihood where exp(beta) is a fraction and x are whole numbers."""
    product = Fraction(1)
    for t in sorted({r["time"] for r in rows if r["churned"]}):
        risk = [r for r in rows if r["time"] >= t]
        died = [r for r in risk if r["time"] == t and r["churned"]]
        above = ratio ** sum(r["x"] for r in died)
        below = sum(
            ratio ** sum(r["x"] for r in some) for some in itertools.combinations(risk, len(died))
        )
        product *= Fraction(above) / below
    return product


row = st.tuples(st.integers(1, 4), st.booleans(), st.integers(0, 3))


@settings(max_examples=40)
@given(st.lists(row, min_size=2, max_size=9), st.sampled_from([Fraction(1, 2), Fraction(3)]))
def test_exact_ties_equal_the_sum_over_sets(sample, ratio):
    rows = [{"time": t, "churned": c, "x": x} for t, c, x in sample]
    rows[0]["churned"] = True
    x = np.array([[r["x"]] for r in rows], dtype=float)
    at = _core.churn.CoxData(
        x, np.array([r["time"] for r in rows], float),
        np.array([r["churned"] for r in rows], np.uint8), None, None, None, None, 1,
    )  # fmt: skip
    beta = np.log(float(ratio)) * at.scale
    value, _, _ = at.point(beta, "exact", 1)
    assert_allclose(value, np.log(float(exact_ratio(rows, ratio))), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("seed", range(3))
def test_firth_maximises_the_penalised_likelihood(ties, seed):
    rows = random_rows(seed, 30)
    fitted = CoxPH(ties, penalty="firth", tol=1e-11).fit(**columns(rows))

    def penalised(beta):
        with mpmath.workdps(30):
            value = float(log_likelihood(rows, beta, ties))
        _, information = derivatives(rows, beta, ties)
        return value + 0.5 * np.linalg.slogdet(information)[1]

    for step in 1e-5 * np.eye(2):
        slope = (penalised(fitted.coef_ + step) - penalised(fitted.coef_ - step)) / 2e-5
        assert_allclose(slope, 0, atol=1e-7)
    assert fitted.converged_


# --- properties -------------------------------------------------------------------------------


def customers(seed=0, n=300, days=True):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [1, 10, 0.1] + [0, 100, 5]
    life = rng.exponential(10 * np.exp(-0.5 * X[:, 0]))
    seen = rng.uniform(1, 20, n)
    duration = np.minimum(life, seen)
    if days:
        duration = np.ceil(duration)
    return X, duration, life <= seen


def close(a, b, tolerance=1e-9):
    assert_allclose(a.coef_, b.coef_, rtol=tolerance, atol=tolerance)
    assert_allclose(a.standard_errors_, b.standard_errors_, rtol=1e-6)
    assert_allclose(a.log_likelihood_, b.log_likelihood_, rtol=1e-11)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_splitting_rows_changes_nothing(ties):
    X, duration, churned = customers()
    whole = CoxPH(ties).fit(X, duration, churned, clusters=np.arange(len(X)))
    cut = np.floor(duration / 2)
    split = np.flatnonzero(cut > 0)
    again = CoxPH(ties).fit(
        np.concatenate([X, X[split]]),
        np.concatenate([duration, cut[split]]),
        np.concatenate([churned, np.zeros(len(split), bool)]),
        entry=np.concatenate([np.where(cut > 0, cut, 0), np.zeros(len(split))]),
        clusters=np.concatenate([np.arange(len(X)), split]),
    )
    close(whole, again)
    assert_allclose(whole.baseline_.time, again.baseline_.time)
    assert_allclose(whole.predict_survival(X[:5], [3.0]), again.predict_survival(X[:5], [3.0]))


def test_a_weight_of_two_is_the_row_twice():
    X, duration, churned = customers()
    heavy = np.arange(len(X)) % 3 + 1
    a = CoxPH("breslow").fit(X, duration, churned, sample_weight=heavy)
    again = np.repeat(np.arange(len(X)), heavy)
    b = CoxPH("breslow").fit(X[again], duration[again], churned[again])
    close(a, b)


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_order_of_rows_and_units_change_nothing(ties):
    X, duration, churned = customers(n=120)
    a = CoxPH(ties).fit(X, duration, churned)
    order = np.random.default_rng(1).permutation(len(X))
    b = CoxPH(ties).fit(X[order], duration[order] * 86_400, churned[order])
    close(a, b)
    c = CoxPH(ties).fit(X * [1e-3, 1e6, 1.0], duration, churned)
    assert_allclose(c.coef_, a.coef_ / [1e-3, 1e6, 1.0], rtol=1e-8)


def test_a_row_of_weight_zero_is_no_row():
    X, duration, churned = customers(n=60)
    a = CoxPH().fit(X, duration, churned, sample_weight=np.arange(60) >= 10)
    close(a, CoxPH().fit(X[10:], duration[10:], churned[10:]))


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_the_same_bits_for_every_number_of_threads(ties):
    X, duration, churned = customers(n=300 if ties == "exact" else 9000)
    entry = np.floor(duration / 3)
    fits = [CoxPH(ties, n_threads=k).fit(X, duration, churned, entry=entry) for k in (1, 2, 3)]
    for other in fits[1:]:
        assert_array_equal(other.coef_, fits[0].coef_)
        assert_array_equal(other.covariance_, fits[0].covariance_)
        assert_array_equal(other.baseline_.mean_hazard, fits[0].baseline_.mean_hazard)


def test_strata_of_copies_have_the_fit_of_one():
    X, duration, churned = customers(n=150)
    one = CoxPH().fit(X, duration, churned)
    two = CoxPH().fit(
        np.vstack([X, X]), np.tile(duration, 2), np.tile(churned, 2),
        strata=np.repeat(["a", "b"], 150),
    )  # fmt: skip
    assert_allclose(two.coef_, one.coef_, rtol=1e-9)
    assert_allclose(two.covariance_ * 2, one.covariance_, rtol=1e-7)
    part = two.baseline_.of(1)
    assert_allclose(two.baseline_.cumulative_hazard[part], one.baseline_.cumulative_hazard)


# --- predictions ------------------------------------------------------------------------------


def test_curves_in_batches_and_conditional_on_tenure():
    X, duration, churned = customers()
    cox = CoxPH().fit(X, duration, churned)
    t = np.array([0.0, 1.0, 4.5, 9.0])
    whole = cox.predict_survival(X, t)
    parts = [values for _, values in cox.survival_batches(X, t, batch_size=7)]
    assert_array_equal(np.concatenate(parts), whole)
    assert_allclose(cox.mean_survival(X, t), whole.mean(axis=0), rtol=1e-13)
    reached = np.full(len(X), 3.0)
    later = cox.predict_survival(X, t, after=reached)
    assert_allclose(
        later, cox.predict_survival(X, t + 3) / cox.predict_survival(X, [3.0]), rtol=1e-10
    )
    assert np.isnan(cox.predict_survival(X[:2], [1e6])).all()
    assert (whole[:, 0] == 1.0).all()


def test_quantiles_are_where_the_curves_pass():
    X, duration, churned = customers()
    cox = CoxPH().fit(X, duration, churned)
    for after in (None, np.full(len(X), 2.0)):
        median = cox.predict_quantile(X, 0.5, after=after)
        for i in np.flatnonzero(np.isfinite(median))[:20]:
            reached = None if after is None else after[[i]]
            at = cox.predict_survival(X[[i]], [median[i]], after=reached)
            before = cox.predict_survival(X[[i]], [median[i] - 1e-9], after=reached)
            assert at[0, 0] <= 0.5 < before[0, 0]
    loyal = X[:1] - 9 * np.sign(cox.coef_) * X.std(axis=0)
    assert cox.predict_quantile(loyal, 0.999) == np.inf


def test_limits_of_curves_follow_from_the_delta_method():
    X, duration, churned = customers(n=80)
    cox = CoxPH().fit(X, duration, churned)
    found = cox.predict_survival(X[:3], [4.0], interval=0.95)
    # The derivative of log hazard by beta, numerically: the baseline moves with the coefficients.
    data, p = cox._sample.data, 3
    beta = cox.coef_ * data.scale

    def log_hazard(b, i):
        base = data.baseline(b, "efron", 1)
        at = np.searchsorted(base["time"], 4.0, side="right") - 1
        return np.log(base["hazard"][at]) + ((X[i] - data.mean) / data.scale) @ b

    v = cox.covariance_ * np.outer(data.scale, data.scale)
    for i in range(3):
        slope = np.array(
            [(log_hazard(beta + h, i) - log_hazard(beta - h, i)) / 2e-5 for h in 1e-5 * np.eye(p)]
        )
        base = cox.baseline_
        at = np.searchsorted(base.time, 4.0, side="right") - 1
        own = base.variance[at] / base.cumulative_hazard[at] ** 2
        width = 1.959963984540054 * np.sqrt(own + slope @ v @ slope)
        expected = found.value[i] ** np.exp([width, -width])
        assert_allclose([found.lower[i], found.upper[i]], expected, rtol=1e-6)


# --- residuals --------------------------------------------------------------------------------


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_residuals_add_up(ties):
    rows = random_rows(3, 60)
    cox = CoxPH(ties).fit(**columns(rows))
    weight = np.array([r["weight"] for r in rows])
    assert_allclose(weight @ cox.residuals("martingale"), 0, atol=1e-9)
    assert_allclose(weight @ cox.residuals("score"), 0, atol=1e-9)
    died = weight[[bool(r["churned"]) for r in rows]]
    assert len(cox.residuals("schoenfeld")) == (died > 0).sum()
    assert np.isfinite(cox.residuals("deviance")).all()
    assert_allclose(cox.residuals("dfbetas") * cox.standard_errors_, cox.residuals("dfbeta"))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_dfbeta_is_the_change_by_a_rows_weight(ties):
    """A derivative by a weight; Efron's ties mix weights, so there without ties."""
    X, duration, churned = customers(n=60, days=ties == "breslow")
    cox = CoxPH(ties).fit(X, duration, churned)
    dfbeta = cox.residuals("dfbeta")
    for i in range(0, 60, 7):
        weight = np.ones(60)
        weight[i] += 1e-4
        up = CoxPH(ties).fit(X, duration, churned, sample_weight=weight).coef_
        weight[i] -= 2e-4
        down = CoxPH(ties).fit(X, duration, churned, sample_weight=weight).coef_
        assert_allclose(dfbeta[i], (up - down) / 2e-4, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("transform", ["km", "rank", "identity", "log"])
def test_proportional_hazards_test_is_the_score_test_of_x_times_g(transform):
    """A regression on rows split at every time of churn, with x * g(t) as further columns."""
    rows = random_rows(5, 40, plain=True)
    X, duration, churned = (columns(rows)[k] for k in ("X", "duration", "churned"))
    duration, churned = np.array(duration, float), np.array(churned)
    cox = CoxPH().fit(X, duration, churned)
    found = cox.test_proportional_hazards(transform)
    times = np.unique(duration[churned == 1])
    km = tn.churn.KaplanMeier().fit(duration, churned)
    died = np.sort(duration[churned == 1])
    g = {
        "km": 1 - km.predict(np.maximum(times - 0.5, 0)),
        "identity": times,
        "log": np.log(times),
        "rank": np.array([np.flatnonzero(died == t).mean() + 1 for t in times]),
    }[transform]
    long = []
    for k, t in enumerate(times):
        before = times[k - 1] if k else 0.0
        for i in np.flatnonzero(duration >= t):
            gone = churned[i] and duration[i] == t
            long.append((*X[i], *(X[i] * g[k]), t, gone, before))
    long = np.array(long)
    at = _core.churn.CoxData(
        np.ascontiguousarray(long[:, :4]), long[:, 4].copy(), long[:, 5].astype(np.uint8),
        long[:, 6].copy(), None, None, None, 1,
    )  # fmt: skip
    beta = np.concatenate([cox.coef_, [0, 0]]) * at.scale
    _, score, information = at.point(beta, "efron", 1)
    information = information.reshape(4, 4)
    assert_allclose(score[:2], 0, atol=1e-9)
    expected = [
        score[[0, 1, j]]
        @ np.linalg.solve(information[np.ix_([0, 1, j], [0, 1, j])], score[[0, 1, j]])
        for j in (2, 3)
    ]
    expected.append(score @ np.linalg.solve(information, score))
    assert_allclose(found.statistic, expected, rtol=1e-7)


# --- concordance ------------------------------------------------------------------------------

lives = st.tuples(
    st.integers(1, 5), st.booleans(), st.integers(0, 3), st.integers(0, 4), st.integers(0, 3)
).map(lambda r: (r[0], r[1], r[2], min(r[3], r[0] - 1), r[4]))


@settings(max_examples=60)
@given(st.lists(lives, min_size=2, max_size=14))
def test_concordance_counts_pairs(sample):
    duration, churned, score, entry, weight = (list(c) for c in zip(*sample, strict=True))
    found = tn.churn.concordance_index(duration, churned, score, entry, weight)
    counts = dict.fromkeys(("concordant", "discordant", "tied_score", "tied_time", "tied_both"), 0)
    for i, j in itertools.permutations(range(len(sample)), 2):
        both = weight[i] * weight[j]
        if not churned[i] or (entry[j] >= duration[i] and entry[j] > 0):
            continue
        if duration[j] > duration[i] or (duration[j] == duration[i] and not churned[j]):
            kind = (
                "concordant" if score[i] > score[j]
                else "discordant" if score[i] < score[j] else "tied_score"
            )  # fmt: skip
            counts[kind] += both
        elif duration[j] == duration[i] and i < j:
            counts["tied_both" if score[i] == score[j] else "tied_time"] += both
    assert {name: getattr(found, name) for name in counts} == counts


# --- what has no answer -----------------------------------------------------------------------


def test_separation_is_named_and_firth_has_an_estimate():
    X, duration, churned = customers(n=80)
    frame = pd.DataFrame({"age": X[:, 0], "vip": (~churned & (duration > 5)).astype(float)})
    with pytest.warns(tn.ConvergenceWarning, match="'vip' goes to -infinity"):
        cox = CoxPH().fit(frame, duration, churned)
    assert (cox.status_, cox.converged_, len(cox.warnings_)) == ("monotone_likelihood", False, 1)
    with pytest.raises(tn.NotConvergedError, match="vip"):
        CoxPH(on_failure="raise").fit(frame, duration, churned)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        firth = CoxPH(penalty="firth").fit(frame, duration, churned)
    assert firth.converged_
    assert firth.coef_[1] < -1


BASE = {
    "X": [[1.0, 0.0], [2.0, 1.0], [0.0, 1.0], [3.0, 0.0], [1.5, 1.0], [0.5, 0.0]],
    "duration": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "churned": [1, 1, 0, 1, 1, 0],
}
REFUSED = [
    ({"X": [[1.0, 0.0]] * 5 + [[np.nan, 0.0]]}, r"X\[5, 0\] must be finite"),
    ({"X": np.ones((6, 2))}, r"X\['x0'\] is 1 in every row"),
    ({"X": [[v, 2 * v] for v in (1.0, 2, 0, 3, 1.5, 0.5)]}, "'x0', 'x1' are linearly dependent"),
    ({"X": [[v, 1e300 * v] for v in (1.0, 2, 0, 3, 1.5, 0.5)]}, "'x1'.* another unit"),
    ({"X": np.eye(6)}, "linearly dependent"),
    ({"X": np.random.default_rng(0).normal(size=(6, 9))}, "9 columns for 6 rows"),
    ({"churned": [0] * 6}, "nobody churned"),
    ({"churned": [2] * 6}, "churned"),
    ({"duration": [1.0] * 5}, "duration"),
    ({"duration": [-1.0] + [1.0] * 5}, r"duration\[0\]"),
    ({"entry": [0.0, 2.0, 0, 0, 0, 0]}, r"entry\[1\]"),
    ({"sample_weight": [0.0] * 6}, "sample_weight"),
    ({"sample_weight": [1.0, -1, 1, 1, 1, 1]}, r"sample_weight\[1\]"),
    ({"offset": [0.0, np.inf, 0, 0, 0, 0]}, r"offset\[1\]"),
    ({"strata": ["a", None, "a", "b", "b", "b"]}, r"strata\[1\]"),
    ({"strata": ["a"] * 3}, "strata"),
    ({"clusters": [1.0, np.nan, 1, 1, 2, 2]}, r"clusters\[1\]"),
]


@pytest.mark.parametrize(("change", "says"), REFUSED, ids=range(len(REFUSED)))
def test_refuses(change, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        CoxPH().fit(**{**BASE, **change})


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"ties": "Efron"}, "ties"),
        ({"penalty": "l2"}, "penalty"),
        ({"max_iter": 0}, "max_iter"),
        ({"tol": 0.0}, "tol"),
        ({"level": 1.0}, "level"),
        ({"on_failure": "ignore"}, "on_failure"),
        ({"ties": "exact", "penalty": "firth"}, "penalty"),
        ({"ties": "exact", "robust": True}, "robust"),
    ],
)
def test_refuses_settings(setting, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        CoxPH(**setting).fit(**BASE)


def test_a_column_that_varies_only_between_strata_is_named():
    X = np.column_stack([BASE["X"], [1.0, 1, 1, 2, 2, 2]])
    with pytest.raises(tn.InvalidInputError, match="'x2' does not vary among those at risk"):
        CoxPH().fit(**{**BASE, "X": X}, strata=[1, 1, 1, 2, 2, 2])


def test_files_and_pickles_hold_all_but_the_rows(tmp_path):
    X, duration, churned = customers(n=80)
    cox = CoxPH(robust=True).fit(X, duration, churned, strata=np.arange(80) % 2)
    cox.save(tmp_path / "cox.tenure")
    for other in (tn.load(tmp_path / "cox.tenure"), pickle.loads(pickle.dumps(cox))):
        assert_array_equal(other.coef_, cox.coef_)
        a, b = (
            m.predict_survival(X[:4], [2.0, 3.0], strata=[0, 1, 0, 1], interval=0.9)
            for m in (cox, other)
        )
        assert_array_equal(a.lower, b.lower)
        with pytest.raises(tn.TenureError, match="fit again"):
            other.residuals()


def test_tables_tell_names():
    X, duration, churned, _ = data("rossi")
    cox = CoxPH().fit(X, duration, churned)
    table = cox.summary().to_pandas()
    assert table["name"].tolist() == list(X.columns)
    assert_allclose(table["hazard_ratio"], np.exp(cox.coef_))
    assert cox.tests().to_pandas()["test"].tolist() == ["likelihood ratio", "Wald", "score"]
    assert "114 churned" in repr(cox.summary())
    assert cox.score(X, duration, churned) == cox.concordance().value
