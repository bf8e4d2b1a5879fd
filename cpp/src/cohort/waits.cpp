#include "waits.hpp"

#include <numeric>

#include "tenure/support/execution.hpp"

namespace tenure::cohort {
namespace {

/// Calls body(wait) for every wait of a member, in order of ages.
template <class Body>
void each_wait(const Members& members, std::int64_t i, std::int64_t min_events, const Body& body) {
  const Members::Member& m = members.members[static_cast<std::size_t>(i)];
  std::int32_t after = -1;
  for (const Members::Cell& cell : members.cells_of(i)) {
    if (cell.events < min_events) continue;
    body(Wait{i, after, cell.age, true});
    after = cell.age;
  }
  if (after < m.last_age) body(Wait{i, after, static_cast<std::int32_t>(m.last_age), false});
}

}  // namespace

Waits waits_of(const Members& members, Pool pool, std::int64_t min_events,
               const Execution& execution) {
  Waits out;
  out.ages = members.ages;
  out.pools = pool == Pool::cohort ? members.rows() : std::ssize(members.group);
  const std::int64_t rows_together = pool == Pool::cohort ? 1 : members.cohorts;
  out.last_age.assign(static_cast<std::size_t>(out.pools), -1);
  out.offset.assign(static_cast<std::size_t>(out.pools * (out.ages + 1) + 1), 0);
  const auto place = [&](std::int64_t i, const Wait& wait) {
    const std::int64_t row = members.members[static_cast<std::size_t>(i)].row;
    return static_cast<std::size_t>(row / rows_together * (out.ages + 1) + wait.after + 1);
  };
  const std::int64_t n = std::ssize(members.members);
  for (std::int64_t i = 0; i < n; ++i) {
    if (i % 1024 == 0) execution.poll();
    const Members::Member& m = members.members[static_cast<std::size_t>(i)];
    auto& last = out.last_age[static_cast<std::size_t>(m.row / rows_together)];
    last = std::max(last, m.last_age);
    each_wait(members, i, min_events, [&](const Wait& w) { ++out.offset[place(i, w) + 1]; });
  }
  std::partial_sum(out.offset.begin(), out.offset.end(), out.offset.begin());
  out.waits.resize(static_cast<std::size_t>(out.offset.back()));
  std::vector<std::int64_t> next(out.offset.begin(), out.offset.end() - 1);
  for (std::int64_t i = 0; i < n; ++i) {
    if (i % 1024 == 0) execution.poll();
    each_wait(members, i, min_events,
              [&](const Wait& w) { out.waits[static_cast<std::size_t>(next[place(i, w)]++)] = w; });
  }
  return out;
}

}  // namespace tenure::cohort
