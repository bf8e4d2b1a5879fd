#include "tenure/survival/cure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "cure_terms.hpp"
#include "tenure/optim/newton.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::survival {
namespace {

constexpr std::int64_t kRows = 256;  ///< that are standardised at a time: they stay in the cache

void require_design(const Design& x, std::size_t rows, const char* argument) {
  if (static_cast<std::size_t>(x.rows) != rows)
    throw InvalidInput(argument, -1, static_cast<double>(x.rows), "as long as duration");
  for (std::size_t i = 0; i < x.values.size(); ++i)
    if (!std::isfinite(x.values[i]))
      throw InvalidInput(argument, static_cast<std::int64_t>(i) / x.columns, x.values[i], "finite");
}

void require_valid(const CureSample& s, const Execution& execution) {
  const std::size_t n = s.duration.size();
  const auto require_length = [n](const char* argument, std::size_t length) {
    if (length != n)
      throw InvalidInput(argument, -1, static_cast<double>(length), "as long as duration");
  };
  if (n == 0) throw InvalidInput("duration", -1, 0.0, "non-empty");
  require_length("churned", s.churned.size());
  if (s.entry) require_length("entry", s.entry->size());
  if (s.weight) require_length("sample_weight", s.weight->size());
  double total = 0.0, left = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 4096 == 0) execution.poll();
    const auto row = static_cast<std::int64_t>(i);
    const double t = s.duration[i], w = s.weight ? (*s.weight)[i] : 1.0;
    if (!(std::isfinite(t) && t >= 0.0)) throw InvalidInput("duration", row, t, "finite and >= 0");
    if (s.churned[i] > 1) throw InvalidInput("churned", row, s.churned[i], "0 or 1");
    if (s.churned[i] && t == 0.0)
      throw InvalidInput("duration", row, t, "> 0 where churn was seen");
    if (s.entry) {
      const double e = (*s.entry)[i];
      if (!(e >= 0.0 && e <= t && !(s.churned[i] && e == t)))
        throw InvalidInput("entry", row, e, ">= 0, at most duration and < it where churn was seen");
    }
    if (!(std::isfinite(w) && w >= 0.0))
      throw InvalidInput("sample_weight", row, w, "finite and >= 0");
    total += w;
    if (s.churned[i]) left += w;
  }
  if (!(total > 0.0 && std::isfinite(total)))
    throw InvalidInput("sample_weight", -1, total, "positive and finite in sum");
  if (!(left > 0.0)) throw InvalidInput("churned", -1, left, "1 somewhere: nobody churned");
  require_design(s.incidence, n, "X");
  require_design(s.latency, n, "X");
}

/// Logarithms of the times, less a common one, taken once.
std::vector<AftRow> rows_of(const CureSample& s, double origin, const Execution& execution) {
  std::vector<AftRow> rows(s.duration.size());
  for_each_block(
      std::ssize(s.duration), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
          const double t = std::log(s.duration[i]) - origin;
          const double e = s.entry ? std::log((*s.entry)[i]) - origin : -INFINITY;
          rows[i] = {t, s.churned[i] ? t : INFINITY, e, s.churned[i] != 0};
        }
      });
  return rows;
}

/// Value, gradient and lower triangle of the Hessian of the log-likelihood, of k parameters.
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

