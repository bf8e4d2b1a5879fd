#include <algorithm>
#include <cmath>
#include <limits>

#include "contract_rows.hpp"
#include "tenure/clv/contract_covariates.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

using survival::BetaGeometric;

constexpr std::int64_t kBlock = 64;  // groups

/// The parameters of a customer. Throws InvalidInput naming the row where one is no number.
BetaGeometric positive_parameters(const BetaGeometric& at, std::span<const double> coefficients,
                                  const Effects& effects, std::int64_t row) {
  const BetaGeometric own = contract_parameters_of(at, coefficients, effects, row);
  for (const double p : {own.alpha, own.beta})
    if (!(std::isnormal(p) && p > 0.0))
      throw InvalidInput("covariates", row, p,
                         "such that the parameters of the customer are finite and > 0");
  return own;
}

/// body(group, its rows, its parameters, execution) for all groups of customers alike.
template <class Body>
void for_each_alike(const BetaGeometric& at, std::span<const double> coefficients,
                    const Effects& effects, std::int64_t rows, const Execution& execution,
                    const Body& body) {
  require_valid_contract_effects(effects, rows, execution);
  if (std::ssize(coefficients) != effects.coefficients())
    throw InvalidInput("coefficients", -1, static_cast<double>(coefficients.size()),
                       "one for each column that counts");
  const AlikeRows alike = alike_rows(effects, execution);
  const Execution alone{1, execution.interrupt};
  for_each_block(
      alike.groups(), execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t g = from; g < to; ++g) {
          const auto of = alike.rows(g);
          if (of.empty()) continue;
          body(of, positive_parameters(at, coefficients, effects, of.front()), alone);
        }
      },
      kBlock);
}

std::vector<double> gathered(std::span<const double> column, std::span<const std::int64_t> rows) {
  std::vector<double> out;
  out.reserve(rows.size());
  for (const std::int64_t row : rows) out.push_back(column[static_cast<std::size_t>(row)]);
  return out;
}

}  // namespace

Buffer<double> contract_covariate_log_odds(const BetaGeometric& at,
                                           std::span<const double> coefficients,
                                           const Effects& effects, std::span<const double> renewals,
                                           std::span<const double> ahead,
                                           const Execution& execution) {
  // Checks the rows, with the numbers that the caller knows them by.
  (void)contract_log_odds(BetaGeometric{1.0, 1.0}, renewals, ahead, execution);
  Buffer<double> out(std::ssize(renewals));
  for_each_alike(
      at, coefficients, effects, out.size(), execution,
      [&](std::span<const std::int64_t> rows, const BetaGeometric& own, const Execution& alone) {
        const auto n = gathered(renewals, rows), k = gathered(ahead, rows);
        const auto got = contract_log_odds(own, n, k, alone);
        for (std::size_t i = 0; i < rows.size(); ++i)
          out[rows[i]] = got[static_cast<std::int64_t>(i)];
      });
  return out;
}

Buffer<double> contract_covariate_residual(const BetaGeometric& at,
                                           std::span<const double> coefficients,
                                           const Effects& effects, std::span<const double> renewals,
                                           double rate, double horizon, ResidualQuantity quantity,
                                           const Execution& execution) {
  for (std::size_t i = 0; i < renewals.size(); ++i)
    if (const double n = renewals[i]; !(n >= 0.0 && n <= 0x1p20 && n == std::floor(n)))
      throw InvalidInput("renewals", static_cast<std::int64_t>(i), n,
                         "a whole number from 0 to 1048576");
  Buffer<double> out(std::ssize(renewals));
  for_each_alike(
      at, coefficients, effects, out.size(), execution,
      [&](std::span<const std::int64_t> rows, const BetaGeometric& own, const Execution& alone) {
        // Distinct numbers in ascending order follow one from the other.
        const auto n = gathered(renewals, rows);
        std::vector<double> distinct(n);
        std::ranges::sort(distinct);
        const auto [end, last] = std::ranges::unique(distinct);
        distinct.erase(end, last);
        const auto got = contract_residual(own, distinct, rate, horizon, quantity, alone);
        for (std::size_t i = 0; i < rows.size(); ++i)
          out[rows[i]] = got[std::ranges::lower_bound(distinct, n[i]) - distinct.begin()];
      });
  return out;
}

Buffer<double> contract_covariate_lifetime(const BetaGeometric& at,
                                           std::span<const double> coefficients,
                                           const Effects& effects, double rate, double horizon,
                                           const Execution& execution) {
  Buffer<double> out(effects.rows());
  for_each_alike(
      at, coefficients, effects, out.size(), execution,
      [&](std::span<const std::int64_t> rows, const BetaGeometric& own, const Execution&) {
        const double value = contract_lifetime(own, rate, horizon);
        for (const std::int64_t row : rows) out[row] = value;
      });
  return out;
}

Buffer<double> contract_covariate_mean_log_odds(
    const BetaGeometric& at, std::span<const double> coefficients, const Effects& effects,
    std::span<const double> weight, std::span<const double> renewals, const Execution& execution) {
  if (std::ssize(weight) != effects.rows())
    throw InvalidInput("weight", -1, static_cast<double>(weight.size()),
                       "of as many rows as covariates");
  for (std::size_t i = 0; i < renewals.size(); ++i)
    if (const double n = renewals[i]; !(n >= 0.0 && n <= 0x1p53 && n == std::floor(n)))
      throw InvalidInput("renewals", static_cast<std::int64_t>(i), n, "a whole number >= 0");
  // By customer first: sums in the order of the rows do not depend on threads.
  const std::int64_t width = std::ssize(renewals);
  Buffer<double> share(effects.rows());
  Buffer<double> out(width);
  double total = 0.0;
  for (const double w : weight) total += w;
  for (std::int64_t t = 0; t < width; ++t) {
    const double n = renewals[static_cast<std::size_t>(t)];
    for_each_alike(
        at, coefficients, effects, effects.rows(), execution,
        [&](std::span<const std::int64_t> rows, const BetaGeometric& own, const Execution&) {
          const double s = std::exp(-survival::hazard_value(own, 0.0, n));
          for (const std::int64_t row : rows) share[row] = s;
        });
    double kept = 0.0, lost = 0.0;
    for (std::int64_t i = 0; i < share.size(); ++i) {
      const double w = weight[static_cast<std::size_t>(i)];
      kept += w * share[i];
      lost += w * (1.0 - share[i]);
    }
    out[t] =
        total > 0.0 ? std::log(kept) - std::log(lost) : std::numeric_limits<double>::quiet_NaN();
  }
  return out;
}

}  // namespace tenure::clv
