#include "tenure/clv/outlook.hpp"

#include <cmath>
#include <limits>

#include "bg_nbd_family.hpp"
#include "bg_nbd_future.hpp"
#include "cnbd_future.hpp"
#include "correlated_pareto_nbd_future.hpp"
#include "counts.hpp"
#include "ggompertz_nbd_future.hpp"
#include "nbd_future.hpp"
#include "pareto_nbd_future.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/cnbd.hpp"
#include "tenure/clv/correlated_pareto_nbd.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Rows a task: some cost microseconds.
constexpr std::int64_t kRows = 1024;

/// Counts are walked through one by one where they are expected to be few, and searched else.
constexpr double kFew = 100.0;
constexpr int kSteps = 1000;

/// What is to come of somebody alive; only regular buyers remember how long they have been silent.
BgNbdFuture future(const BgNbd&, const BgNbdParameters& p, double x, double, double age) {
  return {p, x, age};
}
BgNbdFuture future(const MbgNbd&, const MbgNbdParameters& p, double x, double, double age) {
  return {mbg_nbd_outlived(p), x, age};
}
ParetoNbdFuture future(const ParetoNbd&, const ParetoNbdParameters& p, double x, double,
                       double age) {
  return {p, x, age};
}
NbdFuture future(const Nbd&, const NbdParameters& p, double x, double, double age) {
  return {p, x, age};
}
GGompertzNbdFuture future(const GGompertzNbd&, const GGompertzNbdParameters& p, double x, double,
                          double age) {
  return {p, x, age};
}
CnbdFuture future(const Cnbd&, const CnbdPoint& p, double x, double t_x, double age) {
  return {p, x, t_x, age};
}
CorrelatedParetoNbdFuture future(const CorrelatedParetoNbd&, const CorrelatedParetoNbdParameters& p,
                                 double x, double, double age) {
  return {p, x, age};
}

double lapse(const BgNbd&, const BgNbdParameters& p, double x, double t_x, double age,
             double log_odds) {
  return lapse_after(p, false, x, t_x, age, log_odds);
}
double lapse(const MbgNbd&, const MbgNbdParameters& p, double x, double t_x, double age,
             double log_odds) {
  return lapse_after(mbg_nbd_outlived(p), true, x, t_x, age, log_odds);
}
double lapse(const Nbd&, const NbdParameters&, double, double, double, double) { return kInfinity; }
template <class Model, class Parameters>
double lapse(const Model&, const Parameters& p, double x, double t_x, double age, double log_odds) {
  return lapse_after(p, x, t_x, age, log_odds);
}

void require_level(const char* argument, double level) {
  if (!(level > 0.0 && level < 1.0)) throw InvalidInput(argument, -1, level, "in (0, 1)");
}

/// value(future, P(alive), row) of each row, which says what is to come of those who are alive.
template <class Model, class Value>
Buffer<double> of_those_alive(const typename Model::Parameters& p, const RepeatPurchases& c,
                              const Execution& execution, const Value& value) {
  Buffer<double> out = Model::probability_alive(p, c, execution);
  for_each_block(
      c.rows(), execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i)
          out[i] = value(future(Model{}, p, c.frequency[i], c.recency[i], c.age[i]), out[i], i);
      },
      kRows);
  return out;
}

/// The smallest n >= `from` with P(at least n + 1 purchases) <= limit, of which `tail` tells.
template <class Future>
double search_quantile(const Future& future, double time, double limit, double from) {
  double low = from, step = 1.0;
  if (future.tail(low + 1.0, time) <= limit) return low;
  while (future.tail(low + step + 1.0, time) > limit) {
    low += step;
    step *= 2.0;
  }
  for (double high = low + step; high - low > 1.0;) {
    const double middle = std::floor(0.5 * (low + high));
    (future.tail(middle + 1.0, time) > limit ? low : high) = middle;
    if (high - low <= 1.0) return high;
  }
  return low + 1.0;
}

/// The quantiles for P(more than n purchases) <= limit of each ascending level.
template <class Future>
void quantiles(const Future& future, double alive, double time, std::span<const double> levels,
               double* out) {
  const auto limit = [&](std::size_t k) { return (1.0 - levels[k]) / alive; };
  std::size_t k = 0;
  for (; k < levels.size() && limit(k) >= 1.0; ++k) out[k] = 0.0;
  if (k == levels.size()) return;
  double n = 0.0;
  if (future.mean_if_staying(time) <= kFew) {
    typename Future::Walk walk(future, time);
    for (int step = 0; k < levels.size() && step < kSteps; ++step, n += 1.0) {
      const double more = walk.next();  // P(more than n)
      for (; k < levels.size() && limit(k) > 1e-9 && more <= limit(k); ++k) out[k] = n;
      if (more < 1e-9) break;
    }
  }
  for (; k < levels.size(); ++k) out[k] = n = search_quantile(future, time, limit(k), n);
}

}  // namespace