/// Parameters: incidence intercept (unless fixed), incidence columns, latency intercept, latency
/// columns, log sigma.
class Likelihood {
 public:
  Likelihood(const CureSample& s, const CureOptions& options, const Execution& execution)
      : s_(s),
        options_(options),
        execution_(execution),
        free_(options.intercept ? 0 : 1),
        incidence_(static_cast<std::size_t>(s.incidence.columns) + 1),
        latency_(static_cast<std::size_t>(s.latency.columns) + 1),
        has_scale_(options.law != Lifetime::exponential) {
    const std::span<const double> weight = s.weight ? *s.weight : std::span<const double>{};
    // A fixed intercept is that of columns as they are.
    incidence_standard_ = standard_of(s.incidence, weight, free_ == 1, execution);
    latency_standard_ = standard_of(s.latency, weight, true, execution);
    // Mean and spread of the log times of who left.
    double left = 0.0, sum = 0.0, square = 0.0;
    for (std::size_t i = 0; i < s.duration.size(); ++i) {
      total_ += this->weight(i);
      if (!s.churned[i]) continue;
      left += this->weight(i);
      sum += this->weight(i) * std::log(s.duration[i]);
    }
    origin_ = sum / left;
    for (std::size_t i = 0; i < s.duration.size(); ++i) {
      if (!s.churned[i]) continue;
      const double d = std::log(s.duration[i]) - origin_;
      square += this->weight(i) * d * d;
    }
    left_ = left;
    spread_ = std::clamp(std::sqrt(square / left), 1e-3, 1e3);
    rows_ = rows_of(s, origin_, execution);
  }

  std::size_t size() const { return incidence_ - 1 + free_ + latency_ + (has_scale_ ? 1 : 0); }
  std::size_t first_latency() const { return incidence_ - 1 + free_; }
  std::size_t free() const { return free_; }
  bool has_scale() const { return has_scale_; }
  double spread() const { return spread_; }
  double share_left() const { return left_ / total_; }

  /// Minus the mean over customers, as the optimiser wants it.
  optim::Evaluation operator()(std::span<const double> point) const {
    const std::size_t k = size();
    const Sums sums = block_reduce(
        std::ssize(s_.duration), execution_, Sums(k),
        [&](std::int64_t first, std::int64_t last) {
          Sums partial(k);
          for (std::int64_t at = first; at < last; at += kRows) {
            execution_.poll();
            add(point, at, std::min(last, at + kRows), partial);
          }
          return partial;
        },
        8 * kRows);
    optim::Evaluation out;
    out.value = -sums.value / total_;
    out.gradient.resize(k);
    out.hessian.resize(k * k);
    for (std::size_t i = 0; i < k; ++i) {
      out.gradient[i] = -sums.gradient[i] / total_;
      for (std::size_t j = 0; j <= i; ++j)
        out.hessian[i * k + j] = out.hessian[j * k + i] = -sums.hessian[i * k + j] / total_;
    }
    return out;
  }

  /// Back from standardised columns: each part's b = A b', A the matrix of d b / d b'.
  CureFit unstandardised(const optim::Result& result) const {
    const std::size_t k = size(), l = first_latency();
    std::vector<double> a(k * k);
    for (std::size_t i = 0; i < k; ++i) a[i * k + i] = 1.0;
    const auto scale_back = [&](const Standard& standard, std::size_t first, bool centred) {
      const std::size_t columns = standard.scale.size(), base = first + (centred ? 1 : 0);
      for (std::size_t j = 0; j < columns; ++j) {
        a[(base + j) * k + base + j] = 1.0 / standard.scale[j];
        if (centred) a[first * k + base + j] = -standard.centre[j] / standard.scale[j];
      }
    };
    scale_back(incidence_standard_, 0, free_ == 1);
    scale_back(latency_standard_, l, true);
    std::vector<double> b(k, 0.0), half(k * k, 0.0);
    CureFit fit;
    fit.covariance.assign(k * k, 0.0);
    for (std::size_t i = 0; i < k; ++i)
      for (std::size_t m = 0; m < k; ++m) {
        if (a[i * k + m] == 0.0) continue;
        b[i] += a[i * k + m] * result.point[m];
        for (std::size_t j = 0; j < k; ++j)
          half[i * k + j] += a[i * k + m] * result.inverse_hessian[m * k + j];
      }
    for (std::size_t i = 0; i < k; ++i)
      for (std::size_t j = 0; j < k; ++j)
        for (std::size_t m = 0; m < k; ++m)
          if (a[j * k + m] != 0.0) fit.covariance[i * k + j] += half[i * k + m] * a[j * k + m];
    for (double& v : fit.covariance) v /= total_;
    if (options_.intercept) fit.incidence.push_back(*options_.intercept);
    const auto at = [&](std::size_t i) { return b.begin() + static_cast<std::ptrdiff_t>(i); };
    fit.incidence.insert(fit.incidence.end(), at(0), at(l));
    fit.latency.assign(at(l), at(l + latency_));
    fit.latency[0] += origin_;
    fit.log_scale = has_scale_ ? b[k - 1] : 0.0;
    fit.log_likelihood = -result.at.value * total_ - left_ * origin_;
    fit.status = result.status;
    fit.iterations = result.iterations;
    fit.gradient_norm = result.gradient_norm;
    return fit;
  }

