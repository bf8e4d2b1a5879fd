#include "tenure/clv/contracts.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using survival::BetaGeometric;
using survival::BetaWeibull;
using survival::DiscreteWeibull;

constexpr double kMaxRenewals = 0x1p20;
constexpr std::int64_t kPollRows = 65'536;
// Differences of a mean log-likelihood that are rounding.
constexpr double kTie = 1e-10;

void require_lengths(const RenewalHistory& h) {
  if (h.churned.size() != h.renewals.size())
    throw InvalidInput("churned", -1, static_cast<double>(h.churned.size()),
                       "of as many rows as renewals");
  if (h.weight && h.weight->size() != h.renewals.size())
    throw InvalidInput("weight", -1, static_cast<double>(h.weight->size()),
                       "of as many rows as renewals");
  if (h.renewals.empty()) throw InvalidInput("renewals", -1, 0.0, "of at least one row");
}

template <class Model>
struct Family;

template <>
struct Family<BetaGeometric> {
  static BetaGeometric at(std::span<const double> u) { return {std::exp(u[0]), std::exp(u[1])}; }
  static std::vector<std::vector<double>> starts(double churn) {
    std::vector<std::vector<double>> s;
    for (const double size : {2.0, 0.5, 10.0, 100.0})
      s.push_back({std::log(size * churn), std::log(size * (1.0 - churn))});
    return s;
  }
};

template <>
struct Family<BetaWeibull> {
  static BetaWeibull at(std::span<const double> u) {
    return {std::exp(u[0]), std::exp(u[1]), std::exp(u[2])};
  }
  static std::vector<std::vector<double>> starts(double churn) {
    std::vector<std::vector<double>> s;
    for (const auto& [size, c] : {std::pair{2.0, 1.0}, {0.5, 1.5}, {10.0, 0.7}, {100.0, 1.0}})
      s.push_back({std::log(size * churn), std::log(size * (1.0 - churn)), std::log(c)});
    return s;
  }
};

template <>
struct Family<DiscreteWeibull> {
  static DiscreteWeibull at(std::span<const double> u) { return {std::exp(u[0]), std::exp(u[1])}; }
  static std::vector<std::vector<double>> starts(double churn) {
    std::vector<std::vector<double>> s;
    for (const double c : {1.0, 0.5, 2.0})
      s.push_back({std::log(-std::log1p(-churn)), std::log(c)});
    return s;
  }
};

void require_informative(const RenewalSample& s, std::size_t parameters) {
  if (!(s.lost > 0.0))
    throw InvalidInput("churned", -1,
                       "must hold somebody who left: nobody churned yet, and any small churn fits");
  if (!(s.kept > 0.0))
    throw InvalidInput("renewals", -1,
                       "must hold somebody who renewed: all were lost at their first renewal");
  if (s.renewals < static_cast<std::int64_t>(parameters))
    throw InvalidInput("renewals", -1,
                       "must reach renewal " + std::to_string(parameters) +
                           " at least: customers were seen at " + std::to_string(s.renewals) +
                           ", which cannot tell " + std::to_string(parameters) + " parameters");
}

}  // namespace

RenewalSample sample_renewals(const RenewalHistory& history, const Execution& execution) {
  require_lengths(history);
  const std::size_t rows = history.renewals.size();
  double last = 0.0;
  for (std::size_t i = 0; i < rows; ++i) {
    if (i % kPollRows == 0) execution.poll();
    const double n = history.renewals[i];
    if (!(n >= 0.0 && n <= kMaxRenewals && n == std::floor(n)))
      throw InvalidInput("renewals", static_cast<std::int64_t>(i), n,
                         "a whole number from 0 to 1048576");
    if (history.churned[i] > 1)
      throw InvalidInput("churned", static_cast<std::int64_t>(i), history.churned[i], "0 or 1");
    const double w = history.weight ? (*history.weight)[i] : 1.0;
    if (!(w >= 0.0 && std::isfinite(w)))
      throw InvalidInput("weight", static_cast<std::int64_t>(i), w, "finite and >= 0");
    if (w > 0.0) last = std::max(last, n);
  }
  // Lost after n renewals, and last seen there; the arrays are read again, so rows are checked
  // anew.
  const auto size = static_cast<std::size_t>(last) + 1;
  std::vector<double> lost(size), alive(size);
  for (std::size_t i = 0; i < rows; ++i) {
    if (i % kPollRows == 0) execution.poll();
    const double w = history.weight ? (*history.weight)[i] : 1.0;
    const double n = history.renewals[i];
    if (w > 0.0 && n >= 0.0 && n <= last)
      (history.churned[i] != 0 ? lost : alive)[static_cast<std::size_t>(n)] += w;
  }

  RenewalSample s;
  // From the oldest on, so that each sum is one of customers who are still there.
  double there = 0.0;
  std::size_t above = size;  // age at which the interval above begins
  const auto keep = [&](std::size_t from) {
    if (there > 0.0 && above > from) {
      s.intervals.push_back({static_cast<double>(from), static_cast<double>(above), there, 0.0});
      s.kept += there * static_cast<double>(above - from);
    }
    above = from;
  };
  for (std::size_t n = size; n-- > 0;) {
    if (lost[n] + alive[n] == 0.0) continue;
    if (lost[n] > 0.0) {
      if (above > n + 1) keep(n + 1);
      s.intervals.push_back({static_cast<double>(n), static_cast<double>(n + 1), there, lost[n]});
      s.kept += there;
      s.lost += lost[n];
      s.renewals = std::max(s.renewals, static_cast<std::int64_t>(n) + 1);
      above = n;
    } else {
      keep(n);
      s.renewals = std::max(s.renewals, static_cast<std::int64_t>(n));
    }
    there += lost[n] + alive[n];
  }
  keep(0);
  std::ranges::reverse(s.intervals);
  s.customers = there;
  if (!(s.customers > 0.0))
    throw InvalidInput("weight", -1, s.customers, "greater than 0 in at least one row");
  return s;
}

