#include "fine_gray_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"
#include "tenure/support/radix_sort.hpp"
#include "tenure/survival/precise_sum.hpp"

namespace tenure::survival {
namespace {

constexpr std::size_t kPoll = 4096;

void require_valid(const FineGraySample& s, const Execution& execution) {
  const std::size_t n = s.duration.size();
  const auto require_length = [n](const char* argument, std::size_t length) {
    if (length != n)
      throw InvalidInput(argument, -1, static_cast<double>(length), "as long as duration");
  };
  if (n == 0) throw InvalidInput("duration", -1, 0.0, "non-empty");
  require_length("cause", s.cause.size());
  require_length("X", static_cast<std::size_t>(s.x.rows));
  if (s.entry) require_length("entry", s.entry->size());
  if (s.weight) require_length("sample_weight", s.weight->size());
  bool seen = false;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % kPoll == 0) execution.poll();
    const auto row = static_cast<std::int64_t>(i);
    const double t = s.duration[i];
    if (!(std::isfinite(t) && t >= 0.0)) throw InvalidInput("duration", row, t, "finite and >= 0");
    if (s.cause[i] > 2) throw InvalidInput("cause", row, s.cause[i], "0, 1 or 2");
    if (s.entry) {
      const double e = (*s.entry)[i];
      if (!(e >= 0.0 && (e < t || e == 0.0)))
        throw InvalidInput("entry", row, e, ">= 0 and < duration (or 0: observed from the start)");
    }
    if (s.weight && !(std::isfinite((*s.weight)[i]) && (*s.weight)[i] > 0.0))
      throw InvalidInput("sample_weight", row, (*s.weight)[i], "finite and > 0");
    seen |= s.cause[i] == 1;
    for (std::int64_t j = 0; j < s.x.columns; ++j) {
      const double v =
          s.x.values[i * static_cast<std::size_t>(s.x.columns) + static_cast<std::size_t>(j)];
      if (!std::isfinite(v)) throw InvalidInput("X", row, v, "finite");
    }
  }
  if (!seen) throw InvalidInput("cause", -1, 0.0, "1 for some customer");
}

Standard valid_standard_of(const FineGraySample& s, const Execution& execution) {
  require_valid(s, execution);
  return standard_of(s.x, s.weight.value_or(std::span<const double>()), true, execution);
}

}  // namespace

FineGrayRows::FineGrayRows(const FineGraySample& sample, const Execution& execution)
    : n(sample.duration.size()),
      p(static_cast<std::size_t>(sample.x.columns)),
      standard(valid_standard_of(sample, execution)),
      x(n * p),
      weight(n, 1.0),
      cause(n),
      moment(n),
      slot(n),
      row_(n) {
  take_exits(sample, execution);
  if (sample.entry) take_entries(*sample.entry, execution);
  count_at_risk(execution);
  weigh();
}

void FineGrayRows::take_exits(const FineGraySample& s, const Execution& execution) {
  Buffer<KeyedRow> order(std::ssize(s.duration));
  for (std::int64_t i = 0; i < order.size(); ++i)
    order[i] = {ordered_key(s.duration[static_cast<std::size_t>(i)]), i};
  radix_sort(order, execution);
  for (std::size_t first = 0, last = 0; first < n; first = last) {
    const std::uint64_t key = order[static_cast<std::int64_t>(first)].key;
    Moment m{key_value(key), first, first, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0};
    for (last = first; last < n && order[static_cast<std::int64_t>(last)].key == key; ++last) {
      if (last % kPoll == 0) execution.poll();
      const std::int64_t row = order[static_cast<std::int64_t>(last)].row;
      standard_rows(s.x, standard, false, row, row + 1, x.data() + last * p);
      row_[last] = row;
      cause[last] = s.cause[static_cast<std::size_t>(row)];
      moment[last] = moments.size();
      if (s.weight) weight[last] = (*s.weight)[static_cast<std::size_t>(row)];
      m.events += cause[last] == 1 ? weight[last] : 0.0;
      m.censored += cause[last] == 0 ? weight[last] : 0.0;
    }
    m.last = last;
    events += m.events;
    moments.push_back(m);
  }
}

void FineGrayRows::take_entries(std::span<const double> entry, const Execution& execution) {
  Buffer<KeyedRow> order(static_cast<std::int64_t>(n));
  for (std::size_t i = 0; i < n; ++i)
    order[static_cast<std::int64_t>(i)] = {ordered_key(entry[static_cast<std::size_t>(row_[i])]),
                                           static_cast<std::int64_t>(i)};
  radix_sort(order, execution);
  std::size_t over = 0;
  for (std::int64_t k = 0; k < order.size(); ++k) {
    if (static_cast<std::size_t>(k) % kPoll == 0) execution.poll();
    const double at = key_value(order[k].key);
    if (at == 0.0) continue;  // from the start, also where someone left at 0
    while (over < moments.size() && moments[over].time <= at) ++over;
    if (over == 0) continue;  // before anyone is last seen: no weight knows of it
    slot[static_cast<std::size_t>(order[k].row)] = over;
    late.push_back(static_cast<std::size_t>(order[k].row));
    late_at_.push_back(at);
  }
}

void FineGrayRows::count_at_risk(const Execution& execution) {
  entry_share.resize(late.size());
  PreciseSum total;
  std::size_t rows = 0, first = late.size();
  for (std::size_t m = moments.size(); m-- > 0;) {
    if (m % kPoll == 0) execution.poll();
    Moment& at = moments[m];
    for (std::size_t i = at.first; i < at.last; ++i) total.add(weight[i]);
    rows += at.last - at.first;
    at.at_risk = total.value();
    const std::size_t end = first;
    for (std::size_t last = end; last > 0 && slot[late[last - 1]] == m; last = first) {
      const double n_after = total.value();
      double entering = 0.0;
      for (; first > 0 && slot[late[first - 1]] == m && late_at_[first - 1] == late_at_[last - 1];
           --first) {
        entering += weight[late[first - 1]];
        total.add(-weight[late[first - 1]]);
        --rows;
      }
      // Counted in rows: what is left of a sum of weights need not be 0.
      at.gained *= rows == 0 ? std::numeric_limits<double>::infinity() : n_after / total.value();
      const double hazard = entering / (n_after * n_after);
      for (std::size_t k = first; k < last; ++k) entry_share[k] = 1.0 / n_after;
      for (std::size_t k = last; k < end; ++k) entry_share[k] += hazard;
      at.entry_hazard += hazard;
    }
  }
}

void FineGrayRows::weigh() {
  double observed = 1.0;
  bool competed = false;
  std::size_t next = 0;
  for (std::size_t m = 0; m < moments.size(); ++m) {
    Moment& at = moments[m];
    if (next < late.size() && slot[late[next]] == m) {
      observed *= at.gained;
      if (!(observed > 0.0 && std::isfinite(observed))) {
        // Nobody was under observation: nothing says how many of those who had left for another
        // cause would have been seen later. If nobody had, no weight looks back.
        if (competed)
          throw InvalidInput("entry", -1, late_at_[next],
                             "at a time when others are under observation, once someone has left "
                             "for another cause");
        observed = 1.0;
      }
      while (next < late.size() && slot[late[next]] == m) ++next;
    }
    at.observed = observed;
    for (std::size_t i = at.first; i < at.last; ++i) competed |= cause[i] == 2;
    observed *= 1.0 - at.censored / at.at_risk;
  }
}

}  // namespace tenure::survival
