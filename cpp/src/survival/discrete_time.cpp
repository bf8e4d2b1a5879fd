#include "tenure/survival/discrete_time.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tenure/optim/newton.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::survival {
namespace {

constexpr std::int64_t kRows = 1024;

void require_valid(const PeriodSample& s, const Execution& execution) {
  const std::size_t n = s.periods.size();
  const auto require_length = [n](const char* argument, std::size_t length) {
    if (length != n)
      throw InvalidInput(argument, -1, static_cast<double>(length), "as long as periods");
  };
  if (n == 0) throw InvalidInput("periods", -1, 0.0, "non-empty");
  require_length("churned", s.churned.size());
  require_length("X", static_cast<std::size_t>(s.x.rows));
  if (s.entry) require_length("entry", s.entry->size());
  if (s.weight) require_length("sample_weight", s.weight->size());
  double total = s.weight ? 0.0 : 1.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 4096 == 0) execution.poll();
    const auto row = static_cast<std::int64_t>(i);
    if (s.periods[i] < 1 || s.periods[i] > s.time.rows)
      throw InvalidInput("periods", row, s.periods[i], "from 1 to the last period");
    if (s.churned[i] > 1) throw InvalidInput("churned", row, s.churned[i], "0 or 1");
    if (s.entry && ((*s.entry)[i] < 0 || (*s.entry)[i] >= s.periods[i]))
      throw InvalidInput("entry", row, (*s.entry)[i], ">= 0 and < periods");
    if (s.weight) {
      const double w = (*s.weight)[i];
      if (!(std::isfinite(w) && w >= 0.0))
        throw InvalidInput("sample_weight", row, w, "finite and >= 0");
      total += w;
    }
    for (std::int64_t j = 0; j < s.x.columns; ++j) {
      const double v =
          s.x.values[i * static_cast<std::size_t>(s.x.columns) + static_cast<std::size_t>(j)];
      if (!std::isfinite(v)) throw InvalidInput("X", row, v, "finite");
    }
  }
  if (!(total > 0.0 && std::isfinite(total)))
    throw InvalidInput("sample_weight", -1, total, "positive and finite in sum");
}

/// One question: its log-likelihood and the derivatives by the linear predictor.
struct Answer {
  double value, slope, curvature;
};

Answer answer(HazardLink link, bool left, double eta) {
  if (link == HazardLink::logit) {
    const double e = std::exp(-std::abs(eta)), p = eta > 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
    const double log_stay = -(std::max(eta, 0.0) + std::log1p(e));
    return {left ? eta + log_stay : log_stay, (left ? 1.0 : 0.0) - p, -p * (1.0 - p)};
  }
  const double e = std::exp(eta);
  if (!left) return {-e, -e, -e};
  const double r = e < 1e-300 ? 1.0 : e > 700.0 ? 0.0 : e / std::expm1(e);
  return {e < 1e-300 ? eta : std::log(-std::expm1(-e)), r, r * (1.0 - e - r)};
}

/// The cells of a time matrix that are not 0, row by row: a factor has one, a trend two.
struct SparseTime {
  explicit SparseTime(const Design& time) : first(static_cast<std::size_t>(time.rows) + 1) {
    for (std::int64_t t = 0; t < time.rows; ++t) {
      for (std::int64_t m = 0; m < time.columns; ++m) {
        const double v = time.values[static_cast<std::size_t>(t * time.columns + m)];
        if (v == 0.0) continue;
        column.push_back(static_cast<std::size_t>(m));
        value.push_back(v);
      }
      first[static_cast<std::size_t>(t) + 1] = column.size();
    }
  }
  std::vector<std::size_t> first, column;
  std::vector<double> value;
};

struct Sums {
  double value = 0.0;
  std::vector<double> gradient, hessian;
  explicit Sums(std::size_t k) : gradient(k), hessian(k * k) {}
  Sums& operator+=(const Sums& other) {
    value += other.value;
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += other.gradient[i];
    for (std::size_t i = 0; i < hessian.size(); ++i) hessian[i] += other.hessian[i];
    return *this;
  }
};

class Likelihood {
 public:
  Likelihood(const PeriodSample& s, HazardLink link, const Execution& execution)
      : s_(s),
        link_(link),
        execution_(execution),
        m_(static_cast<std::size_t>(s.time.columns)),
        p_(static_cast<std::size_t>(s.x.columns)),
        time_(s.time),
        standard(
            standard_of(s.x, s.weight ? *s.weight : std::span<const double>{}, false, execution)) {
    for (std::size_t i = 0; i < s.periods.size(); ++i)
      asked += weight(i) * static_cast<double>(s.periods[i] - entry(i));
  }

