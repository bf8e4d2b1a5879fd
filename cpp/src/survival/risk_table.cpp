#include "tenure/survival/risk_table.hpp"

#include <algorithm>
#include <cmath>
#include <ranges>
#include <utility>

#include "tenure/support/errors.hpp"
#include "tenure/support/radix_sort.hpp"
#include "tenure/survival/precise_sum.hpp"

namespace tenure::survival {
namespace {

constexpr std::size_t kPollRows = 65'536;
constexpr std::int32_t kMaxCauses = 1024;

std::int32_t causes_of(const CensoredSample&) { return 1; }
std::int32_t causes_of(const CauseSample& s) { return s.causes; }
std::span<const std::uint8_t> codes(const CensoredSample& s) { return s.churned; }
std::span<const std::int32_t> codes(const CauseSample& s) { return s.cause; }

void require_code(const CensoredSample& s, std::size_t i) {
  if (s.churned[i] > 1)
    throw InvalidInput("churned", static_cast<std::int64_t>(i), s.churned[i], "0 or 1");
}
void require_code(const CauseSample& s, std::size_t i) {
  if (s.cause[i] < 0 || s.cause[i] > s.causes)
    throw InvalidInput("cause", static_cast<std::int64_t>(i), s.cause[i],
                       "a code from 0 to the number of causes");
}

template <class Sample>
void require_valid(const Sample& s, const char* codes_name, const Execution& execution) {
  const std::size_t n = s.duration.size();
  const auto require_length = [n](const char* argument, std::size_t length) {
    if (length != n)
      throw InvalidInput(argument, -1, static_cast<double>(length), "as long as duration");
  };
  if (n == 0) throw InvalidInput("duration", -1, 0.0, "non-empty");
  require_length(codes_name, codes(s).size());
  if (s.entry) require_length("entry", s.entry->size());
  if (s.weight) require_length("sample_weight", s.weight->size());
  if (causes_of(s) < 1 || causes_of(s) > kMaxCauses)
    throw InvalidInput("causes", -1, causes_of(s), "of 1 to 1024 causes");

  double total = s.weight ? 0.0 : 1.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % kPollRows == 0) execution.poll();
    const auto row = static_cast<std::int64_t>(i);
    const double t = s.duration[i];
    if (!(std::isfinite(t) && t >= 0.0)) throw InvalidInput("duration", row, t, "finite and >= 0");
    require_code(s, i);
    if (s.entry) {
      const double e = (*s.entry)[i];
      if (!(e >= 0.0 && (e < t || e == 0.0)))
        throw InvalidInput("entry", row, e, ">= 0 and < duration (or 0: observed from the start)");
    }
    if (s.weight) {
      const double w = (*s.weight)[i];
      if (!(std::isfinite(w) && w >= 0.0))
        throw InvalidInput("sample_weight", row, w, "finite and >= 0");
      total += w;
    }
  }
  if (!(total > 0.0 && std::isfinite(total)))
    throw InvalidInput("sample_weight", -1, total, "positive and finite in sum");
}

/// Whole numbers up to a small multiple of the rows: a day is its own place in an array.
bool is_day_grained(std::span<const double> duration, std::int32_t causes) {
  const double limit =
      4.0 * static_cast<double>(duration.size()) / static_cast<double>(causes) + 4096.0;
  for (const double t : duration)
    if (!(t <= limit && t == std::floor(t))) return false;
  return true;
}

// --- every row counts once, and from the start: risk sets are whole numbers
// -----------------------

/// Takes the times upwards, with the rows that are at risk at each.
class Counted {
 public:
  Counted(std::int64_t rows, std::int32_t causes) : left_(rows), causes_(causes) {}

  /// `by_cause[c]` rows leave at t for cause c; [0] are censored there.
  template <class Count>
  void take(double t, const Count* by_cause) {
    std::int64_t gone = 0;
    for (std::int32_t c = 1; c <= causes_; ++c) gone += static_cast<std::int64_t>(by_cause[c]);
    if (gone > 0) {
      table_.time.push_back(t);
      table_.at_risk.push_back(static_cast<double>(left_));
      table_.stay.push_back(static_cast<double>(left_ - gone));
      for (std::int32_t c = 1; c <= causes_; ++c)
        table_.events.push_back(static_cast<double>(by_cause[c]));
    }
    const std::int64_t all = gone + static_cast<std::int64_t>(by_cause[0]);
    if (all > 0) table_.last_time = t;
    left_ -= all;
  }

  void reserve(std::size_t times) {
    for (auto* column : {&table_.time, &table_.at_risk, &table_.stay}) column->reserve(times);
    table_.events.reserve(times * static_cast<std::size_t>(causes_));
  }

  RiskTable table() && { return std::move(table_); }

 private:
  RiskTable table_;
  std::int64_t left_;
  std::int32_t causes_;
};

