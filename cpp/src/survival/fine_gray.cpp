#include "tenure/survival/fine_gray.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "tenure/optim/newton.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/radix_sort.hpp"

namespace tenure::survival {
namespace {

constexpr std::size_t kPoll = 4096;
constexpr double kFlat = 1e-8;

void require_valid(const FineGraySample& s, const Execution& execution) {
  const std::size_t n = s.duration.size();
  if (n == 0) throw InvalidInput("duration", -1, 0.0, "non-empty");
  if (s.cause.size() != n)
    throw InvalidInput("cause", -1, static_cast<double>(s.cause.size()), "as long as duration");
  if (s.x.rows != std::ssize(s.duration))
    throw InvalidInput("X", -1, static_cast<double>(s.x.rows), "as long as duration");
  if (s.weight && s.weight->size() != n)
    throw InvalidInput("sample_weight", -1, static_cast<double>(s.weight->size()),
                       "as long as duration");
  bool seen = false;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % kPoll == 0) execution.poll();
    const auto row = static_cast<std::int64_t>(i);
    if (!(std::isfinite(s.duration[i]) && s.duration[i] >= 0.0))
      throw InvalidInput("duration", row, s.duration[i], "finite and >= 0");
    if (s.cause[i] > 2) throw InvalidInput("cause", row, s.cause[i], "0, 1 or 2");
    if (s.weight && !(std::isfinite((*s.weight)[i]) && (*s.weight)[i] > 0.0))
      throw InvalidInput("sample_weight", row, (*s.weight)[i], "finite and > 0");
    seen |= s.cause[i] == 1;
    for (std::int64_t j = 0; j < s.x.columns; ++j) {
      const double v =
          s.x.values[i * static_cast<std::size_t>(s.x.columns) + static_cast<std::size_t>(j)];
      if (!std::isfinite(v)) throw InvalidInput("X", row, v, "finite");
    }
  }
  if (!seen) throw InvalidInput("cause", -1, 0.0, "1 for some customer");
}

/// A time at which someone is last seen, for whatever reason; its rows are [first, last).
struct Moment {
  double time;
  std::size_t first, last;
  double events, censored;  ///< weights of the cause of interest; censored
  double at_risk;           ///< weight of the rows with T >= time
  double censoring;         ///< G(time-)
};

/// Rows in ascending time, with all that does not depend on b.
class Data {
 public:
  Data(const FineGraySample& s, const Execution& execution)
      : n(s.duration.size()),
        p(static_cast<std::size_t>(s.x.columns)),
        standard(standard_of(s.x, s.weight.value_or(std::span<const double>()), true, execution)),
        weight(n, 1.0) {
    Buffer<KeyedRow> order(std::ssize(s.duration));
    for (std::int64_t i = 0; i < order.size(); ++i)
      order[i] = {ordered_key(s.duration[static_cast<std::size_t>(i)]), i};
    radix_sort(order, execution);
    x.resize(n * p);
    cause.resize(n);
    moment.resize(n);
    for (std::size_t first = 0, last = 0; first < n; first = last) {
      const std::uint64_t key = order[static_cast<std::int64_t>(first)].key;
      Moment m{key_value(key), first, first, 0.0, 0.0, 0.0, 1.0};
      for (last = first; last < n && order[static_cast<std::int64_t>(last)].key == key; ++last) {
        if (last % kPoll == 0) execution.poll();
        const std::int64_t row = order[static_cast<std::int64_t>(last)].row;
        standard_rows(s.x, standard, false, row, row + 1, x.data() + last * p);
        cause[last] = s.cause[static_cast<std::size_t>(row)];
        moment[last] = moments.size();
        if (s.weight) weight[last] = (*s.weight)[static_cast<std::size_t>(row)];
        m.events += cause[last] == 1 ? weight[last] : 0.0;
        m.censored += cause[last] == 0 ? weight[last] : 0.0;
      }
      m.last = last;
      events += m.events;
      moments.push_back(m);
    }
    double at_risk = 0.0, g = 1.0;
    for (std::size_t m = moments.size(); m-- > 0;) {
      for (std::size_t i = moments[m].first; i < moments[m].last; ++i) at_risk += weight[i];
      moments[m].at_risk = at_risk;
    }
    for (Moment& m : moments) {
      m.censoring = g;
      g *= 1.0 - m.censored / m.at_risk;
    }
  }

  std::size_t n, p;
  Standard standard;
  std::vector<double> x;  ///< standardised
  std::vector<double> weight;
  std::vector<std::uint8_t> cause;
  std::vector<std::size_t> moment;  ///< of a row
  std::vector<Moment> moments;
  double events = 0.0;
};

/// y += f x
void add_to(double* y, const double* x, std::size_t p, double f) {
  for (std::size_t j = 0; j < p; ++j) y[j] += f * x[j];
}

/// What the risk sets are at one b.
class RiskSets {
 public:
  RiskSets(const Data& data, std::span<const double> b, const Execution& execution)
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

