#include "tenure/events/features.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "panel_rows.hpp"
#include "tenure/events/orders.hpp"
#include "tenure/support/pages.hpp"

namespace tenure::events {
namespace {

constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN();
constexpr double kMicrosPerDayF = static_cast<double>(kMicrosPerDay);

/// A running sum in two doubles: the difference of two such is the sum of what lies between them,
/// however much came before. [Knuth, TAOCP 2, sec. 4.2.2]
struct RunningSum {
  double high = 0.0, low = 0.0;

  RunningSum plus(double x) const {
    const double sum = high + x;
    const double shadow = sum - high;
    return {sum, low + ((high - (sum - shadow)) + (x - shadow))};
  }
  double since(const RunningSum& before) const { return (high - before.high) + (low - before.low); }
};

/// What happened up to each row of one customer: entry i is the state before row i.
class History {
 public:
  History(const EventLog& log, const FeatureOptions& options)
      : log_(&log), options_(&options), days_(log, Period::day, 0) {}

  void read(const CustomerEvents& events) {
    events_ = events;
    const auto rows = events.time.size();
    const std::size_t kinds = options_->events.size();
    active_.resize(rows + 1);
    orders_.resize(rows + 1);
    amount_.resize(rows + 1);
    kind_.assign((rows + 1) * kinds, 0);
    day_.clear();
    gaps_.assign(1, {});
    active_[0] = orders_[0] = 0;
    amount_[0] = {};
    for (std::size_t i = 0; i < rows; ++i) {
      const std::int64_t day = days_.day(events.time[i]);
      if (day_.empty() || day > day_.back()) {  // a day goes on where clocks are set back over it
        if (!day_.empty()) {
          const auto gap = static_cast<double>(day - day_.back());
          gaps_.push_back({gaps_.back().sum + gap, gaps_.back().squares + gap * gap});
        }
        day_.push_back(day);
      }
      active_[i + 1] = static_cast<std::int64_t>(day_.size());
      const bool is_order = log_->is_order(events.first + static_cast<std::int64_t>(i));
      const double amount = events.amount.empty() || !is_order ? 0.0 : events.amount[i];
      orders_[i + 1] = orders_[i] + (is_order && !(amount < 0.0));
      amount_[i + 1] = amount_[i].plus(amount);
      for (std::size_t e = 0; e < kinds; ++e)
        kind_[(i + 1) * kinds + e] =
            kind_[i * kinds + e] + (events.event[i] == options_->events[e]);
    }
  }

  /// Rows before an instant. Among few rows it is cheaper to look at all than to guess where.
  std::size_t before(std::int64_t at) const {
    constexpr std::size_t kFew = 32;
    const auto time = events_.time;
    if (time.size() > kFew)
      return static_cast<std::size_t>(std::ranges::lower_bound(time, at) - time.begin());
    std::size_t rows = 0;
    for (const std::int64_t t : time) rows += t < at;
    return rows;
  }

  /// Counts and sums of the rows [from, to).
  template <class Put>
  void put_range(std::size_t from, std::size_t to, const Put& put) const {
    put(to - from);
    // Days are distinct within the rows, though the first may have begun before them.
    put(from == to ? 0 : active_[to] - active_[from + 1] + 1);
    if (log_->has_amount()) {
      const double amount = amount_[to].since(amount_[from]);
      const std::int64_t orders = orders_[to] - orders_[from];
      put(amount);
      put(orders);
      put(orders == 0 ? static_cast<double>(kNoNumber) : amount / static_cast<double>(orders));
    }
    const std::size_t kinds = options_->events.size();
    for (std::size_t e = 0; e < kinds; ++e) put(kind_[to * kinds + e] - kind_[from * kinds + e]);
  }

