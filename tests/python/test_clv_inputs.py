"""What the models of `tenure.clv` refuse, with the argument and the row; and how they are kept."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from clv_models import at, customers, simulate

import tenure as tn
from tenure import _model_file

INF, NAN = np.inf, np.nan
THETA = (0.25, 4.4, 0.8, 2.4)

BAD_ROWS = [
    (customers([0, 0], [0, 3], [9, 9]), "recency", 1, "0 where frequency is 0"),
    (customers([0, 1], [0, 0], [9, 9]), "recency", 1, "> 0 where frequency is > 0"),
    (customers([1, 1], [3, 9.5], [9, 9]), "recency", 1, "at most T"),
    (customers([1, -1], [3, 3], [9, 9]), "frequency", 1, "whole number"),
    (customers([1, 1.5], [3, 3], [9, 9]), "frequency", 1, "whole number"),
    (customers([1, NAN], [3, 3], [9, 9]), "frequency", 1, "whole number"),
    (customers([1, INF], [3, 3], [9, 9]), "frequency", 1, "whole number"),
    (customers([1, 1], [3, -3], [9, 9]), "recency", 1, ">= 0"),
    (customers([1, 1], [3, NAN], [9, 9]), "recency", 1, "finite"),
    (customers([1, 1], [3, INF], [9, 9]), "recency", 1, "finite"),
    (customers([0, 0], [0, 0], [9, -1]), "T", 1, ">= 0"),
    (customers([0, 0], [0, 0], [9, NAN]), "T", 1, "finite"),
    (customers([0, 1], [0, 1], [9, INF]), "T", 1, "finite"),
]


@pytest.mark.parametrize(("data", "argument", "row", "rule"), BAD_ROWS)
def test_a_bad_row_is_named(data, argument, row, rule):
    model = at(tn.clv.BGNBD, THETA)
    for call in (
        tn.clv.BGNBD().fit,
        model.probability_alive,
        lambda d: model.expected_purchases(d, 10),
        lambda d: model.expected_purchases(d, 10, interval=0.9),
        model.score,
    ):
        with pytest.raises(tn.InvalidInputError, match=rule) as caught:
            call(data)
        assert (caught.value.argument, caught.value.row) == (argument, row)


@pytest.mark.parametrize("weight", [[1, -1], [1, NAN], [1, INF], [0, 0], [1], [1, 1, 1]])
def test_bad_weights(weight):
    data = customers([1, 0], [3, 0], [9, 9])
    for given in ((data, weight), ({**data, "weight": weight}, None)):
        with pytest.raises(tn.InvalidInputError) as caught:
            tn.clv.BGNBD().fit(*given)
        assert caught.value.argument == "weight"


def test_weights_of_zero_leave_customers_out():
    data = simulate(400, seed=1)
    weight = np.arange(400) % 2
    some = {name: column[weight == 1] for name, column in data.items()}
    one, two = tn.clv.BGNBD().fit(data, weight), tn.clv.BGNBD().fit(some)
    np.testing.assert_allclose(list(one.params_.values()), list(two.params_.values()), rtol=1e-9)


DATA = customers([1, 0], [3, 0], [9, 9])

BAD_CALLS = [
    (lambda: tn.clv.BGNBD().fit({"frequency": [1], "recency": [1]}), "T"),
    (lambda: tn.clv.BGNBD().fit({"Frequency": [1], "recency": [1], "T": [1]}), "frequency"),
    (lambda: tn.clv.BGNBD().fit({**DATA, "T": [9.0]}), "T"),
    (lambda: tn.clv.BGNBD().fit({**DATA, "T": ["a", "b"]}), "T"),
    (lambda: tn.clv.BGNBD().fit({**DATA, "T": np.ones((2, 2))}), "T"),
    (lambda: tn.clv.BGNBD().fit({name: [] for name in DATA}), "frequency"),
    (lambda: tn.clv.BGNBD().fit(3.0), "frame"),
    (lambda: tn.clv.BGNBD().fit({**DATA, "weight": [1, 1]}, [1, 1]), "sample_weight"),
    (lambda: tn.clv.BGNBD(unit="fortnight").fit(DATA), "unit"),
    (lambda: tn.clv.BGNBD(l2=-1.0).fit(DATA), "l2"),
    (lambda: tn.clv.BGNBD(l2=INF).fit(DATA), "l2"),
    (lambda: tn.clv.BGNBD(tol=0.0).fit(DATA), "tol"),
    (lambda: tn.clv.BGNBD(max_iter=0).fit(DATA), "max_iter"),
    (lambda: tn.clv.BGNBD(max_iter=1.5).fit(DATA), "max_iter"),
    (lambda: tn.clv.BGNBD(on_failure="ignore").fit(DATA), "on_failure"),
    (lambda: tn.clv.BGNBD(n_threads=0).fit(DATA), "n_threads"),
    (lambda: at(tn.clv.BGNBD, THETA).interval(1.0), "level"),
    (lambda: at(tn.clv.BGNBD, THETA).interval(95), "level"),
    (lambda: at(tn.clv.BGNBD, THETA).probability_alive(DATA, interval=0.0), "interval"),
    (lambda: at(tn.clv.BGNBD, THETA).expected_purchases(DATA, 1, interval=NAN), "interval"),
    (lambda: at(tn.clv.BGNBD, THETA).expected_purchases_new([1, -1]), "horizon"),
    (lambda: at(tn.clv.BGNBD, THETA).expected_purchases_new([1, NAN]), "horizon"),
    (lambda: at(tn.clv.BGNBD, THETA).probability_of_n_purchases(-1, 3), "n"),
    (lambda: at(tn.clv.BGNBD, THETA).probability_of_n_purchases([1, 0.5], 3), "n"),
    (lambda: at(tn.clv.BGNBD, THETA).expected_frequency_counts(DATA, 0), "max_frequency"),
    (lambda: at(tn.clv.BGNBD, THETA).tracking([1.0, NAN], [1.0]), "data"),
    (lambda: at(tn.clv.BGNBD, THETA).tracking([1.0, 2.0]), "times"),
    (lambda: at(tn.clv.BGNBD, THETA).tracking([1.0], [2.0, 1.0]), "times"),
    (lambda: at(tn.clv.BGNBD, THETA).tracking([1.0], [-1.0]), "times"),
    (lambda: tn.clv.GammaGamma().fit({"frequency": [1]}), "monetary_value"),
    (
        lambda: tn.clv.GammaGamma().fit({"frequency": [1, 1.5], "monetary_value": [1, 1]}),
        "frequency",
    ),
    (
        lambda: tn.clv.GammaGamma().fit({"frequency": [1], "monetary_value": [NAN]}),
        "monetary_value",
    ),
    (
        lambda: tn.clv.GammaGamma().fit({"frequency": [1], "monetary_value": [INF]}),
        "monetary_value",
    ),
    (lambda: tn.clv.GammaGamma().fit({"frequency": [0], "monetary_value": [5]}), "monetary_value"),
    (lambda: tn.clv.CLV(tn.clv.GammaGamma(), tn.clv.BGNBD()).fit(DATA), "transactions"),
    (lambda: tn.clv.CLV(tn.clv.BGNBD(), None).fit(DATA), "spend"),
]


@pytest.mark.parametrize(("call", "argument"), BAD_CALLS)
def test_a_bad_argument_is_named(call, argument):
    with pytest.raises(tn.InvalidInputError) as caught:
        call()
    assert caught.value.argument == argument


@pytest.mark.parametrize("horizon", [-1, -0.5, INF, NAN, "1 parsec", "w", "-1w", None])
def test_bad_horizons(horizon):
    model = at(tn.clv.BGNBD, THETA, unit="week")
    for call in (
        lambda: model.expected_purchases(DATA, horizon),
        lambda: model.expected_purchases_new(horizon),
        lambda: model.probability_of_n_purchases(1, horizon),
    ):
        with pytest.raises(tn.InvalidInputError) as caught:
            call()
        assert caught.value.argument == "horizon"


def test_no_customers_are_no_predictions():
    none = {name: [] for name in DATA}
    model = at(tn.clv.BGNBD, THETA)
    assert model.probability_alive(none).shape == (0,)
    assert len(model.expected_purchases(none, 3)) == 0
    assert len(model.expected_purchases(none, 3, interval=0.9)) == 0


def test_nothing_is_predicted_before_a_fit():
    for call in (
        lambda: tn.clv.BGNBD().probability_alive(DATA),
        lambda: tn.clv.BGNBD().expected_purchases_new(3),
        lambda: tn.clv.BGNBD().converged_,
        lambda: tn.clv.BGNBD().interval(),
        lambda: tn.clv.GammaGamma().expected_spend({"frequency": [1], "monetary_value": [1]}),
        lambda: tn.clv.CLV(tn.clv.BGNBD(), tn.clv.GammaGamma()).predict(DATA),
    ):
        with pytest.raises(tn.NotFittedError):
            call()


# --- scikit-learn's conventions, files -----------------------------------------------------------


def fitted():
    data = {**simulate(800, seed=2), "monetary_value": np.random.default_rng(1).gamma(6, 5, 800)}
    return tn.clv.CLV(tn.clv.BGNBD(unit="week"), tn.clv.GammaGamma(l2=1e-3)).fit(data), data


def test_clones_have_the_settings_and_no_fit():
    sklearn = pytest.importorskip("sklearn.base")
    model, _ = fitted()
    clone = sklearn.clone(model)
    assert repr(clone) == "CLV(transactions=BGNBD(unit='week'), spend=GammaGamma(l2=0.001))"
    assert clone.get_params()["spend__l2"] == 1e-3
    assert not clone.__sklearn_is_fitted__()
    assert clone.set_params(transactions__l2=0.5).transactions.l2 == 0.5
    assert model.transactions.l2 == 0.0


def test_a_fit_leaves_the_models_it_was_given_alone():
    model, _ = fitted()
    assert not model.transactions.__sklearn_is_fitted__()
    assert model.transactions_.__sklearn_is_fitted__()


def test_files_and_pickles_keep_every_bit(tmp_path):
    model, data = fitted()
    model.save(tmp_path / "m.tenure")
    expected = model.predict(data, "1y", interval=0.9)
    for again in (
        tn.load(tmp_path / "m.tenure"),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
    ):
        got = again.predict(data, "1y", interval=0.9)
        assert got.clv.tobytes() == expected.clv.tobytes()
        assert got.upper.tobytes() == expected.upper.tobytes()
        assert again.transactions_.standard_errors_ == model.transactions_.standard_errors_
        assert again.transactions_.unit_ == "week"
        assert repr(again.transactions_) == repr(model.transactions_)
    unfitted = pickle.loads(pickle.dumps(tn.clv.BGNBD(l2=2.0)))
    assert unfitted.l2 == 2.0
    assert not unfitted.__sklearn_is_fitted__()


DAMAGE = [
    ("params_", {"r": -1.0, "alpha": 1.0, "a": 1.0, "b": 1.0}),
    ("params_", {"r": NAN, "alpha": 1.0, "a": 1.0, "b": 1.0}),
    ("params_", {"r": INF, "alpha": 1.0, "a": 1.0, "b": 1.0}),
    ("params_", {"r": "1", "alpha": 1.0, "a": 1.0, "b": 1.0}),
    ("params_", {"r": 1.0, "alpha": 1.0}),
    ("params_", [1.0, 1.0, 1.0, 1.0]),
    ("log_covariance_", np.eye(3)),
    ("log_covariance_", -np.eye(4)),
    ("log_covariance_", np.eye(4, dtype=np.float32)),
    ("log_covariance_", "none"),
    ("hessian_eigenvalues_", [1.0]),
    ("status_", "perfect"),
    ("log_likelihood_", "high"),
    ("n_iter_", -1),
    ("n_customers_", None),
    ("unit_", "fortnight"),
]


@pytest.mark.parametrize(("name", "value"), DAMAGE)
def test_a_file_with_impossible_values_is_refused(name, value):
    model = tn.clv.BGNBD().fit(simulate(500, seed=3))
    setattr(model, name, value)
    with pytest.raises(tn.ModelFileError):
        _model_file.from_bytes(_model_file.to_bytes(model))


def test_a_file_with_half_a_model_is_refused():
    pair, _ = fitted()
    model = pair.spend_
    likelihood = model.log_likelihood_
    del model.log_likelihood_
    with pytest.raises(tn.ModelFileError, match="log_likelihood_"):
        _model_file.from_bytes(_model_file.to_bytes(model))
    model.log_likelihood_ = likelihood
    for name, value in (("n_excluded_", -1), ("correlation_", None)):
        kept = getattr(model, name)
        setattr(model, name, value)
        with pytest.raises(tn.ModelFileError):
            _model_file.from_bytes(_model_file.to_bytes(model))
        setattr(model, name, kept)
    pair.spend_ = pair.transactions_
    with pytest.raises(tn.ModelFileError):
        _model_file.from_bytes(_model_file.to_bytes(pair))


def test_what_a_fitted_model_looks_like():
    model = at(tn.clv.BGNBD, THETA, np.diag([0.01, 0.04, 0.09, 0.16]))
    assert repr(model) == (
        "BGNBD(): 1 customers, log-likelihood 0.0000, converged\n"
        "parameter  estimate  standard_error     lower     upper\n"
        "        r      0.25           0.025  0.205504  0.304131\n"
        "    alpha       4.4            0.88   2.97312   6.51168\n"
        "        a       0.8            0.24  0.444354   1.44029\n"
        "        b       2.4            0.96    1.0958   5.25644"
    )
    assert "NOT CONVERGED (stalled)" in repr(_stalled())


def _stalled():
    model = at(tn.clv.BGNBD, THETA)
    model.status_ = "stalled"
    return model
