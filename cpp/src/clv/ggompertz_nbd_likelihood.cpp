#include <array>
#include <cmath>
#include <utility>

#include "covariate_rows.hpp"
#include "ggompertz_nbd_rows.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/clv/rising_factorial.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

enum Coordinate : std::size_t { kR, kAlpha, kB, kS, kRatio };

constexpr RatioCoordinate kBetaOverB{kRatio, kB};

using Point = GGompertzPoint;

Derivatives<5> of_sample(const Point& p, const PurchaseSample& sample, std::int64_t stride,
                         const Execution& execution) {
  const auto in_r = rising_factorials(p.r, sample.x);
  Derivatives<5> total;
  for (std::size_t g = 0; g < sample.x.size(); ++g) {
    const double w = sample.x_weight[g];
    total.value += w * in_r[g].log;
    total.gradient[kR] += w * p.r * in_r[g].first;
    total.second(kR, kR) += w * p.r * (in_r[g].first + p.r * in_r[g].second);
  }
  total.value -= sample.purchases * std::log(p.alpha);
  total.gradient[kAlpha] -= sample.purchases;
  const GGompertzRows rows(p);
  const auto of_rows = [&](std::int64_t from, std::int64_t to) {
    Derivatives<5> part;
    sample.each_run(
        from, to, stride, [&](double x, std::int64_t first, std::int64_t last, double factor) {
          for (std::int64_t i = first; i < last; i += stride) {
            const RepeatTimes& t = sample.repeat_times[i];
            const double w = sample.repeat_weight.empty() ? 1.0 : sample.repeat_weight[i];
            const Derivatives<5> row = rows.of(x, t.recency, t.age);
            part.value += factor * w * row.value;
            for (std::size_t k = 0; k < 5; ++k) part.gradient[k] += factor * w * row.gradient[k];
            for (std::size_t k = 0; k < 15; ++k) part.hessian[k] += factor * w * row.hessian[k];
          }
        });
    return part;
  };
  total += block_reduce(sample.repeat_rows(), execution, Derivatives<5>{}, of_rows, 256);
  return total;
}

/// Rows that have parameters of their own but for r. A row costs too much to fill lanes with.
void terms_of_rows(const RowChunk& c, double (*term)[kRowChunk]) {
  const RisingFactorial in_r = rising_factorial(c.parameter[kR][0], c.x);
  for (int i = 0; i < c.rows; ++i) {
    const auto of = [&](Coordinate q) { return c.parameter[q][i]; };
    const double r = of(kR), alpha = of(kAlpha);
    Derivatives<5> d =
        GGompertzRows({r, alpha, {of(kB), of(kS), of(kRatio)}}).of(c.x, c.recency[i], c.age[i]);
    d.value += in_r.log - c.x * std::log(alpha);
    d.gradient[kR] += r * in_r.first;
    d.gradient[kAlpha] -= c.x;
    d.second(kR, kR) += r * (in_r.first + r * in_r.second);
    term[kRowValue][i] = d.value;
    for (int k = 0; k < 5; ++k) term[kRowGradient + k][i] = d.gradient[static_cast<std::size_t>(k)];
    for (int k = 0; k < 15; ++k)
      term[row_hessian(5) + k][i] = d.hessian[static_cast<std::size_t>(k)];
  }
  for (int k = 0; k < row_terms(5); ++k)
    for (int i = c.rows; i < c.full; ++i) term[k][i] = 0.0;
}

}  // namespace

void require_valid(const GGompertzNbdParameters& p) {
  const std::array<std::pair<const char*, double>, 6> all{{{"r", p.r},
                                                           {"alpha", p.alpha},
                                                           {"b", p.b},
                                                           {"s", p.s},
                                                           {"beta", p.beta},
                                                           {"beta / b", p.beta / p.b}}};
  for (const auto& [name, value] : all)
    if (!(std::isnormal(value) && value > 0.0))
      throw InvalidInput(name, -1, value, "finite and > 0");
}

Derivatives<5> ggompertz_nbd_log_likelihood(const GGompertzNbdParameters& parameters,
                                            const RepeatPurchases& purchases,
                                            const Execution& execution) {
  require_valid(parameters);
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::everyone, execution);
  const double scale = sample.time_scale;
  const Point p{parameters.r,
                parameters.alpha * scale,
                {parameters.b / scale, parameters.s, parameters.beta / parameters.b * scale}};
  Derivatives<5> d = of_sample(p, sample, 1, execution);
  d.value += sample.purchases * std::log(scale);
  // From beta/b to beta: b moves it the other way.
  d.gradient[kB] -= d.gradient[kRatio];
  d.second(kB, kB) += d.second(kRatio, kRatio) - 2.0 * d.second(kRatio, kB);
  d.second(kB, kAlpha) -= d.second(kRatio, kAlpha);
  d.second(kB, kR) -= d.second(kRatio, kR);
  d.second(kS, kB) -= d.second(kRatio, kS);
  d.second(kRatio, kB) -= d.second(kRatio, kRatio);
  return d;
}

Fit fit_ggompertz_nbd(const RepeatPurchases& purchases, const FitOptions& options,
                      const Execution& execution) {
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::everyone, execution);
  const auto mean = [&](std::span<const double> u, std::int64_t stride) {
    const Point p{std::exp(u[kR]),
                  std::exp(u[kAlpha]),
                  {std::exp(u[kB]), std::exp(u[kS]), std::exp(u[kRatio])}};
    return of_sample(p, sample, stride, execution).times(-1.0 / sample.customers);
  };
  const double age = sample.mean_age > 0.0 ? sample.mean_age : 1.0;
  const auto start = [&](double r, double b, double s, double watched) {
    const double rate =
        1.5 * std::max(sample.purchases, 1e-3 * sample.customers) / sample.customers;
    return std::vector{std::log(r), std::log(r * age / rate), std::log(b / age), std::log(s),
                       std::log(watched * age)};
  };
  const std::vector<std::vector<double>> starts{start(0.5, 0.3, 0.5, 0.5),
                                                start(2.0, 2.0, 1.0, 5.0)};

  double longest = 0.0;
  for (const double t : sample.age.span()) longest = std::max(longest, t);
  const double in_tenths = longest > 0.0 ? 10.0 / longest : 1.0;
  const double back = 1.0 / sample.time_scale;
  const ModelScales scales{.parameter = {1.0, back, sample.time_scale, 1.0, back},
                           .penalty = {1.0, in_tenths, 1.0 / in_tenths, 1.0, in_tenths},
                           .log_likelihood_shift = sample.purchases * std::log(sample.time_scale)};
  FitOptions ours = options;
  if (ours.start.size() == 5) ours.start[kRatio] /= ours.start[kB];
  Fit fit = maximise(mean, starts, scales, sample.customers, sample.repeat_rows(), ours);
  to_parameters(fit, kBetaOverB);
  return fit;
}

const RowKernel& ggompertz_nbd_rows() {
  static constexpr RowKernel kernel{terms_of_rows, 5, {0, 1, -1, 0, 1}, kBetaOverB};
  return kernel;
}

}  // namespace tenure::clv
