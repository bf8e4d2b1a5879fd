#include "tenure/survival/log_rank.hpp"

#include <algorithm>
#include <cmath>

#include "log_rank_rows.hpp"
#include "tenure/special/chi_square.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::survival {
namespace {

constexpr std::int32_t kMaxGroups = 4096;
/// Sums of whole weights below are exact in doubles too.
constexpr double kMaxWeight = 9e15;

void require_code(const char* argument, std::int64_t row, std::int32_t code, std::int32_t codes) {
  if (code < 0 || code >= codes)
    throw InvalidInput(argument, row, code, "a code from 0 to below the number of codes");
}

void require_valid(const GroupedSample& s, const RankOptions& options, const Execution& execution) {
  const std::size_t n = s.duration.size();
  const auto require_length = [n](const char* argument, std::size_t length) {
    if (length != n)
      throw InvalidInput(argument, -1, static_cast<double>(length), "as long as duration");
  };
  require_length("churned", s.churned.size());
  require_length("group", s.group.size());
  if (s.entry) require_length("entry", s.entry->size());
  if (s.stratum) require_length("stratum", s.stratum->size());
  if (s.groups < 1 || s.groups > kMaxGroups)
    throw InvalidInput("group", -1, s.groups, "of 1 to 4096 groups");
  if (s.weight) require_length("sample_weight", s.weight->size());
  if (s.strata < 1) throw InvalidInput("stratum", -1, s.strata, "of at least one stratum");
  for (const auto& [name, value] : {std::pair{"rho", options.rho}, {"gamma", options.gamma}})
    if (!(std::isfinite(value) && value >= 0.0))
      throw InvalidInput(name, -1, value, "finite and >= 0");
  double total = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % kRankPollRows == 0) execution.poll();
    const auto row = static_cast<std::int64_t>(i);
    const double t = s.duration[i];
    if (!(std::isfinite(t) && t >= 0.0)) throw InvalidInput("duration", row, t, "finite and >= 0");
    if (s.churned[i] > 1) throw InvalidInput("churned", row, s.churned[i], "0 or 1");
    require_code("group", row, s.group[i], s.groups);
    if (s.stratum) require_code("stratum", row, (*s.stratum)[i], s.strata);
    if (s.entry) {
      const double e = (*s.entry)[i];
      if (!(e >= 0.0 && (e < t || e == 0.0)))
        throw InvalidInput("entry", row, e, ">= 0 and < duration (or 0: observed from the start)");
    }
    if (!s.weight) continue;
    const double w = (*s.weight)[i];
    if (!(std::isfinite(w) && w >= 0.0))
      throw InvalidInput("sample_weight", row, w, "finite and >= 0");
    if (!options.robust && !(w == std::floor(w) && (total += w) <= kMaxWeight))
      throw InvalidInput("sample_weight", row, w,
                         "a whole number of like rows, 9e15 in sum at most, where the variance is "
                         "not robust");
  }
}

/// Walks the times of one stratum upwards; risk sets are whole numbers, so that nothing rounds.
class Walk {
 public:
  Walk(const GroupedSample& s, const RankOptions& options, RankTest& out)
      : s_(s),
        options_(options),
        out_(out),
        groups_(static_cast<std::size_t>(s.groups)),
        at_risk_(groups_),
        churned_(groups_) {}

  void stratum(std::span<const std::size_t> exits, std::span<const std::size_t> entries,
               const Execution& execution) {
    std::ranges::fill(at_risk_, 0);
    total_ = 0;
    survival_ = 1.0;
    std::size_t entered = 0;
    if (!s_.entry) {
      for (std::size_t i = 0; i < exits.size(); ++i) {
        if (i % kRankPollRows == 0) execution.poll();
        enter(exits[i]);
      }
    } else {
      while (entered < entries.size() && (*s_.entry)[entries[entered]] == 0.0)
        enter(entries[entered++]);
    }
    std::size_t times = 0;
    for (std::size_t first = 0, last = 0; first < exits.size(); first = last) {
      if (times++ % 64 == 0) execution.poll();
      const double t = s_.duration[exits[first]];
      while (s_.entry && entered < entries.size() && (*s_.entry)[entries[entered]] < t)
        enter(entries[entered++]);
      std::int64_t events = 0;
      std::ranges::fill(churned_, 0);
      for (last = first; last < exits.size() && s_.duration[exits[last]] == t; ++last)
        if (s_.churned[exits[last]] != 0) {
          churned_[code(exits[last])] += count(exits[last]);
          events += count(exits[last]);
        }
      if (events > 0) add(events);
      for (std::size_t i = first; i < last; ++i) {
        at_risk_[code(exits[i])] -= count(exits[i]);
        total_ -= count(exits[i]);
      }
    }
  }

 private:
  std::size_t code(std::size_t row) const { return static_cast<std::size_t>(s_.group[row]); }

