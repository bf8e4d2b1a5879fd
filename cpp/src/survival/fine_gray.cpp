#include "tenure/survival/fine_gray.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "fine_gray_rows.hpp"
#include "tenure/optim/newton.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/survival/precise_sum.hpp"

namespace tenure::survival {
namespace {

constexpr std::size_t kPoll = 4096;
constexpr double kFlat = 1e-8;

/// y += f x
void add_to(double* y, const double* x, std::size_t p, double f) {
  for (std::size_t j = 0; j < p; ++j) y[j] += f * x[j];
}

/// What the risk sets are at one b.
class RiskSets {
 public:
  RiskSets(const FineGrayRows& data, std::span<const double> b, const Execution& execution)
      : risk(data.n), s0(data.moments.size()), s1(data.moments.size() * data.p) {
    const std::size_t p = data.p;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < data.n; ++i) {
      double eta = 0.0;
      for (std::size_t j = 0; j < p; ++j) eta += data.x[i * p + j] * b[j];
      risk[i] = eta;
      largest = std::max(largest, eta);
    }
    shift = largest;  // the largest relative risk is 1: none overflows
    for (std::size_t i = 0; i < data.n; ++i) risk[i] = data.weight[i] * std::exp(risk[i] - shift);

    // Those under observation, from the last time to the first; then those who left for another
    // cause.
    std::vector<PreciseSum> there(p + 1);
    const auto join = [&](std::size_t i, double r) {
      there[p].add(r);
      for (std::size_t j = 0; j < p; ++j) there[j].add(r * data.x[i * p + j]);
    };
    std::size_t late = data.late.size();
    for (std::size_t m = data.moments.size(); m-- > 0;) {
      if (m % 64 == 0) execution.poll();
      for (; late > 0 && data.slot[data.late[late - 1]] > m; --late)
        join(data.late[late - 1], -risk[data.late[late - 1]]);
      for (std::size_t i = data.moments[m].first; i < data.moments[m].last; ++i) join(i, risk[i]);
      s0[m] = there[p].value();
      for (std::size_t j = 0; j < p; ++j) s1[m * p + j] = there[j].value();
    }
    std::vector<double> sum(p);
    double total = 0.0;
    for (std::size_t m = 0; m < data.moments.size(); ++m) {
      if (m % 64 == 0) execution.poll();
      const Moment& at = data.moments[m];
      s0[m] += at.observed * total;
      add_to(s1.data() + m * p, sum.data(), p, at.observed);
      for (std::size_t i = at.first; i < at.last; ++i) {
        if (data.cause[i] != 2) continue;
        total += risk[i] / at.observed;
        add_to(sum.data(), data.x.data() + i * p, p, risk[i] / at.observed);
      }
    }
  }