    // Those still there, from the last time to the first; then those who left for another cause.
    std::vector<double> sum(p);
    double total = 0.0;
    for (std::size_t m = data.moments.size(); m-- > 0;) {
      if (m % 64 == 0) execution.poll();
      for (std::size_t i = data.moments[m].first; i < data.moments[m].last; ++i) {
        total += risk[i];
        add_to(sum.data(), data.x.data() + i * p, p, risk[i]);
      }
      s0[m] = total;
      std::copy(sum.begin(), sum.end(), s1.begin() + static_cast<std::ptrdiff_t>(m * p));
    }
    std::ranges::fill(sum, 0.0);
    total = 0.0;
    for (std::size_t m = 0; m < data.moments.size(); ++m) {
      if (m % 64 == 0) execution.poll();
      const Moment& at = data.moments[m];
      s0[m] += at.censoring * total;
      add_to(s1.data() + m * p, sum.data(), p, at.censoring);
      for (std::size_t i = at.first; i < at.last; ++i) {
        if (data.cause[i] != 2) continue;
        total += risk[i] / at.censoring;
        add_to(sum.data(), data.x.data() + i * p, p, risk[i] / at.censoring);
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
  Hazards(const Data& data, const RiskSets& sets)
      : until(data.moments.size()), after(data.moments.size() + 1) {
    double sum = 0.0;
    for (std::size_t m = 0; m < until.size(); ++m)
      until[m] = sum += data.moments[m].events / sets.s0[m];
    for (std::size_t m = until.size(); m-- > 0;)
      after[m] = after[m + 1] + data.moments[m].censoring * data.moments[m].events / sets.s0[m];
  }
  /// Integral of the weight of row i over the baseline hazard.
  double of_row(const Data& data, std::size_t i) const {
    const std::size_t m = data.moment[i];
    return until[m] + (data.cause[i] == 2 ? after[m + 1] / data.moments[m].censoring : 0.0);
  }
  std::vector<double> until, after;
};

optim::Evaluation evaluate(const Data& data, std::span<const double> b,
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
std::vector<double> meat(const Data& data, std::span<const double> b, const Execution& execution) {
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
    add_to(after.data() + m * p, sets.s1.data() + m * p, p, data.moments[m].censoring * rise(m));
  }
  // q(u) / n(u) at each moment of censoring, and its sum over the hazard of censoring.
  std::vector<double> jump(moments * p), drift(moments * p), x1(p);
  double x0 = 0.0;
  std::ranges::fill(sum, 0.0);
  for (std::size_t m = 0; m < moments; ++m) {
    if (m % 64 == 0) execution.poll();
    const Moment& at = data.moments[m];
    for (std::size_t i = at.first; i < at.last; ++i) {
      if (data.cause[i] != 2) continue;
      x0 += sets.risk[i] / at.censoring;
      add_to(x1.data(), data.x.data() + i * p, p, sets.risk[i] / at.censoring);
    }
    if (at.censored > 0.0) {
      // Censoring at u is in the weight G(t-) / G(T-) of those with T <= u at times t > u.
      add_to(jump.data() + m * p, x1.data(), p, hazards.after[m + 1] / at.at_risk);
      add_to(jump.data() + m * p, after.data() + (m + 1) * p, p, -x0 / at.at_risk);
      add_to(sum.data(), jump.data() + m * p, p, at.censored / at.at_risk);
    }
    std::copy(sum.begin(), sum.end(), drift.begin() + static_cast<std::ptrdiff_t>(m * p));
  }
  std::vector<double> out(p * p), u(p);
  const double one = 1.0;
  for (std::size_t i = 0; i < data.n; ++i) {
    if (i % kPoll == 0) execution.poll();
    const std::size_t m = data.moment[i];
    const double* const x = data.x.data() + i * p;
    std::ranges::fill(u, 0.0);
    add_to(u.data(), x, p, -sets.risk[i] * hazards.of_row(data, i));
    add_to(u.data(), until.data() + m * p, p, sets.risk[i]);
    if (data.cause[i] == 2)
      add_to(u.data(), after.data() + (m + 1) * p, p, sets.risk[i] / data.moments[m].censoring);
    if (data.cause[i] == 1) {
      add_to(u.data(), x, p, data.weight[i]);
      add_to(u.data(), sets.s1.data() + m * p, p, -data.weight[i] / sets.s0[m]);
    }
    if (data.cause[i] == 0) add_to(u.data(), jump.data() + m * p, p, data.weight[i]);
    add_to(u.data(), drift.data() + m * p, p, -data.weight[i]);
    add_weighted_gram(u.data(), &one, 1, static_cast<std::int64_t>(p), out.data());
  }
  return out;
}

}  // namespace

FineGrayFit fine_gray(const FineGraySample& sample, const FineGrayOptions& options,
                      const Execution& execution) {
  require_valid(sample, execution);
  const Data data(sample, execution);
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