template <class Sample>
RiskTable count_days(const Sample& s, const Execution& execution) {
  const auto width = static_cast<std::size_t>(causes_of(s)) + 1;
  const auto last_day = static_cast<std::size_t>(std::ranges::max(s.duration));
  // Two sets of counters in turn: neighbours often fall on one day, and an addition waits for the
  // one before it in the same place.
  std::vector<std::int64_t> count((last_day + 1) * width), second(count.size());
  const auto code = codes(s);
  const auto place = [&](std::size_t i) {
    return static_cast<std::size_t>(s.duration[i]) * width + static_cast<std::size_t>(code[i]);
  };
  const std::size_t rows = s.duration.size();
  for (std::size_t i = 0; i + 1 < rows; i += 2) {
    if (i % kPollRows == 0) execution.poll();
    ++count[place(i)];
    ++second[place(i + 1)];
  }
  if (rows % 2 != 0) ++count[place(rows - 1)];
  Counted counted(std::ssize(s.duration), causes_of(s));
  for (std::size_t day = 0; day <= last_day; ++day) {
    std::int64_t* const here = count.data() + day * width;
    for (std::size_t c = 0; c < width; ++c) here[c] += second[day * width + c];
    counted.take(static_cast<double>(day), here);
  }
  return std::move(counted).table();
}

/// A key has 63 bits of time, as durations have no sign, and one that tells churn.
RiskTable count_sorted(const CensoredSample& s, const Execution& execution) {
  Buffer<std::uint64_t> keys(std::ssize(s.duration));
  std::size_t gone = 0;
  for (std::int64_t i = 0; i < keys.size(); ++i) {
    if (i % kPollRows == 0) execution.poll();
    const auto row = static_cast<std::size_t>(i);
    keys[i] = ordered_key(s.duration[row]) << 1 | s.churned[row];
    gone += s.churned[row];
  }
  radix_sort(keys, execution);
  Counted counted(keys.size(), 1);
  counted.reserve(gone);
  for (std::int64_t first = 0, last = 0; first < keys.size(); first = last) {
    if (first % 64 == 0) execution.poll();
    const std::uint64_t time = keys[first] >> 1;
    std::int64_t by_cause[2] = {0, 0};
    for (last = first; last < keys.size() && keys[last] >> 1 == time; ++last)
      ++by_cause[keys[last] & 1];
    counted.take(key_value(time), by_cause);
  }
  return std::move(counted).table();
}

RiskTable count_sorted(const CauseSample& s, const Execution& execution) {
  Buffer<KeyedRow> rows(std::ssize(s.duration));
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (i % kPollRows == 0) execution.poll();
    const auto row = static_cast<std::size_t>(i);
    rows[i] = {ordered_key(s.duration[row]), s.cause[row]};
  }
  radix_sort(rows, execution);
  Counted counted(rows.size(), s.causes);
  std::vector<std::int64_t> by_cause(static_cast<std::size_t>(s.causes) + 1);
  for (std::int64_t first = 0, last = 0; first < rows.size(); first = last) {
    if (first % 64 == 0) execution.poll();
    std::ranges::fill(by_cause, 0);
    for (last = first; last < rows.size() && rows[last].key == rows[first].key; ++last)
      ++by_cause[static_cast<std::size_t>(rows[last].row)];
    counted.take(key_value(rows[first].key), by_cause.data());
  }
  return std::move(counted).table();
}

// --- weights and late entries
// ---------------------------------------------------------------------

/// What happens at one time. Rows are counted beside their weights, because whether a risk set is
/// empty must not depend on rounding.
struct Moment {
  PreciseSum left;      ///< weight that leaves at it
  PreciseSum censored;  ///< weight last seen at it
  PreciseSum entered;   ///< weight that is at risk at it for the first time
  std::int64_t left_rows = 0;
  std::int64_t censored_rows = 0;
  std::int64_t entered_rows = 0;

  void exit(std::int32_t cause, double weight, PreciseSum* by_cause) {
    if (weight == 0.0) return;
    (cause != 0 ? left : censored).add(weight);
    ++(cause != 0 ? left_rows : censored_rows);
    if (cause != 0) by_cause[cause - 1].add(weight);
  }
  void enter(double weight) {
    if (weight == 0.0) return;
    entered.add(weight);
    ++entered_rows;
  }
};

template <class Sample>
double weight_of(const Sample& s, std::size_t row) {
  return s.weight ? (*s.weight)[row] : 1.0;
}

/// Takes the moments from the last to the first and keeps those at which someone left.
class Weighted {
 public:
  explicit Weighted(std::int32_t causes) : causes_(causes) {}