  /// How many like rows a row stands for.
  std::int64_t count(std::size_t row) const {
    return s_.weight ? static_cast<std::int64_t>((*s_.weight)[row]) : 1;
  }

  void enter(std::size_t row) {
    at_risk_[code(row)] += count(row);
    total_ += count(row);
  }

  void add(std::int64_t events) {
    const auto n = static_cast<double>(total_), d = static_cast<double>(events);
    const double w = weight_of(options_, n, survival_);
    const double spread = total_ > 1 ? w * w * d * (n - d) / (n - 1.0) : 0.0;
    for (std::size_t k = 0; k < groups_; ++k) {
      if (at_risk_[k] == 0) continue;
      const double share = static_cast<double>(at_risk_[k]) / n;
      out_.events[k] += churned_[k];
      out_.observed[k] += w * static_cast<double>(churned_[k]);
      out_.expected[k] += w * share * d;
      double* const row = out_.variance.data() + k * groups_;
      for (std::size_t l = 0; l < k; ++l)
        row[l] -= spread * share * (static_cast<double>(at_risk_[l]) / n);
      // 1 - n_k / n from the counts: exactly 0 where the group is alone.
      row[k] += spread * share * (static_cast<double>(total_ - at_risk_[k]) / n);
    }
    survival_ *= static_cast<double>(total_ - events) / n;
  }

  const GroupedSample& s_;
  const RankOptions& options_;
  RankTest& out_;
  std::size_t groups_;
  std::vector<std::int64_t> at_risk_, churned_;
  std::int64_t total_ = 0;
  double survival_ = 1.0;
};

void exact_log_rank(const GroupedSample& s, const RankOptions& options, RankTest& out,
                    const Execution& execution) {
  const SortedRows exits(s, s.duration, execution);
  std::optional<SortedRows> entries;
  if (s.entry) entries.emplace(s, *s.entry, execution);
  Walk walk(s, options, out);
  for (std::int32_t k = 0; k < s.strata; ++k)
    walk.stratum(exits.of(k), entries ? entries->of(k) : std::span<const std::size_t>{}, execution);
}

/// u' V^- u and the rank of V, by Cholesky with pivots. u lies in the range of V, as it does at
/// every single time, so that any generalised inverse gives the same.
void chi_square(RankTest& test, std::size_t n, const Execution& execution) {
  std::vector<double> v = test.variance, u(n), scale(n);
  std::vector<std::uint8_t> used(n);
  for (std::size_t k = 0; k < n; ++k) {
    u[k] = test.observed[k] - test.expected[k];
    scale[k] = v[k * n + k];
  }
  for (std::size_t step = 0; step < n; ++step) {
    execution.poll();
    std::size_t pivot = n;
    double best = 1e-10;
    for (std::size_t k = 0; k < n; ++k)
      if (used[k] == 0 && scale[k] > 0.0 && v[k * n + k] / scale[k] > best) {
        best = v[k * n + k] / scale[k];
        pivot = k;
      }
    if (pivot == n) break;
    used[pivot] = 1;
    ++test.df;
    const double d = v[pivot * n + pivot];
    test.statistic += u[pivot] * u[pivot] / d;
    for (std::size_t k = 0; k < n; ++k) {
      if (used[k] != 0) continue;
      const double factor = v[k * n + pivot] / d;
      if (factor == 0.0) continue;
      u[k] -= factor * u[pivot];
      for (std::size_t l = 0; l < n; ++l)
        if (used[l] == 0) v[k * n + l] -= factor * v[pivot * n + l];
    }
  }
  test.p_value = test.df > 0
                     ? special::chi_square_survival(test.statistic, static_cast<double>(test.df))
                     : 1.0;
}

}  // namespace

RankTest log_rank(const GroupedSample& s, const RankOptions& options, const Execution& execution) {
  require_valid(s, options, execution);
  const auto groups = static_cast<std::size_t>(s.groups);
  RankTest out;
  out.rows.resize(groups);
  out.events.resize(groups);
  out.observed.resize(groups);
  out.expected.resize(groups);
  out.variance.resize(groups * groups);
  for (std::size_t i = 0; i < s.group.size(); ++i) {
    const double w = s.weight ? (*s.weight)[i] : 1.0;
    out.rows[static_cast<std::size_t>(s.group[i])] +=
        options.robust ? static_cast<std::int64_t>(w > 0.0) : static_cast<std::int64_t>(w);
  }
  if (options.robust) {
    robust_log_rank(s, options, out, execution);
  } else {
    exact_log_rank(s, options, out, execution);
  }
  for (std::size_t k = 0; k < groups; ++k)
    for (std::size_t l = 0; l < k; ++l) out.variance[l * groups + k] = out.variance[k * groups + l];
  chi_square(out, groups, execution);
  return out;
}

}  // namespace tenure::survival
