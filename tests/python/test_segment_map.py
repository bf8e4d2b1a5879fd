"""The map: principal components against scikit-learn, ranks, gaps, the picture."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tenure as tn


@pytest.fixture(scope="module")
def people():
    random = np.random.default_rng(7)
    group = np.repeat(["a", "b", "c"], [80, 120, 100])
    return pd.DataFrame(
        {
            "spend": np.where(group == "a", 90.0, 40.0) + random.normal(0, 9, 300),
            "shop": random.choice(["web", "street"], 300),
            "vip": random.random(300) < 0.3,
            "group": group,
        }
    )


def test_the_map_is_the_principal_components(people):
    from sklearn.decomposition import PCA

    columns = people[["spend", "vip"]].assign(more=np.log(people["spend"].rank()))
    found = tn.segment.segment_map(columns, people["group"], scale="value")
    X = columns.to_numpy(np.float64)
    peer = PCA(2).fit((X - X.mean(axis=0)) / X.std(axis=0))
    assert_allclose(np.abs(found.loadings), np.abs(peer.components_.T), atol=1e-9)
    assert_allclose(found.explained, peer.explained_variance_ratio_, rtol=1e-9)
    assert_allclose(found.x[0], found.scores[people["group"] == "a", 0].mean())
    assert found.axis_label(0).startswith("+")
    ranked = tn.segment.segment_map(columns, people["group"])
    same = tn.segment.segment_map(
        columns.assign(spend=np.exp(people["spend"] / 50)), people["group"]
    )
    assert_allclose(ranked.scores, same.scores, atol=1e-9)
    _, ax = plt.subplots()
    assert found.plot(ax, most=50) is ax
    assert len(ax.collections[0].get_offsets()) == 50
    assert [t.get_text() for t in ax.texts] == ["a", "b", "c"]
    plt.close(ax.figure)


def test_a_map_needs_two_columns_that_vary(people):
    with pytest.raises(
        tn.InvalidInputError, match="two columns of numbers that vary, and there is 1"
    ):
        tn.segment.segment_map(people[["spend", "group"]].assign(one=1.0), "group")
    with pytest.raises(tn.InvalidInputError, match="'shop' holds texts"):
        tn.segment.segment_map(people, "group", columns=["spend", "shop"])
    gaps = people[["spend", "vip"]].assign(x=[None, 1.0, 2.0] * 100)
    found = tn.segment.segment_map(gaps, people["group"])
    assert found.filled.tolist() == [0, 0, 100]
    assert np.isfinite(found.scores).all()
