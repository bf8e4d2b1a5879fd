#include <algorithm>
#include <unordered_map>

#include "log_rank_rows.hpp"
#include "tenure/survival/precise_sum.hpp"

namespace tenure::survival {
namespace {

/// Walks the times of one stratum upwards. With A the sum of w_j d_j / n_j over the times passed
/// and B_k that of w_j d_j n_kj / n_j^2, a row of group g that leaves has
///
///     u = a e_g + b,  a = churned w_j - A,  b = B - churned w_j n_j / n,
///
/// less what A and B were when it entered. Rows that leave together share a and b.
class RobustWalk {
 public:
  RobustWalk(const GroupedSample& s, const RankOptions& options, RankTest& out)
      : s_(s),
        options_(options),
        out_(out),
        groups_(static_cast<std::size_t>(s.groups)),
        at_risk_(groups_),
        rows_(groups_),
        share_(groups_),
        b_(groups_),
        turned_(groups_),
        squares_(2 * groups_),
        churned_(groups_) {}

  void stratum(std::span<const std::size_t> exits, std::span<const std::size_t> entries,
               const Execution& execution) {
    std::ranges::fill(at_risk_, PreciseSum());
    std::ranges::fill(rows_, 0);
    std::ranges::fill(b_, 0.0);
    total_ = PreciseSum();
    present_ = 0;
    survival_ = 1.0;
    a_ = 0.0;
    history_.assign(1, 0.0);
    history_.insert(history_.end(), groups_, 0.0);
    std::size_t entered = 0;
    if (!s_.entry) {
      for (std::size_t i = 0; i < exits.size(); ++i) {
        if (i % kRankPollRows == 0) execution.poll();
        move(exits[i], 1.0);
      }
    } else {
      for (; entered < entries.size() && (*s_.entry)[entries[entered]] == 0.0; ++entered)
        move(entries[entered], 1.0);
    }
    for (std::size_t first = 0, last = 0; first < exits.size(); first = last) {
      if (first % 64 == 0) execution.poll();
      const double t = s_.duration[exits[first]];
      for (; s_.entry && entered < entries.size() && (*s_.entry)[entries[entered]] < t; ++entered) {
        begun_[entries[entered]] = history_.size() - groups_ - 1;
        move(entries[entered], 1.0);
      }
      std::int64_t events = 0;
      double d = 0.0;
      std::ranges::fill(churned_, 0.0);
      for (last = first; last < exits.size() && s_.duration[exits[last]] == t; ++last) {
        const std::size_t row = exits[last];
        if (s_.churned[row] == 0 || weight(row) == 0.0) continue;
        churned_[code(row)] += weight(row);
        ++out_.events[code(row)];
        d += weight(row);
        ++events;
      }
      turn_ = 0.0;
      if (events > 0) pass(events, d);
      leave(exits.subspan(first, last - first));
    }
  }

 private:
  std::size_t code(std::size_t row) const { return static_cast<std::size_t>(s_.group[row]); }
  double weight(std::size_t row) const { return s_.weight ? (*s_.weight)[row] : 1.0; }

  void move(std::size_t row, double sign) {
    if (weight(row) == 0.0) return;
    at_risk_[code(row)].add(sign * weight(row));
    total_.add(sign * weight(row));
    rows_[code(row)] += sign > 0.0 ? 1 : -1;
    present_ += sign > 0.0 ? 1 : -1;
  }

  void pass(std::int64_t events, double d) {
    const double n = total_.value();
    turn_ = weight_of(options_, n, survival_);
    for (std::size_t k = 0; k < groups_; ++k) {
      share_[k] = rows_[k] == 0 ? 0.0 : rows_[k] == present_ ? 1.0 : at_risk_[k].value() / n;
      out_.observed[k] += turn_ * churned_[k];
      out_.expected[k] += turn_ * share_[k] * d;
      b_[k] += turn_ * d / n * share_[k];
    }
    a_ += turn_ * d / n;
    survival_ = events == present_ ? 0.0 : survival_ * ((n - d) / n);
    if (!s_.entry) return;
    history_.push_back(a_);
    history_.insert(history_.end(), b_.begin(), b_.end());
  }

  /// Rows that leave at one time: those from the start all at once, late ones each with its own b.
  void leave(std::span<const std::size_t> rows) {
    std::ranges::fill(squares_, 0.0);
    for (const std::size_t row : rows) {
      const double square = weight(row) * weight(row);
      if (square == 0.0) continue;
      const bool gone = s_.churned[row] != 0;
      move(row, -1.0);
      const auto late = begun_.find(row);
      if (late == begun_.end()) {
        squares_[(gone ? groups_ : 0) + code(row)] += square;
        continue;
      }
      const double* const before = history_.data() + late->second;
      for (std::size_t k = 0; k < groups_; ++k)
        turned_[k] = b_[k] - before[1 + k] - (gone ? turn_ * share_[k] : 0.0);
      const double a = (gone ? turn_ : 0.0) - (a_ - before[0]);
      const std::size_t g = code(row);
      add(square, [&](std::size_t k) { return k == g ? square : 0.0; }, a);
      begun_.erase(late);
    }
    for (const bool gone : {false, true}) {
      const double* const of = squares_.data() + (gone ? groups_ : 0);
      double sum = 0.0;
      for (std::size_t k = 0; k < groups_; ++k) sum += of[k];
      if (sum == 0.0) continue;
      for (std::size_t k = 0; k < groups_; ++k)
        turned_[k] = b_[k] - (gone ? turn_ * share_[k] : 0.0);
      add(sum, [of](std::size_t k) { return of[k]; }, (gone ? turn_ : 0.0) - a_);
    }
  }

  /// Sum of w^2 (a e_g + b)(a e_g + b)', b in `turned_`, w^2 of each group in `of`.
  template <class Of>
  void add(double sum, const Of& of, double a) {
    for (std::size_t k = 0; k < groups_; ++k) {
      double* const row = out_.variance.data() + k * groups_;
      const double own = a * of(k);
      for (std::size_t l = 0; l < k; ++l)
        row[l] += (sum * turned_[k] + own) * turned_[l] + a * of(l) * turned_[k];
      row[k] += (sum * turned_[k] + 2.0 * own) * turned_[k] + a * own;
    }
  }

  const GroupedSample& s_;
  const RankOptions& options_;
  RankTest& out_;
  std::size_t groups_;
  std::vector<PreciseSum> at_risk_;
  std::vector<std::int64_t> rows_;  ///< of at_risk_
  std::vector<double> share_, b_, turned_, squares_, churned_;
  PreciseSum total_;
  std::int64_t present_ = 0;
  double survival_ = 1.0, a_ = 0.0;
  double turn_ = 0.0;            ///< w_j of the time; 0 where nobody churns
  std::vector<double> history_;  ///< A and B after each time, where rows enter late
  std::unordered_map<std::size_t, std::size_t> begun_;  ///< late rows: where their A and B begin
};

}  // namespace

void robust_log_rank(const GroupedSample& s, const RankOptions& options, RankTest& out,
                     const Execution& execution) {
  const SortedRows exits(s, s.duration, execution);
  std::optional<SortedRows> entries;
  if (s.entry) entries.emplace(s, *s.entry, execution);
  RobustWalk walk(s, options, out);
  for (std::int32_t k = 0; k < s.strata; ++k)
    walk.stratum(exits.of(k), entries ? entries->of(k) : std::span<const std::size_t>{}, execution);
}

}  // namespace tenure::survival
