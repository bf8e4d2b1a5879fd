from typing import TypedDict

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.uint8]
_Ints = npt.NDArray[np.int64]
_Codes = npt.NDArray[np.int32]

class _CoxFit(TypedDict):
    status: str
    beta: _Floats
    covariance: _Floats
    log_likelihood: float
    null_log_likelihood: float
    penalised: float
    null_penalised: float
    score_test: float
    iterations: int
    gradient_norm: float
    direction: _Floats
    unidentified: _Floats

class _ElasticNetPath(TypedDict):
    penalty: _Floats
    beta: _Floats
    log_likelihood: _Floats
    converged: _Flags
    start_log_likelihood: float
    evaluations: int
    widest: int

class _LogisticFit(TypedDict):
    status: str
    beta: _Floats
    covariance: _Floats
    log_likelihood: float
    penalised: float
    iterations: int
    gradient_norm: float
    direction: _Floats
    separated: int
    unidentified: _Floats

class _Recalibration(TypedDict):
    status: str
    coef: _Floats
    covariance: _Floats
    log_likelihood: float
    iterations: int
    gradient_norm: float

class _CoxBaseline(TypedDict):
    time: _Floats
    stratum: _Codes
    at_risk: _Floats
    churned: _Floats
    hazard: _Floats
    variance: _Floats
    mean: _Floats

class _Concordance(TypedDict):
    concordant: float
    discordant: float
    tied_score: float
    tied_time: float
    tied_both: float
    value: float
    standard_error: float

class _UpliftPoints(TypedDict):
    threshold: _Floats
    treated: _Floats
    control: _Floats
    increment: _Floats
    variance: _Floats

class _UpliftArea(TypedDict):
    auuc: float
    qini: float
    auuc_influence: _Floats
    qini_influence: _Floats

class _OfferChoice(TypedDict):
    offer: _Codes
    gain: float
    cost: float
    bound: float
    multiplier: float

class CoxData:
    def __init__(
        self,
        x: _Floats,
        duration: _Floats,
        churned: _Flags,
        entry: _Floats | None,
        weight: _Floats | None,
        offset: _Floats | None,
        stratum: _Codes | None,
        threads: int,
    ) -> None: ...
    @property
    def mean(self) -> _Floats: ...
    @property
    def scale(self) -> _Floats: ...
    @property
    def least(self) -> _Floats: ...
    @property
    def most(self) -> _Floats: ...
    @property
    def slot_time(self) -> _Floats: ...
    @property
    def weighted(self) -> bool: ...
    @property
    def truncated(self) -> bool: ...
    @property
    def rows(self) -> int: ...
    @property
    def churned_rows(self) -> int: ...
    def fit(
        self, ties: str, firth: bool, max_iterations: int, tolerance: float, threads: int
    ) -> _CoxFit: ...
    def linear_predictor(self, beta: _Floats) -> _Floats: ...
    def log_likelihoods(self, beta: _Floats, ties: str, threads: int) -> _Floats: ...
    def point(self, beta: _Floats, ties: str, threads: int) -> tuple[float, _Floats, _Floats]: ...
    def information(
        self, beta: _Floats, ties: str, multiplier: _Floats, threads: int
    ) -> _Floats: ...
    def score_residuals(self, beta: _Floats, ties: str, threads: int) -> _Floats: ...
    def martingale_residuals(self, beta: _Floats, ties: str, threads: int) -> _Floats: ...
    def schoenfeld_residuals(
        self, beta: _Floats, ties: str, threads: int
    ) -> tuple[_Floats, _Ints, _Ints]: ...
    def baseline(self, beta: _Floats, ties: str, threads: int) -> _CoxBaseline: ...

