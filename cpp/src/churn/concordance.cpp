#include "tenure/churn/concordance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "rank_sums.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

void require_valid(const ScoredSample& s) {
  const std::size_t n = s.duration.size();
  const auto same = [&](const char* argument, std::size_t length) {
    if (length != n)
      throw InvalidInput(argument, -1, static_cast<double>(length), "as long as duration");
  };
  if (n == 0) throw InvalidInput("duration", -1, 0.0, "non-empty");
  same("churned", s.churned.size());
  same("score", s.score.size());
  if (s.entry) same("entry", s.entry->size());
  if (s.weight) same("sample_weight", s.weight->size());
  if (s.stratum) same("strata", s.stratum->size());
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const double t = s.duration[i];
    if (!(std::isfinite(t) && t >= 0.0)) throw InvalidInput("duration", row, t, "finite and >= 0");
    if (s.churned[i] > 1) throw InvalidInput("churned", row, s.churned[i], "0 or 1");
    if (!std::isfinite(s.score[i])) throw InvalidInput("score", row, s.score[i], "finite");
    if (s.entry) {
      const double e = (*s.entry)[i];
      if (!(e >= 0.0 && (e < t || e == 0.0)))
        throw InvalidInput("entry", row, e, ">= 0 and < duration (or 0: observed from the start)");
    }
    if (s.weight && !(std::isfinite((*s.weight)[i]) && (*s.weight)[i] >= 0.0))
      throw InvalidInput("sample_weight", row, (*s.weight)[i], "finite and >= 0");
  }
}

struct Influence {
  double concordant = 0.0, discordant = 0.0, tied = 0.0;
};

class Pairs {
 public:
  Pairs(const ScoredSample& s, const Execution& execution)
      : s_(s), ticker_(execution), influence_(s.duration.size()) {
    ScoreRanks ranks = rank_scores(s.score, ticker_);
    ranks_ = ranks.distinct;
    rank_ = std::move(ranks.rank);
  }

  Concordance count() {
    std::vector<std::size_t> rows(s_.duration.size());
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    std::ranges::sort(rows, [&](std::size_t a, std::size_t b) {
      ticker_.tick();
      if (stratum(a) != stratum(b)) return stratum(a) < stratum(b);
      if (s_.duration[a] != s_.duration[b]) return s_.duration[a] > s_.duration[b];
      return s_.churned[a] < s_.churned[b];
    });
    for (std::size_t begin = 0, end; begin < rows.size(); begin = end) {
      for (end = begin; end < rows.size() && stratum(rows[end]) == stratum(rows[begin]);) ++end;
      one_stratum({rows.data() + begin, end - begin});
    }
    return result();
  }

 private:
  std::int32_t stratum(std::size_t i) const { return s_.stratum ? (*s_.stratum)[i] : 0; }
  double weight(std::size_t i) const { return s_.weight ? (*s_.weight)[i] : 1.0; }
  double entry(std::size_t i) const {
    // From the start also means at risk at 0.
    const double e = s_.entry ? (*s_.entry)[i] : 0.0;
    return e > 0.0 ? e : -1.0;
  }

  /// Rows from the last time to the first, who churned after who was censored at the same time.
  void one_stratum(std::span<const std::size_t> rows) {
    std::vector<std::size_t> late;  // rows by entry, descending
    for (const std::size_t i : rows)
      if (entry(i) > 0.0) late.push_back(i);
    std::ranges::sort(late, [&](std::size_t a, std::size_t b) { return entry(a) > entry(b); });

    // At risk with a longer life, and who churned later than now: the first says what a row that
    // churns meets, the second what a row met before it left.
    RankSums staying(ranks_), gone(ranks_);
    std::size_t next = 0;
    const auto leave_before = [&](double time) {
      for (; next < late.size() && entry(late[next]) >= time; ++next) {
        staying.add(rank_[late[next]], -weight(late[next]));
        met(late[next], gone, +1.0);
      }
    };
    for (std::size_t at = 0, end; at < rows.size(); at = end) {
      const double time = s_.duration[rows[at]];
      leave_before(time);
      std::size_t dead = at;
      for (end = at; end < rows.size() && s_.duration[rows[end]] == time; ++end)
        if (!s_.churned[rows[end]]) dead = end + 1;
      // Who is censored here outlived those who churn here, and met none of those gone so far.
      for (std::size_t k = at; k < dead; ++k) {
        staying.add(rank_[rows[k]], weight(rows[k]));
        met(rows[k], gone, -1.0);
      }
      for (std::size_t k = dead; k < end; ++k) meets(rows[k], staying);
      ties(rows.subspan(dead, end - dead));
      for (std::size_t k = dead; k < end; ++k) gone.add(rank_[rows[k]], weight(rows[k]));
      for (std::size_t k = dead; k < end; ++k) {
        staying.add(rank_[rows[k]], weight(rows[k]));
        met(rows[k], gone, -1.0);
      }
    }
    leave_before(-2.0);
    for (const std::size_t i : rows)
      if (!(entry(i) > 0.0)) met(i, gone, +1.0);
  }

  void meets(std::size_t i, const RankSums& staying) {
    ticker_.tick();
    const Split others = split(staying, rank_[i]);
    influence_[i].concordant += others.lower;
    influence_[i].discordant += others.higher;
    influence_[i].tied += others.equal;
    const double w = weight(i);
    out_.concordant += w * others.lower;
    out_.discordant += w * others.higher;
    out_.tied_score += w * others.equal;
  }

  /// Pairs of row i with those who churned before it, as a difference of what is gone by then.
  void met(std::size_t i, const RankSums& gone, double sign) {
    ticker_.tick();
    const Split others = split(gone, rank_[i]);
    influence_[i].concordant += sign * others.higher;
    influence_[i].discordant += sign * others.lower;
    influence_[i].tied += sign * others.equal;
  }

  void ties(std::span<const std::size_t> dead) {
    if (dead.size() < 2) return;
    std::vector<std::pair<std::size_t, double>> by_rank;
    for (const std::size_t i : dead) by_rank.emplace_back(rank_[i], weight(i));
    std::ranges::sort(by_rank);
    double before = 0.0;
    for (std::size_t k = 0, end; k < by_rank.size(); k = end) {
      double same = 0.0;
      for (end = k; end < by_rank.size() && by_rank[end].first == by_rank[k].first; ++end) {
        out_.tied_both += by_rank[end].second * same;
        same += by_rank[end].second;
      }
      out_.tied_time += before * same;
      before += same;
    }
  }

  Concordance result() {
    const double pairs = out_.concordant + out_.discordant + out_.tied_score;
    if (!(pairs > 0.0)) {
      out_.value = out_.standard_error = std::numeric_limits<double>::quiet_NaN();
      return out_;
    }
    const double somers = (out_.concordant - out_.discordant) / pairs;
    double variance = 0.0;
    for (std::size_t i = 0; i < influence_.size(); ++i) {
      const Influence& f = influence_[i];
      const double own = weight(i) * ((f.concordant - f.discordant) -
                                      somers * (f.concordant + f.discordant + f.tied));
      variance += own * own;
    }
    out_.value = (somers + 1.0) / 2.0;
    out_.standard_error = std::sqrt(variance) / (2.0 * pairs);
    return out_;
  }

  const ScoredSample& s_;
  Ticker ticker_;
  std::size_t ranks_ = 0;
  std::vector<std::size_t> rank_;
  std::vector<Influence> influence_;
  Concordance out_;
};

}  // namespace

Concordance concordance(const ScoredSample& sample, const Execution& execution) {
  require_valid(sample);
  return Pairs(sample, execution).count();
}

}  // namespace tenure::churn