  void take(double t, const Moment& m, const PreciseSum* by_cause) {
    if (m.left_rows + m.censored_rows > 0 && empty_) {
      empty_ = false;
      table_.last_time = t;
    }
    // From the right, smallest risk set first: subtracting from the total would leave rounding
    // residue in the tail, where few are left.
    weight_.add(m.censored);
    rows_ += m.censored_rows;
    if (m.left_rows > 0) {
      const double d_j = m.left.value();
      const double stay = rows_ == 0 ? 0.0 : std::max(weight_.value(), 0.0);
      table_.time.push_back(t);
      table_.at_risk.push_back(d_j + stay);
      table_.stay.push_back(stay);
      for (std::int32_t c = causes_; c-- > 0;) table_.events.push_back(by_cause[c].value());
    }
    weight_.add(m.left);
    weight_.subtract(m.entered);
    rows_ += m.left_rows - m.entered_rows;
  }

  RiskTable table() && {
    for (auto* column : {&table_.time, &table_.at_risk, &table_.stay, &table_.events})
      std::ranges::reverse(*column);
    return std::move(table_);
  }

 private:
  RiskTable table_;
  PreciseSum weight_;  ///< at risk just after the moments still to come
  std::int64_t rows_ = 0;
  std::int32_t causes_;
  bool empty_ = true;
};

/// One moment a day, also for days on which nothing happens: they do no harm.
template <class Sample>
RiskTable weigh_days(const Sample& s, const Execution& execution) {
  const auto causes = static_cast<std::size_t>(causes_of(s));
  const auto last_day = static_cast<std::size_t>(std::ranges::max(s.duration));
  std::vector<Moment> moments(last_day + 1);
  std::vector<PreciseSum> by_cause((last_day + 1) * causes);
  const auto code = codes(s);
  for (std::size_t i = 0; i < s.duration.size(); ++i) {
    if (i % kPollRows == 0) execution.poll();
    const auto day = static_cast<std::size_t>(s.duration[i]);
    moments[day].exit(code[i], weight_of(s, i), by_cause.data() + day * causes);
    if (s.entry && (*s.entry)[i] > 0.0)
      moments[static_cast<std::size_t>((*s.entry)[i]) + 1].enter(weight_of(s, i));
  }
  Weighted weighted(causes_of(s));
  for (std::size_t day = last_day + 1; day-- > 0;)
    weighted.take(static_cast<double>(day), moments[day], by_cause.data() + day * causes);
  return std::move(weighted).table();
}

Buffer<KeyedRow> sorted_rows(std::span<const double> values, const Execution& execution) {
  Buffer<KeyedRow> rows(std::ssize(values));
  for_each_block(rows.size(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      rows[i] = {ordered_key(values[static_cast<std::size_t>(i)]), i};
  });
  radix_sort(rows, execution);
  return rows;
}

template <class Sample>
RiskTable weigh_sorted(const Sample& s, const Execution& execution) {
  const Buffer<KeyedRow> exits = sorted_rows(s.duration, execution);
  Buffer<KeyedRow> entries;
  if (s.entry) entries = sorted_rows(*s.entry, execution);
  std::int64_t entries_left = entries.size();
  const auto row_of = [](const KeyedRow& r) { return static_cast<std::size_t>(r.row); };
  const auto code = codes(s);

  const std::uint64_t from_the_start = ordered_key(0.0);
  std::vector<PreciseSum> by_cause(static_cast<std::size_t>(causes_of(s)));
  Weighted weighted(causes_of(s));
  std::int64_t times = 0;
  for (std::int64_t last = exits.size(), first; last > 0; last = first) {
    if (times++ % 64 == 0) execution.poll();
    const std::uint64_t key = exits[last - 1].key;
    Moment m;
    std::ranges::fill(by_cause, PreciseSum{});
    for (first = last; first > 0 && exits[first - 1].key == key; --first) {
      const std::size_t row = row_of(exits[first - 1]);
      m.exit(code[row], weight_of(s, row), by_cause.data());
    }
    // Entries at or after the time before this one are first at risk now.
    const std::uint64_t before = first > 0 ? exits[first - 1].key : 0;
    for (;
         entries_left > 0 && entries[entries_left - 1].key >= std::max(before, from_the_start + 1);
         --entries_left)
      m.enter(weight_of(s, row_of(entries[entries_left - 1])));
    weighted.take(key_value(key), m, by_cause.data());
  }
  return std::move(weighted).table();
}

template <class Sample>
RiskTable table_of(const Sample& s, const char* codes_name, const Execution& execution) {
  require_valid(s, codes_name, execution);
  const bool days = is_day_grained(s.duration, causes_of(s));
  if (!s.entry && !s.weight) return days ? count_days(s, execution) : count_sorted(s, execution);
  return days ? weigh_days(s, execution) : weigh_sorted(s, execution);
}

}  // namespace

RiskTable risk_table(const CensoredSample& sample, const Execution& execution) {
  return table_of(sample, "churned", execution);
}

RiskTable risk_table(const CauseSample& sample, const Execution& execution) {
  return table_of(sample, "cause", execution);
}

}  // namespace tenure::survival
