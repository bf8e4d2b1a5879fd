"""Posteriors by importance sampling and chain diagnostics by their formulas: no code of ours."""

from __future__ import annotations

import numpy as np
import scipy.special as sp
import scipy.stats as st


def log_normal(v, median, sigma):
    """Log-density of v, the logarithm of a quantity."""
    return st.norm.logpdf(v, np.log(median), sigma)


def uniform_share(v):
    """Log-density of the log odds of a uniform share."""
    return -np.logaddexp(0.0, v) - np.logaddexp(0.0, -v)


def bg_nbd_log_posterior(u, rows, modified=False):
    """Log of prior times likelihood at rows of log-parameters u; the default priors."""
    x, t_x, age, n = rows
    scale = np.average(age, weights=n)
    r, alpha, a, b = (np.exp(c)[:, None] for c in u.T)
    prior = (
        log_normal(u[:, 0], 1.0, 1.5)
        + log_normal(u[:, 0] - u[:, 1], 1.0 / scale, 2.0)
        + uniform_share(u[:, 2] - u[:, 3])
        + log_normal(np.logaddexp(u[:, 2], u[:, 3]), 2.0, 1.5)
    )
    common = sp.gammaln(r + x) - sp.gammaln(r) + r * np.log(alpha)
    chances = x + 1 if modified else x
    alive = sp.betaln(a, b + chances) - sp.betaln(a, b) - (r + x) * np.log(alpha + age)
    left = sp.betaln(a + 1, b + chances - 1) - sp.betaln(a, b) - (r + x) * np.log(alpha + t_x)
    left = np.where(chances > 0, left, -np.inf)
    return prior + (common + np.logaddexp(alive, left)) @ n


def gamma_gamma_log_posterior(u, rows):
    """The same of spend: x orders of mean m."""
    x, m, n = rows
    level = np.exp(np.average(np.log(m), weights=n))
    p, q, gamma = (np.exp(c)[:, None] for c in u.T)
    prior = (
        log_normal(u[:, 0], 3.0, 1.5)
        + log_normal(u[:, 1], 3.0, 1.0)
        + log_normal(u[:, 0] - u[:, 1] + u[:, 2], level, 2.0)
    )
    likelihood = (
        -sp.betaln(p * x, q)
        + q * np.log(gamma)
        + (p * x - 1) * np.log(m)
        + p * x * np.log(x)
        - (p * x + q) * np.log(gamma + x * m)
    )
    return prior + likelihood @ n


def importance_sample(log_density, centre, covariance, draws, seed):
    """Draws of a wide multivariate t and their normalised weights."""
    proposal = st.multivariate_t(centre, 1.3 * covariance, df=6, seed=seed)
    u = proposal.rvs(draws)
    log_weight = np.concatenate([log_density(part) for part in np.array_split(u, draws // 500)])
    log_weight -= proposal.logpdf(u)
    weight = np.exp(log_weight - log_weight.max())
    return u, weight / weight.sum()


def split_chains(x):
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]])


def rank_normal(x):
    ranks = st.rankdata(x).reshape(x.shape)
    return st.norm.ppf((ranks - 0.375) / (x.size + 0.25))


def split_rhat(x):
    """Vehtari et al. (2021), eq. 1 to 4, of chains that are split already."""
    n = x.shape[1]
    within = x.var(axis=1, ddof=1).mean()
    between = n * x.mean(axis=1).var(ddof=1)
    return np.sqrt(((n - 1) / n * within + between / n) / within)


def effective_size(x):
    """Eq. 10 to 13: autocovariances by the Fourier transform, then Geyer's monotone pairs."""
    m, n = x.shape
    centred = x - x.mean(axis=1, keepdims=True)
    transform = np.fft.rfft(centred, 2 * n, axis=1)
    acov = np.fft.irfft(np.abs(transform) ** 2, axis=1)[:, :n].mean(axis=0) / n
    within = acov[0] * n / (n - 1)
    total = acov[0] + x.mean(axis=1).var(ddof=1)
    rho = 1.0 - (within - acov) / total
    rho[0] = 1.0
    # The last lags have too few terms.
    pairs = rho[: (n - 1) // 2 * 2].reshape(-1, 2).sum(axis=1)
    end = int(np.argmax(pairs <= 0.0)) if (pairs <= 0.0).any() else len(pairs) - 1
    kept = np.minimum.accumulate(pairs[:end])
    tau = -1.0 + 2.0 * kept.sum() + max(rho[2 * end], 0.0)
    return m * n / max(tau, 1.0 / np.log10(m * n))


def diagnostics(x):
    """R-hat, bulk, tail and plain effective size, standard error of the mean."""
    halves = split_chains(x)
    folded = np.abs(halves - np.median(halves))
    low, high = np.quantile(x, [0.05, 0.95])
    size = effective_size(halves)
    return (
        max(split_rhat(rank_normal(halves)), split_rhat(rank_normal(folded))),
        effective_size(rank_normal(halves)),
        min(effective_size(1.0 * (halves <= low)), effective_size(1.0 * (halves <= high))),
        size,
        x.std(ddof=1) / np.sqrt(size),
    )
