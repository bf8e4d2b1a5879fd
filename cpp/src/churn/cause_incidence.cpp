#include "tenure/churn/cause_incidence.hpp"

#include <algorithm>
#include <cmath>

#include "tenure/support/parallel.hpp"

namespace tenure::churn {
namespace {

/// (1 - e^{-a}) / a and its derivative, a >= 0.
struct Fall {
  explicit Fall(double a) {
    if (a < 0.01) {  // the derivative is a difference of nearly equal numbers
      share = 1.0 - a * (1.0 / 2 - a * (1.0 / 6 - a * (1.0 / 24 - a * (1.0 / 120 - a / 720))));
      slope = -1.0 / 2 + a * (1.0 / 3 - a * (1.0 / 8 - a * (1.0 / 30 - a / 144)));
      stay = std::exp(-a);
    } else {
      stay = std::exp(-a);
      share = -std::expm1(-a) / a;
      slope = (stay - share) / a;
    }
  }
  double share, slope, stay;
};

/// One customer, as time goes on.
class Walk {
 public:
  Walk(const CauseBaselines& base, std::size_t columns)
      : base_(base),
        causes_(static_cast<std::size_t>(base.causes)),
        columns_(columns),
        size_(causes_ * columns),
        incidence(causes_),
        step_(causes_),
        spread_(causes_),
        cross_(causes_),
        slope_(size_),
        moved_(causes_ * size_) {}

  void start(const double* risk, const double* x) {
    risk_ = risk;
    x_ = x;
    survival = 1.0;
    total_ = 0.0;
    for (auto* v : {&incidence, &spread_, &cross_, &slope_, &moved_}) std::ranges::fill(*v, 0.0);
  }

  void take(std::size_t g) {
    double a = 0.0;
    for (std::size_t k = 0; k < causes_; ++k)
      a += step_[k] = risk_[k] * base_.hazard[g * causes_ + k];
    if (a == 0.0) return;
    const Fall fall(a);
    if (!base_.variance.empty()) vary(g, fall);
    for (std::size_t k = 0; k < causes_; ++k) incidence[k] += survival * fall.share * step_[k];
    survival *= fall.stay;
  }

  double variance(std::size_t k) const {
    double inner = 0.0;
    const double* const d = moved_.data() + k * size_;
    for (std::size_t i = 0; i < size_; ++i) {
      double row = 0.0;
      for (std::size_t j = 0; j < size_; ++j) row += base_.covariance[i * size_ + j] * d[j];
      inner += d[i] * row;
    }
    return std::max(spread_[k] + inner, 0.0);
  }

 private:
  /// dF_k / da_l of an earlier step is w - (F_k - F_k then): it falls as F_k rises.
  void vary(std::size_t g, const Fall& fall) {
    for (std::size_t k = 0; k < causes_; ++k) {
      const double rise = survival * fall.share * step_[k];
      spread_[k] += rise * (rise * total_ - 2.0 * cross_[k]);
      cross_[k] -= rise * total_;
      for (std::size_t i = 0; i < size_; ++i) moved_[k * size_ + i] -= rise * slope_[i];
    }
    for (std::size_t l = 0; l < causes_; ++l) {
      const std::size_t at = g * causes_ + l;
      const double own = risk_[l] * risk_[l] * base_.variance[at];
      total_ += own;
      for (std::size_t k = 0; k < causes_; ++k) {
        const double w = survival * ((k == l ? fall.share : 0.0) + step_[k] * fall.slope);
        spread_[k] += w * w * own;
        cross_[k] += w * own;
        for (std::size_t j = 0; j < columns_; ++j)
          moved_[k * size_ + l * columns_ + j] += w * slope_of(at, l, j);
      }
      for (std::size_t j = 0; j < columns_; ++j) slope_[l * columns_ + j] += slope_of(at, l, j);
    }
  }

  /// -d a_l / d b_l: the baseline falls with the mean covariate where the risk rises with x.
  double slope_of(std::size_t at, std::size_t l, std::size_t j) const {
    return risk_[l] * (base_.mean[at * columns_ + j] - x_[j] * base_.hazard[at]);
  }

  const CauseBaselines& base_;
  std::size_t causes_, columns_, size_;
  const double *risk_ = nullptr, *x_ = nullptr;

 public:
  std::vector<double> incidence;
  double survival = 1.0;

 private:
  std::vector<double> step_;
  double total_ = 0.0;          ///< sum over steps and causes of the variance of a
  std::vector<double> spread_;  ///< of cause k: sum of (dF_k/da)^2 var a
  std::vector<double> cross_;   ///< sum of dF_k/da var a
  std::vector<double> slope_;   ///< causes x columns: sum of -da/db
  std::vector<double> moved_;   ///< of cause k: -dF_k/db
};

}  // namespace

CauseIncidence cause_incidence(const CauseBaselines& base, const CauseProfiles& profiles,
                               std::span<const double> until, const Execution& execution) {
  const auto causes = static_cast<std::size_t>(base.causes);
  const std::size_t customers = profiles.risk.size() / causes, times = until.size();
  const std::size_t columns = customers > 0 ? profiles.x.size() / customers : 0;
  const bool spread = !base.variance.empty();
  CauseIncidence out;
  out.incidence.resize(customers * times * causes);
  out.survival.resize(customers * times);
  if (spread) out.variance.resize(customers * times * causes);
  // A block lasts some milliseconds however many times there are.
  constexpr std::int64_t kRows = 16;
  for_each_block(
      static_cast<std::int64_t>(customers), execution,
      [&](std::int64_t, std::int64_t first, std::int64_t last) {
        Walk walk(base, columns);
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
          walk.start(profiles.risk.data() + i * causes, profiles.x.data() + i * columns);
          const double reached = profiles.after.empty() ? 0.0 : profiles.after[i];
          std::size_t g = 0;
          // A tenure reached is over; without one, who leaves at 0 leaves within any time.
          if (!profiles.after.empty())
            g = static_cast<std::size_t>(std::ranges::upper_bound(base.time, reached) -
                                         base.time.begin());
          for (std::size_t j = 0; j < times; ++j) {
            for (; g < base.time.size() && base.time[g] <= reached + until[j]; ++g) {
              if (g % 1024 == 0) execution.poll();
              walk.take(g);
            }
            const std::size_t cell = i * times + j;
            out.survival[cell] = walk.survival;
            for (std::size_t k = 0; k < causes; ++k) {
              out.incidence[cell * causes + k] = walk.incidence[k];
              if (spread) out.variance[cell * causes + k] = walk.variance(k);
            }
          }
        }
      },
      kRows);
  return out;
}

}  // namespace tenure::churn
