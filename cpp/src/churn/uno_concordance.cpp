#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "rank_sums.hpp"
#include "tenure/churn/survival_measures.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

/// Rows in the order of their lives; of equal length, who churned before who was censored.
std::vector<std::size_t> by_time(const Lives& lives, Ticker& ticker) {
  std::vector<std::size_t> rows(lives.duration.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::ranges::sort(rows, [&](std::size_t a, std::size_t b) {
    ticker.tick();
    const std::size_t s = lives.slots.of_row[a], t = lives.slots.of_row[b];
    if (s != t) return s < t;
    if (lives.churned[a] != lives.churned[b]) return lives.churned[a] > lives.churned[b];
    return a < b;
  });
  return rows;
}

class UnoPairs {
 public:
  UnoPairs(const IpcwData& data, std::span<const double> score, double tau,
           const Execution& execution)
      : data_(data),
        lives_(data.lives),
        ticker_(execution),
        ranks_(rank_scores(score, ticker_)),
        rows_(by_time(data.lives, ticker_)),
        first_(data.rows()) {
    out_.tau = std::min(tau, data.unknown_from);
  }

  UnoConcordance count() {
    from_the_longest_life();
    const double pairs = out_.concordant + out_.discordant + out_.tied_score;
    if (!(pairs > 0.0)) {
      out_.value = out_.standard_error = std::numeric_limits<double>::quiet_NaN();
      return out_;
    }
    out_.value = (out_.concordant + 0.5 * out_.tied_score) / pairs;
    double variance = 0.0;
    for (const double x : influence()) variance += x * x;
    out_.standard_error = std::sqrt(variance) / pairs;
    return out_;
  }

 private:
  bool counts(std::size_t i) const {
    return lives_.churned[i] && lives_.duration[i] < out_.tau && lives_.weight[i] > 0.0;
  }
  double pair_weight(std::size_t i) const {
    return lives_.weight[i] * data_.inverse[i] * data_.inverse[i];
  }

  /// Calls visit(churned, censored) for the rows of each time: [begin, middle) and [middle, end).
  template <class Visit>
  void each_time(bool descending, const Visit& visit) {
    const auto same = [&](std::size_t a, std::size_t b) {
      return lives_.slots.of_row[rows_[a]] == lives_.slots.of_row[rows_[b]];
    };
    const std::size_t n = rows_.size();
    const auto one = [&](std::size_t begin, std::size_t end) {
      std::size_t middle = begin;
      while (middle < end && lives_.churned[rows_[middle]]) ++middle;
      visit(std::span(rows_).subspan(begin, middle - begin),
            std::span(rows_).subspan(middle, end - middle));
    };
    if (descending)
      for (std::size_t end = n, begin; end > 0; end = begin) {
        for (begin = end - 1; begin > 0 && same(begin - 1, end - 1);) --begin;
        one(begin, end);
      }
    else
      for (std::size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && same(begin, end);) ++end;
        one(begin, end);
      }
  }

  /// What each row that churned meets: all who stayed longer.
  void from_the_longest_life() {
    RankSums staying(ranks_.distinct);
    const auto join = [&](std::span<const std::size_t> rows) {
      for (const std::size_t i : rows) staying.add(ranks_.rank[i], lives_.weight[i]);
    };
    each_time(true, [&](auto churned, auto censored) {
      if (data_.ties == CensoringTies::churn_first) join(censored);
      for (const std::size_t i : churned) {
        ticker_.tick();
        if (!counts(i)) continue;
        first_[i] = split(staying, ranks_.rank[i]);
        const double w = pair_weight(i);
        out_.concordant += w * first_[i].lower;
        out_.discordant += w * first_[i].higher;
        out_.tied_score += w * first_[i].equal;
        ++out_.churned;
      }
      join(churned);
      if (data_.ties == CensoringTies::strict) join(censored);
    });
  }

  /// concordant pairs less value times pairs.
  double surplus(double concordant, double discordant, double tied) const {
    return (1.0 - out_.value) * concordant + (0.5 - out_.value) * tied - out_.value * discordant;
  }

  /// w_i times the derivative of (concordant - value pairs) by the weight of a row: of its pairs as
  /// the one who left, of its pairs as the one who stayed, and through G.
  std::vector<double> influence() {
    std::vector<double> out(data_.influences(), 0.0);
    std::vector<double> slope(data_.censoring.through(data_.censoring.last_time()) + 1, 0.0);
    RankSums gone(ranks_.distinct);
    const auto leave = [&](std::span<const std::size_t> rows) {
      for (const std::size_t i : rows)
        if (counts(i)) gone.add(ranks_.rank[i], pair_weight(i));
    };
    const auto met = [&](std::span<const std::size_t> rows) {
      for (const std::size_t i : rows) {
        ticker_.tick();
        const Split s = split(gone, ranks_.rank[i]);
        out[i] += lives_.weight[i] * surplus(s.higher, s.lower, s.equal);
      }
    };
    each_time(false, [&](auto churned, auto censored) {
      met(churned);
      if (data_.ties == CensoringTies::strict) met(censored);
      for (const std::size_t i : churned) {
        if (!counts(i)) continue;
        const double own =
            pair_weight(i) * surplus(first_[i].lower, first_[i].higher, first_[i].equal);
        out[i] += own;
        slope[data_.position[i]] -= 2.0 * own;
      }
      leave(churned);
      if (data_.ties == CensoringTies::churn_first) met(censored);
    });
    add_censoring_influence(data_, slope, out);
    return out;
  }

  const IpcwData& data_;
  const Lives& lives_;
  Ticker ticker_;
  ScoreRanks ranks_;
  std::vector<std::size_t> rows_;
  std::vector<Split> first_;
  UnoConcordance out_;
};

}  // namespace

UnoConcordance uno_concordance(const IpcwData& data, std::span<const double> score, double tau,
                               const Execution& execution) {
  if (score.size() != data.rows())
    throw InvalidInput("score", -1, static_cast<double>(score.size()), "as long as duration");
  for (std::size_t i = 0; i < score.size(); ++i)
    if (!std::isfinite(score[i]))
      throw InvalidInput("score", static_cast<std::int64_t>(i), score[i], "finite");
  if (!(tau > 0.0)) throw InvalidInput("tau", -1, tau, "> 0");
  return UnoPairs(data, score, tau, execution).count();
}

}  // namespace tenure::churn
