#include "tenure/journey/states.hpp"

#include <string>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::journey {
namespace {

struct Counts {
  std::vector<std::int64_t> rows;

  Counts& operator+=(const Counts& other) {
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] += other.rows[i];
    return *this;
  }
};

void require_codes(const events::EventLog& log, std::optional<std::size_t> by) {
  if (by && *by >= log.property.size())
    throw InvalidInput("by", -1, std::string("is no property of the log"));
  if (!by && !log.has_event() && log.rows() > 0)
    throw InvalidInput("log", -1, std::string("needs event names"));
}

}  // namespace

void require_valid(const events::EventLog& log, const StatePlan& plan) {
  require_codes(log, plan.by);
  for (const std::int32_t state : plan.state_of)
    if (state < kNoState || state >= plan.states)
      throw InvalidInput("state_of", -1, static_cast<double>(state), "a state");
  const auto codes = std::ssize(plan.state_of);
  for (std::int64_t i = 0; i < log.rows(); ++i)
    if ((plan.by ? log.property[*plan.by][i] : log.event[i]) >= codes)
      throw InvalidInput("state_of", -1, std::string("must have an entry for each code"));
  if (plan.session_gap && *plan.session_gap < 0)
    throw InvalidInput("session_gap", -1, static_cast<double>(*plan.session_gap), ">= 0");
}

std::vector<std::int64_t> rows_by_code(const events::EventLog& log, std::optional<std::size_t> by,
                                       std::int64_t codes, const Execution& execution) {
  require_codes(log, by);
  // Few, long blocks: each has counts of its own.
  const std::int64_t block = std::max<std::int64_t>(kBlockRows, log.rows() / 16 + 1);
  return block_reduce(
             log.rows(), execution,
             Counts{std::vector<std::int64_t>(static_cast<std::size_t>(codes), 0)},
             [&](std::int64_t first, std::int64_t last) {
               Counts counts{std::vector<std::int64_t>(static_cast<std::size_t>(codes), 0)};
               for (std::int64_t i = first; i < last; ++i) {
                 if ((i & 0xFFFF) == 0) execution.poll();
                 const std::int64_t code = by ? log.property[*by][i] : log.event[i];
                 if (code >= codes)
                   throw InvalidInput("codes", -1, std::string("must be all codes of the log"));
                 if (code >= 0) ++counts.rows[static_cast<std::size_t>(code)];
               }
               return counts;
             },
             block)
      .rows;
}

}  // namespace tenure::journey