template <class Model>
Buffer<double> purchase_pmf(const typename Model::Parameters& p, const RepeatPurchases& purchases,
                            std::span<const double> count, double horizon,
                            const Execution& execution) {
  require_time("horizon", horizon);
  if (std::ssize(count) != purchases.rows())
    throw InvalidInput("n", -1, static_cast<double>(count.size()), "as long as the other columns");
  return of_those_alive<Model>(
      p, purchases, execution, [&](const auto& future, double alive, std::int64_t i) {
        const double n = count[i];
        require_count(i, n);
        return (n == 0.0 ? 1.0 - alive : 0.0) + alive * future.pmf(n, horizon);
      });
}

template <class Model>
Buffer<double> purchase_probability(const typename Model::Parameters& p,
                                    const RepeatPurchases& purchases, double horizon,
                                    const Execution& execution) {
  require_time("horizon", horizon);
  return of_those_alive<Model>(p, purchases, execution,
                               [&](const auto& future, double alive, std::int64_t) {
                                 return alive * future.tail(1.0, horizon);
                               });
}

template <class Model>
Buffer<double> purchase_quantiles(const typename Model::Parameters& p,
                                  const RepeatPurchases& purchases, double horizon,
                                  std::span<const double> levels, const Execution& execution) {
  require_time("horizon", horizon);
  for (std::size_t k = 0; k < levels.size(); ++k) {
    require_level("level", levels[k]);
    if (k > 0 && levels[k] < levels[k - 1])
      throw InvalidInput("level", static_cast<std::int64_t>(k), levels[k], "ascending");
  }
  const auto width = std::ssize(levels);
  Buffer<double> out(purchases.rows() * width);
  of_those_alive<Model>(p, purchases, execution,
                        [&](const auto& future, double alive, std::int64_t i) {
                          quantiles(future, alive, horizon, levels, out.data() + i * width);
                          return 0.0;
                        });
  return out;
}

template <class Model>
Buffer<double> time_to_purchase(const typename Model::Parameters& p,
                                const RepeatPurchases& purchases, double level,
                                const Execution& execution) {
  require_level("level", level);
  return of_those_alive<Model>(p, purchases, execution,
                               [&](const auto& future, double alive, std::int64_t) {
                                 return level < alive ? future.waits(level / alive) : kInfinity;
                               });
}

template <class Model>
Buffer<double> time_to_lapse(const typename Model::Parameters& p, const RepeatPurchases& purchases,
                             double probability, const Execution& execution) {
  require_level("probability", probability);
  require_valid(p);
  require_valid(purchases, execution);
  const double log_odds = std::log(probability) - std::log1p(-probability);
  Buffer<double> out(purchases.rows());
  for_each_block(
      purchases.rows(), execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i)
          out[i] = lapse(Model{}, p, purchases.frequency[i], purchases.recency[i], purchases.age[i],
                         log_odds);
      },
      kRows);
  return out;
}

template <class Model>
Buffer<double> log_odds_alive_later(const typename Model::Parameters& p,
                                    const RepeatPurchases& purchases, double ahead,
                                    const Execution& execution) {
  require_time("ahead", ahead);
  Buffer<double> out = Model::log_odds_alive(p, purchases, execution);
  for_each_block(
      purchases.rows(), execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i) {
          // With odds o and a chance s to stay, p = s o / (1 + o): its odds are s / (1 - s + 1/o).
          const double stay =
              future(Model{}, p, purchases.frequency[i], purchases.recency[i], purchases.age[i])
                  .alive(ahead);
          out[i] = std::log(stay) - std::log(1.0 - stay + std::exp(-out[i]));
        }
      },
      kRows);
  return out;
}

#define TENURE_INSTANTIATE(Model)                                                                 \
  template Buffer<double> purchase_pmf<Model>(const Model::Parameters&, const RepeatPurchases&,   \
                                              std::span<const double>, double, const Execution&); \
  template Buffer<double> purchase_probability<Model>(                                            \
      const Model::Parameters&, const RepeatPurchases&, double, const Execution&);                \
  template Buffer<double> purchase_quantiles<Model>(const Model::Parameters&,                     \
                                                    const RepeatPurchases&, double,               \
                                                    std::span<const double>, const Execution&);   \
  template Buffer<double> time_to_purchase<Model>(                                                \
      const Model::Parameters&, const RepeatPurchases&, double, const Execution&);                \
  template Buffer<double> time_to_lapse<Model>(const Model::Parameters&, const RepeatPurchases&,  \
                                               double, const Execution&);                         \
  template Buffer<double> log_odds_alive_later<Model>(                                            \
      const Model::Parameters&, const RepeatPurchases&, double, const Execution&)

TENURE_INSTANTIATE(BgNbd);
TENURE_INSTANTIATE(Cnbd);
TENURE_INSTANTIATE(GGompertzNbd);
TENURE_INSTANTIATE(MbgNbd);
TENURE_INSTANTIATE(Nbd);
TENURE_INSTANTIATE(ParetoNbd);
TENURE_INSTANTIATE(CorrelatedParetoNbd);

#undef TENURE_INSTANTIATE

}  // namespace tenure::clv
