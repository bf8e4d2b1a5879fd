#include "tenure/lifecycle/panel.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"

namespace tenure::lifecycle {
namespace {

std::vector<std::uint8_t> settled(std::vector<std::uint8_t> codes, std::int64_t patience) {
  // One customer; three stages, the last is best.
  settle(codes, 1, std::vector<std::int32_t>{0, 1, 2}, patience, {1});
  return codes;
}

using Codes = std::vector<std::uint8_t>;

TEST(Settle, LeavesABetterStageOnlyAfterSoManyDates) {
  EXPECT_EQ(settled({2, 1, 0, 1, 1}, 2), (Codes{2, 2, 0, 1, 1}));
  EXPECT_EQ(settled({2, 1, 0, 1, 1}, 3), (Codes{2, 2, 2, 1, 1}));
  EXPECT_EQ(settled({2, 1, 2, 1, 0}, 2), (Codes{2, 2, 2, 2, 0}));
  EXPECT_EQ(settled({2, 1, 0, 2, 1}, 1), (Codes{2, 1, 0, 2, 1}));
}

TEST(Settle, TakesABetterStageAtOnceAndForgetsWhoWasAway) {
  EXPECT_EQ(settled({0, 1, 2}, 5), (Codes{0, 1, 2}));
  EXPECT_EQ(settled({2, kUnknown, 0}, 5), (Codes{2, kUnknown, 0}));
}

TEST(Settle, RefusesNoPatience) { EXPECT_THROW(settled({0}, 0), InvalidInput); }

RuleProgram program(std::vector<Instruction> code, std::vector<std::int32_t> end) {
  return {std::move(code), std::move(end), {3.0, 0.0}, 2};
}

TEST(RuleProgram, TheFirstRuleThatHoldsWins) {
  // x < 3; y < x; everything else is unmatched.
  const auto p = program(
      {{Op::fact, 0}, {Op::constant, 0}, {Op::less}, {Op::fact, 1}, {Op::fact, 0}, {Op::less}},
      {3, 6});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> facts{1, 5, 5, nan, /* y: */ 0, 0, 9, 0};
  EXPECT_EQ(match_rules(p, facts, {1}), (Codes{0, 1, kUnmatched, kUnmatched}));
}

TEST(RuleProgram, RunsBlockByBlock) {
  const auto p = program({{Op::fact, 0}, {Op::constant, 0}, {Op::less}}, {3});
  const std::size_t rows = 1000;
  std::vector<double> facts(2 * rows);
  for (std::size_t i = 0; i < rows; ++i) facts[i] = static_cast<double>(i % 7);
  const Codes found = match_rules(p, facts, {3});
  for (std::size_t i = 0; i < rows; ++i) EXPECT_EQ(found[i], i % 7 < 3 ? 0 : kUnmatched);
}

TEST(RuleProgram, RefusesWhatIsNoProgram) {
  EXPECT_THROW(require_valid(program({}, {})), InvalidInput);
  EXPECT_THROW(require_valid(program({{Op::fact, 2}}, {1})), InvalidInput);
  EXPECT_THROW(require_valid(program({{Op::less}}, {1})), InvalidInput);
  EXPECT_THROW(require_valid(program({{Op::fact, 0}, {Op::fact, 1}}, {2})), InvalidInput);
  EXPECT_THROW(require_valid(program({{Op::fact, 0}}, {2})), InvalidInput);
  EXPECT_NO_THROW(require_valid(program({{Op::fact, 0}}, {1})));
}

}  // namespace
}  // namespace tenure::lifecycle
