#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/pages.hpp"

namespace tenure::events {

using Properties = std::span<const Buffer<std::int32_t>>;

struct Cells {
  std::int64_t time;
  double amount;
  std::uint16_t event;
  std::uint32_t source;
};

/// The columns of a log that is being ordered, and the canonical order of rows of one customer.
class Columns {
 public:
  Columns(EventLog& log, Properties properties, std::int64_t rows, const Execution& execution)
      : log_(&log),
        properties_(properties),
        sources_(properties.empty() ? Buffer<std::uint32_t>()
                                    : mapped_buffer<std::uint32_t>(rows, execution)),
        time_(log.time.data()),
        amount_(log.amount.data()),
        event_(log.event.data()),
        source_(sources_.data()) {}

  Cells operator[](std::int64_t i) const {
    return {time_[i], amount_ ? amount_[i] : 0.0, event_ ? event_[i] : std::uint16_t{0},
            source_ ? source_[i] : 0};
  }

  std::int64_t time(std::int64_t i) const { return time_[i]; }

  void set(std::int64_t i, const Cells& c) const {
    time_[i] = c.time;
    if (amount_) amount_[i] = c.amount;
    if (event_) event_[i] = c.event;
    if (source_) source_[i] = c.source;
  }

  bool before(const Cells& a, const Cells& b) const {
    if (a.time != b.time) return a.time < b.time;
    if (a.event != b.event) return a.event < b.event;
    if (a.amount != b.amount) return a.amount < b.amount;
    for (const auto& p : properties_)
      if (p[a.source] != p[b.source]) return p[a.source] < p[b.source];
    return false;
  }

  bool in_order(std::int64_t i) const {
    return time_[i - 1] < time_[i] || !before((*this)[i], (*this)[i - 1]);
  }

  /// Moves row base + i to base + place[i], column by column: a partition of one fits the cache.
  void permute(std::int64_t base, std::span<const std::uint32_t> place) const {
    permute(time_, base, place);
    permute(amount_, base, place);
    permute(event_, base, place);
    permute(source_, base, place);
  }

  /// Brings the properties into the order of the rows.
  void fetch_properties(const Execution& execution) const {
    for (const auto& p : properties_) {
      Buffer<std::int32_t> ordered(sources_.size());
      for_each_block(sources_.size(), execution,
                     [&](std::int64_t, std::int64_t first, std::int64_t last) {
                       for (std::int64_t i = first; i < last; ++i) ordered[i] = p[source_[i]];
                     });
      log_->property.push_back(std::move(ordered));
    }
  }

 private:
  template <class T>
  static void permute(T* column, std::int64_t base, std::span<const std::uint32_t> place) {
    if (!column) return;
    T* to = column + base;
    const std::vector<T> from(to, to + place.size());
    for (std::size_t i = 0; i < place.size(); ++i) to[place[i]] = from[i];
  }

  EventLog* log_;
  Properties properties_;
  Buffer<std::uint32_t> sources_;  // by row of the log: the number that it came with
  std::int64_t* time_;
  double* amount_;  // null where the log has none, and so the others
  std::uint16_t* event_;
  std::uint32_t* source_;
};

}  // namespace tenure::events