  std::vector<double> risk;  ///< weight exp(x b - shift)
  std::vector<double> s0;    ///< by moment, as exp(-shift) of it
  std::vector<double> s1;    ///< moments x p
  double shift = 0.0;
};

/// The cumulative baseline hazard up to each moment, and G times it after each.
struct Hazards {
  Hazards(const FineGrayRows& data, const RiskSets& sets)
      : until(data.moments.size()), after(data.moments.size() + 1) {
    double sum = 0.0;
    for (std::size_t m = 0; m < until.size(); ++m)
      until[m] = sum += data.moments[m].events / sets.s0[m];
    for (std::size_t m = until.size(); m-- > 0;)
      after[m] = after[m + 1] + data.moments[m].observed * data.moments[m].events / sets.s0[m];
  }
  /// Integral of the weight of row i, once it has entered, over the baseline hazard.
  double of_row(const FineGrayRows& data, std::size_t i) const {
    const std::size_t m = data.moment[i], from = data.slot[i];
    return until[m] - (from > 0 ? until[from - 1] : 0.0) +
           (data.cause[i] == 2 ? after[m + 1] / data.moments[m].observed : 0.0);
  }
  std::vector<double> until, after;
};

optim::Evaluation evaluate(const FineGrayRows& data, std::span<const double> b,
                           const Execution& execution) {
  const std::size_t p = data.p;
  const RiskSets sets(data, b, execution);
  const Hazards hazards(data, sets);
  optim::Evaluation out;
  out.gradient.resize(p);
  std::vector<double> gram(p * p), weight(data.n);
  for (std::size_t i = 0; i < data.n; ++i) {
    weight[i] = sets.risk[i] * hazards.of_row(data, i);
    if (data.cause[i] != 1) continue;
    double eta = -sets.shift;
    for (std::size_t j = 0; j < p; ++j) eta += data.x[i * p + j] * b[j];
    out.value -= data.weight[i] * eta;
    add_to(out.gradient.data(), data.x.data() + i * p, p, -data.weight[i]);
  }
  for (std::size_t first = 0; first < data.n; first += kPoll) {
    execution.poll();
    const std::size_t rows = std::min(kPoll, data.n - first);
    add_weighted_gram(data.x.data() + first * p, weight.data() + first,
                      static_cast<std::int64_t>(rows), static_cast<std::int64_t>(p), gram.data());
  }
  for (std::size_t m = 0; m < data.moments.size(); ++m) {
    const double d = data.moments[m].events;
    if (d == 0.0) continue;
    out.value += d * std::log(sets.s0[m]);
    add_to(out.gradient.data(), sets.s1.data() + m * p, p, d / sets.s0[m]);
    const double h = -d / (sets.s0[m] * sets.s0[m]);
    add_weighted_gram(sets.s1.data() + m * p, &h, 1, static_cast<std::int64_t>(p), gram.data());
  }
  out.value /= data.events;
  for (double& g : out.gradient) g /= data.events;
  out.hessian.resize(p * p);
  for (std::size_t j = 0; j < p; ++j)
    for (std::size_t k = 0; k <= j; ++k)
      out.hessian[j * p + k] = out.hessian[k * p + j] = gram[j * p + k] / data.events;
  return out;
}

/// Sum over customers of (eta + psi)(eta + psi)', in standardised columns, lower triangle.
std::vector<double> meat(const FineGrayRows& data, std::span<const double> b,
                         const Execution& execution) {
  const std::size_t p = data.p, moments = data.moments.size();
  const RiskSets sets(data, b, execution);
  const Hazards hazards(data, sets);
  // Integrals of the mean covariate E = s1 / s0 over the baseline hazard, as in `Hazards`.
  std::vector<double> until(moments * p), after((moments + 1) * p), sum(p);
  const auto rise = [&](std::size_t m) {
    return data.moments[m].events / (sets.s0[m] * sets.s0[m]);
  };
  for (std::size_t m = 0; m < moments; ++m) {
    add_to(sum.data(), sets.s1.data() + m * p, p, rise(m));
    std::copy(sum.begin(), sum.end(), until.begin() + static_cast<std::ptrdiff_t>(m * p));
  }
  for (std::size_t m = moments; m-- > 0;) {
    std::copy_n(after.begin() + static_cast<std::ptrdiff_t>((m + 1) * p), p,
                after.begin() + static_cast<std::ptrdiff_t>(m * p));
    add_to(after.data() + m * p, sets.s1.data() + m * p, p, data.moments[m].observed * rise(m));
  }
  // q after each moment, and its sum over the hazards of censoring, less those of entry.
  std::vector<double> q(moments * p), drift(moments * p), x1(p);
  double x0 = 0.0;
  std::ranges::fill(sum, 0.0);
  for (std::size_t m = 0; m < moments; ++m) {
    if (m % 64 == 0) execution.poll();
    const Moment& at = data.moments[m];
    if (m > 0) add_to(sum.data(), q.data() + (m - 1) * p, p, -at.entry_hazard);
    for (std::size_t i = at.first; i < at.last; ++i) {
      if (data.cause[i] != 2) continue;
      x0 += sets.risk[i] / at.observed;
      add_to(x1.data(), data.x.data() + i * p, p, sets.risk[i] / at.observed);
    }
    // Censoring at u is in the weight of those with T <= u at times t > u, and so is entry from u
    // until the next moment, the other way.
    add_to(q.data() + m * p, x1.data(), p, hazards.after[m + 1]);
    add_to(q.data() + m * p, after.data() + (m + 1) * p, p, -x0);
    add_to(sum.data(), q.data() + m * p, p, at.censored / (at.at_risk * at.at_risk));
    std::copy(sum.begin(), sum.end(), drift.begin() + static_cast<std::ptrdiff_t>(m * p));
  }
  std::vector<double> own_entry(data.n);
  for (std::size_t k = 0; k < data.late.size(); ++k) own_entry[data.late[k]] = data.entry_share[k];
  std::vector<double> out(p * p), u(p);
  const double one = 1.0;
  for (std::size_t i = 0; i < data.n; ++i) {
    if (i % kPoll == 0) execution.poll();
    const std::size_t m = data.moment[i], from = data.slot[i];
    const double* const x = data.x.data() + i * p;
    std::ranges::fill(u, 0.0);
    add_to(u.data(), x, p, -sets.risk[i] * hazards.of_row(data, i));
    add_to(u.data(), until.data() + m * p, p, sets.risk[i]);
    if (data.cause[i] == 2)
      add_to(u.data(), after.data() + (m + 1) * p, p, sets.risk[i] / data.moments[m].observed);
    if (data.cause[i] == 1) {
      add_to(u.data(), x, p, data.weight[i]);
      add_to(u.data(), sets.s1.data() + m * p, p, -data.weight[i] / sets.s0[m]);
    }
    if (data.cause[i] == 0)
      add_to(u.data(), q.data() + m * p, p, data.weight[i] / data.moments[m].at_risk);
    add_to(u.data(), drift.data() + m * p, p, -data.weight[i]);
    if (from > 0) {
      add_to(u.data(), until.data() + (from - 1) * p, p, -sets.risk[i]);
      add_to(u.data(), drift.data() + (from - 1) * p, p, data.weight[i]);
      add_to(u.data(), q.data() + (from - 1) * p, p, -data.weight[i] * own_entry[i]);
    }
    add_weighted_gram(u.data(), &one, 1, static_cast<std::int64_t>(p), out.data());
  }
  return out;
}

}  // namespace

