#include "tenure/events/append.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::events {
namespace {

struct Rows {
  std::vector<std::int64_t> customer, time;
  std::vector<double> amount;
};

/// Few times and amounts, so that ties are common.
Rows random_rows(std::uint64_t seed, int n) {
  RandomStream stream(seed, 0);
  Rows rows;
  for (int i = 0; i < n; ++i) {
    rows.customer.push_back(static_cast<std::int64_t>(stream.next() % 40));
    rows.time.push_back(static_cast<std::int64_t>(stream.next() % 9));
    rows.amount.push_back(static_cast<double>(stream.next() % 3));
  }
  return rows;
}

Index index_of(const Rows& rows, std::size_t first, std::size_t last) {
  return index_events({{static_cast<std::int64_t>(last - first), rows.customer.data() + first,
                        rows.time.data() + first, rows.amount.data() + first, nullptr}},
                      {1});
}

/// Positions of the ids of one index among those of another.
std::vector<std::int64_t> codes(const Index& part, const Index& whole) {
  const auto ids = whole.customer_id.span();
  std::vector<std::int64_t> at;
  for (const std::int64_t id : part.customer_id.span())
    at.push_back(std::ranges::lower_bound(ids, id) - ids.begin());
  return at;
}

TEST(Joined, IsTheIndexOfAllRows) {
  for (std::uint64_t seed = 1; seed < 30; ++seed) {
    const Rows rows = random_rows(seed, 300);
    const Index whole = index_of(rows, 0, 300);
    std::vector<Index> parts;
    for (const auto& [first, last] : {std::pair{0, 120}, {120, 120}, {120, 140}, {140, 300}})
      parts.push_back(
          index_of(rows, static_cast<std::size_t>(first), static_cast<std::size_t>(last)));
    std::vector<std::vector<std::int64_t>> to;
    for (const Index& part : parts) to.push_back(codes(part, whole));
    std::vector<Segment> segments;
    for (std::size_t i = 0; i < parts.size(); ++i)
      segments.push_back({&parts[i].log, to[i], {}, {}});
    for (const int threads : {1, 3}) {
      const EventLog log = joined(segments, whole.log.customers(), {threads});
      EXPECT_TRUE(std::ranges::equal(log.offset.span(), whole.log.offset.span()));
      EXPECT_TRUE(std::ranges::equal(log.time.span(), whole.log.time.span()));
      EXPECT_TRUE(std::ranges::equal(log.amount.span(), whole.log.amount.span()));
    }
  }
}

TEST(Joined, RefusesCodesAndColumnsThatDoNotFit) {
  const Rows rows = random_rows(1, 50);
  const Index index = index_of(rows, 0, 50);
  const auto customers = index.log.customers();
  const auto good = codes(index, index);
  const auto with = [&](std::vector<std::int64_t> to) {
    const Segment segment{&index.log, to, {}, {}};
    (void)joined({&segment, 1}, customers, {1});
  };
  EXPECT_NO_THROW(with(good));
  auto bad = good;
  bad.back() = customers;
  EXPECT_THROW(with(bad), InvalidInput);
  bad = good;
  std::ranges::reverse(bad);
  EXPECT_THROW(with(bad), InvalidInput);
  bad = good;
  bad.pop_back();
  EXPECT_THROW(with(bad), InvalidInput);
  EXPECT_THROW((void)joined({}, customers, {1}), InvalidInput);

  const Index plain =
      index_events({{50, rows.customer.data(), rows.time.data(), nullptr, nullptr}}, {1});
  const Segment segments[] = {{&index.log, good, {}, {}}, {&plain.log, good, {}, {}}};
  EXPECT_THROW((void)joined(segments, customers, {1}), InvalidInput);
}

}  // namespace
}  // namespace tenure::events