  /// What the whole history up to row `to` (> 0) says about time.
  template <class Put>
  void put_times(std::size_t to, std::int64_t at, const Put& put) const {
    put(static_cast<double>(at - events_.time.front()) / kMicrosPerDayF);
    put(static_cast<double>(at - events_.time[to - 1]) / kMicrosPerDayF);
    const auto gaps = static_cast<std::size_t>(active_[to] - 1);
    const auto n = static_cast<double>(gaps);
    const Gaps& sums = gaps_[gaps];
    // Gaps are whole days: both sums are exact.
    const double spread = std::max(0.0, n * sums.squares - sums.sum * sums.sum);
    put(gaps == 0 ? static_cast<double>(kNoNumber) : sums.sum / n);
    put(gaps < 2 ? static_cast<double>(kNoNumber) : std::sqrt(spread / (n * (n - 1.0))));
    put(gaps == 0 ? static_cast<double>(kNoNumber)
                  : static_cast<double>(day_[gaps] - day_[gaps - 1]));
  }

 private:
  struct Gaps {
    double sum = 0.0, squares = 0.0;
  };

  const EventLog* log_;
  const FeatureOptions* options_;
  OrderWalk days_;
  CustomerEvents events_{};
  std::vector<std::int64_t> active_, orders_, kind_;
  std::vector<RunningSum> amount_;
  std::vector<std::int64_t> day_;  // distinct ones
  std::vector<Gaps> gaps_;         // by number of distinct days less one
};

}  // namespace

std::vector<FeatureColumn> feature_columns(const EventLog& log, const FeatureOptions& options) {
  std::vector<FeatureColumn> columns;
  const auto counts = [&](int window) {
    columns.push_back({"events", window});
    columns.push_back({"active_days", window});
    if (log.has_amount())
      for (const char* what : {"amount", "orders", "mean_amount"})
        columns.push_back({what, window});
    for (std::size_t e = 0; e < options.events.size(); ++e)
      columns.push_back({"event", window, static_cast<int>(e)});
  };
  for (std::size_t w = 0; w < options.windows.size(); ++w) {
    counts(static_cast<int>(w));
    columns.push_back({"trend", static_cast<int>(w)});
  }
  counts(-1);
  for (const char* what :
       {"days_since_first", "days_since_last", "mean_gap", "std_gap", "last_gap"})
    columns.push_back({what});
  return columns;
}

FeatureTable features(const EventLog& log, const FeatureOptions& options,
                      const Execution& execution) {
  for (std::size_t w = 0; w < options.windows.size(); ++w)
    if (options.windows[w] <= 0)
      throw InvalidInput("windows", static_cast<std::int64_t>(w),
                         static_cast<double>(options.windows[w]), "longer than 0");
  const std::span<const std::int64_t> at(options.at);
  auto panel = detail::panel_rows(log, at, execution, [&](std::int64_t c) {
    const auto time = log[c].time;
    return time.empty()
               ? at.size()
               : static_cast<std::size_t>(std::ranges::upper_bound(at, time.front()) - at.begin());
  });

  FeatureTable table;
  table.customer = mapped_buffer<std::int64_t>(panel.rows(), execution);
  for (std::size_t f = 0; f < feature_columns(log, options).size(); ++f)
    table.columns.push_back(mapped_buffer<float>(panel.rows(), execution));
  panel.for_each_range(execution, [&](const auto& customers, std::vector<std::int64_t>& next) {
    History history(log, options);
    customers([&](std::int64_t c) {
      const CustomerEvents events = log[c];
      if (events.time.empty() || at.empty() || events.time.front() >= at.back()) return;
      history.read(events);
      for (auto k = static_cast<std::size_t>(std::ranges::upper_bound(at, events.time.front()) -
                                             at.begin());
           k < at.size(); ++k) {
        const std::int64_t row = next[k]++;
        std::size_t f = 0;
        const auto put = [&](auto value) { table.columns[f++][row] = static_cast<float>(value); };
        table.customer[row] = c;
        const std::size_t to = history.before(at[k]);
        for (const std::int64_t window : options.windows) {
          const std::size_t from = history.before(at[k] - window);
          const std::size_t half = history.before(at[k] - window / 2);
          history.put_range(from, to, put);
          put(static_cast<std::int64_t>(to - half) - static_cast<std::int64_t>(half - from));
        }
        history.put_range(0, to, put);
        history.put_times(to, at[k], put);
      }
    });
  });
  table.first = std::move(panel.first);
  return table;
}

}  // namespace tenure::events
