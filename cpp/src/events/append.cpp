#include "tenure/events/append.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "parts.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::events {
namespace {

template <class Code>
void require_codes(std::span<const Code> to, std::int64_t wanted, const char* what) {
  if (std::ssize(to) < wanted || !std::ranges::is_sorted(to, std::less_equal<Code>()))
    throw InvalidInput("segments", -1, std::string("need ascending codes of every ") + what);
}

void require_fit(std::span<const Segment> segments, std::int64_t customers) {
  const EventLog& first = *segments.front().log;
  for (const Segment& s : segments) {
    const EventLog& log = *s.log;
    if (log.has_amount() != first.has_amount() && log.rows() > 0 && first.rows() > 0)
      throw InvalidInput("segments", -1, std::string("must all have amounts, or none"));
    if (log.has_event() != first.has_event() && log.rows() > 0 && first.rows() > 0)
      throw InvalidInput("segments", -1, std::string("must all have event names, or none"));
    if (log.property.size() != first.property.size() || s.property.size() != log.property.size())
      throw InvalidInput("segments", -1, std::string("must have the same properties"));
    require_codes(s.customer, log.customers(), "customer");
    if (std::ssize(s.customer) != log.customers() ||
        (!s.customer.empty() && (s.customer.front() < 0 || s.customer.back() >= customers)))
      throw InvalidInput("segments", -1, std::string("name a customer that is none"));
    require_codes(s.event, 0, "event");
    for (const auto& p : s.property) require_codes(p, 0, "value");
  }
}

/// Rows of one segment in the joined log, with the codes that they have there.
class Copier {
 public:
  explicit Copier(EventLog& out) : out_(out) {}

  void copy(std::int64_t to, const Segment& s, std::int64_t first, std::int64_t count) const {
    if (count == 0) return;
    detail::copy_rows(out_, to, *s.log, first, count);
    if (out_.has_event()) recode(out_.event.data() + to, count, s.event);
    for (std::size_t p = 0; p < s.property.size(); ++p)
      recode(out_.property[p].data() + to, count, s.property[p]);
  }

  /// Sorts rows [first, last) of the joined log.
  void sort(std::int64_t first, std::int64_t last) const {
    std::vector<std::int64_t> order(static_cast<std::size_t>(last - first));
    std::iota(order.begin(), order.end(), first);
    std::ranges::sort(order, [&](std::int64_t a, std::int64_t b) { return before(a, b); });
    permute(out_.time, order, first);
    if (out_.has_amount()) permute(out_.amount, order, first);
    if (out_.has_event()) permute(out_.event, order, first);
    for (auto& p : out_.property) permute(p, order, first);
  }

  bool before(std::int64_t a, std::int64_t b) const {
    if (out_.time[a] != out_.time[b]) return out_.time[a] < out_.time[b];
    if (out_.has_event() && out_.event[a] != out_.event[b]) return out_.event[a] < out_.event[b];
    if (out_.has_amount() && out_.amount[a] != out_.amount[b])
      return out_.amount[a] < out_.amount[b];
    for (const auto& p : out_.property)
      if (p[a] != p[b]) return p[a] < p[b];
    return false;
  }

 private:
  template <class Code>
  static void recode(Code* codes, std::int64_t count, std::span<const Code> to) {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto code = static_cast<std::int64_t>(codes[i]);
      if (code == kNoValue) continue;
      if (code >= std::ssize(to))
        throw InvalidInput("segments", -1, std::string("need the code of every event and value"));
      codes[i] = to[static_cast<std::size_t>(code)];
    }
  }

  template <class T>
  static void permute(Buffer<T>& values, const std::vector<std::int64_t>& order,
                      std::int64_t first) {
    std::vector<T> sorted;
    sorted.reserve(order.size());
    for (const std::int64_t row : order) sorted.push_back(values[row]);
    std::ranges::copy(sorted, values.data() + first);
  }

  EventLog& out_;
};

}  // namespace

EventLog joined(std::span<const Segment> segments, std::int64_t customers,
                const Execution& execution) {
  if (segments.empty()) throw InvalidInput("segments", -1, std::string("must not be empty"));
  require_fit(segments, customers);
  EventLog out;
  out.offset = Buffer<std::int64_t>(customers + 1);
  std::fill_n(out.offset.data(), customers + 1, std::int64_t{0});
  for (const Segment& s : segments)
    for (std::int64_t c = 0; c < s.log->customers(); ++c) {
      if (c % 65'536 == 0) execution.poll();
      out.offset[s.customer[static_cast<std::size_t>(c)] + 1] +=
          s.log->offset[c + 1] - s.log->offset[c];
    }
  std::partial_sum(out.offset.data(), out.offset.data() + customers + 1, out.offset.data());
  const auto full =
      std::ranges::find_if(segments, [](const Segment& s) { return s.log->rows() > 0; });
  detail::allocate_rows(out, full == segments.end() ? *segments.front().log : *full->log,
                        out.offset[customers]);

  const Copier rows(out);
  for_each_block(customers, execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    std::vector<std::size_t> next;  // by segment: the customer who has not been joined yet
    for (const Segment& s : segments)
      next.push_back(static_cast<std::size_t>(std::ranges::lower_bound(s.customer, first) -
                                              s.customer.begin()));
    for (std::int64_t c = first; c < last; ++c) {
      const std::int64_t begin = out.offset[c];
      std::int64_t to = begin;
      bool sorted = true;
      for (std::size_t k = 0; k < segments.size(); ++k) {
        const Segment& s = segments[k];
        if (next[k] == s.customer.size() || s.customer[next[k]] != c) continue;
        const auto own = static_cast<std::int64_t>(next[k]++);
        const std::int64_t from = s.log->offset[own];
        const std::int64_t count = s.log->offset[own + 1] - from;
        rows.copy(to, s, from, count);
        sorted = sorted && (count == 0 || to == begin || !rows.before(to, to - 1));
        to += count;
      }
      if (!sorted) rows.sort(begin, to);
    }
  });
  return out;
}

}  // namespace tenure::events
