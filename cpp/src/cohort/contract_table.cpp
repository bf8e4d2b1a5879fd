#include <array>
#include <limits>

#include "percentiles.hpp"
#include "tenure/cohort/contracts.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/resampling.hpp"
#include "tenure/support/wide.hpp"

namespace tenure::cohort {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kMaxReplicatePeriods = std::int64_t{1} << 27;

/// Exact money of one period, in millionths.
struct Sums {
  uint128 fresh = 0, reactivated = 0, expansion = 0, contraction = 0, churned = 0;
};

double money(uint128 sum) { return static_cast<double>(sum) / kMoneyUnits; }

double ratio(double part, double whole) { return whole > 0.0 ? part / whole : kNan; }

/// What one replicate adds up to, by period; openings as differences. Revenue in doubles: exact up
/// to 2^53 millionths.
struct Replicate {
  explicit Replicate(std::size_t periods)
      : customers(periods + 1), opening(periods + 1), lost(periods), gained(periods) {}
  std::vector<Weights> customers, opening, lost, gained;

  void add(const ContractMove& move, const Weights& w) {
    const auto p = static_cast<std::size_t>(move.period);
    const auto before = static_cast<double>(move.before), after = static_cast<double>(move.after);
    opening[p + 1] += w * (after - before);
    switch (move.kind) {
      case MoveKind::fresh:
      case MoveKind::reactivated:
        customers[p + 1] += w;
        break;
      case MoveKind::churned:
        customers[p + 1] -= w;
        lost[p] += w * before;
        break;
      case MoveKind::changed:
        if (after < before)
          lost[p] += w * (before - after);
        else
          gained[p] += w * (after - before);
        break;
    }
  }
};

}  // namespace

ContractTable contract_table(const ContractMoves& all) {
  const auto periods = static_cast<std::size_t>(all.periods);
  std::vector<Sums> sums(periods);
  ContractTable out;
  for (auto* counts : {&out.opening, &out.fresh, &out.reactivated, &out.expanded, &out.contracted,
                       &out.churned, &out.closing})
    counts->resize(periods);
  for (const ContractMove& move : all.moves) {
    const auto p = static_cast<std::size_t>(move.period);
    const auto before = static_cast<uint128>(move.before), after = static_cast<uint128>(move.after);
    switch (move.kind) {
      case MoveKind::fresh:
        ++out.fresh[p];
        sums[p].fresh += after;
        break;
      case MoveKind::reactivated:
        ++out.reactivated[p];
        sums[p].reactivated += after;
        break;
      case MoveKind::churned:
        ++out.churned[p];
        sums[p].churned += before;
        break;
      case MoveKind::changed:
        ++(after > before ? out.expanded : out.contracted)[p];
        if (after > before)
          sums[p].expansion += after - before;
        else
          sums[p].contraction += before - after;
        break;
    }
  }
  std::int64_t customers = 0;
  uint128 revenue = 0;
  for (std::size_t p = 0; p < periods; ++p) {
    const Sums& s = sums[p];
    const double opening = static_cast<double>(revenue);
    const double lost = static_cast<double>(s.churned + s.contraction);
    // Signs of whole numbers: the difference is taken before it is rounded.
    const bool shrinks = s.churned + s.contraction >= s.expansion;
    const double net = shrinks ? static_cast<double>(s.churned + s.contraction - s.expansion)
                               : -static_cast<double>(s.expansion - s.churned - s.contraction);
    out.gross_churn.push_back(ratio(lost, opening));
    out.net_churn.push_back(ratio(net, opening));
    out.opening[p] = customers;
    out.opening_revenue.push_back(money(revenue));
    customers += out.fresh[p] + out.reactivated[p] - out.churned[p];
    revenue = revenue + s.fresh + s.reactivated + s.expansion - s.contraction - s.churned;
    out.closing[p] = customers;
    out.fresh_revenue.push_back(money(s.fresh));
    out.reactivated_revenue.push_back(money(s.reactivated));
    out.expansion.push_back(money(s.expansion));
    out.contraction.push_back(money(s.contraction));
    out.churned_revenue.push_back(money(s.churned));
    out.closing_revenue.push_back(money(revenue));
  }
  return out;
}

ContractLimits contract_bootstrap(const ContractMoves& all, const BootstrapOptions& bootstrap,
                                  const Execution& execution) {
  if (bootstrap.replicates < 2)
    throw InvalidInput("n_bootstrap", -1, static_cast<double>(bootstrap.replicates), ">= 2");
  if (!(bootstrap.level > 0.0 && bootstrap.level < 1.0))
    throw InvalidInput("level", -1, bootstrap.level, "between 0 and 1");
  if (bootstrap.replicates > kMaxReplicatePeriods / std::max<std::int64_t>(all.periods, 1))
    throw InvalidInput("n_bootstrap", -1, static_cast<double>(bootstrap.replicates),
                       "at most 2^27 / periods");
  const auto periods = static_cast<std::size_t>(all.periods);
  const auto n = static_cast<std::size_t>(bootstrap.replicates);
  std::vector<double> gross(periods * n, kNan), net(periods * n, kNan);
  for_each_block(
      bootstrap.replicates, execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        const Resampling weight_of(bootstrap.seed, block);
        Replicate sums(periods);
        std::int64_t customer = -1, seen = 0;
        Weights w;
        for (const ContractMove& move : all.moves) {
          if (seen++ % 1024 == 0) execution.poll();
          if (move.customer != customer) w = weight_of(customer = move.customer);
          sums.add(move, w);
        }
        for (std::size_t p = 0; p < periods; ++p) {
          sums.customers[p + 1] += sums.customers[p];
          sums.opening[p + 1] += sums.opening[p];
          for (std::int64_t b = first; b < last; ++b) {
            const auto r = static_cast<std::size_t>(b - first);
            if (!(sums.customers[p].in[r] > 0.0)) continue;
            const double opening = sums.opening[p].in[r], lost = sums.lost[p].in[r];
            gross[p * n + static_cast<std::size_t>(b)] = ratio(lost, opening);
            net[p * n + static_cast<std::size_t>(b)] = ratio(lost - sums.gained[p].in[r], opening);
          }
        }
      },
      static_cast<std::int64_t>(Weights::kTogether));

  ContractLimits out;
  limits_of(gross, n, bootstrap.level, out.gross_lower, out.gross_upper, execution);
  limits_of(net, n, bootstrap.level, out.net_lower, out.net_upper, execution);
  return out;
}

}  // namespace tenure::cohort
