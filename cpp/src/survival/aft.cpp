#include "tenure/survival/aft.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "aft_terms.hpp"
#include "tenure/optim/newton.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::survival {
namespace {

constexpr std::int64_t kRows = 256;  ///< that are standardised at a time: they stay in the cache

void require_valid(const AftSample& s, const Execution& execution) {
  const std::size_t n = s.lower.size();
  const auto require_length = [n](const char* argument, std::size_t length) {
    if (length != n)
      throw InvalidInput(argument, -1, static_cast<double>(length), "as long as lower");
  };
  if (n == 0) throw InvalidInput("lower", -1, 0.0, "non-empty");
  require_length("upper", s.upper.size());
  require_length("X", static_cast<std::size_t>(s.x.rows));
  if (s.entry) require_length("entry", s.entry->size());
  if (s.weight) require_length("sample_weight", s.weight->size());
  if (s.offset) require_length("offset", s.offset->size());
  double total = s.weight ? 0.0 : 1.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 4096 == 0) execution.poll();
    const auto row = static_cast<std::int64_t>(i);
    const double l = s.lower[i], u = s.upper[i];
    if (!(std::isfinite(l) && l >= 0.0)) throw InvalidInput("lower", row, l, "finite and >= 0");
    if (!(u >= l && u > 0.0)) throw InvalidInput("upper", row, u, "> 0 and >= lower");
    if (s.entry) {
      const double e = (*s.entry)[i];
      if (!(e >= 0.0 && e <= l && e < u))
        throw InvalidInput("entry", row, e, ">= 0, at most lower and < upper");
    }
    if (s.weight) {
      const double w = (*s.weight)[i];
      if (!(std::isfinite(w) && w >= 0.0))
        throw InvalidInput("sample_weight", row, w, "finite and >= 0");
      total += w;
    }
    if (s.offset && !std::isfinite((*s.offset)[i]))
      throw InvalidInput("offset", row, (*s.offset)[i], "finite");
    for (std::int64_t j = 0; j < s.x.columns; ++j) {
      const double v =
          s.x.values[i * static_cast<std::size_t>(s.x.columns) + static_cast<std::size_t>(j)];
      if (!std::isfinite(v)) throw InvalidInput("X", row, v, "finite");
    }
  }
  if (!(total > 0.0 && std::isfinite(total)))
    throw InvalidInput("sample_weight", -1, total, "positive and finite in sum");
}

