#include "tenure/churn/cox_exact.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cox_slots.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn {
namespace {

/// Sums over the sets of k of those at risk, k = 0..largest: log of the sum of exp(eta), and mean
/// and covariance of the sum of x under that weighting.
class SetSums {
 public:
  SetSums(std::int64_t columns, std::int64_t largest)
      : p_(static_cast<std::size_t>(columns)), log_(static_cast<std::size_t>(largest) + 1) {
    mean_.resize(log_.size() * p_);
    covariance_.resize(log_.size() * p_ * p_);
    clear();
  }

  void clear() {
    std::ranges::fill(log_, -std::numeric_limits<double>::infinity());
    std::ranges::fill(mean_, 0.0);
    std::ranges::fill(covariance_, 0.0);
    log_[0] = 0.0;
    size_ = 0;
  }

  /// One more at risk: sets of k are those without it, and those of k - 1 with it.
  void add(double eta, const double* x) {
    ++size_;
    for (std::size_t k = std::min(size_, log_.size() - 1); k >= 1; --k) {
      const double with = log_[k - 1] + eta;
      const double without = log_[k];
      const double high = std::max(with, without);
      const double total = high + std::log1p(std::exp(std::min(with, without) - high));
      const double share = std::exp(with - total), rest = std::exp(without - total);
      log_[k] = total;
      double* const m = mean_.data() + k * p_;
      const double* const m_with = m - p_;
      double* const c = covariance_.data() + k * p_ * p_;
      const double* const c_with = c - p_ * p_;
      for (std::size_t a = 0; a < p_; ++a)
        for (std::size_t b = 0; b <= a; ++b)
          c[a * p_ + b] = rest * c[a * p_ + b] + share * c_with[a * p_ + b] +
                          share * rest * (m_with[a] + x[a] - m[a]) * (m_with[b] + x[b] - m[b]);
      for (std::size_t a = 0; a < p_; ++a) m[a] = rest * m[a] + share * (m_with[a] + x[a]);
    }
  }

  /// The churn of k of them, whose sum of x was taken care of by the caller.
  void count(std::int64_t k, CoxPoint& out) const {
    const auto at = static_cast<std::size_t>(k);
    out.log_likelihood -= log_[at];
    for (std::size_t a = 0; a < p_; ++a) out.score[a] -= mean_[at * p_ + a];
    for (std::size_t a = 0; a < p_; ++a)
      for (std::size_t b = 0; b <= a; ++b)
        out.information[a * p_ + b] += covariance_[at * p_ * p_ + a * p_ + b];
  }

 private:
  std::size_t p_, size_ = 0;
  std::vector<double> log_, mean_, covariance_;
};

CoxPoint stratum_point(const CoxData& d, std::span<const double> eta, std::int64_t begin,
                       std::int64_t end, const Execution& execution) {
  const auto p = static_cast<std::size_t>(d.columns);
  CoxPoint out{0.0, std::vector<double>(p, 0.0), std::vector<double>(p * p, 0.0)};
  std::int64_t largest = 0;
  for (std::int64_t g = begin; g < end; ++g)
    largest = std::max(largest, d.deaths[static_cast<std::size_t>(g)]);
  SetSums sums(d.columns, largest);
  const std::int64_t first_row = d.row_begin[static_cast<std::size_t>(begin)];
  for (std::int64_t g = begin; g < end; ++g) {
    const auto slot = static_cast<std::size_t>(g);
    const std::int64_t last = d.row_begin[slot + 1], deaths = d.deaths[slot];
    if (deaths == 0) continue;
    if (d.truncated) sums.clear();
    for (std::int64_t i = d.truncated ? first_row : d.row_begin[slot]; i < last; ++i) {
      if (i % 256 == 0) execution.poll();
      const auto row = static_cast<std::size_t>(i);
      if (d.last[row] > g) sums.add(eta[row], d.x.data() + i * d.stride);
    }
    for (std::int64_t i = last - deaths; i < last; ++i) {
      out.log_likelihood += eta[static_cast<std::size_t>(i)];
      for (std::size_t j = 0; j < p; ++j)
        out.score[j] += d.x[i * d.stride + static_cast<std::int64_t>(j)];
    }
    sums.count(deaths, out);
  }
  return out;
}

}  // namespace

CoxPoint exact_cox(const CoxData& d, std::span<const double> beta, const Execution& execution) {
  std::vector<double> b(beta.begin(), beta.end());
  b.resize(static_cast<std::size_t>(d.stride), 0.0);
  std::vector<double> eta(d.offset);
  detail::add_products(d.x.data(), d.rows(), d.stride, b.data(), eta.data());

  std::vector<CoxPoint> part(static_cast<std::size_t>(d.strata));
  for_each_task(d.strata, execution, [&](std::int64_t k) {
    const auto s = static_cast<std::size_t>(k);
    part[s] = stratum_point(d, eta, d.slot_begin[s], d.slot_begin[s + 1], execution);
  });
  const auto p = static_cast<std::size_t>(d.columns);
  CoxPoint out{0.0, std::vector<double>(p, 0.0), std::vector<double>(p * p, 0.0)};
  for (const CoxPoint& one : part) {
    out.log_likelihood += one.log_likelihood;
    for (std::size_t j = 0; j < p; ++j) out.score[j] += one.score[j];
    for (std::size_t j = 0; j < p; ++j)
      for (std::size_t k = 0; k <= j; ++k) out.information[j * p + k] += one.information[j * p + k];
  }
  for (std::size_t j = 0; j < p; ++j)
    for (std::size_t k = 0; k < j; ++k) out.information[k * p + j] = out.information[j * p + k];
  return out;
}

}  // namespace tenure::churn