template <class Model>
Fit fit_contract(const RenewalHistory& history, const FitOptions& options,
                 const Execution& execution) {
  const RenewalSample sample = sample_renewals(history, execution);
  const auto starts = Family<Model>::starts(sample.lost / (sample.lost + sample.kept));
  const std::size_t n = starts.front().size();
  require_informative(sample, n);
  const auto likelihood = [&](std::span<const double> u, std::int64_t) {
    execution.poll();
    optim::Evaluation e = survival::renewal_log_likelihood(Family<Model>::at(u), sample.intervals);
    const double factor = -1.0 / sample.customers;
    e.value *= factor;
    for (double& g : e.gradient) g *= factor;
    for (double& h : e.hessian) h *= factor;
    return e;
  };
  const ModelScales scales{std::vector<double>(n, 1.0), std::vector<double>(n, 1.0), 0.0};
  // Every start is followed: these likelihoods may be flat, or higher at their edge than at the
  // optimum inside that a start happens to find.
  Fit best;
  std::int64_t iterations = 0;
  if (!options.start.empty()) {
    best = maximise(likelihood, {starts.front()}, scales, sample.customers, 0, options);
    if (best.status == optim::Status::converged) return best;
    iterations = best.iterations;
  }
  FitOptions from_here = options;
  from_here.start.clear();
  for (const auto& start : starts) {
    Fit fit = maximise(likelihood, {start}, scales, sample.customers, 0, from_here);
    iterations += fit.iterations;
    const double gain = (fit.log_likelihood - best.log_likelihood) / sample.customers;
    const double tie = kTie * std::max(1.0, std::abs(best.log_likelihood) / sample.customers);
    const bool better =
        fit.status == optim::Status::converged && best.status != optim::Status::converged
            ? gain > -tie
            : gain > tie;
    if (best.parameters.empty() || better || std::isnan(best.log_likelihood)) best = std::move(fit);
  }
  best.iterations = iterations;
  return best;
}

template <class Model>
PreparedLikelihood prepare_contract(const RenewalHistory& history, const Execution& execution) {
  const auto sample = std::make_shared<const RenewalSample>(sample_renewals(history, execution));
  // Within (0, 1) also where nobody left, or all did.
  const double churn = (sample->lost + 0.5) / (sample->lost + sample->kept + 1.0);
  PreparedLikelihood prepared{.customers = sample->customers};
  prepared.starts = Family<Model>::starts(churn);
  prepared.parameters = prepared.starts.front().size();
  prepared.at = [=](std::span<const double> u, Order, const Execution& run) {
    run.poll();
    return survival::renewal_log_likelihood(Family<Model>::at(u), sample->intervals);
  };
  return prepared;
}

template PreparedLikelihood prepare_contract<BetaGeometric>(const RenewalHistory&,
                                                            const Execution&);
template PreparedLikelihood prepare_contract<BetaWeibull>(const RenewalHistory&, const Execution&);
template Fit fit_contract<BetaGeometric>(const RenewalHistory&, const FitOptions&,
                                         const Execution&);
template Fit fit_contract<BetaWeibull>(const RenewalHistory&, const FitOptions&, const Execution&);
template Fit fit_contract<DiscreteWeibull>(const RenewalHistory&, const FitOptions&,
                                           const Execution&);

}  // namespace tenure::clv
