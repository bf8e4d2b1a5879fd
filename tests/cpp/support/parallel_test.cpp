#include "tenure/support/parallel.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace tenure {
namespace {

TEST(Parallel, VisitsEveryRowOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    std::vector<std::atomic<int>> seen(30'000);
    for_each_block(30'000, {threads}, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      for (auto i = first; i < last; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    for (const auto& s : seen) ASSERT_EQ(s.load(), 1);
  }
}

TEST(Parallel, SumsToTheSameBitsForEveryThreadCount) {
  const auto term = [](std::int64_t i) { return std::sin(static_cast<double>(i)) * 1e3; };
  const double once = block_sum(1'000'003, {1}, term);
  for (const int threads : {2, 3, 4, 7, 8, 16})
    EXPECT_EQ(block_sum(1'000'003, {threads}, term), once);
}

TEST(Parallel, ReportsTheLowestFailingBlock) {
  for (const int threads : {1, 2, 4, 8})
    for (int repeat = 0; repeat < 20; ++repeat) try {
        for_each_task(64, {threads}, [&](std::int64_t t) {
          if (t % 2 == 1) throw InvalidInput("x", t, 0.0, "even");
        });
        FAIL() << "no error";
      } catch (const InvalidInput& e) {
        EXPECT_EQ(e.row(), 1);
      }
}

TEST(Parallel, NoRowsNoCalls) {
  for_each_block(0, {4}, [](auto...) { FAIL(); });
  EXPECT_EQ(block_sum(0, {4}, [](std::int64_t) { return 1.0; }), 0.0);
}

TEST(Parallel, StopsWhenAsked) {
  int asked = 0;
  Interrupt interrupt([&] { return ++asked >= 2; });
  std::atomic<std::int64_t> done{0};
  EXPECT_THROW(for_each_task(100'000, {2, &interrupt},
                             [&](std::int64_t) {
                               std::this_thread::sleep_for(std::chrono::milliseconds(1));
                               ++done;
                             }),
               Interrupted);
  EXPECT_LT(done.load(), 1'000);
}

TEST(Parallel, AsksOnWhileOnlyOthersWork) {
  const auto owner = std::this_thread::get_id();
  Interrupt interrupt([] { return true; });
  std::atomic<bool> helped{false};
  const auto wait = [](const auto& over) {
    for (int ms = 0; ms < 5'000 && !over(); ++ms)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  EXPECT_THROW(for_each_task(2, {2, &interrupt},
                             [&](std::int64_t) {
                               if (std::this_thread::get_id() == owner) {
                                 wait([&] { return helped.load(); });
                                 return;
                               }
                               helped = true;
                               wait([&] {
                                 interrupt.poll();
                                 return false;
                               });
                             }),
               Interrupted);
  EXPECT_TRUE(helped);
}

}  // namespace
}  // namespace tenure
