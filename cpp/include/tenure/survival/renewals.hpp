#pragma once
#include <array>
#include <cstddef>
#include <span>

#include "tenure/optim/result.hpp"

/// Lifetimes of contracts that are renewed at whole ages t = 1, 2, ...: the share S(t) of customers
/// still there after t renewals, in three models of one family,
///
///     S(t) = B(alpha, beta + t^c) / B(alpha, beta)     beta-discrete-Weibull
///     S(t) = B(alpha, beta + t) / B(alpha, beta)       shifted beta-geometric: c = 1
///     S(t) = (1 - theta)^(t^c) = exp(-rate t^c)        discrete Weibull: all customers alike
///
/// [Fader & Hardie 2007, Journal of Interactive Marketing 21(1):76-90, eq. 6; Fader, Hardie, Liu,
/// Davin & Steenburgh 2018, ibid. 43:1-16; Nakagawa & Osaki 1975, IEEE Trans. Reliability
/// 300.] Numerics: docs/methods/beta_discrete_weibull.md.
namespace tenure::survival {

struct BetaGeometric {
  double alpha, beta;  ///< both finite and > 0
};

struct BetaWeibull {
  double alpha, beta, c;  ///< all finite and > 0
};

struct DiscreteWeibull {
  double rate, c;  ///< -log(1 - theta) and c, both finite and > 0
};

/// Customers under contract at age `from`, of whom `kept` were still there at age `to` and `lost`
/// left in between. Weighted counts.
struct RenewalInterval {
  double from, to;
  double kept, lost;
};

/// h = -log(S(to) / S(from)), and its derivatives in the logarithms of the parameters: the
/// gradient, and the lower triangle of the Hessian by rows.
template <std::size_t N>
struct Hazard {
  double value = 0.0;
  std::array<double, N> first{};
  std::array<double, N*(N + 1) / 2> second{};
};

/// For whole ages 0 <= from <= to. Relative error about 1e-14 for parameters and ages of any size,
/// as t^c is differenced by expm1 and the beta functions by `special::gamma_cross`. Constant cost;
/// elementary functions only for one renewal of the shifted beta-geometric model. Infinite where
/// (to^c) is no number, NaN where (from^c) is none.
Hazard<2> hazard(const BetaGeometric& at, double from, double to);
Hazard<3> hazard(const BetaWeibull& at, double from, double to);
Hazard<2> hazard(const DiscreteWeibull& at, double from, double to);

/// The value alone, also for ages whose power overflows. `ahead` = to - from >= 0 need not be
/// whole.
double hazard_value(const BetaGeometric& at, double from, double ahead);
double hazard_value(const BetaWeibull& at, double from, double ahead);
double hazard_value(const DiscreteWeibull& at, double from, double ahead);

/// The same for log(ahead), where `ahead` itself may be no number.
double hazard_far(const BetaGeometric& at, double from, double log_ahead);
double hazard_far(const BetaWeibull& at, double from, double log_ahead);
double hazard_far(const DiscreteWeibull& at, double from, double log_ahead);

/// sum of kept log(S(to) / S(from)) + lost log(1 - S(to) / S(from)) with gradient and Hessian in
/// the logarithms of the parameters, in the order of the intervals. O(intervals). A share of 0 or 1
/// that should be neither makes it infinite or NaN, which an optimiser steps back from.
optim::Evaluation renewal_log_likelihood(const BetaGeometric& at,
                                         std::span<const RenewalInterval> intervals);
optim::Evaluation renewal_log_likelihood(const BetaWeibull& at,
                                         std::span<const RenewalInterval> intervals);
optim::Evaluation renewal_log_likelihood(const DiscreteWeibull& at,
                                         std::span<const RenewalInterval> intervals);

}  // namespace tenure::survival
