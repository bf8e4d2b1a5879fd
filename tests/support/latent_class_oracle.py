"""The likelihood of latent classes as a plain product of probabilities: the oracle of its tests."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize


class Likelihood:
    """Of log-odds: coefficients by class, then each class's answers against the first level."""

    def __init__(self, codes, weight, classes, design=None):
        self.codes = np.asarray(codes)
        self.weight = np.asarray(weight, dtype=float)
        self.classes = classes
        self.design = np.ones((len(codes), 1)) if design is None else np.asarray(design)
        self.levels = [int(column.max()) + 1 for column in self.codes.T]
        self.terms = self.design.shape[1]

    def unpacked(self, point):
        k, b = self.classes, (self.classes - 1) * self.terms
        eta = np.column_stack(
            [np.zeros(len(self.codes))]
            + [self.design @ beta for beta in np.reshape(point[:b], (k - 1, self.terms))]
        )
        odds = np.exp(eta)
        answers, at = [], b
        for levels in self.levels:
            free = np.reshape(point[at : at + k * (levels - 1)], (k, levels - 1))
            at += free.size
            full = np.exp(np.hstack([np.zeros((k, 1)), free]))
            answers.append(full / full.sum(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True), answers

    def size(self):
        return (self.classes - 1) * self.terms + self.classes * sum(n - 1 for n in self.levels)

    def __call__(self, point):
        probability, answers = self.unpacked(point)
        for codes, answer in zip(self.codes.T, answers, strict=True):
            known = np.where(codes[:, None] >= 0, answer[:, codes].T, 1.0)
            probability = probability * known
        return float(self.weight @ np.log(probability.sum(axis=1)))

    def best(self, starts=8, seed=0):
        """The highest of some local maxima: value and point."""
        rng = np.random.default_rng(seed)
        found = [
            minimize(lambda p: -self(p), rng.normal(size=self.size()), method="BFGS")
            for _ in range(starts)
        ]
        top = min(found, key=lambda f: f.fun)
        return -top.fun, top.x

    def curvature(self, point, h=1e-4):
        """Minus the matrix of second derivatives, by central differences."""
        n = len(point)
        steps = h * np.eye(n)
        out = np.empty((n, n))
        for i in range(n):
            for j in range(i + 1):
                a, b = steps[i], steps[j]
                out[i, j] = out[j, i] = -(
                    self(point + a + b)
                    - self(point + a - b)
                    - self(point - a + b)
                    + self(point - a - b)
                ) / (4 * h * h)
        return out
