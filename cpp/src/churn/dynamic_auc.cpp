#include <cmath>
#include <limits>
#include <numeric>

#include "rank_sums.hpp"
#include "tenure/churn/survival_measures.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

std::vector<std::size_t> by_score(std::span<const double> score, std::size_t columns,
                                  std::size_t column, Ticker& ticker) {
  std::vector<std::size_t> rows(score.size() / columns);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::ranges::sort(rows, [&](std::size_t a, std::size_t b) {
    ticker.tick();
    const double s = score[a * columns + column], t = score[b * columns + column];
    return s != t ? s < t : a < b;
  });
  return rows;
}

/// The area at one time and w_i times its derivative by each row's weight.
struct AucAt {
  double value = 0.0, churned = 0.0, beyond = 0.0;
  std::vector<double> influence;
};

class Auc {
 public:
  Auc(const IpcwData& data, double t) : data_(data), lives_(data.lives), t_(t) {}

  /// `score(i)` is the score of row i, `rows` their order by it.
  template <class Score>
  AucAt at(std::span<const std::size_t> rows, const Score& score, Ticker& ticker) {
    const std::size_t n = rows.size();
    AucAt out;
    out.influence.assign(data_.influences(), 0.0);
    double sum = 0.0;                          // of pairs in the right order, ties half
    double leavers = 0.0, stayers = 0.0;       // weight so far, from the lowest score
    std::vector<double>& own = out.influence;  // of its pairs, until the end
    for (std::size_t k = 0, end; k < n; k = end) {
      double left = 0.0, stayed = 0.0;  // with this score
      for (end = k; end < n && score(rows[end]) == score(rows[k]); ++end) {
        ticker.tick();
        left += leaver(rows[end]);
        stayed += stayer(rows[end]);
      }
      for (std::size_t m = k; m < end; ++m) {
        const std::size_t i = rows[m];
        if (is_leaver(i)) {
          own[i] = leaver(i) * (stayers + 0.5 * stayed);
          sum += own[i];
          ++out.churned;
        } else if (stayer(i) > 0.0) {
          own[i] = leavers + 0.5 * left;  // whom it does not outscore
          ++out.beyond;
        }
      }
      leavers += left;
      stayers += stayed;
    }
    out.value = sum / (leavers * stayers);
    std::vector<double> slope(data_.censoring.through(data_.censoring.last_time()) + 1, 0.0);
    const double pairs = leavers * stayers;
    for (std::size_t i = 0; i < n; ++i) {
      if (is_leaver(i)) {
        own[i] = own[i] / pairs - out.value * leaver(i) / leavers;
        slope[data_.position[i]] -= own[i];
      } else if (stayer(i) > 0.0) {
        own[i] = stayer(i) * ((leavers - own[i]) / pairs - out.value / stayers);
      }
    }
    add_censoring_influence(data_, slope, out.influence);
    return out;
  }

 private:
  bool is_leaver(std::size_t i) const {
    return lives_.churned[i] && lives_.duration[i] <= t_ && lives_.weight[i] > 0.0;
  }
  double leaver(std::size_t i) const {
    return is_leaver(i) ? lives_.weight[i] * data_.inverse[i] : 0.0;
  }
  double stayer(std::size_t i) const { return lives_.duration[i] > t_ ? lives_.weight[i] : 0.0; }

  const IpcwData& data_;
  const Lives& lives_;
  double t_;
};

}  // namespace

DynamicAuc dynamic_auc(const IpcwData& data, std::span<const double> score,
                       std::span<const double> times, const Execution& execution) {
  const std::size_t n = data.rows(), columns = score.size() / n;
  if (score.size() != columns * n || (columns != 1 && columns != times.size()))
    throw InvalidInput("score", -1, static_cast<double>(score.size()),
                       "one a row, or one a row and time");
  for (std::size_t i = 0; i < score.size(); ++i)
    if (!std::isfinite(score[i]))
      throw InvalidInput("score", static_cast<std::int64_t>(i / columns), score[i], "finite");
  for (std::size_t k = 0; k < times.size(); ++k)
    if (k > 0 && !(times[k] > times[k - 1]))
      throw InvalidInput("times", static_cast<std::int64_t>(k), times[k], "ascending");

  Ticker ticker(execution);
  DynamicAuc out;
  std::vector<std::size_t> rows;
  std::vector<double> fall, mean_influence(data.influences(), 0.0);
  double before = 1.0;
  for (std::size_t k = 0; k < times.size(); ++k) {
    execution.poll();
    const std::size_t column = columns == 1 ? 0 : k;
    if (k == 0 || columns > 1) rows = by_score(score, columns, column, ticker);
    const AucAt found =
        Auc(data, times[k])
            .at(rows, [&](std::size_t i) { return score[i * columns + column]; }, ticker);
    double variance = 0.0;
    for (const double x : found.influence) variance += x * x;
    out.value.push_back(found.value);
    out.standard_error.push_back(std::sqrt(variance));
    out.churned.push_back(found.churned);
    out.beyond.push_back(found.beyond);
    const double survival = data.churn.value(data.churn.through(times[k]));
    fall.push_back(before - survival);
    before = survival;
    out.mean += fall[k] * found.value;
    for (std::size_t i = 0; i < mean_influence.size(); ++i)
      mean_influence[i] += fall[k] * found.influence[i];
  }
  // The mean is a ratio, and the falls that weigh it are estimates too.
  const double fallen = 1.0 - before;
  out.mean /= fallen;
  std::vector<double> slope(data.churn.through(data.churn.last_time()) + 1, 0.0);
  for (std::size_t k = 0; k < times.size(); ++k) {
    const std::size_t factors = data.churn.through(times[k]);
    const double next = k + 1 < times.size() ? out.value[k + 1] - out.mean : 0.0;
    slope[factors] += data.churn.value(factors) * (next - (out.value[k] - out.mean));
  }
  data.churn.add_influence(data.lives, slope, mean_influence);
  double variance = 0.0;
  for (const double x : mean_influence) variance += x * x;
  out.mean_error = std::sqrt(variance) / fallen;
  return out;
}

}  // namespace tenure::churn