FineGrayFit fine_gray(const FineGraySample& sample, const FineGrayOptions& options,
                      const Execution& execution) {
  const FineGrayRows data(sample, execution);
  const std::size_t p = data.p;
  const optim::Objective objective = [&](std::span<const double> b) {
    return evaluate(data, b, execution);
  };
  const std::vector<double> zero(p);
  FineGrayFit fit;
  fit.null_log_likelihood = -objective(zero).value * data.events;
  const optim::Result result =
      optim::newton(objective, zero, {options.max_iterations, options.tolerance});
  fit.status = result.status;
  // Where a coefficient runs away, gradient and Hessian are differences of equal numbers in the
  // end, and rounding makes both 0: at an optimum of standardised columns the Hessian is not.
  if (fit.status == optim::Status::converged && result.eigenvalues.front() < kFlat)
    fit.status = optim::Status::boundary;
  fit.iterations = result.iterations;
  fit.gradient_norm = result.gradient_norm;
  fit.log_likelihood = -result.at.value * data.events;

  std::vector<double> b = meat(data, result.point, execution);
  for (std::size_t j = 0; j < p; ++j)
    for (std::size_t k = 0; k < j; ++k) b[k * p + j] = b[j * p + k];
  const auto& bread = result.inverse_hessian;  // of the mean over events
  const auto product = [p](const std::vector<double>& l, const std::vector<double>& r) {
    std::vector<double> out(p * p);
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t k = 0; k < p; ++k)
        add_to(out.data() + i * p, r.data() + k * p, p, l[i * p + k]);
    return out;
  };
  fit.covariance = product(product(bread, b), bread);
  fit.naive_covariance = bread;
  const auto& [centre, scale] = data.standard;
  double moved = 0.0;
  fit.coefficients.resize(p);
  for (std::size_t j = 0; j < p; ++j) {
    fit.coefficients[j] = result.point[j] / scale[j];
    moved += centre[j] * fit.coefficients[j];
    for (std::size_t k = 0; k < p; ++k) {
      fit.covariance[j * p + k] /= data.events * data.events * scale[j] * scale[k];
      fit.naive_covariance[j * p + k] /= data.events * scale[j] * scale[k];
    }
  }
  // Where the sums were of exp(x b - shift) in centred columns, back to x = 0.
  const RiskSets sets(data, result.point, execution);
  double hazard = 0.0;
  for (std::size_t m = 0; m < data.moments.size(); ++m) {
    if (data.moments[m].events == 0.0) continue;
    hazard += data.moments[m].events / sets.s0[m] * std::exp(-sets.shift - moved);
    fit.time.push_back(data.moments[m].time);
    fit.baseline.push_back(hazard);
  }
  return fit;
}

}  // namespace tenure::survival
