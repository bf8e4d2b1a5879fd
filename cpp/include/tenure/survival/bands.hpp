#pragma once

namespace tenure::survival {

/// P(|W(u)| <= c sqrt(u (1 - u)) for all u between a and b), W a Brownian bridge, 0 < a <= b < 1:
/// the probability that a band of equal precision holds a whole curve. In the time s = log(u / (1 -
/// u)) / 2 the ratio is an Ornstein-Uhlenbeck process with covariance exp(-|s|), so that it depends
/// on log(b (1 - a) / (a (1 - b))) / 2 only; its chance to stay within +-c is a sum over
/// eigenvalues of a Schroedinger operator on [-c, c], in a basis of cosines. Absolute error below
/// 1e-8 for c in [0.5, 10] where that number is at least 0.01, below 2e-3 where it is smaller.
/// [Nair 1984, Technometrics 26:265-275; Doob 1942, Annals of Math. 43:351-369]
double equal_precision_probability(double c, double a, double b);

/// P(|W(u)| <= c for all u in [a, b]), 0 <= a <= b <= 1: the same for the band of Hall and Wellner.
/// By the transition density of Brownian motion between two barriers. Absolute error below 1e-9
/// where b - a >= 0.01, below 2e-3 where it is smaller. [Hall & Wellner 1980, Biometrika
/// 67:133-143; Chung 1986; Feller II, X.5]
double hall_wellner_probability(double c, double a, double b);

/// The c at which the probability is `level`, in (0, 1). Throws InvalidInput for a, b or level out
/// of range. Some dozen probabilities each.
double equal_precision_critical_value(double level, double a, double b);
double hall_wellner_critical_value(double level, double a, double b);

}  // namespace tenure::survival