 private:
  double weight(std::size_t i) const { return s_.weight ? (*s_.weight)[i] : 1.0; }

  void add(std::span<const double> point, std::int64_t first, std::int64_t last, Sums& out) const {
    const std::size_t p = first_latency(), q = latency_, k = size();
    const auto rows = static_cast<std::size_t>(last - first);
    std::vector<double> z(rows * p), x(rows * q), aa(rows), ee(rows), ae(rows);
    standard_rows(s_.incidence, incidence_standard_, free_ == 1, first, last, z.data());
    standard_rows(s_.latency, latency_standard_, true, first, last, x.data());
    const double log_sigma = has_scale_ ? point[k - 1] : 0.0, sigma = std::exp(log_sigma);
    for (std::size_t r = 0; r < rows; ++r) {
      const auto i = static_cast<std::size_t>(first) + r;
      const double w = weight(i);
      if (w == 0.0) continue;
      double a = options_.intercept.value_or(0.0), eta = 0.0;
      for (std::size_t j = 0; j < p; ++j) a += z[r * p + j] * point[j];
      for (std::size_t j = 0; j < q; ++j) eta += x[r * q + j] * point[p + j];
      const CureTerm t = cure_term_at(options_.law, rows_[i], a, eta, sigma);
      out.value += w * t.value;
      aa[r] = w * t.aa;
      ae[r] = w * t.ae;
      ee[r] = w * t.ee;
      for (std::size_t j = 0; j < p; ++j) out.gradient[j] += w * t.a * z[r * p + j];
      for (std::size_t j = 0; j < q; ++j) {
        out.gradient[p + j] += w * t.e * x[r * q + j];
        const double cross = ae[r] * x[r * q + j];
        for (std::size_t m = 0; m < p; ++m) out.hessian[(p + j) * k + m] += cross * z[r * p + m];
      }
      if (!has_scale_) continue;
      double* const scale_row = out.hessian.data() + (k - 1) * k;
      out.gradient[k - 1] += w * t.s;
      for (std::size_t j = 0; j < p; ++j) scale_row[j] += w * t.as * z[r * p + j];
      for (std::size_t j = 0; j < q; ++j) scale_row[p + j] += w * t.es * x[r * q + j];
      scale_row[k - 1] += w * t.ss;
    }
    add_gram(z, aa, p, 0, out);
    add_gram(x, ee, q, p, out);
  }

  void add_gram(const std::vector<double>& x, const std::vector<double>& h, std::size_t columns,
                std::size_t first, Sums& out) const {
    if (columns == 0) return;
    std::vector<double> gram(columns * columns);
    add_weighted_gram(x.data(), h.data(), std::ssize(h), static_cast<std::int64_t>(columns),
                      gram.data());
    for (std::size_t j = 0; j < columns; ++j)
      for (std::size_t m = 0; m <= j; ++m)
        out.hessian[(first + j) * size() + first + m] += gram[j * columns + m];
  }

