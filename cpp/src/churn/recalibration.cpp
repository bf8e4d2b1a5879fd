#include "tenure/churn/recalibration.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tenure/optim/newton.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn {
namespace {

constexpr std::size_t kMost = 6;  // columns; the intercept is one more
constexpr std::size_t kSide = kMost + 1;

struct Sums {
  double value = 0.0;
  std::array<double, kSide> gradient{};
  std::array<double, kSide * kSide> hessian{};  // the lower triangle
  Sums& operator+=(const Sums& other) {
    value += other.value;
    for (std::size_t i = 0; i < kSide; ++i) gradient[i] += other.gradient[i];
    for (std::size_t i = 0; i < hessian.size(); ++i) hessian[i] += other.hessian[i];
    return *this;
  }
};

void require_rows(const char* argument, std::span<const double> values, std::size_t rows) {
  if (!values.empty() && values.size() != rows)
    throw InvalidInput(argument, -1, static_cast<double>(values.size()), "one a target");
}

class Likelihood {
 public:
  Likelihood(const RecalibrationSample& s, const Execution& execution)
      : s_(s), execution_(execution), n_(std::ssize(s.target)) {
    const std::size_t rows = s.target.size();
    if (rows == 0) throw InvalidInput("target", -1, 0.0, "non-empty");
    if (s.columns.size() % rows != 0 || s.columns.size() / rows > kMost)
      throw InvalidInput("columns", -1, static_cast<double>(s.columns.size()),
                         "at most 6 columns as long as the target");
    k_ = s.columns.size() / rows;
    if (k_ == 0 && !s.intercept) throw InvalidInput("columns", -1, 0.0, "something to fit");
    require_rows("offset", s.offset, rows);
    require_rows("weight", s.weight, rows);
    require_cells();
    standardise();
  }

  std::size_t size() const { return k_ + (s_.intercept ? 1 : 0); }

  /// The mean log-likelihood, negative, and its derivatives by intercept and scaled slopes.
  optim::Evaluation operator()(std::span<const double> point) const {
    const std::size_t p = size();
    const Sums sums = block_reduce(n_, execution_, Sums{}, [&](std::int64_t a, std::int64_t b) {
      Sums part;
      for (std::int64_t i = a; i < b; ++i) add(point, static_cast<std::size_t>(i), part);
      return part;
    });
    optim::Evaluation out;
    out.value = -sums.value / total_;
    out.gradient.resize(p);
    out.hessian.resize(p * p);
    for (std::size_t i = 0; i < p; ++i) {
      out.gradient[i] = -sums.gradient[i] / total_;
      for (std::size_t j = 0; j <= i; ++j)
        out.hessian[i * p + j] = out.hessian[j * p + i] = sums.hessian[i * kSide + j] / total_;
    }
    return out;
  }

  /// Where to start: the share of the target, and no slope.
  std::vector<double> start() const {
    std::vector<double> point(size(), 0.0);
    if (s_.intercept && s_.offset.empty()) {
      const double share = std::clamp(mean_target_, 1e-6, 1.0 - 1e-6);
      point[0] = std::log(share / (1.0 - share));
    }
    return point;
  }

  Recalibration told(const optim::Result& fit) const {
    const std::size_t p = size(), shift = s_.intercept ? 1 : 0;
    // Coefficients of the columns as they came: a linear map of those of scaled ones.
    std::vector<double> map(p * p, 0.0);
    if (s_.intercept) map[0] = 1.0;
    for (std::size_t j = 0; j < k_; ++j) {
      map[(j + shift) * p + j + shift] = 1.0 / scale_[j];
      if (s_.intercept) map[j + 1] = -centre_[j] / scale_[j];
    }
    Recalibration out;
    out.status = fit.status;
    out.coef.assign(p, 0.0);
    out.covariance.assign(p * p, 0.0);
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = 0; j < p; ++j) {
        out.coef[i] += map[i * p + j] * fit.point[j];
        double sum = 0.0;
        for (std::size_t a = 0; a < p; ++a)
          for (std::size_t b = 0; b < p; ++b)
            sum += map[i * p + a] * fit.inverse_hessian[a * p + b] * map[j * p + b];
        out.covariance[i * p + j] = sum / total_;
      }
    out.log_likelihood = -fit.at.value * total_;
    out.iterations = fit.iterations;
    out.gradient_norm = fit.gradient_norm;
    return out;
  }