  optim::Evaluation operator()(std::span<const double> point) const {
    const std::size_t k = m_ + p_;
    // The part of the linear predictor that a period has for everyone.
    std::vector<double> base(static_cast<std::size_t>(s_.time.rows));
    for (std::size_t t = 0; t < base.size(); ++t)
      for (std::size_t c = time_.first[t]; c < time_.first[t + 1]; ++c)
        base[t] += time_.value[c] * point[time_.column[c]];
    const Sums sums = block_reduce(
        s_.x.rows, execution_, Sums(k),
        [&](std::int64_t first, std::int64_t last) {
          Sums partial(k);
          add(point, base, first, last, partial);
          return partial;
        },
        8 * kRows);
    optim::Evaluation out;
    out.value = -sums.value / asked;
    out.gradient.resize(k);
    out.hessian.resize(k * k);
    for (std::size_t i = 0; i < k; ++i) {
      out.gradient[i] = -sums.gradient[i] / asked;
      for (std::size_t j = 0; j <= i; ++j)
        out.hessian[i * k + j] = out.hessian[j * k + i] = -sums.hessian[i * k + j] / asked;
    }
    return out;
  }

  std::size_t size() const { return m_ + p_; }
  std::size_t time_columns() const { return m_; }

 private:
  double weight(std::size_t i) const { return s_.weight ? (*s_.weight)[i] : 1.0; }
  std::int32_t entry(std::size_t i) const { return s_.entry ? (*s_.entry)[i] : 0; }

  void add(std::span<const double> point, const std::vector<double>& base, std::int64_t first,
           std::int64_t last, Sums& out) const {
    const std::size_t k = m_ + p_;
    std::vector<double> x(static_cast<std::size_t>(last - first) * p_);
    std::vector<double> curvature(static_cast<std::size_t>(last - first));
    standard_rows(s_.x, standard, false, first, last, x.data());
    for (std::int64_t row = first; row < last; ++row) {
      if (row % 64 == 0) execution_.poll();
      const auto i = static_cast<std::size_t>(row), r = static_cast<std::size_t>(row - first);
      const double w = weight(i);
      if (w == 0.0) continue;
      const double* const xi = x.data() + r * p_;
      double shared = 0.0, slope = 0.0;
      for (std::size_t j = 0; j < p_; ++j) shared += xi[j] * point[m_ + j];
      for (std::int32_t t = entry(i); t < s_.periods[i]; ++t) {
        const auto at = static_cast<std::size_t>(t);
        const bool left = s_.churned[i] != 0 && t + 1 == s_.periods[i];
        // A period that no column describes is one in which nobody leaves.
        if (time_.first[at] == time_.first[at + 1] && !left) continue;
        const Answer a = answer(link_, left, base[at] + shared);
        out.value += w * a.value;
        slope += a.slope;
        curvature[r] += w * a.curvature;
        for (std::size_t c = time_.first[at]; c < time_.first[at + 1]; ++c) {
          const std::size_t m = time_.column[c];
          const double z = w * time_.value[c];
          out.gradient[m] += z * a.slope;
          for (std::size_t d = time_.first[at]; d <= c; ++d)
            out.hessian[m * k + time_.column[d]] += z * time_.value[d] * a.curvature;
          for (std::size_t j = 0; j < p_; ++j)
            out.hessian[(m_ + j) * k + m] += z * a.curvature * xi[j];
        }
      }
      for (std::size_t j = 0; j < p_; ++j) out.gradient[m_ + j] += w * slope * xi[j];
    }
    std::vector<double> gram(p_ * p_);
    add_weighted_gram(x.data(), curvature.data(), last - first, s_.x.columns, gram.data());
    for (std::size_t j = 0; j < p_; ++j)
      for (std::size_t l = 0; l <= j; ++l) out.hessian[(m_ + j) * k + m_ + l] += gram[j * p_ + l];
  }

  const PeriodSample& s_;
  HazardLink link_;
  const Execution& execution_;
  std::size_t m_, p_;
  SparseTime time_;

 public:
  Standard standard;
  double asked = 0.0;  ///< weight of all questions
};

}  // namespace

DiscreteTimeFit discrete_time_fit(const PeriodSample& sample, const DiscreteTimeOptions& options,
                                  const Execution& execution) {
  require_valid(sample, execution);
  const Likelihood likelihood(sample, options.link, execution);
  const std::size_t k = likelihood.size(), m = likelihood.time_columns();
  std::vector<double> start(k);
  const optim::Result result =
      optim::newton([&](std::span<const double> point) { return likelihood(point); }, start,
                    {options.max_iterations, options.tolerance, 40.0});
  DiscreteTimeFit fit;
  fit.coefficients = result.point;
  fit.covariance = result.inverse_hessian;
  const auto scale = [&](std::size_t i) { return i < m ? 1.0 : likelihood.standard.scale[i - m]; };
  for (std::size_t i = 0; i < k; ++i) {
    fit.coefficients[i] /= scale(i);
    for (std::size_t j = 0; j < k; ++j)
      fit.covariance[i * k + j] /= likelihood.asked * scale(i) * scale(j);
  }
  fit.log_likelihood = -result.at.value * likelihood.asked;
  fit.person_periods = likelihood.asked;
  fit.status = result.status;
  fit.iterations = result.iterations;
  fit.gradient_norm = result.gradient_norm;
  return fit;
}

}  // namespace tenure::survival
