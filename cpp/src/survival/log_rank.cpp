#include "tenure/survival/log_rank.hpp"

#include <algorithm>
#include <cmath>

#include "tenure/special/chi_square.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/radix_sort.hpp"

namespace tenure::survival {
namespace {

constexpr std::int32_t kMaxGroups = 4096;
constexpr std::int64_t kPollRows = 65'536;

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
  if (s.strata < 1) throw InvalidInput("stratum", -1, s.strata, "of at least one stratum");
  for (const auto& [name, value] : {std::pair{"rho", options.rho}, {"gamma", options.gamma}})
    if (!(std::isfinite(value) && value >= 0.0))
      throw InvalidInput(name, -1, value, "finite and >= 0");
  for (std::size_t i = 0; i < n; ++i) {
    if (i % kPollRows == 0) execution.poll();
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
  }
}

/// Rows in order of (stratum, time): sorted by time first, then counted into strata.
class SortedRows {
 public:
  SortedRows(const GroupedSample& s, std::span<const double> time, const Execution& execution)
      : first_(static_cast<std::size_t>(s.strata) + 1) {
    Buffer<KeyedRow> rows(std::ssize(time));
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      if (i % kPollRows == 0) execution.poll();
      rows[i] = {ordered_key(time[static_cast<std::size_t>(i)]), i};
    }
    radix_sort(rows, execution);
    const auto stratum = [&](std::int64_t row) {
      return s.stratum ? static_cast<std::size_t>((*s.stratum)[static_cast<std::size_t>(row)]) : 0;
    };
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      if (i % kPollRows == 0) execution.poll();
      ++first_[stratum(rows[i].row) + 1];
    }
    for (std::size_t k = 1; k < first_.size(); ++k) first_[k] += first_[k - 1];
    row_.resize(time.size());
    auto next = first_;
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      if (i % kPollRows == 0) execution.poll();
      row_[next[stratum(rows[i].row)]++] = static_cast<std::size_t>(rows[i].row);
    }
  }

  std::span<const std::size_t> of(std::int32_t stratum) const {
    const auto k = static_cast<std::size_t>(stratum);
    return std::span(row_).subspan(first_[k], first_[k + 1] - first_[k]);
  }

 private:
  std::vector<std::size_t> first_;
  std::vector<std::size_t> row_;
};

double weight_of(const RankOptions& options, double at_risk, double survival) {
  switch (options.weight) {
    case RankWeight::log_rank:
      return 1.0;
    case RankWeight::gehan:
      return at_risk;
    case RankWeight::tarone_ware:
      return std::sqrt(at_risk);
    case RankWeight::fleming_harrington:
      break;
  }
  return std::pow(survival, options.rho) * std::pow(1.0 - survival, options.gamma);
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
        if (i % kPollRows == 0) execution.poll();
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
          ++churned_[code(exits[last])];
          ++events;
        }
      if (events > 0) add(events);
      for (std::size_t i = first; i < last; ++i) {
        --at_risk_[code(exits[i])];
        --total_;
      }
    }
  }

 private:
  std::size_t code(std::size_t row) const { return static_cast<std::size_t>(s_.group[row]); }

  void enter(std::size_t row) {
    ++at_risk_[code(row)];
    ++total_;
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
  for (const std::int32_t g : s.group) ++out.rows[static_cast<std::size_t>(g)];

  const SortedRows exits(s, s.duration, execution);
  std::optional<SortedRows> entries;
  if (s.entry) entries.emplace(s, *s.entry, execution);
  Walk walk(s, options, out);
  for (std::int32_t k = 0; k < s.strata; ++k)
    walk.stratum(exits.of(k), entries ? entries->of(k) : std::span<const std::size_t>{}, execution);

  for (std::size_t k = 0; k < groups; ++k)
    for (std::size_t l = 0; l < k; ++l) out.variance[l * groups + k] = out.variance[k * groups + l];
  chi_square(out, groups, execution);
  return out;
}

}  // namespace tenure::survival