/// Logarithms of the times, less a common one, taken once.
std::vector<AftRow> rows_of(const AftSample& s, double origin, const Execution& execution) {
  std::vector<AftRow> rows(s.lower.size());
  for_each_block(
      std::ssize(s.lower), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i)
          rows[i] = {std::log(s.lower[i]) - origin, std::log(s.upper[i]) - origin,
                     (s.entry ? std::log((*s.entry)[i]) : -INFINITY) - origin,
                     s.lower[i] == s.upper[i]};
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

class Likelihood {
 public:
  Likelihood(const AftSample& s, const AftOptions& options, const Execution& execution)
      : s_(s),
        options_(options),
        execution_(execution),
        columns_(static_cast<std::size_t>(s.x.columns) + (options.intercept ? 1 : 0)),
        has_scale_(options.law != Lifetime::exponential),
        has_shape_(options.law == Lifetime::generalized_gamma),
        standard_(standard_of(s.x, s.weight ? *s.weight : std::span<const double>{},
                              options.intercept, execution)) {
    // The middle of the log times: the likelihood is that of times in its unit.
    double sum = 0.0;
    for (std::size_t i = 0; i < s.lower.size(); ++i) {
      const double w = weight(i);
      sum += w * middle(i);
      total_ += w;
    }
    origin_ = options.intercept ? sum / total_ : 0.0;
    rows_ = rows_of(s, origin_, execution);
    double spread = 0.0, exact = 0.0;
    for (std::size_t i = 0; i < s.lower.size(); ++i) {
      const double d = middle(i) - sum / total_;
      spread += weight(i) * d * d;
      if (rows_[i].exact) exact += weight(i);
    }
    exact_ = exact;
    spread_ = std::clamp(std::sqrt(spread / total_), 1e-3, 1e3);
  }

  std::size_t size() const { return columns_ + (has_scale_ ? 1 : 0) + (has_shape_ ? 1 : 0); }
  double total() const { return total_; }
  double origin() const { return origin_; }
  double exact() const { return exact_; }
  double spread() const { return spread_; }
  std::size_t columns() const { return columns_; }
  bool has_scale() const { return has_scale_; }
  bool has_shape() const { return has_shape_; }
  const Standard& standard() const { return standard_; }

  /// Minus the mean over customers, as the optimiser wants it.
  optim::Evaluation operator()(std::span<const double> point) const {
    const std::size_t k = size();
    const Sums sums = block_reduce(
        s_.x.rows, execution_, Sums(k),
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

 private:
  double weight(std::size_t i) const { return s_.weight ? (*s_.weight)[i] : 1.0; }

  double middle(std::size_t i) const {
    const double l = s_.lower[i], u = s_.upper[i];
    const double t = std::isinf(u) ? l : l == 0.0 ? u : 0.5 * (l + u);
    return t > 0.0 ? std::log(t) - (s_.offset ? (*s_.offset)[i] : 0.0) : 0.0;
  }

  void add(std::span<const double> point, std::int64_t first, std::int64_t last, Sums& out) const {
    const std::size_t p = columns_, k = size();
    const auto rows = static_cast<std::size_t>(last - first);
    std::vector<double> x(rows * p), weight_ee(rows), e(rows), es(rows), eq(rows);
    standard_rows(s_.x, standard_, options_.intercept, first, last, x.data());
    const double log_sigma = has_scale_ ? point[p] : 0.0;
    const double sigma = std::exp(log_sigma), shape = has_shape_ ? point[p + 1] : 0.0;
    for (std::size_t r = 0; r < rows; ++r) {
      const auto i = static_cast<std::size_t>(first) + r;
      double eta = s_.offset ? (*s_.offset)[i] : 0.0;
      for (std::size_t j = 0; j < p; ++j) eta += x[r * p + j] * point[j];
      const AftTerm t = has_shape_ ? term_with_shape(shape, rows_[i], eta, sigma)
                                   : term_at(options_.law, 0.0, rows_[i], eta, sigma);
      const double w = weight(i);
      if (w == 0.0) {
        weight_ee[r] = e[r] = es[r] = eq[r] = 0.0;
        continue;
      }
      out.value += w * t.value;
      weight_ee[r] = w * t.ee;
      e[r] = w * t.e;
      es[r] = w * t.es;
      eq[r] = w * t.eq;
      if (has_scale_) {
        out.gradient[p] += w * t.s;
        out.hessian[p * k + p] += w * t.ss;
      }
      if (has_shape_) {
        out.gradient[p + 1] += w * t.q;
        out.hessian[(p + 1) * k + p] += w * t.sq;
        out.hessian[(p + 1) * k + p + 1] += w * t.qq;
      }
    }
    std::vector<double> gram(p * p);
    add_weighted_gram(x.data(), weight_ee.data(), last - first, static_cast<std::int64_t>(p),
                      gram.data());
    for (std::size_t j = 0; j < p; ++j)
      for (std::size_t m = 0; m <= j; ++m) out.hessian[j * k + m] += gram[j * p + m];
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t j = 0; j < p; ++j) {
        out.gradient[j] += e[r] * x[r * p + j];
        if (has_scale_) out.hessian[p * k + j] += es[r] * x[r * p + j];
        if (has_shape_) out.hessian[(p + 1) * k + j] += eq[r] * x[r * p + j];
      }
  }

  const AftSample& s_;
  const AftOptions& options_;
  const Execution& execution_;
  std::size_t columns_;
  bool has_scale_, has_shape_;
  Standard standard_;
  std::vector<AftRow> rows_;
  double total_ = 0.0, origin_ = 0.0, exact_ = 0.0, spread_ = 1.0;
};

/// Back from standardised columns: b = A b', A the matrix of d b / d b'.
AftFit unstandardised(const Likelihood& likelihood, const optim::Result& result,
                      const AftOptions& options) {
  const std::size_t k = likelihood.size(), p = likelihood.columns();
  const auto& [centre, scale] = likelihood.standard();
  const std::size_t first = options.intercept ? 1 : 0;
  std::vector<double> a(k * k);
  for (std::size_t i = 0; i < k; ++i) a[i * k + i] = 1.0;
  for (std::size_t j = first; j < p; ++j) {
    a[j * k + j] = 1.0 / scale[j - first];
    if (options.intercept) a[j] = -centre[j - first] / scale[j - first];
  }
  AftFit fit;
  fit.coefficients.assign(p, 0.0);
  for (std::size_t i = 0; i < p; ++i)
    for (std::size_t j = 0; j < p; ++j) fit.coefficients[i] += a[i * k + j] * result.point[j];
  if (options.intercept) fit.coefficients[0] += likelihood.origin();
  fit.log_scale = likelihood.has_scale() ? result.point[p] : 0.0;
  fit.shape = likelihood.has_shape() ? result.point[p + 1] : 0.0;
  fit.log_likelihood =
      -result.at.value * likelihood.total() - likelihood.exact() * likelihood.origin();
  std::vector<double> half(k * k, 0.0);
  fit.covariance.assign(k * k, 0.0);
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < k; ++j)
      for (std::size_t m = 0; m < k; ++m)
        if (a[i * k + m] != 0.0)
          half[i * k + j] += a[i * k + m] * result.inverse_hessian[m * k + j];
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < k; ++j)
      for (std::size_t m = 0; m < k; ++m)
        if (a[j * k + m] != 0.0) fit.covariance[i * k + j] += half[i * k + m] * a[j * k + m];
  for (double& v : fit.covariance) v /= likelihood.total();
  fit.status = result.status;
  fit.iterations = result.iterations;
  fit.gradient_norm = result.gradient_norm;
  return fit;
}

}  // namespace