def survival_rows(hazard: _Floats, risk: _Floats, threads: int) -> _Floats: ...
def cause_incidence(
    time: _Floats,
    hazard: _Floats,
    variance: _Floats | None,
    mean: _Floats | None,
    covariance: _Floats | None,
    risk: _Floats,
    x: _Floats,
    after: _Floats | None,
    until: _Floats,
    causes: int,
    threads: int,
) -> tuple[_Floats, _Floats, _Floats]: ...
def concordance(
    duration: _Floats,
    churned: _Flags,
    score: _Floats,
    entry: _Floats | None,
    weight: _Floats | None,
    stratum: _Codes | None,
) -> _Concordance: ...
def roc_points(
    score: _Floats, label: _Flags, weight: _Floats | None
) -> tuple[_Floats, _Floats, _Floats]: ...
def roc_hull(positives: _Floats, negatives: _Floats) -> _Ints: ...
def roc_placements(score: _Floats, label: _Flags) -> _Floats: ...
def uplift_points(score: _Floats, treated: _Flags, outcome: _Floats) -> _UpliftPoints: ...
def uplift_area(score: _Floats, treated: _Flags, outcome: _Floats) -> _UpliftArea: ...
def choose_offers(gain: _Floats, cost: _Floats, offers: int, budget: float) -> _OfferChoice: ...

class _UnoConcordance(TypedDict):
    concordant: float
    discordant: float
    tied_score: float
    value: float
    standard_error: float
    tau: float
    churned: int

class _DynamicAuc(TypedDict):
    value: _Floats
    standard_error: _Floats
    churned: _Floats
    beyond: _Floats
    mean: float
    mean_error: float

class IpcwData:
    def __init__(
        self,
        duration: _Floats,
        churned: _Flags,
        weight: _Floats | None,
        train_duration: _Floats | None,
        train_churned: _Flags | None,
        churn_first: bool,
        before: bool,
    ) -> None: ...
    def uno_concordance(self, score: _Floats, tau: float) -> _UnoConcordance: ...
    def dynamic_auc(self, score: _Floats, times: _Floats) -> _DynamicAuc: ...
    def brier_at(self, survival: _Floats, t: float) -> tuple[float, float, _Floats, _Floats]: ...
    def scorable(self, times: _Floats, both: bool) -> _Flags: ...

def d_calibration(
    survival: _Floats, churned: _Flags, sample_weight: _Floats | None, bins: int
) -> tuple[_Floats, _Floats, float, float]: ...

class LogisticData:
    def __init__(
        self,
        x: _Floats,
        y: _Flags,
        weight: _Floats | None,
        offset: _Floats | None,
        intercept: bool,
        centred: bool,
        threads: int,
    ) -> None: ...
    @property
    def rows(self) -> int: ...
    @property
    def terms(self) -> int: ...
    @property
    def total_weight(self) -> float: ...
    @property
    def event_weight(self) -> float: ...
    @property
    def centre(self) -> _Floats: ...
    @property
    def scale(self) -> _Floats: ...
    @property
    def least(self) -> _Floats: ...
    @property
    def most(self) -> _Floats: ...
    def fit(
        self,
        firth: bool,
        ridge: _Floats | None,
        start: _Floats | None,
        held: _Flags | None,
        max_iterations: int,
        tolerance: float,
        threads: int,
    ) -> _LogisticFit: ...
    def null(self, threads: int) -> tuple[float, float]: ...
    def point(self, beta: _Floats, threads: int) -> tuple[float, _Floats, _Floats]: ...
    def log_likelihoods(self, beta: _Floats, threads: int) -> _Floats: ...
    def score_products(
        self, beta: _Floats, cluster: _Codes | None, clusters: int, threads: int
    ) -> _Floats: ...

class ElasticNetSettings:
    def __init__(
        self,
        l1_ratio: float,
        lasso: _Floats,
        ridge: _Floats,
        penalty: _Floats,
        penalties: int,
        least: float,
        max_iterations: int,
        tolerance: float,
        screen: bool = True,
    ) -> None: ...

def cox_net(
    data: CoxData, ties: str, settings: ElasticNetSettings, threads: int
) -> _ElasticNetPath: ...
def logistic_net(
    data: LogisticData, settings: ElasticNetSettings, threads: int
) -> _ElasticNetPath: ...
def isotonic(
    score: _Floats, target: _Floats, weight: _Floats | None
) -> tuple[_Floats, _Floats, _Floats, _Floats]: ...
def isotonic_consistency(
    probability: _Floats, at: _Floats, replicates: int, seed: int, threads: int
) -> _Floats: ...
def recalibrate(
    columns: _Floats,
    offset: _Floats | None,
    target: _Floats,
    weight: _Floats | None,
    intercept: bool,
    threads: int,
) -> _Recalibration: ...
