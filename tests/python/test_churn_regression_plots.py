"""Pictures of regressions: what is drawn is what is predicted, and limits are those of draws."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.churn import AFT, DiscreteTimeHazard, FineGray
from tenure.churn._survival_picture import survival_limits

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

X = {"plan": np.arange(300) % 2, "seats": np.random.default_rng(0).normal(size=300)}
PROFILES = {"plan": [0, 1], "seats": [0.0, 0.5]}


def lifetimes():
    rng = np.random.default_rng(1)
    life = np.exp(2.0 + 0.5 * X["plan"] - 0.2 * X["seats"]) * rng.weibull(1.5, 300)
    return np.minimum(life, 12.0), life <= 12.0


def aft(law="weibull"):
    return AFT(law).fit(X, *lifetimes())


def discrete(link="logit", period="factor"):
    duration, churned = lifetimes()
    model = DiscreteTimeHazard(link=link, period=period)
    return model.fit(X, np.ceil(duration).astype(int), churned)


MODELS = {
    "weibull": aft,
    "exponential": lambda: aft("exponential"),
    "generalized_gamma": lambda: aft("generalized_gamma"),
    "logit": discrete,
    "cloglog, linear": lambda: discrete("cloglog", "linear"),
}


@pytest.fixture
def ax():
    figure, axes = pyplot.subplots()
    yield axes
    pyplot.close(figure)


@pytest.mark.parametrize("name", MODELS)
def test_limits_are_those_of_draws_from_the_estimates_law(name):
    model = MODELS[name]()
    at = [1, 4, 9]
    rng = np.random.default_rng(2)
    values = rng.multivariate_normal(model._values(), model.covariance_, 1000)
    drawn = np.array([model._moved(v).predict_survival(PROFILES, at) for v in values])
    # The delta method's limits are normal ones of log(-log S), centred at the estimate.
    spread = np.log(-np.log(drawn)).std(axis=0)
    middle, lower, upper = survival_limits(model, PROFILES, at, 0.95)
    assert_array_equal(middle, model.predict_survival(PROFILES, at))
    got = (np.log(-np.log(lower)) - np.log(-np.log(upper))) / (2 * 1.959963984540054)
    # 1000 draws know a spread to 2.2 %; the rest is curvature.
    assert_allclose(got, spread, rtol=0.1)
    assert ((lower < middle) & (middle < upper)).all()


@pytest.mark.parametrize("name", MODELS)
def test_curves_and_bands_are_what_is_predicted(name, ax):
    model = MODELS[name]()
    assert model.plot(PROFILES, ax, labels=["basic", "pro"]) is ax
    assert len(ax.lines) == len(ax.collections) == 2
    for line, row in zip(ax.lines, (0, 1), strict=True):
        at, drawn = line.get_data()
        assert_array_equal(drawn, model.predict_survival(PROFILES, at)[row])
        assert drawn[0] == 1.0


def test_a_picture_ends_where_it_is_asked_to(ax):
    aft().plot(PROFILES, ax, until=5.0)
    assert ax.get_xlim() == (0.0, 5.0)


@pytest.mark.parametrize("model", [aft, discrete])
def test_coefficients_are_drawn_at_their_limits(model, ax):
    table = model().summary()
    assert table.plot(ax, terms=["seats", "plan"]) is ax
    row = table.term.index("seats")
    (points,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert points.get_xdata()[0] == table.coefficient[row]
    first = ax.collections[0].get_segments()[0]
    assert_array_equal(first[:, 0], [table.lower[row], table.upper[row]])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["seats", "plan"]


def test_what_has_another_unit_is_left_out(ax):
    aft("generalized_gamma").summary().plot(ax)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["plan", "seats"]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: aft().plot(PROFILES, labels=["one"]), "labels must name the 2 rows"),
        (lambda: discrete().plot(PROFILES, labels=["one"]), "labels must name the 2 rows"),
        (lambda: aft().plot(PROFILES, until=0.0), "until"),
        (lambda: aft().summary().plot(terms=["price"]), "'price' is none of"),
        (lambda: AFT().plot(PROFILES), "not fitted"),
        (lambda: DiscreteTimeHazard().plot(PROFILES), "not fitted"),
        (lambda: FineGray().summary().plot(), "not fitted"),
    ],
)
def test_refusals(call, says):
    with pytest.raises((tn.InvalidInputError, tn.TenureError), match=says):
        call()