  const CureSample& s_;
  const CureOptions& options_;
  const Execution& execution_;
  std::size_t free_, incidence_, latency_;
  bool has_scale_;
  Standard incidence_standard_, latency_standard_;
  std::vector<AftRow> rows_;
  double total_ = 0.0, left_ = 0.0, origin_ = 0.0, spread_ = 1.0;
};

/// Where to start without columns: shares of leavers between those who were seen to leave and
/// nearly all, with the lifetimes the longer the more of them are to come.
std::vector<std::vector<double>> plain_starts(const Likelihood& likelihood) {
  std::vector<std::vector<double>> starts;
  const double seen = likelihood.share_left();
  for (const double unseen_leavers : {0.1, 0.5, 0.9}) {
    const double share = std::min(seen + unseen_leavers * (1.0 - seen), 1.0 - 1e-3);
    std::vector<double> start;
    if (likelihood.free() == 1) start.push_back(std::log(share / (1.0 - share)));
    start.push_back(unseen_leavers * likelihood.spread());
    if (likelihood.has_scale()) start.push_back(std::log(likelihood.spread()));
    starts.push_back(std::move(start));
  }
  return starts;
}

/// The lowest of all starts, converged ones before others.
optim::Result best_of(const Likelihood& likelihood, const std::vector<std::vector<double>>& starts,
                      const optim::NewtonOptions& newton) {
  optim::Result best;
  std::int64_t iterations = 0;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    optim::Result found = optim::newton(
        [&](std::span<const double> point) { return likelihood(point); }, starts[i], newton);
    iterations += found.iterations;
    const bool good = found.status == optim::Status::converged;
    const bool had = i > 0 && best.status == optim::Status::converged;
    if (i == 0 || (good && !had) || (good == had && found.at.value < best.at.value))
      best = std::move(found);
  }
  best.iterations = iterations;
  return best;
}

}  // namespace

CureFit cure_fit(const CureSample& sample, const CureOptions& options, const Execution& execution) {
  require_valid(sample, execution);
  const optim::NewtonOptions newton{options.max_iterations, options.tolerance};
  CureSample bare = sample;
  bare.incidence = {{}, std::ssize(sample.duration), 0};
  bare.latency = bare.incidence;
  const Likelihood plain(bare, options, execution);
  const optim::Result from = best_of(plain, plain_starts(plain), newton);
  if (sample.incidence.columns + sample.latency.columns == 0) return plain.unstandardised(from);

  const Likelihood likelihood(sample, options, execution);
  std::vector<double> start(likelihood.size(), 0.0);
  // A share of leavers that ran away to 1 is no place to start from.
  if (plain.free() == 1) start[0] = std::clamp(from.point[0], -4.0, 4.0);
  start[likelihood.first_latency()] = from.point[plain.first_latency()];
  if (plain.has_scale()) start.back() = from.point.back();
  optim::Result found = best_of(likelihood, {start}, newton);
  found.iterations += from.iterations;
  return likelihood.unstandardised(found);
}

std::vector<double> cure_rows(const CureSample& sample, Lifetime law,
                              std::span<const double> incidence_predictor,
                              std::span<const double> latency_predictor, double log_scale,
                              const Execution& execution) {
  require_valid(sample, execution);
  for (const auto& predictor : {incidence_predictor, latency_predictor})
    if (predictor.size() != sample.duration.size())
      throw InvalidInput("linear_predictor", -1, static_cast<double>(predictor.size()),
                         "as long as duration");
  const std::vector<AftRow> rows = rows_of(sample, 0.0, execution);
  std::vector<double> out(4 * rows.size());
  for_each_block(
      std::ssize(rows), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
          const CureTerm t = cure_term_at(law, rows[i], incidence_predictor[i],
                                          latency_predictor[i], std::exp(log_scale));
          out[4 * i] = t.value;
          out[4 * i + 1] = t.a;
          out[4 * i + 2] = t.e;
          out[4 * i + 3] = t.s;
        }
      });
  return out;
}

}  // namespace tenure::survival