AftFit aft_fit(const AftSample& sample, const AftOptions& options, const Execution& execution) {
  require_valid(sample, execution);
  const Likelihood likelihood(sample, options, execution);
  const optim::NewtonOptions newton{options.max_iterations, options.tolerance};
  const optim::Objective objective = [&](std::span<const double> point) {
    return likelihood(point);
  };
  std::vector<double> start(likelihood.size());
  if (likelihood.has_scale()) start[likelihood.columns()] = std::log(likelihood.spread());
  if (!likelihood.has_shape())
    return unstandardised(likelihood, optim::newton(objective, start, newton), options);

  // From the two laws that lie within the family.
  std::vector<std::vector<double>> starts;
  for (const auto& [law, shape] :
       {std::pair{Lifetime::log_normal, 0.0}, {Lifetime::weibull, 1.0}}) {
    AftOptions within = options;
    within.law = law;
    const Likelihood simple(sample, within, execution);
    std::vector<double> from(simple.size());
    from[simple.columns()] = std::log(simple.spread());
    const optim::Result result =
        optim::newton([&](std::span<const double> point) { return simple(point); }, from, newton);
    starts.push_back(result.point);
    starts.back().push_back(shape);
  }
  return unstandardised(likelihood, optim::newton_from(objective, starts, newton), options);
}

std::vector<double> aft_rows(const AftSample& sample, Lifetime law,
                             std::span<const double> linear_predictor, double log_scale,
                             double shape, const Execution& execution) {
  require_valid(sample, execution);
  if (linear_predictor.size() != sample.lower.size())
    throw InvalidInput("linear_predictor", -1, static_cast<double>(linear_predictor.size()),
                       "as long as lower");
  const std::vector<AftRow> rows = rows_of(sample, 0.0, execution);
  std::vector<double> out(4 * rows.size());
  for_each_block(
      std::ssize(rows), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
          const AftTerm t =
              law == Lifetime::generalized_gamma
                  ? term_with_shape(shape, rows[i], linear_predictor[i], std::exp(log_scale))
                  : term_at(law, 0.0, rows[i], linear_predictor[i], std::exp(log_scale));
          out[4 * i] = t.value;
          out[4 * i + 1] = t.e;
          out[4 * i + 2] = t.s;
          out[4 * i + 3] = t.q;
        }
      });
  return out;
}

}  // namespace tenure::survival
