#pragma once

namespace tenure::clv {

/// Whether `discounted_leaving_mean` serves these arguments.
bool has_leaving_mean(double m, double a, double c);

/// Integral over w in (0, end] of exp(-rate w) E (1 + p w)^-m with p ~ beta(a, c - a), rate >= 0:
/// what somebody buys who leaves with a probability that is not known. The mean is y(w) = 2F1(m, a;
/// c; -w), which solves w (1 + w) y'' + (c + (m + a + 1) w) y' + m a y = 0 [DLMF 15.10.1]: Taylor
/// series from 0 outward, each with some Gauss-Legendre nodes. Relative error about 1e-13, some
/// microseconds.
double discounted_leaving_mean(double m, double a, double c, double rate, double end);

}  // namespace tenure::clv