 private:
  double weight(std::size_t i) const { return s_.weight.empty() ? 1.0 : s_.weight[i]; }

  double cell(std::size_t i, std::size_t j) const {
    return s_.columns[j * static_cast<std::size_t>(n_) + i];
  }

  void require_cells() {
    double target = 0.0;
    for (std::int64_t row = 0; row < n_; ++row) {
      const auto i = static_cast<std::size_t>(row);
      if (row % kBlockRows == 0) execution_.poll();
      for (std::size_t j = 0; j < k_; ++j)
        if (!std::isfinite(cell(i, j))) throw InvalidInput("columns", row, cell(i, j), "finite");
      if (!s_.offset.empty() && !std::isfinite(s_.offset[i]))
        throw InvalidInput("offset", row, s_.offset[i], "finite");
      if (!(s_.target[i] >= 0.0 && s_.target[i] <= 1.0))
        throw InvalidInput("target", row, s_.target[i], "in [0, 1]");
      const double w = weight(i);
      if (!(w >= 0.0 && std::isfinite(w))) throw InvalidInput("weight", row, w, "finite and >= 0");
      total_ += w;
      target += w * s_.target[i];
    }
    if (!(total_ > 0.0 && std::isfinite(total_)))
      throw InvalidInput("weight", -1, total_, "positive and finite in sum");
    mean_target_ = target / total_;
  }

  void standardise() {
    for (std::size_t j = 0; j < k_; ++j) {
      const auto mean_of = [&](const auto& term) {
        return block_sum(n_, execution_,
                         [&](std::int64_t row) {
                           const auto i = static_cast<std::size_t>(row);
                           return weight(i) * term(cell(i, j));
                         }) /
               total_;
      };
      centre_[j] = s_.intercept ? mean_of([](double x) { return x; }) : 0.0;
      const double c = centre_[j];
      const double spread = std::sqrt(mean_of([c](double x) { return (x - c) * (x - c); }));
      // What rounding leaves of a constant column is no spread.
      if (!(spread > 1e-12 * std::abs(c) && std::isfinite(spread)))
        throw InvalidInput("columns", -1, spread, "columns that vary");
      scale_[j] = spread;
    }
  }

  void add(std::span<const double> point, std::size_t i, Sums& sums) const {
    const std::size_t p = size(), shift = s_.intercept ? 1 : 0;
    std::array<double, kSide> x{};
    if (s_.intercept) x[0] = 1.0;
    for (std::size_t j = 0; j < k_; ++j) x[j + shift] = (cell(i, j) - centre_[j]) / scale_[j];
    double eta = s_.offset.empty() ? 0.0 : s_.offset[i];
    for (std::size_t a = 0; a < p; ++a) eta += x[a] * point[a];
    const double w = weight(i), y = s_.target[i];
    const double e = std::exp(-std::abs(eta));
    const double probability = eta > 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
    const double curvature = w * e / ((1.0 + e) * (1.0 + e));
    sums.value += w * (y * eta - std::max(eta, 0.0) - std::log1p(e));
    for (std::size_t a = 0; a < p; ++a) {
      sums.gradient[a] += w * (y - probability) * x[a];
      for (std::size_t b = 0; b <= a; ++b) sums.hessian[a * kSide + b] += curvature * x[a] * x[b];
    }
  }

  const RecalibrationSample& s_;
  const Execution& execution_;
  std::int64_t n_;
  std::size_t k_ = 0;
  double total_ = 0.0, mean_target_ = 0.0;
  std::array<double, kMost> centre_{}, scale_{};
};

}  // namespace

Recalibration recalibrate(const RecalibrationSample& sample, const Execution& execution) {
  const Likelihood likelihood(sample, execution);
  return likelihood.told(optim::newton(
      [&](std::span<const double> point) { return likelihood(point); }, likelihood.start()));
}

}  // namespace tenure::churn
