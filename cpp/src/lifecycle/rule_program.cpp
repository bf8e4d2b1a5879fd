#include "tenure/lifecycle/rule_program.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::lifecycle {
namespace {

constexpr int kMostRules = 250;
constexpr int kDeepest = 64;

int operands(Op op) {
  switch (op) {
    case Op::fact:
    case Op::constant:
      return 0;
    case Op::negate:
    case Op::logical_not:
      return 1;
    default:
      return 2;
  }
}

using Lane = std::array<double, static_cast<std::size_t>(kProgramRows)>;

/// What a customer does not have (NaN) is not true.
bool holds(double x) { return x < 0.0 || x > 0.0; }

template <class F>
void combine(Lane& a, const Lane& b, std::size_t rows, F f) {
  for (std::size_t i = 0; i < rows; ++i) a[i] = static_cast<double>(f(a[i], b[i]));
}

void apply(Op op, Lane& a, const Lane& b, std::size_t rows) {
  switch (op) {
    case Op::less:
      return combine(a, b, rows, std::less<>{});
    case Op::less_equal:
      return combine(a, b, rows, std::less_equal<>{});
    case Op::equal:
      return combine(a, b, rows, std::equal_to<>{});
    case Op::not_equal:
      return combine(a, b, rows, std::not_equal_to<>{});
    case Op::add:
      return combine(a, b, rows, std::plus<>{});
    case Op::subtract:
      return combine(a, b, rows, std::minus<>{});
    case Op::multiply:
      return combine(a, b, rows, std::multiplies<>{});
    case Op::divide:
      return combine(a, b, rows, std::divides<>{});
    case Op::logical_and:
      return combine(a, b, rows, [](double x, double y) { return holds(x) && holds(y); });
    case Op::logical_or:
      return combine(a, b, rows, [](double x, double y) { return holds(x) || holds(y); });
    default:
      return;  // the others take one operand or none
  }
}

}  // namespace

void require_valid(const RuleProgram& program) {
  if (program.end.empty() || std::ssize(program.end) > kMostRules)
    throw InvalidInput("rules", -1, static_cast<double>(program.end.size()),
                       "between 1 and 250 rules");
  std::int64_t at = 0;
  const auto fail = [&](const char* rule) {
    throw InvalidInput("rules", at, static_cast<double>(at), rule);
  };
  for (const std::int32_t end : program.end) {
    if (end < at || end > std::ssize(program.code)) fail("a program of rules in order");
    int depth = 0;
    for (; at < end; ++at) {
      const Instruction i = program.code[static_cast<std::size_t>(at)];
      const auto known =
          i.op == Op::fact ? program.facts : static_cast<std::int32_t>(program.constants.size());
      const int taken = operands(i.op);
      if (i.op > Op::logical_not || taken > depth) fail("an operation with its operands");
      if (taken == 0 && (i.argument < 0 || i.argument >= known))
        fail("a fact or constant in range");
      depth += 1 - taken;
      if (depth > kDeepest) fail("a condition with at most 64 open operands");
    }
    if (depth != 1) fail("one value a rule");
  }
}

void first_matches(const RuleProgram& program, std::span<const double> facts, std::int64_t rows,
                   std::span<std::uint8_t> out) {
  const auto n = static_cast<std::size_t>(rows);
  std::fill_n(out.begin(), n, kUnmatched);
  std::vector<Lane> stack(kDeepest + 1);
  std::size_t at = 0, left = n;
  for (std::size_t rule = 0; rule < program.end.size() && left > 0; ++rule) {
    std::size_t depth = 0;
    for (; at < static_cast<std::size_t>(program.end[rule]); ++at) {
      const Instruction i = program.code[at];
      const auto argument = static_cast<std::size_t>(i.argument);
      if (i.op == Op::fact) {
        std::copy_n(facts.begin() + static_cast<std::ptrdiff_t>(argument) * kProgramRows, n,
                    stack[depth++].begin());
      } else if (i.op == Op::constant) {
        std::fill_n(stack[depth++].begin(), n, program.constants[argument]);
      } else if (i.op == Op::negate) {
        for (std::size_t k = 0; k < n; ++k) stack[depth - 1][k] = -stack[depth - 1][k];
      } else if (i.op == Op::logical_not) {
        for (std::size_t k = 0; k < n; ++k)
          stack[depth - 1][k] = static_cast<double>(!holds(stack[depth - 1][k]));
      } else {
        apply(i.op, stack[depth - 2], stack[depth - 1], n);
        --depth;
      }
    }
    for (std::size_t k = 0; k < n; ++k) {
      if (out[k] != kUnmatched || !holds(stack[0][k])) continue;
      out[k] = static_cast<std::uint8_t>(rule);
      --left;
    }
  }
}

std::vector<std::uint8_t> match_rules(const RuleProgram& program, std::span<const double> facts,
                                      const Execution& execution) {
  const auto width = static_cast<std::int64_t>(program.facts);
  if (width == 0 || std::ssize(facts) % width != 0)
    throw InvalidInput("facts", -1, static_cast<double>(facts.size()), "facts x rows");
  const std::int64_t rows = std::ssize(facts) / width;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(rows));
  for_each_block(
      rows, execution,
      [&](std::int64_t, std::int64_t first, std::int64_t last) {
        std::vector<double> cells(static_cast<std::size_t>(width * kProgramRows));
        for (std::int64_t f = 0; f < width; ++f)
          std::copy(facts.begin() + f * rows + first, facts.begin() + f * rows + last,
                    cells.begin() + f * kProgramRows);
        first_matches(program, cells, last - first,
                      std::span(out).subspan(static_cast<std::size_t>(first)));
      },
      kProgramRows);
  return out;
}

}  // namespace tenure::lifecycle
