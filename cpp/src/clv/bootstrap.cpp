#include "tenure/clv/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "tenure/clv/contracts.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr std::int64_t kPollRows = 4096;
constexpr std::int64_t kMostReplicates = std::int64_t{1} << 23;
constexpr int kCustomerBits = 40;

/// The customers of the design, one entry each: what is known of a customer before the draw.
std::vector<double> expand(std::span<const double> column,
                           std::optional<std::span<const double>> weight, const char* name,
                           double least, const Execution& execution) {
  if (weight && weight->size() != column.size())
    throw InvalidInput("weight", -1, static_cast<double>(weight->size()), "one a row");
  std::vector<double> out;
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (i % kPollRows == 0) execution.poll();
    const auto row = static_cast<std::int64_t>(i);
    const double w = weight ? (*weight)[i] : 1.0;
    if (!(w >= 0.0 && w <= 1e9 && w == std::floor(w)))
      throw InvalidInput("weight", row, w, "a whole number of customers, as each is drawn");
    if (!(column[i] >= least && std::isfinite(column[i])))
      throw InvalidInput(name, row, column[i], least > 0.0 ? "finite and >= 1" : "finite and >= 0");
    out.insert(out.end(), static_cast<std::size_t>(w), column[i]);
  }
  if (out.empty()) throw InvalidInput("weight", -1, 0.0, "greater than 0 in at least one row");
  return out;
}

struct Refit {
  Fit fit;
  std::vector<double> score;
};

/// Calls refit(replicate, single-threaded execution) for each.
template <class OfReplicate>
Replicates each_replicate(const BootstrapOptions& options, const Execution& execution,
                          const OfReplicate& refit) {
  if (options.replicates < 1 || options.replicates > kMostReplicates)
    throw InvalidInput("n", -1, static_cast<double>(options.replicates), "from 1 to 2^23");
  const std::size_t k = options.fit.start.size();
  const auto n = static_cast<std::size_t>(options.replicates);
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  Replicates out{std::vector<double>(n * k, kNaN), std::vector<double>(n, kNaN),
                 std::vector<double>(n * k, kNaN), std::vector<std::uint8_t>(n, kRefused)};
  const Execution alone{1, execution.interrupt};
  for_each_task(options.replicates, execution, [&](std::int64_t replicate) {
    const auto b = static_cast<std::size_t>(replicate);
    try {
      const Refit got = refit(static_cast<std::uint64_t>(replicate) << kCustomerBits, alone);
      std::ranges::copy(got.fit.parameters,
                        out.parameters.begin() + static_cast<std::ptrdiff_t>(b * k));
      std::ranges::copy(got.score, out.score.begin() + static_cast<std::ptrdiff_t>(b * k));
      out.log_likelihood[b] = got.fit.log_likelihood;
      out.outcome[b] = static_cast<std::uint8_t>(got.fit.status);
    } catch (const InvalidInput&) {
      // The drawn base says nothing of some parameter: nobody left, or nobody spent.
    }
    execution.advance();
  });
  return out;
}

}  // namespace

Replicates bootstrap_purchases(const PurchaseModel& model, std::span<const double> age,
                               std::optional<std::span<const double>> weight,
                               const BootstrapOptions& options, const Execution& execution) {
  const std::vector<double> design = expand(age, weight, "T", 0.0, execution);
  // A model whose rates are out of all reason fails here, not as a refused replicate.
  RandomStream first(options.seed, 0);
  model.draw(design.front(), first);
  return each_replicate(options, execution, [&](std::uint64_t stream, const Execution& alone) {
    std::vector<double> x(design.size()), t_x(design.size());
    for (std::size_t i = 0; i < design.size(); ++i) {
      if (i % kPollRows == 0) alone.poll();
      RandomStream random(options.seed, stream + i);
      const DrawnPurchases made = model.draw(design[i], random);
      x[i] = made.frequency;
      t_x[i] = made.recency;
    }
    const RepeatPurchases drawn{x, t_x, design};
    return Refit{model.fit(drawn, options.fit, alone), model.score(drawn, alone)};
  });
}

Replicates bootstrap_spend(const GammaGammaParameters& at, const ObservedSpend& spend,
                           const BootstrapOptions& options, const Execution& execution) {
  require_valid(at);
  require_valid(spend, execution);
  std::vector<double> orders, weight;
  for (std::int64_t i = 0; i < spend.rows(); ++i)
    if (spend.frequency[i] > 0.0 && spend.mean[i] > 0.0) {
      orders.push_back(spend.frequency[i]);
      weight.push_back(spend.weight ? (*spend.weight)[i] : 1.0);
    }
  const std::vector<double> design = expand(orders, weight, "frequency", 1.0, execution);
  return each_replicate(options, execution, [&](std::uint64_t stream, const Execution& alone) {
    std::vector<double> mean(design.size());
    for (std::size_t i = 0; i < design.size(); ++i) {
      if (i % kPollRows == 0) alone.poll();
      RandomStream random(options.seed, stream + i);
      mean[i] = draw_mean_spend(at, design[i], random);
    }
    const ObservedSpend drawn{design, mean};
    return Refit{fit_gamma_gamma(drawn, options.fit, alone),
                 gamma_gamma_log_likelihood(at, drawn, alone).times(1.0).gradient};
  });
}

template <class Model>
Replicates bootstrap_contracts(const Model& at, std::span<const double> observed,
                               std::optional<std::span<const double>> weight,
                               const BootstrapOptions& options, const Execution& execution) {
  const std::vector<double> design = expand(observed, weight, "observed", 1.0, execution);
  return each_replicate(options, execution, [&](std::uint64_t stream, const Execution& alone) {
    // Customers alike are counted: a cohort has few ages.
    std::map<std::pair<double, bool>, double> count;
    for (std::size_t i = 0; i < design.size(); ++i) {
      if (i % kPollRows == 0) alone.poll();
      RandomStream random(options.seed, stream + i);
      const double n = draw_renewals(at, design[i], random);
      ++count[{n, n < design[i]}];
    }
    std::vector<double> renewals, customers;
    std::vector<std::uint8_t> churned;
    for (const auto& [who, how_many] : count) {
      renewals.push_back(who.first);
      churned.push_back(who.second);
      customers.push_back(how_many);
    }
    const RenewalHistory drawn{renewals, churned, customers};
    return Refit{fit_contract<Model>(drawn, options.fit, alone),
                 contract_log_likelihood(at, drawn, alone).gradient};
  });
}

template Replicates bootstrap_contracts<survival::BetaGeometric>(
    const survival::BetaGeometric&, std::span<const double>, std::optional<std::span<const double>>,
    const BootstrapOptions&, const Execution&);
template Replicates bootstrap_contracts<survival::BetaWeibull>(
    const survival::BetaWeibull&, std::span<const double>, std::optional<std::span<const double>>,
    const BootstrapOptions&, const Execution&);
}  // namespace tenure::clv
