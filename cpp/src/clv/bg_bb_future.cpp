#include "bg_bb_future.hpp"

#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using bg_bb::expit;
using bg_bb::if_alive;
using bg_bb::log_odds_now;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The first purchase of a new customer, opportunity after opportunity.
class FirstPurchase {
 public:
  explicit FirstPurchase(const BgBbParameters& p) : p_(p) {}

  /// P(a purchase by the next opportunity).
  double next() {
    const double there = open_ * ((p_.delta + i_) / (p_.gamma + p_.delta + i_));
    told_ += there * (p_.alpha / (p_.alpha + p_.beta + i_));
    open_ = there * ((p_.beta + i_) / (p_.alpha + p_.beta + i_));
    i_ += 1.0;
    return told_;
  }
  /// P(still there, without a purchase): what may still come is no more.
  double open() const { return open_; }

 private:
  BgBbParameters p_;
  double i_ = 0.0, told_ = 0.0, open_ = 1.0;
};

void require_level(const char* argument, double level) {
  if (!(level > 0.0 && level < 1.0)) throw InvalidInput(argument, -1, level, "in (0, 1)");
}

void poll(double step, const Execution& execution) {
  if (std::fmod(step, 65'536.0) == 65'535.0) execution.poll();
}

}  // namespace

Buffer<double> bg_bb_purchase_probability(const BgBbParameters& p,
                                          const PurchaseOpportunities& purchases, double horizon,
                                          const Execution& execution) {
  require_valid(p);
  bg_bb::require_whole("horizon", horizon, kLongestHorizon);
  return by_cell(
      purchases,
      [&](std::span<const OpportunityCell> run, double* out) {
        FirstPurchase first(if_alive(p, run[0].x, run[0].n));
        double buys = 0.0;
        for (double j = 0.0; j < horizon; j += 1.0) {
          buys = first.next();
          if (first.open() < 1e-18 * buys) break;
          poll(j, execution);
        }
        log_odds_now(p, run, out);
        for (std::size_t i = 0; i < run.size(); ++i) out[i] = buys * expit(out[i]);
      },
      execution);
}

Buffer<double> bg_bb_purchase_quantiles(const BgBbParameters& p,
                                        const PurchaseOpportunities& purchases, double horizon,
                                        std::span<const double> levels,
                                        const Execution& execution) {
  require_valid(p);
  bg_bb::require_whole("horizon", horizon, kLongestHorizon);
  for (std::size_t k = 0; k < levels.size(); ++k) {
    require_level("level", levels[k]);
    if (k > 0 && levels[k] < levels[k - 1])
      throw InvalidInput("level", static_cast<std::int64_t>(k), levels[k], "ascending");
  }
  const auto width = std::ssize(levels);
  Buffer<double> out(purchases.rows() * width);
  // One level after the other, as a cell holds one number.
  for (std::int64_t k = 0; k < width; ++k) {
    const Buffer<double> counts = by_cell(
        purchases,
        [&](std::span<const OpportunityCell> run, double* at) {
          const BgBbParameters future = if_alive(p, run[0].x, run[0].n);
          log_odds_now(p, run, at);
          // Ascending in t_x from the end on: the counts rise with P(alive), so that one walk
          // serves all.
          double n = 0.0, below = bg_bb::pmf(future, 0.0, horizon);
          for (std::size_t i = run.size(); i-- > 0;) {
            const double alive = expit(at[i]), gone = expit(-at[i]);
            while (n < horizon && gone + alive * below < levels[static_cast<std::size_t>(k)]) {
              n += 1.0;
              below += bg_bb::pmf(future, n, horizon);
              poll(n, execution);
            }
            at[i] = n;
          }
        },
        execution);
    for (std::int64_t i = 0; i < purchases.rows(); ++i) out[i * width + k] = counts[i];
  }
  return out;
}

Buffer<double> bg_bb_time_to_purchase(const BgBbParameters& p,
                                      const PurchaseOpportunities& purchases, double level,
                                      const Execution& execution) {
  require_valid(p);
  require_level("level", level);
  return by_cell(
      purchases,
      [&](std::span<const OpportunityCell> run, double* out) {
        FirstPurchase first(if_alive(p, run[0].x, run[0].n));
        log_odds_now(p, run, out);
        // The later the last purchase, the sooner the next: one walk serves all.
        double j = 0.0, buys = 0.0;
        for (std::size_t i = 0; i < run.size(); ++i) {
          const double alive = expit(out[i]);
          while (alive * buys < level && j < kLongestHorizon &&
                 alive * (buys + first.open()) >= level) {
            buys = first.next();
            j += 1.0;
            poll(j, execution);
          }
          out[i] = alive * buys >= level ? j : kInfinity;
        }
      },
      execution);
}

Buffer<double> bg_bb_time_to_lapse(const BgBbParameters& p, const PurchaseOpportunities& purchases,
                                   double probability, const Execution& execution) {
  require_valid(p);
  require_level("probability", probability);
  const double least = (1.0 - probability) / probability;
  return by_cell(
      purchases,
      [&](std::span<const OpportunityCell> run, double* out) {
        log_odds_now(p, run, out);
        for (std::size_t i = 0; i < run.size(); ++i) {
          // Odds of having left; whoever is there may leave at the next opportunity, or not buy.
          double odds = std::exp(-out[i]), j = 0.0;
          for (double n = run[0].n; odds < least && j < kLongestHorizon; n += 1.0) {
            const double silent = (p.beta + (n - run[0].x)) / (p.alpha + p.beta + n);
            const double stays = (p.delta + n) / (p.gamma + p.delta + n);
            odds = (odds + p.gamma / (p.gamma + p.delta + n)) / (silent * stays);
            j += 1.0;
            poll(j, execution);
          }
          out[i] = odds < least ? kInfinity : j;
        }
      },
      execution);
}

}  // namespace tenure::clv
