#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::lifecycle {

/// Rows that a program is run on at once: their columns stay in the cache.
inline constexpr std::int64_t kProgramRows = 256;

enum class Op : std::uint8_t {
  fact,      ///< pushes the column `argument`
  constant,  ///< pushes constants[argument]
  less,
  less_equal,
  equal,
  not_equal,
  add,
  subtract,
  multiply,
  divide,
  negate,
  logical_and,
  logical_or,
  logical_not,
};

struct Instruction {
  Op op;
  std::int32_t argument = 0;
};

/// Rules as instructions for a stack of columns. Truth is 1 and 0; NaN is not true, and a
/// comparison with it is 0. Rule j is instructions [end[j - 1], end[j]) and leaves one column.
struct RuleProgram {
  std::vector<Instruction> code;
  std::vector<std::int32_t> end;
  std::vector<double> constants;
  std::int32_t facts = 0;  ///< columns that the code may ask for
};

/// Throws InvalidInput("rules", instruction, ...) unless each rule leaves exactly one column and
/// asks for facts and constants that exist; at most 250 rules, stacks of at most 64.
void require_valid(const RuleProgram& program);

/// What `first_matches` writes where no rule holds.
inline constexpr std::uint8_t kUnmatched = 254;

/// Index of the first rule that holds, for `rows` <= kProgramRows rows: fact f of row i is
/// facts[f * kProgramRows + i]. The program was checked. O(instructions x rows).
void first_matches(const RuleProgram& program, std::span<const double> facts, std::int64_t rows,
                   std::span<std::uint8_t> out);

/// The same for any number of rows: fact f of row i is facts[f * rows + i].
std::vector<std::uint8_t> match_rules(const RuleProgram& program, std::span<const double> facts,
                                      const Execution& execution);

}  // namespace tenure::lifecycle
