#pragma once
#include <cstdint>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::events {

/// What an event does to a contract.
enum class ContractRole : std::uint8_t { none, start, renewal, change, cancel };

enum class SpellEnd : std::uint8_t { running, cancelled, lapsed };

/// The contracts of all customers, by customer and then in time.
struct ContractSpells {
  Buffer<std::int64_t> customer, start;
  /// The instant from which on there is no contract; of one that runs the end of observation.
  Buffer<std::int64_t> end;
  Buffer<std::uint8_t> how;  ///< SpellEnd
};

struct SpellOptions {
  std::vector<ContractRole> role = {};  ///< by event code
  /// A contract lapses with the end of the period that lies `term` periods after that of its last
  /// start or renewal, unless renewed by then. 0: it runs until cancelled.
  Period period = Period::month;
  std::int64_t term = 0;
};

/// The contract of each customer, one at a time, from its events: a start, renewal or change opens
/// one where none runs; a cancellation ends it. Events of one instant count together: under
/// contract, a cancellation with a start or renewal ends nothing; outside, it is a contract of no
/// length. A cancellation without a contract is passed over.
///
/// One pass, O(rows + contracts). Same bits for any thread count. Throws InvalidInput for roles
/// that do not fit the log, or term < 0.
ContractSpells contract_spells(const EventLog& log, const SpellOptions& options,
                               const Execution& execution);

}  // namespace tenure::events
